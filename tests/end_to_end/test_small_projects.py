"""What becomes of particular projects: one that fails, one without code, one with the stable ABI, one for 2.7."""

from pathlib import Path

import pytest
from image_source import ImageSource
from runner_process import run_build
from sample_projects import extension_project, pure_project, stable_abi_project, write_project

TWO = ("cp311-manylinux_x86_64", "cp313-manylinux_x86_64")


def test_one_failed_cell_stops_nothing(images: ImageSource, tmp_path: Path) -> None:
    """The others deliver; the summary names the cell, its step and the cause; the exit code is 1."""
    project = write_project(
        tmp_path / "project",
        extension_project(
            settings="""test-command = "python -c 'import answer, sys; sys.exit(sys.version_info[:2] == (3, 11))'" """
        ),
    )
    ended = run_build(project, tmp_path / "out", *images.only(*TWO, "cp39-manylinux_i686"))
    assert ended.code == 1, ended.output
    assert sorted(wheel.name.split("-")[2] for wheel in ended.wheels) == ["cp313", "cp39"]
    failed = ended.cells["cp311-manylinux_x86_64"]
    assert failed["failure"] == {
        "step": "test",
        "reason": "command",
        "message": "exit status 1",
        "hint": None,
        "place": None,
        "excerpt": [],
    }
    summary = ended.output[ended.output.index("FAILED  cp311-manylinux_x86_64  in test") :]
    assert "exit status 1" in summary
    assert "2 of 3 cells passed; exit code 1" in summary


def test_a_compiler_error_is_the_cause_that_is_told(images: ImageSource, tmp_path: Path) -> None:
    """A project that does not compile fails in `build`, and the block in the console holds the compiler's words."""
    files = extension_project()
    files["answer.c"] += "\n#error this cannot be compiled\n"
    project = write_project(tmp_path / "project", files)
    ended = run_build(project, tmp_path / "out", *images.only(TWO[0]))
    assert ended.code == 1
    assert "FAILED  cp311-manylinux_x86_64  in build" in ended.output
    assert "#error this cannot be compiled" in ended.output
    assert ended.wheels == ()


def test_a_pure_project_is_told_what_to_do(images: ImageSource, tmp_path: Path) -> None:
    """A wheel without code is rejected with exit code 5 and the way to build it."""
    project = write_project(tmp_path / "project", pure_project())
    ended = run_build(project, tmp_path / "out", *images.only(TWO[0]))
    assert ended.code == 5, ended.output
    assert "python -m build" in ended.output
    assert ended.wheels == ()


def test_a_stable_abi_wheel_is_built_once(images: ImageSource, tmp_path: Path) -> None:
    """The lowest Python builds the abi3 wheel; the later ones test it, and say whose it is; 3.13t builds its own."""
    command = """test-command = "python -c 'import stable, sys; assert stable.answer() == 42; print(sys.version)'" """
    project = write_project(tmp_path / "project", stable_abi_project(settings=command))
    cells = [cell for cell in images.python_3 if cell.endswith("manylinux_x86_64") and "t-" not in cell]
    ended = run_build(project, tmp_path / "out", *images.only(*cells))
    assert ended.code == 0, ended.output
    (wheel,) = ended.wheels
    assert "-cp39-abi3-" in wheel.name
    for identifier, cell in ended.cells.items():
        assert isinstance(cell["steps"], list)
        steps = [step["step"] for step in cell["steps"]]
        assert steps.count("test") == 1
        is_builder = identifier == "cp39-manylinux_x86_64"
        assert ("build" in steps) == is_builder
        assert cell["reused_from"] == (None if is_builder else "cp39-manylinux_x86_64")


