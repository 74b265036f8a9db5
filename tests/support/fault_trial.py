"""A trial of one row of the catalogue of faults: runs on an engine, and what every one of them must leave behind."""

import hashlib
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from fault_catalogue import DIRECTORY, Sight
from rig import Rig, Running
from runner_process import Ended, runner_argv, runner_environ
from stub_project import BARE

WIDE, NARROW = "cp311-manylinux_x86_64", "cp311-manylinux_i686"
ALL_FOUR = "cp3{11,13}-manylinux_{x86_64,i686}"
WIDE_13, NARROW_13 = "cp313-manylinux_x86_64", "cp313-manylinux_i686"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """A row on an engine. `place`: a directory of its own; `sights`: what was seen, in order."""

    rig: Rig
    place: Path
    sights: list[Sight] = field(default_factory=list)

    @property
    def output(self) -> Path:
        """The output directory of its runs."""
        return self.place / "out"

    @property
    def kept(self) -> dict[str, str]:
        """Variables for runs that keep finished cells, in a cache of this trial's."""
        return {"MATRIX_RUNNER_NO_CACHE": "0", "MATRIX_RUNNER_CACHE_DIR": str(self.place / "cache")}

    def project(self, settings: str = "", *, deeds: Mapping[str, str] | None = None, name: str = "project") -> Path:
        """Write a project whose cells do what they are told. `deeds`: of the backend, by identifier."""
        project = self.place / name
        project.mkdir(parents=True)
        (project / "pyproject.toml").write_text(BARE + settings, "utf-8")
        (project / "deeds.json").write_text(json.dumps(dict(deeds or {})), "utf-8")
        shutil.copy(DIRECTORY / "backend.py", project)
        return project

    def build(
        self,
        project: Path,
        *arguments: str,
        only: str = WIDE,
        engine: str = "",
        image: str = "debian",
        prefix: tuple[str, ...] = (),
        unset: tuple[str, ...] = (),
        variables: Mapping[str, str] | None = None,
    ) -> Ended:
        """Run `runner build` to its end, in the directory above the project.

        `engine`: further words on it. `prefix`: a command that starts it. `unset`: variables that it has not.
        """
        argv: tuple[str | Path, ...] = (
            "--output-dir",
            self.output,
            *self.rig.flags_with(engine, image),
            "--only",
            only,
            *arguments,
            "--",
            project.name,
        )
        environ = runner_environ(**(variables or {}))
        done = subprocess.run(
            (*prefix, *runner_argv("build", *argv)),
            cwd=project.parent,
            env={name: value for name, value in environ.items() if name not in unset},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=600,
        )
        return Ended(code=done.returncode, output=done.stdout.decode("utf-8", "replace"), directory=self.output)

    def started(
        self, project: Path, *arguments: str, only: str = WIDE, variables: Mapping[str, str] | None = None
    ) -> AbstractContextManager[Running]:
        """Start `runner build`."""
        return self.rig.started(project, self.output, "--only", only, *arguments, **(variables or {}))

    @contextmanager
    def user(self, number: int) -> Iterator[tuple[str, ...]]:
        """Give the trial to another user, who may speak to the engine; yield what starts a command as that user."""
        for path in (self.place, *self.place.rglob("*")):
            os.chown(path, number, number)
        socket = Path(self.rig.address.removeprefix("unix://"))
        mode = socket.stat().st_mode
        socket.chmod(0o666)
        try:
            yield ("setpriv", f"--reuid={number}", f"--regid={number}", "--clear-groups")
        finally:
            socket.chmod(mode)

    def check(self, ended: Ended, *, code: int, says: str = "", wheels: int | None = None) -> Ended:
        """Hold a run against what is expected of this row, and of every row; write it down.

        `says`: words of its output. `wheels`: how many there are.
        """
        assert ended.code == code, ended.output
        assert says in ended.output, ended.output
        assert not any(line.startswith("Traceback") for line in ended.output.splitlines()), ended.output
        assert self.rig.is_clean(seconds=2), f"left: {self.rig.containers()}"
        assert wheels is None or len(ended.wheels) == wheels, ended.output
        self.check_wheels(ended)
        self.saw(code, says)
        return ended

    def wait_for_wheels(self, count: int, *, run: Running) -> None:
        """Wait until so many wheels are there."""
        self._wait_for_files(count, self.output, "*.whl", run)

    def wait_for_entries(self, count: int, *, run: Running) -> None:
        """Wait until so many cells are in the cache."""
        self._wait_for_files(count, self.place / "cache", "entries/*/*/entry.json", run)

    def _wait_for_files(self, count: int, directory: Path, pattern: str, run: Running) -> None:
        run.wait_until(lambda: len(list(directory.glob(pattern))) >= count, f"no {count} of {pattern}")

    def saw(self, code: int, says: str = "") -> None:
        """Write down what the test itself has asserted."""
        self.sights.append(Sight(code=code, says=says))

    def check_failures(self, ended: Ended, failures: Mapping[str, tuple[str, str]]) -> None:
        """Hold the failed cells against what is expected; write it down. `failures`: reason and words, by cell."""
        failed = {name: cell["failure"] for name, cell in ended.cells.items() if cell["status"] == "failed"}
        assert failed.keys() == failures.keys(), ended.output
        for name, (reason, says) in failures.items():
            failure = cast("dict[str, object]", failed[name])
            assert failure["reason"] == reason, failure
            assert says in str(failure["message"]), failure
            self.saw(ended.code, says)

    def log(self, ended: Ended, cell: str = WIDE) -> bytes:
        """Return the log of a cell."""
        return (ended.report_directory / "logs" / f"{cell}.log").read_bytes()

    def check_wheels(self, ended: Ended) -> None:
        """Hold all that is in the output directory against their digests."""
        if not ended.directory.is_dir():
            return
        assert not list(ended.directory.glob("*.partial"))
        sums = ended.report_directory / "SHA256SUMS"
        lines = sums.read_text("utf-8").splitlines() if sums.exists() else []
        told = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        for wheel in ended.wheels:
            with zipfile.ZipFile(wheel) as archive:
                assert archive.testzip() is None
            if told:
                assert told[wheel.name] == hashlib.sha256(wheel.read_bytes()).hexdigest()
