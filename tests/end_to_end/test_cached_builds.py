"""Builds one after another in real containers: what is taken from the cache is what a clean build gives."""

import hashlib
import random
import re
import signal
import subprocess
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from image_source import ImageSource
from runner_process import Ended, run_build, runner_argv, runner_environ
from sample_projects import extension_project, write_project

CELLS = ("cp311-manylinux_x86_64", "cp313-manylinux_x86_64")
TEST = """test-command = "python -c 'import answer; assert answer.answer() in range(100)'" """


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """A small project, its store, and where its wheels go."""

    directory: Path
    images: ImageSource

    @property
    def source(self) -> Path:
        """The project."""
        return self.directory / "project"

    @property
    def store(self) -> Path:
        """The directory of finished cells."""
        return self.directory / "store"

    @property
    def variables(self) -> dict[str, str]:
        """What switches the cache on, which other tests do without, and makes what is kept this project's."""
        return {
            "MATRIX_RUNNER_NO_CACHE": "",
            "MATRIX_RUNNER_CACHE_DIR": str(self.store),
            "XDG_STATE_HOME": str(self.directory / "state"),
        }

    @property
    def arguments(self) -> tuple[str, ...]:
        """What every build of it is told."""
        return (*self.images.only(*CELLS), "--overwrite")

    def build(self, *arguments: str) -> Ended:
        """Build it, with the cache."""
        return run_build(self.source, self.directory / "out", *self.arguments, *arguments, **self.variables)

    def build_clean(self) -> Ended:
        """Build it elsewhere, without the cache."""
        return run_build(self.source, self.directory / "clean", *self.arguments)


@pytest.fixture
def project(images: ImageSource, tmp_path: Path) -> Iterator[Project]:
    """Write the project; when the test is done, nothing of it is left on the daemon."""
    write_project(tmp_path / "project", extension_project(settings=TEST, **{"README.md": "words\n"}))
    made = Project(directory=tmp_path, images=images)
    try:
        yield made
    finally:
        clear = runner_argv("cache", "clear", "--yes")
        subprocess.run(clear, env=runner_environ(**made.variables), check=True, capture_output=True)


def statuses(ended: Ended) -> list[object]:
    """Return how the cells ended."""
    assert ended.code == 0, ended.output
    return [ended.cells[cell]["status"] for cell in CELLS]


def test_a_second_build_starts_no_container(project: Project) -> None:
    """It delivers the same bytes, says `cached` everywhere, and the daemon was asked to start nothing."""
    since = str(time.time())
    first = project.build()
    assert statuses(first) == ["passed"] * 2
    assert _started(first, since)
    wheels = {path.name: path.read_bytes() for path in first.wheels}
    for path in first.wheels:
        path.unlink()
    second = project.build()
    assert statuses(second) == ["cached"] * 2
    assert {path.name: path.read_bytes() for path in second.wheels} == wheels
    assert not _started(second, since)
    assert "taken from the cache" in (second.report_directory / "logs" / f"{CELLS[0]}.log").read_text()


def _started(ended: Ended, since: str) -> bool:
    """Whether the daemon has done anything with a container of a run."""
    listed = subprocess.run(
        (
            *("docker", "events", "--since", since, "--until", str(time.time() + 1)),
            *("--filter", f"label=matrix-runner.run={ended.report['run']}"),
        ),
        capture_output=True,
        text=True,
        check=True,
    )
    return bool(listed.stdout)


@pytest.mark.parametrize("file", ["answer.c", "README.md"])
def test_any_change_of_the_source_builds_all(project: Project, file: str) -> None:
    """Even of a file that has nothing to do with the build: it is in the source, and the build could read it."""
    assert statuses(project.build()) == ["passed"] * 2
    with (project.source / file).open("a") as stream:
        stream.write("\n")
    said = subprocess.run(
        runner_argv("explain", CELLS[0], project.source, *project.images.flags),
        env=runner_environ(**project.variables),
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"{file} changed" in said.stdout
    assert statuses(project.build()) == ["passed"] * 2


def test_options_decide_what_is_done_again(project: Project) -> None:
    """Another test command builds again, `--rebuild` what it names, `--no-cache` everything without keeping it."""
    assert statuses(project.build()) == ["passed"] * 2
    assert statuses(project.build("--rebuild", "cp313-*")) == ["cached", "passed"]
    assert statuses(project.build("--no-cache")) == ["passed"] * 2
    assert statuses(project.build()) == ["cached"] * 2
    text = (project.source / "pyproject.toml").read_text()
    (project.source / "pyproject.toml").write_text(text.replace("range(100)", "range(50)"))
    assert statuses(project.build()) == ["passed"] * 2


def test_an_interrupted_build_goes_on_where_it_was(project: Project) -> None:
    """What had passed before the driver was killed is not built again."""
    wait = '[tool.matrix-runner]\nbefore-build = "case $MATRIX_RUNNER_IDENTIFIER in cp313-*) sleep {seconds};; esac"\n'
    text = (project.source / "pyproject.toml").read_text()
    slow = text.replace("[tool.matrix-runner]\n", wait.format(seconds="$(cat /project/seconds)"))
    (project.source / "pyproject.toml").write_text(slow)
    (project.source / "seconds").write_text("20")
    process = subprocess.Popen(
        runner_argv("build", project.source, "--output-dir", project.directory / "out", *project.arguments),
        env=runner_environ(**project.variables),
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not list(project.store.glob("entries/*/*/entry.json")) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert statuses(project.build()) == ["cached", "passed"]


def content(wheel: Path) -> dict[str, str]:
    """Return the digest of every file in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}


def test_whatever_happens_wheels_are_those_of_a_clean_build(project: Project, request: pytest.FixtureRequest) -> None:
    """Changes, kills and damage to the store in a random mix: each time the wheels are what a clean build gives."""
    chance = random.Random(20260)  # noqa: S311  a mix that can be repeated
    for turn in range(int(request.config.getoption("--mishaps"))):
        happened = [_mishap(project, chance) for _ in range(chance.randint(1, 3))]
        ended = project.build()
        assert ended.code == 0, (turn, happened, ended.output)
        clean = project.build_clean()
        assert clean.code == 0, (turn, happened, clean.output)
        ours, theirs = ({wheel.name: content(wheel) for wheel in each.wheels} for each in (ended, clean))
        assert ours == theirs, (turn, happened)


def _mishap(project: Project, chance: random.Random) -> str:
    kind = chance.choice(["nothing", "source", "source", "back", "option", "kill", "damage", "damage"])
    source, configuration = project.source / "answer.c", project.source / "pyproject.toml"
    match kind:
        case "source" | "back":
            number = chance.randint(0, 99) if kind == "source" else 42
            source.write_text(re.sub(r"FromLong\(\d+\)", f"FromLong({number})", source.read_text()))
        case "option":
            most = chance.randint(100, 105)
            configuration.write_text(re.sub(r"range\(\d+\)", f"range({most})", configuration.read_text()))
        case "kill":
            _kill_a_build(project, chance.uniform(0.3, 4.0))
        case "damage":
            files = sorted(path for path in project.store.rglob("*") if path.is_file())
            for path in chance.sample(files, min(len(files), 3)):
                data = path.read_bytes()
                at = chance.randint(0, len(data))
                path.write_bytes(chance.choice([data[:at], data[:at] + b"?" + data[at + 1 :], b""]))
        case _:
            pass
    return kind


def _kill_a_build(project: Project, seconds: float) -> None:
    process = subprocess.Popen(
        runner_argv("build", project.source, "--output-dir", project.directory / "out", *project.arguments),
        env=runner_environ(**project.variables),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
