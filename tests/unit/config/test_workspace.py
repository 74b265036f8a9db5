"""Which directories are the packages of a workspace, and what they have in common with it."""

from pathlib import Path

import pytest

from matrix_runner.config.loading.loading import load
from matrix_runner.config.loading.workspace_table import find_workspace, read_workspace
from matrix_runner.config.options.selection_options import BUILD, SKIP
from matrix_runner.config.options.test_options import TEST_COMMAND
from matrix_runner.errors import ConfigError
from matrix_runner.model.cells import Cell

TABLE = """
[tool.matrix-runner]
packages = ["core", "plugins/*", "!plugins/old"]
build = "cp311-*"
skip = "*-musllinux_*"

[[tool.matrix-runner.overrides]]
select = "b:*_i686"
test-command = "pytest"
"""


@pytest.fixture(name="top")
def _top(tmp_path: Path) -> Path:
    top = tmp_path / "repository"
    for name in ("core", "plugins/a", "plugins/b", "plugins/old", "plugins/notes"):
        (top / name).mkdir(parents=True)
        if name != "plugins/notes":
            (top / name / "pyproject.toml").write_text(f'[project]\nname = "{name.rpartition("/")[2]}"\n')
    (top / "pyproject.toml").write_text(TABLE)
    return top


def test_the_packages_that_a_table_names(top: Path) -> None:
    """In its order; a pattern stands for the projects among its directories, sorted."""
    found = read_workspace(top)
    assert found is not None
    assert [path.relative_to(top).as_posix() for path in found.packages] == ["core", "plugins/a", "plugins/b"]


@pytest.mark.parametrize(
    ("packages", "text"),
    [
        ('["core", "lost"]', '"lost" is no directory'),
        ('["plugins/notes"]', '"plugins/notes" has no pyproject.toml'),
        ('["plugins/x*"]', "there is no package in any of these directories"),
        ("3", "got the integer 3"),
    ],
)
def test_a_table_that_names_no_package(top: Path, packages: str, text: str) -> None:
    """Told with the place in the file."""
    (top / "pyproject.toml").write_text(f"[tool.matrix-runner]\npackages = {packages}\n")
    with pytest.raises(ConfigError, match=r"pyproject\.toml:2: tool\.matrix-runner\.packages") as caught:
        read_workspace(top)
    assert text in str(caught.value)


def test_a_package_finds_its_workspace(top: Path) -> None:
    """From wherever the command is run, up to the top of the repository; not if it is left out."""
    package = top / "plugins/a"
    found = find_workspace(package, top)
    assert found is not None
    assert found.directory == top
    (top / ".git").mkdir()
    for path, here in ((package, package), (top, top / "core")):
        again = find_workspace(path, here)
        assert again is not None
        assert again.packages == found.packages
    assert find_workspace(top / "plugins/old", top) is None


def test_a_table_above_the_repository_is_somebody_elses(top: Path) -> None:
    """It has no say in what is built here."""
    (top / "core/.git").mkdir()
    assert find_workspace(top / "core", top / "core") is None


def test_a_package_has_what_its_workspace_says_below_its_own(top: Path) -> None:
    """Its own table prevails, and a pattern may name it."""
    workspace = read_workspace(top)
    own = '[project]\nname = "B"\n[tool.matrix-runner]\nbuild = "cp312-*"\n'
    (top / "plugins/b/pyproject.toml").write_text(own)
    settings = load(top / "plugins/b", environ={}, flags={}, workspace=workspace)
    assert (settings[BUILD], settings[SKIP], settings.package) == (("cp312-*",), ("*-musllinux_*",), "b")
    assert settings.for_cell(Cell.parse("b:cp312-manylinux_i686"))[TEST_COMMAND] == "pytest"
    assert settings.for_cell(Cell.parse("a:cp312-manylinux_i686"))[TEST_COMMAND] == ""


def test_cibuildwheels_table_stays_as_it_is(top: Path) -> None:
    """With it the workspace's table has no say: there it means what it means to cibuildwheel."""
    own = '[project]\nname = "b"\n[tool.cibuildwheel]\nbuild = "cp312-*"\n'
    (top / "plugins/b/pyproject.toml").write_text(own)
    settings = load(top / "plugins/b", environ={}, flags={}, workspace=read_workspace(top))
    assert settings.is_drop_in
    assert (settings[BUILD], settings[SKIP]) == (("cp312-*",), ())
