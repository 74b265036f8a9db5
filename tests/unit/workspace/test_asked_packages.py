"""What a package of a workspace is to others, by its pyproject.toml."""

from pathlib import Path

from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.workspace.asked_packages import AskedPackage

WHOLE = """
[build-system]
requires = ["setuptools", "core"]

[project]
name = "My.Plugin"
version = "2.0"
dependencies = ["core>=1"]

[project.optional-dependencies]
Fast_IO = ["speed"]

[dependency-groups]
test = ["pytest"]
"""


def test_what_the_file_says(tmp_path: Path) -> None:
    """Names as indexes compare them, the rest as it is written."""
    (tmp_path / "pyproject.toml").write_text(WHOLE)
    asked = AskedPackage.of("my-plugin", "My.Plugin", BuildFiles(tmp_path))
    assert (asked.project, asked.version) == ("my-plugin", "2.0")
    assert (asked.build, asked.runtime) == (("setuptools", "core"), ("core>=1",))
    assert asked.wheel(("fast-io",)) == ("core>=1", "speed")
    assert asked.groups.requirements(("test",)) == ("pytest",)


def test_a_version_that_the_backend_finds_is_not_known(tmp_path: Path) -> None:
    """It is held against what others require once there is a wheel."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "core"\ndynamic = ["version"]\n')
    assert AskedPackage.of("core", "core", BuildFiles(tmp_path)).version is None


def test_a_file_that_cannot_be_read_asks_for_nothing(tmp_path: Path) -> None:
    """Whoever builds the package tells of it."""
    (tmp_path / "pyproject.toml").write_text("[project\n")
    asked = AskedPackage.of("core", None, BuildFiles(tmp_path))
    assert (asked.project, asked.build, asked.runtime) == ("core", (), ())