@pytest.mark.own_images
def test_python_27_is_built_repaired_and_tested(images: ImageSource, tmp_path: Path) -> None:
    """Python 2.7 with wide Unicode has its own tag and is tested in its own environment, with tools that still work."""
    files = {
        "setup.py": "from setuptools import Extension, setup\n"
        "setup(name='answer', version='1.0', ext_modules=[Extension('answer', ['answer.c'])])\n",
        "answer.c": extension_project()["answer.c"],
    }
    project = write_project(tmp_path / "project", files)
    command = "python -c 'import answer, sys; assert sys.version_info[0] == 2; print(answer.answer())'"
    cell = next(cell for cell in images.cells if cell.startswith("cp27"))
    ended = run_build(project, tmp_path / "out", *images.only(cell), MATRIX_RUNNER_TEST_COMMAND=command)
    assert ended.code == 0, ended.output
    (wheel,) = ended.wheels
    assert "-cp27-cp27mu-manylinux" in wheel.name
    assert "42" in (tmp_path / "out-report" / "logs" / f"{cell}.log").read_text("utf-8")


def test_environment_is_evaluated_in_the_container(images: ImageSource, tmp_path: Path) -> None:
    """`$(command)` and `$NAME` in `environment` are the container's; every later step has them; a PATH adds to it."""
    settings = """
environment = { MACHINE = "$(uname -m)", GREETING = "hello $MACHINE", PATH = "/somewhere:$PATH" }
before-build = "echo before-build: $GREETING; command -v python"
test-command = '''
echo test: $GREETING; command -v python; python -c 'import answer'
test "$PASSED" = 'from the host' && echo passed on: $PASSED; cat
'''
environment-pass = ["PASSED"]
"""
    project = write_project(tmp_path / "project", extension_project(settings=settings))
    cell = "cp311-manylinux_i686"
    ended = run_build(project, tmp_path / "out", *images.only(cell), PASSED="from the host")
    assert ended.code == 0, ended.output
    log = (tmp_path / "out-report" / "logs" / f"{cell}.log").read_text("utf-8")
    assert "before-build: hello i686\n/opt/python/cp311-cp311/bin/python\n" in log
    assert "test: hello i686\n/matrix/test-environment/bin/python\n" in log
    # It has arrived as it was, and is masked where it is told.
    assert "passed on: ***\n" in log


def test_every_frontend_builds(images: ImageSource, tmp_path: Path) -> None:
    """Each build frontend makes the same kind of wheel."""
    project = write_project(tmp_path / "project", extension_project())
    for frontend in ("build", "build[uv]", "uv", "pip"):
        output = tmp_path / frontend
        ended = run_build(project, output, *images.only(TWO[0]), MATRIX_RUNNER_BUILD_FRONTEND=frontend)
        assert ended.code == 0, ended.output
        assert [wheel.name.split("-")[:3] for wheel in ended.wheels] == [["answer", "1.0", "cp311"]]


@pytest.mark.own_images
def test_missing_interpreter_is_told_before_any_build(images: ImageSource, tmp_path: Path) -> None:
    """A cell whose interpreter the image lacks fails with image, cell and what the image has; the others are built."""
    project = write_project(tmp_path / "project", extension_project())
    reference = "matrix-runner/manylinux_2_31_x86_64"
    ended = run_build(
        project,
        tmp_path / "out",
        "--only",
        "cp310-manylinux_x86_64 cp311-manylinux_x86_64",
        MATRIX_RUNNER_MANYLINUX_X86_64_IMAGE=reference,
    )
    assert ended.code == 4, ended.output
    failure = ended.cells["cp310-manylinux_x86_64"]["failure"]
    assert isinstance(failure, dict)
    assert reference in str(failure["message"])
    assert "cp310-manylinux_x86_64" in str(failure["message"])
    assert "cp311-cp311" in str(failure["hint"])
    assert len(ended.wheels) == 1
    assert images.name


def test_test_sources_are_copied_and_the_project_is_not_importable(images: ImageSource, tmp_path: Path) -> None:
    """Tests run beside copies of `test-sources`, not in the project, so they import the installed wheel."""
    settings = 'test-sources = ["checks/deep"]\ntest-command = "ls && python checks/deep/check.py"'
    check = "import answer, os\nassert 'test-environment' in answer.__file__\nassert not os.path.exists('answer.c')\n"
    project = write_project(
        tmp_path / "project", extension_project(settings=settings) | {"checks/deep/check.py": check}
    )
    ended = run_build(project, tmp_path / "out", *images.only(TWO[0]))
    assert ended.code == 0, ended.output
