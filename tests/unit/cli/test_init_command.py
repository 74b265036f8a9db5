"""`runner init` as a command: what it says and shows, what it refuses, and what it leaves on the disk."""

import os
import stat
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from surveyed import written

from matrix_runner.cli import cli
from matrix_runner.errors import ConfigError, UsageError

PROJECT = {
    "pyproject.toml": '[project]\nname = "thing"\nversion = "1"\nrequires-python = ">=3.11"  # why\n',
    "setup.py": "from setuptools import Extension, setup\n"
    "setup(ext_modules=[Extension('thing', ['thing.c'], libraries=['lz4'])])\n",
    "thing.c": "#include <Python.h>\n",
    "tests/test_it.py": "import thing\n",
}


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    return written(tmp_path / "thing", PROJECT)


def init(*arguments: str | Path) -> Result:
    """Run the command within this process, where standard input is no terminal; the index is not asked."""
    return CliRunner().invoke(cli, ["init", "--offline", *map(str, arguments)])


def refusal(result: Result) -> UsageError:
    """Return the mistake that ended the command."""
    assert isinstance(result.exception, UsageError), result.output
    return result.exception


def test_yes_says_shows_and_writes(project: Path) -> None:
    """What was seen and what follows go to standard error, the differences to standard output, and to the files."""
    result = init("--yes", project)
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        "thing: setup.py has ext_modules (C)",
        "requires-python: >=3.11, which the plan keeps to",
        "skip: nothing says that the code runs without the GIL",
        "before-all: setup.py looks for lz4",
        "test-command: tests in tests/",
        f"{project / 'pyproject.toml'}: written; `runner plan` shows what is built, `runner build` builds it",
    ]
    text = (project / "pyproject.toml").read_text()
    assert text.startswith(PROJECT["pyproject.toml"])
    added = text.removeprefix(PROJECT["pyproject.toml"]).splitlines()
    assert [f"+{line}" for line in added] == [line for line in result.stdout.splitlines()[2:] if line[:1] == "+"]
    planned = CliRunner().invoke(cli, ["plan", "--format", "identifiers", str(project)])
    assert "cp313-manylinux_x86_64" in planned.stdout
    assert "cp310" not in planned.stdout
    assert "cp314t" not in planned.stdout


def test_again_it_refuses(project: Path) -> None:
    """A table that is there is its owner's."""
    init("--yes", project)
    before = (project / "pyproject.toml").read_bytes()
    error = refusal(init("--yes", project))
    assert "has [tool.matrix-runner] already" in error.message
    assert (project / "pyproject.toml").read_bytes() == before


def test_a_file_for_ci_beside_a_table_that_is_there(project: Path) -> None:
    """Whoever has configured the project by hand gets that alone; its architectures are told."""
    file = project / "pyproject.toml"
    file.write_text(PROJECT["pyproject.toml"] + '[tool.matrix-runner]\narchs = ["x86_64"]\n')
    before = file.read_bytes()
    result = init("--yes", "--ci", "github", project)
    assert result.exit_code == 0, result.output
    said = " ".join(result.stderr.split())
    assert f"note: {file}: its [tool.matrix-runner] stays as it is" in said
    assert f'{file}: archs = ["x86_64"]: where a CI file has --archs, change it there' in said
    assert file.read_bytes() == before
    assert (project / ".github/workflows/wheels.yml").is_file()


def test_check_writes_nothing(project: Path) -> None:
    """It shows the same and ends with 0; so does a shell without a terminal, which cannot be asked, with an error."""
    checked = init("--check", "--ci", "gitlab", project)
    assert checked.exit_code == 0
    assert "+++ " + str(project / ".gitlab-ci.yml") in checked.stdout
    assert "no terminal to ask at" in refusal(init(project)).message
    assert sorted(each.name for each in project.iterdir()) == ["pyproject.toml", "setup.py", "tests", "thing.c"]
    assert (project / "pyproject.toml").read_text() == PROJECT["pyproject.toml"]


def test_ci_files(project: Path) -> None:
    """Each goes where its system looks for it, readable for all; one that is there is left alone, and said so."""
    (project / ".travis.yml").write_text("script: make\n")
    result = init("--yes", "--ci", "github", "--ci", "travis", project)
    assert result.exit_code == 0
    workflow = project / ".github/workflows/wheels.yml"
    assert "runner build" in workflow.read_text()
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(workflow.stat().st_mode) == 0o666 & ~umask
    assert (project / ".travis.yml").read_text() == "script: make\n"
    assert f"note: {project / '.travis.yml'}: left as it is" in result.stderr


def test_a_package_in_a_repository(tmp_path: Path) -> None:
    """CI files belong to the top of the repository, and name the package's directory."""
    package = written(tmp_path / "python" / "thing", PROJECT)
    subprocess.run(("git", "init", "-q", tmp_path), check=True)
    assert init("--yes", "--ci", "github", package).exit_code == 0
    workflow = (tmp_path / ".github/workflows/wheels.yml").read_text()
    assert 'runner build --cache-dir .runner-cache --archs "$ARCHS" -- python/thing\n' in workflow
    assert (
        'runner collect artifacts --check --also sdist --archs "x86_64 i686 aarch64" --package python/thing' in workflow
    )


