"""What the commands work on: a directory, a package below a project, an sdist, settings from elsewhere."""

import json
import os
from pathlib import Path

import pytest
from checkouts import git
from click.testing import CliRunner, Result
from runner_process import NO_ENGINE
from sdist_making import write_tar, write_zip

from matrix_runner.cli import cli
from matrix_runner.cli.wiring.opened_project import open_project
from matrix_runner.errors import ConfigError, UsageError

TABLE = '[project]\nname = "demo"\nversion = "1"\n\n[tool.{}]\ntest-command = "x"\nbuild = "cp312-*"\n'
OURS, THEIRS = TABLE.format("matrix-runner"), TABLE.format("cibuildwheel")
CELL = "cp312-manylinux_x86_64"


@pytest.fixture(name="package")
def _package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a package below a project, and let neither settings nor the directory of the caller count."""
    for name in os.environ:
        if name.startswith(("MATRIX_RUNNER_", "CIBW_", "DOCKER_")):
            monkeypatch.delenv(name)
    for name, value in NO_ENGINE.items():
        monkeypatch.setenv(name, value)
    package = tmp_path / "project" / "packages" / "demo"
    package.mkdir(parents=True)
    (package / "pyproject.toml").write_text(OURS)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return package


def run(*arguments: str | Path) -> Result:
    """Run a command within this process."""
    return CliRunner().invoke(cli, list(map(str, arguments)))


def origin(*arguments: str | Path) -> str:
    """Return where the test command of a cell came from."""
    result = run("explain", CELL, *arguments, "--json")
    assert result.exit_code == 0, result.exception
    return str(json.loads(result.stdout)["options"]["test-command"]["origin"])


def refusal(*arguments: str | Path) -> UsageError:
    """Return the mistake that ends a command."""
    error = run(*arguments).exception
    assert isinstance(error, UsageError), error
    return error


def places(package: Path, project: Path | None = None) -> tuple[Path, str]:
    """Return the project and the package in it, as commands will find them."""
    with open_project(package, project, None, {}) as opened:
        return opened.project, opened.package


def test_a_directory_is_its_own_project(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a table of ours the package is what is copied, wherever the command is run, and however it is named."""
    assert places(package) == (package, "")
    assert places(Path("project/packages/demo")) == (package, "")
    monkeypatch.chdir(package)
    assert places(Path()) == (package, "")
    assert run("plan", "--format", "identifiers", "--archs", "x86_64").stdout.splitlines()[0] == CELL


def test_a_project_around_it_can_be_named(package: Path, tmp_path: Path) -> None:
    """`--project` is what is copied; the settings remain the package's. It has to be around the package."""
    assert places(package, tmp_path / "project") == (tmp_path / "project", "packages/demo")
    assert places(Path("project/packages/demo"), Path("project")) == (tmp_path / "project", "packages/demo")
    assert (
        origin("project/packages/demo", "--project", "project") == "pyproject.toml:6: tool.matrix-runner.test-command"
    )
    (tmp_path / "elsewhere").mkdir()
    for wrong in ("elsewhere", "missing", "project/packages/demo/pyproject.toml"):
        error = refusal("plan", package, "--project", wrong)
        assert wrong in error.message
        assert "--project" in str(error.hint)


