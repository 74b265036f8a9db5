"""A directory carried from machine to machine: a fresh one starts from what the last one had made.

A machine is a user with state and cache directories of its own: nothing of another one's is found in the engine.
"""

import random
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from image_source import ImageSource
from runner_process import Ended, run_build, runner_argv, runner_environ
from sample_projects import extension_project, write_project
from wheel_contents import contents

CELLS = ("cp311-manylinux_x86_64", "cp313-manylinux_x86_64")

# Every way in which a file can change; the interpreter of the cell that runs it is as good as any.
CHANGES = """set -eu
mkdir -p /opt/made/empty
echo "$(cat ci/base)" >/opt/made/base
ln /opt/made/base /opt/made/hard; ln -s base /opt/made/soft
printf raw >"/opt/made/$(printf '\\377') name"
chmod 4751 /opt/made/base; chown 12:34 /opt/made/empty
rm -r /usr/share/doc/tar /etc/deluser.conf /etc/yum.conf 2>/dev/null || true
mkdir -p /srv/moved; mv /usr/share/doc/bash /srv/moved/ 2>/dev/null || true
echo generated >generated.txt; echo changed >kept.txt; rm gone.txt
echo ran >>/opt/made/runs
"""
CHECK = """set -eu
test -d /opt/made/empty; test "$(stat -c %u:%g /opt/made/empty)" = 12:34
test "$(stat -c '%a %h' /opt/made/base)" = "4751 2"; test "$(readlink /opt/made/soft)" = base
test "$(cat "/opt/made/$(printf '\\377') name")" = raw
test ! -e /usr/share/doc/tar; test ! -e /usr/share/doc/bash
test "$(cat generated.txt kept.txt)" = "$(printf 'generated\\nchanged')"; test ! -e gone.txt
test "$(cat /opt/made/runs)" = ran
echo "base is $(cat /opt/made/base)"
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """A machine, and the directory that it carries."""

    directory: Path
    carried: Path
    images: ImageSource

    @property
    def variables(self) -> dict[str, str]:
        """What makes a run this machine's."""
        return {
            "XDG_STATE_HOME": str(self.directory / "state"),
            "XDG_CACHE_HOME": str(self.directory / "cache"),
            "MATRIX_RUNNER_NO_CACHE": "0",
            "MATRIX_RUNNER_CACHE_DIR": str(self.carried),
        }

    def build(self, project: Path, *, cells: tuple[str, ...] = CELLS, **variables: str) -> Ended:
        """Build all cells that have changed."""
        output = self.directory / "out"
        return run_build(project, output, *self.images.only(*cells), "--overwrite", **{**self.variables, **variables})

    def clear(self) -> None:
        """Leave nothing of it."""
        argv = runner_argv("cache", "clear", "--yes")
        subprocess.run(argv, env=runner_environ(**self.variables), check=True, capture_output=True)


class Fleet:
    """Machines that carry one directory."""

    def __init__(self, directory: Path, images: ImageSource) -> None:
        self.directory = directory
        self.carried = directory / "carried"
        self.project = directory / "project"
        self.images = images
        self.machines: list[Machine] = []

    def machine(self) -> Machine:
        """Return one that is new."""
        directory = self.directory / f"machine-{len(self.machines)}"
        self.machines.append(Machine(directory=directory, carried=self.carried, images=self.images))
        return self.machines[-1]

    def write(self, **settings: str) -> None:
        """Write the project; `settings`: further options."""
        options = {
            "before-all": "'sh ci/prepare.sh'",
            "before-all-inputs": '["ci/"]',
            "before-build": "'sh check.sh'",
            "test-command": "\"python -c 'import answer; assert answer.answer() in range(100)'\"",
            "cache-scope": '"fleet"',
        } | {name.replace("_", "-"): value for name, value in settings.items()}
        text = "\n".join(f"{name} = {value}" for name, value in options.items())
        files = {"ci/prepare.sh": CHANGES, "ci/base": "1", "check.sh": CHECK, "kept.txt": "original", "gone.txt": ""}
        write_project(self.project, extension_project(settings=text, **files))

    def change(self, number: int) -> None:
        """Change the source: every cell is built anew."""
        source = self.project / "answer.c"
        source.write_text(source.read_text().replace("FromLong(42)", f"FromLong({number})"))