def test_the_table_of_cibuildwheel_is_taken_over(project: Path) -> None:
    """Nothing is made up beside it: it says how the project is built."""
    with (project / "pyproject.toml").open("a") as file:
        file.write('\n[tool.cibuildwheel]\nskip = "pp*"\n')
    result = init("--yes", project)
    assert "[tool.cibuildwheel]: the new table means the same" in result.stderr
    added = (project / "pyproject.toml").read_text().partition("[tool.matrix-runner]")[2]
    assert 'skip = "pp*"' in added
    assert "before-all" not in added


def test_a_test_that_changes_the_system_is_not_taken_over(project: Path) -> None:
    """It belongs to another image, and to the project's own machines; the other settings mean the same."""
    (project / "Makefile").write_text("check:\n\tsudo apt-get install -y python3-dev\n")
    with (project / "pyproject.toml").open("a") as file:
        file.write('\n[tool.cibuildwheel]\nskip = "pp*"\ntest-command = "make -C {project} check"  # all\n')
    result = init("--yes", project)
    assert "note: test-command: that of [tool.cibuildwheel] installs packages of the system" in result.stderr
    old, _, added = (project / "pyproject.toml").read_text().partition("[tool.matrix-runner]")
    assert 'test-command = "make -C {project} check"  # all' in old
    assert "import thing" in added
    assert "make" not in added


def test_a_project_without_a_pyproject_toml(tmp_path: Path) -> None:
    """It gets one; and a [build-system] where setup.py imports what no build would have."""
    files = {**PROJECT, "setup.py": f"import numpy\n{PROJECT['setup.py']}"}
    del files["pyproject.toml"]
    project = written(tmp_path / "thing", files)
    result = init("--yes", project)
    assert "setup.py imports numpy: a [build-system] has to require it" in result.stderr
    assert (project / "pyproject.toml").read_text().startswith('[build-system]\nrequires = ["setuptools", "numpy"]\n')


@pytest.mark.parametrize(
    ("files", "message", "hint"),
    [
        ({"setup.py": "setup()", "a.py": ""}, "nothing in it is compiled", "python -m build"),
        (
            {"setup.py": "setup()", "a.c": ""},
            "there is C code, but no build file says that it is compiled",
            "ext_modules",
        ),
    ],
)
def test_a_project_without_compiled_code(files: dict[str, str], message: str, hint: str, tmp_path: Path) -> None:
    """There is nothing to build a matrix of, and what to do in its place is said."""
    error = refusal(init("--yes", written(tmp_path / "a", files)))
    assert message in error.message
    assert hint in (error.hint or "")
    assert not (tmp_path / "a" / "pyproject.toml").exists()


@pytest.mark.parametrize(
    ("files", "mistake"),
    [
        ({"README": ""}, "not a Python project"),
        ({"pyproject.toml": "[project\n"}, "pyproject.toml"),
        ({"pyproject.toml": '[project]\nname = "a"\nversion = "1"\nrequires-python = "new"'}, "requires-python"),
    ],
)
def test_what_no_command_can_read(files: dict[str, str], mistake: str, tmp_path: Path) -> None:
    """The loader's own messages, as for every command."""
    result = init("--yes", written(tmp_path / "a", files))
    assert isinstance(result.exception, ConfigError)
    assert mistake in " ".join(result.exception.mistakes)


def test_a_file_that_cannot_be_written(project: Path) -> None:
    """Nothing is lost: the file that was there is there."""
    (project / ".github").write_text("in the way")
    error = refusal(init("--yes", "--ci", "github", project))
    assert "cannot be written" in error.message
    assert "runner init --check" in (error.hint or "")
    assert (project / ".github").read_text() == "in the way"


def test_the_top_of_a_workspace_is_no_package(tmp_path: Path) -> None:
    """The packages are named, and what to do for one and for all; a package of it is one as ever."""
    for name in ("core", "plugin"):
        written(tmp_path / name, PROJECT)
    (tmp_path / "pyproject.toml").write_text('[tool.matrix-runner]\npackages = ["core", "plugin"]\n')
    error = refusal(init("--check", tmp_path))
    assert f"{tmp_path} is a workspace of core, plugin" in error.message
    assert f"`runner init {tmp_path}/core`" in str(error.hint)
    assert init("--check", tmp_path / "core").exit_code == 0


@pytest.mark.parametrize("own", [None, "[tool.ruff]\nline-length = 120\n"])
def test_packages_below_a_directory_that_is_none(tmp_path: Path, own: str | None) -> None:
    """How they would be a workspace is said: a file that configures tools alone makes no package."""
    for name in ("packages/core", "packages/plugin", "tests/sample", ".hidden/old"):
        written(tmp_path / name, PROJECT)
    if own is not None:
        (tmp_path / "pyproject.toml").write_text(own)
    error = refusal(init("--check", tmp_path))
    assert "is no package itself, and has some: packages/core, packages/plugin" in error.message
    assert 'packages = ["packages/core", "packages/plugin"]' in str(error.hint)


def test_a_package_with_packages_below(project: Path) -> None:
    """What it has below is its own affair."""
    written(project / "vendored" / "other", PROJECT)
    assert init("--check", project).exit_code == 0