def test_a_table_can_name_the_project_around_it(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`project-dir` starts at the package, wherever the command is run; a flag outranks it; an sdist has none."""
    (package / "pyproject.toml").write_text(OURS + 'project-dir = "../.."\n')
    assert places(Path("project/packages/demo")) == (tmp_path / "project", "packages/demo")
    assert places(package, package.parent) == (package.parent, "demo")
    monkeypatch.chdir(package)
    assert places(Path()) == (tmp_path / "project", "packages/demo")
    archive = write_tar(
        tmp_path / "demo-1.0.tar.gz", files={"demo-1.0/pyproject.toml": (OURS + 'project-dir = ".."\n').encode()}
    )
    assert places(archive)[1] == ""
    for wrong in ("src", "../other", "pyproject.toml"):
        (package / "pyproject.toml").write_text(OURS + f'project-dir = "{wrong}"\n')
        assert "tool.matrix-runner.project-dir" in refusal("plan", package).message


@pytest.mark.parametrize("below", ["", "project", "project/packages", "project/packages/demo"])
def test_migration_keeps_the_project(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str
) -> None:
    """The same command copies the same directory before and after, whichever it is run in."""
    (package / "pyproject.toml").write_text(THEIRS)
    monkeypatch.chdir(tmp_path / below)
    named = package.relative_to(tmp_path / below)
    before = places(named)
    assert run("migrate", named, "--yes").exit_code == 0
    assert "[tool.matrix-runner]" in (package / "pyproject.toml").read_text()
    assert places(named) == before == (tmp_path / below, "" if str(named) == "." else named.as_posix())


def test_migration_says_on_what_the_project_depends(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a repository around the package nobody knows where wheels are built, so the rule is told."""
    (package / "pyproject.toml").write_text(THEIRS)
    monkeypatch.chdir(package)
    assert "project-dir" not in run("migrate", "--check").stderr
    (package.parent / ".git").mkdir()
    assert "run `runner migrate` where they are" in run("migrate", "--check").stderr
    monkeypatch.chdir(package.parent)
    assert 'project-dir = "..": the old table takes' in run("migrate", "demo", "--check").stderr


def test_a_drop_in_takes_the_current_directory(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the other tool's table the project is the current directory, if the package is below it, as there."""
    (package / "pyproject.toml").write_text(THEIRS)
    assert places(package) == (tmp_path, "project/packages/demo")
    assert places(package, tmp_path / "project") == (tmp_path / "project", "packages/demo")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert places(package) == (package, "")


@pytest.mark.parametrize("suffix", [".tar.gz", ".zip"])
def test_an_sdist_is_a_project(package: Path, tmp_path: Path, suffix: str) -> None:
    """It is planned and explained by the settings in it; nothing of it is left; no project can be around it."""
    archive = tmp_path / f"demo-1.0{suffix}"
    (write_zip if suffix == ".zip" else write_tar)(archive, files={"demo-1.0/pyproject.toml": OURS.encode()})
    assert origin(archive) == "pyproject.toml:6: tool.matrix-runner.test-command"
    assert run("plan", archive, "--format", "identifiers", "--archs", "x86_64").stdout.splitlines()[0] == CELL
    assert not list((tmp_path / "cache").rglob("pyproject.toml"))
    assert "an sdist is its own project" in refusal("plan", archive, "--project", package).message
    assert "demo-2.0.zip" in refusal("plan", "demo-2.0.zip").message


def test_settings_from_elsewhere(package: Path, tmp_path: Path) -> None:
    """`--config-file` may lie outside, `{package}` in it is the package's directory, and a file has to be there."""
    (tmp_path / "wheels.toml").write_text(OURS)
    (package / "wheels.toml").write_text(OURS.replace("\n\n", "\n\n\n"))
    assert origin(package, "--config-file", "wheels.toml") == "wheels.toml:6: tool.matrix-runner.test-command"
    assert origin(package, "--config-file", "{package}/wheels.toml") == (
        f"{package}/wheels.toml:7: tool.matrix-runner.test-command"
    )
    archive = write_tar(
        tmp_path / "demo-1.0.tar.gz", files={"demo-1.0/pyproject.toml": b"", "demo-1.0/w.toml": OURS.encode()}
    )
    assert origin(archive, "--config-file", "{package}/w.toml").endswith(
        "/demo-1.0/w.toml:6: tool.matrix-runner.test-command"
    )
    assert origin(archive, "--config-file", "wheels.toml").startswith("wheels.toml:6")
    missing = run("plan", package, "--config-file", "none.toml").exception
    assert isinstance(missing, ConfigError)
    assert missing.mistakes == ("none.toml: no such file",)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing", "missing"),
        ("project", "not a Python project"),
        ("project/packages/demo/pyproject.toml", "directory"),
    ],
)
def test_what_is_no_project_is_told(package: Path, name: str, words: str) -> None:
    """A path that is not there, a directory without a project, and a file in place of its directory."""
    assert package.is_dir()
    error = refusal("plan", name)
    assert name in error.message
    assert words in error.message + str(error.hint)


def test_a_project_knows_its_directory_in_its_repository(package: Path, tmp_path: Path) -> None:
    """By it, CI systems find the files that failures name; the files of an sdist are nowhere in a repository."""
    with open_project(package, None, None, {}) as opened:
        assert opened.repository_prefix() is None
    git(tmp_path / "project", "init", "-q")
    with open_project(package, None, None, {}) as opened:
        assert opened.repository_prefix() == "packages/demo"
    with open_project(package, tmp_path / "project", None, {}) as opened:
        assert opened.repository_prefix() == ""
    sdist = write_tar(tmp_path / "project" / "demo-1.tar.gz", files={"demo-1/pyproject.toml": OURS.encode()})
    with open_project(sdist, None, None, {}) as opened:
        assert opened.repository_prefix() is None


@pytest.mark.parametrize(
    ("flags", "again"),
    [
        ({}, ()),
        ({"image": "debian", "only": ("cp312-*",), "jobs": "2"}, ("--image", "debian")),
        (
            {"enable": ("pypy", "eol"), "sdist": True, "image": "x/y:1"},
            ("--enable", "pypy", "--enable", "eol", "--image", "x/y:1", "--sdist"),
        ),
    ],
)
def test_the_words_for_the_next_command(package: Path, flags: dict[str, object], again: tuple[str, ...]) -> None:
    """What a summary tells to type has the package and the flags by which its cells are the same."""
    with open_project(package, None, None, flags) as opened:
        assert opened.again == (str(package), *again)
    Path("other.toml").write_text("[tool.matrix-runner]\n")
    with open_project(package, package.parent, "other.toml", flags) as opened:
        assert opened.again == (str(package), "--project", str(package.parent), "--config-file", "other.toml", *again)


def test_what_is_here_needs_no_word(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`runner build` in the project's directory: the cell's name is enough."""
    monkeypatch.chdir(package)
    with open_project(Path(), None, None, {}) as opened:
        assert opened.again == ()