@pytest.fixture
def fleet(tmp_path: Path, images: ImageSource) -> Iterator[Fleet]:
    """Give machines, and clear them at the end."""
    made = Fleet(tmp_path, images)
    try:
        yield made
    finally:
        for machine in made.machines:
            machine.clear()


def log(ended: Ended, cell: str) -> str:
    """Return a cell's log."""
    return (ended.report_directory / "logs" / f"{cell}.log").read_text("utf-8", "replace")


def ran(ended: Ended) -> bool:
    """Whether the run has run before-all."""
    assert ended.code == 0, ended.output
    return "before-all is not run for" not in ended.output


def test_a_fresh_machine_is_as_warm_as_the_last_one(fleet: Fleet) -> None:
    """It has all that before-all had changed, and compiles what has changed; a third one builds nothing.

    What is damaged is made anew, and so is what another project has carried.
    """
    fleet.write(compiler_cache='"ccache"')
    first = fleet.machine().build(fleet.project)
    assert ran(first)
    assert {cell["status"] for cell in fleet.machine().build(fleet.project).cells.values()} == {"cached"}
    second_source = fleet.project / "other.c"
    second_source.write_text("int other(void) { return 1; }\n")
    setup = fleet.project / "setup.py"
    setup.write_text(setup.read_text().replace('["answer.c"]', '["answer.c", "other.c"]'))
    fresh = fleet.machine()
    second = fresh.build(fleet.project)
    assert not ran(second)
    for cell in CELLS:
        assert second.cells[cell]["compiler_cache"] == {"tool": "ccache", "hits": 1, "misses": 1}
        assert "base is 1" in log(second, cell)
    listed = subprocess.run(
        runner_argv("cache", "list"), env=runner_environ(**fresh.variables), check=True, capture_output=True, text=True
    ).stdout
    assert [word for word in ("layer of before-all", "ccache", "downloads") if f"  {word}" not in listed] == []
    for path in fleet.carried.glob("carried/*.tar.zst"):
        path.write_bytes(path.read_bytes()[:-1])
    fleet.change(7)
    assert ran(fleet.machine().build(fleet.project))
    stranger = fleet.machine().build(fleet.project, MATRIX_RUNNER_CACHE_SCOPE="another", MATRIX_RUNNER_REBUILD="*")
    assert ran(stranger)


def test_passed_variables_stay(fleet: Fleet) -> None:
    """What a before-all made that was given a variable is not carried, unless the project says so."""
    fleet.write(environment_pass='["SECRET"]')
    for choice, expected in (("on", True), ("all", True), ("all", False)):
        variables = {"SECRET": "x", "MATRIX_RUNNER_CACHE_CARRY": choice, "MATRIX_RUNNER_REBUILD": "*"}
        ended = fleet.machine().build(fleet.project, cells=CELLS[:1], **variables)
        assert ran(ended) is expected, choice


def test_machines_take_turns(fleet: Fleet, request: pytest.FixtureRequest) -> None:
    """Changes, damage and fresh machines in a random mix: each time the wheels are what a clean build gives."""
    chance = random.Random(13)  # noqa: S311  a mix that can be repeated
    fleet.write()
    here, numbers = fleet.machine(), iter(range(1, 100))
    for _ in range(int(request.config.getoption("--mishaps")) // 2):
        match chance.choice(["fresh", "fresh", "back", "damage", "inputs"]):
            case "fresh":
                here = fleet.machine()
            case "back":
                here = chance.choice(fleet.machines)
            case "inputs":
                (fleet.project / "ci/base").write_text(str(next(numbers)))
            case _:
                for path in (path for path in fleet.carried.rglob("*") if path.is_file() and chance.random() < 0.3):
                    path.write_bytes(path.read_bytes()[: chance.randint(0, 2000)])
        fleet.project.joinpath("answer.c").write_text(
            extension_project()["answer.c"].replace("(42)", f"({next(numbers)})")
        )
        ended = here.build(fleet.project)
        assert ended.code == 0, ended.output
        clean = run_build(fleet.project, fleet.directory / "clean", *fleet.images.only(*CELLS), "--overwrite")
        assert clean.code == 0, clean.output
        base = (fleet.project / "ci/base").read_text()
        for cell in CELLS:
            assert f"base is {base}" in log(ended, cell)
        assert [contents(wheel) for wheel in ended.wheels] == [contents(wheel) for wheel in clean.wheels]
        shutil.rmtree(fleet.directory / "clean")
