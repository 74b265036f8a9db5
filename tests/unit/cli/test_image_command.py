"""`runner image` as a person meets it, without an engine."""

import subprocess
import sys

import pytest
from click.testing import CliRunner
from runner_process import runner_environ

from matrix_runner.cli.image import format_progress, image
from matrix_runner.errors import UsageError
from matrix_runner.image.build_progress import BuildProgress, Stage


def test_help_says_what_the_image_is_not() -> None:
    """Nobody takes it for PyPA's, or runs a service on it, for want of being told."""
    told = " ".join(CliRunner().invoke(image, ["build", "--help"]).output.split())
    assert "stands in for manylinux_2_31" in told
    assert "not published by PyPA" in told
    assert "no security support" in told


def test_an_architecture_that_cannot_be_made_is_refused_without_an_engine() -> None:
    """A mistake on the command line is told before anything is asked of a daemon, with what there is."""
    result = CliRunner().invoke(image, ["build", "--arch", "pdp11"], env={"DOCKER_HOST": "unix:///nowhere"})
    assert isinstance(result.exception, UsageError)
    assert "pdp11" in result.exception.message
    assert "i686" in (result.exception.hint or "")


def test_an_interpreter_that_cannot_be_made_is_refused_without_an_engine() -> None:
    """The same for a Python."""
    result = CliRunner().invoke(image, ["build", "--python", "cp312-cp312"], env={"DOCKER_HOST": "unix:///nowhere"})
    assert isinstance(result.exception, UsageError)
    assert "cp312-cp312" in result.exception.message


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("cp399-manylinux_x86_64",), "no image can be made with cp399 for manylinux_2_31_x86_64 or"),
        (("cp311-musllinux_s390x",), "image debian does not exist for musllinux_s390x"),
        (("cp311-linux_x86_64",), "unknown platform"),
        (("cp311-manylinux_i686", "--python", "3.9"), "cells say all that --arch, --python and --libc do"),
        (("debian:trixie", "cp311-manylinux_i686"), "are made by a command each"),
        (("debian:trixie", "--arch", "s390x"), "debian:trixie cannot be made for s390x"),
    ],
)
def test_cells_whose_image_cannot_be_made_are_refused_without_an_engine(arguments: tuple[str, ...], told: str) -> None:
    """Each with its reason."""
    result = CliRunner().invoke(image, ["build", *arguments], env={"DOCKER_HOST": "unix:///nowhere"})
    assert isinstance(result.exception, UsageError)
    assert told in result.exception.message


@pytest.mark.parametrize(
    ("progress", "line"),
    [
        (
            BuildProgress(tag="manylinux_2_31_x86_64", part="cp311-cp311", stage=Stage.COMPILED, seconds=61.4),
            "manylinux_2_31_x86_64  cp311-cp311        compiled     61 s",
        ),
        (
            BuildProgress(tag=None, part="sources", stage=Stage.FETCHED, seconds=4.6),
            "                       sources            fetched       5 s",
        ),
        (
            BuildProgress(tag="musllinux_1_2_i686", part="image", stage=Stage.KEPT, seconds=0),
            "musllinux_1_2_i686     image              up to date",
        ),
    ],
)
def test_progress_is_one_line_in_columns(progress: BuildProgress, line: str) -> None:
    """The image's platform tag, part, what became of it, and how long it took if it took any time."""
    assert format_progress(progress) == line


def test_importing_the_command_imports_no_engine() -> None:
    """`runner --help` is quick."""
    script = "import sys, matrix_runner.cli.image; print(sorted({'docker', 'rich'} & sys.modules.keys()))"
    argv = (sys.executable, "-c", script)
    done = subprocess.run(argv, env=runner_environ(), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
