"""A cell that fails says where in the project, by which lines of its log, and what to install in its image."""

from pathlib import Path

import pytest
from fake_run import TESTED, FakeRun, outcome, probe_answer, what
from planning import settings_with

from matrix_runner.config.options.test_options import TEST_COMMAND
from matrix_runner.engine.api import Ending
from matrix_runner.engine.fake.fake_engine import FakeCall, FakeResult
from matrix_runner.model.outcomes import Failure, Place, StepKind

CELL = "cp311-manylinux_x86_64"
HEADER = """\
gcc -c src/demo.c -o build/demo.o
../src/demo.c:3:10: fatal error: sodium.h: No such file or directory
    3 | #include <sodium.h>
      |          ^~~~~~~~~~
compilation terminated.
ERROR Backend subprocess exited when trying to invoke build_wheel
"""
REQUIREMENT = """\
error: Failed to build `pyodbc==4.0.39`
  cause: The build backend returned an error

         setup.py:1:2: error: nothing works
"""


def failed(directory: Path, step: str, result: FakeResult, managers: tuple[str, ...] = ()) -> Failure:
    """Let a step of a cell end so, in an image with these package managers; return the cell's failure."""
    project = directory / "project"
    (project / "src").mkdir(parents=True)
    (project / "src" / "demo.c").write_text("")
    (project / "setup.py").write_text("")

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) == "probe":
            rows = "".join(f"package-manager\t{name}\n" for name in managers)
            return FakeResult(output=((probe_answer(call) + rows).encode(),))
        return result if what(call) == step else None

    settings = settings_with({TEST_COMMAND: TESTED}, project_name="demo")
    fake = FakeRun(directory=directory, identifiers=(CELL,), settings=settings, override=override)
    failure = outcome(fake.run(), CELL).failure
    assert failure is not None
    return failure


@pytest.mark.parametrize(
    ("managers", "command"),
    [
        (("dnf", "yum"), "`dnf install -y libsodium-devel`"),
        (("yum",), "`yum install -y libsodium-devel`"),
        (("apt-get",), "`apt-get update && apt-get install -y libsodium-dev`"),
        (("apk",), "`apk add libsodium-dev`"),
        ((), "libsodium-devel (dnf), libsodium-dev (apt), libsodium-dev (apk)"),
    ],
)
def test_the_package_is_that_of_the_image(tmp_path: Path, managers: tuple[str, ...], command: str) -> None:
    """By the package manager that the probe has found; every distribution's name where it has found none."""
    failure = failed(tmp_path, "build", FakeResult(status=1, output=(HEADER.encode(),)), managers)
    assert failure.message == "exit status 1: sodium.h is not found, which src/demo.c includes"
    assert failure.hint == f"install it in before-all: {command}"


def test_the_place_and_the_lines_are_told(tmp_path: Path) -> None:
    """The file as the project has it, whatever directory the compiler ran in; the error with its caret."""
    failure = failed(tmp_path, "build", FakeResult(status=1, output=(HEADER.encode(),)))
    assert failure.place == Place(path="src/demo.c", line=3, column=10)
    assert failure.excerpt == tuple(HEADER.splitlines()[1:5])


def test_a_requirements_file_is_none_of_the_projects(tmp_path: Path) -> None:
    """A requirement that is built has files of the same names as the project."""
    failure = failed(tmp_path, "build", FakeResult(status=2, output=(REQUIREMENT.encode(),)))
    assert failure.message == (
        "exit status 2: pyodbc 4.0.39 has no wheel for this cell, and its build failed: "
        "setup.py:1:2: error: nothing works"
    )
    assert failure.place is None


def test_a_stopped_command_shows_its_last_words(tmp_path: Path) -> None:
    """What it was doing: the last lines that say something."""
    output = b"".join(b"test %d\n" % number for number in range(9)) + b"\n\n"
    failure = failed(tmp_path, "test", FakeResult(ending=Ending.TIMED_OUT, output=(output,)))
    assert failure.step is StepKind.TEST
    assert failure.excerpt == ("test 4", "test 5", "test 6", "test 7", "test 8")


def test_a_program_that_dies_in_silence_is_explained_by_its_signal(tmp_path: Path) -> None:
    """Its exit status is all that there is."""
    failure = failed(tmp_path, "test", FakeResult(status=139))
    assert failure.message == "exit status 139: a program was ended by SIGSEGV: it crashed"
