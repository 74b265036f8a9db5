"""The build backend, and what pyproject.toml tells it, as far as cells must know."""

from pathlib import Path

import pytest

from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.project.build_backend import Backend, BuildBackend

SCIKIT, MESON, OTHER = Backend.SCIKIT_BUILD_CORE, Backend.MESON_PYTHON, Backend.OTHER


def system(backend: str, *requires: str) -> str:
    """Return a `[build-system]` table."""
    return f'[build-system]\nrequires = {list(requires)}\nbuild-backend = "{backend}"\n'


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", OTHER),
        ("not TOML [", OTHER),
        ("build-system = 1\ntool = 2\n", OTHER),
        (system("setuptools.build_meta", "setuptools"), OTHER),
        (system("mesonpy", "meson-python"), MESON),
        (system("mesonpy:main", "meson-python"), MESON),
        (system("own_backend", "meson-python"), OTHER),
        (system("scikit_build_core.build", "scikit-build-core>=0.11"), SCIKIT),
        (system("scikit_build_core.build"), SCIKIT),
        (system("hatchling.build", "hatchling", "Scikit_Build.Core[pyproject] ~= 0.10"), SCIKIT),
        (system("own_backend", "scikit-build-core @ file:///x"), SCIKIT),
        (system("skbuild_backend", "scikit-build"), OTHER),
        (system("x", "scikit-build-core-conan"), OTHER),
    ],
)
def test_the_backend_is_read_from_pyproject(tmp_path: Path, text: str, kind: Backend) -> None:
    """By its module; scikit-build-core by what the build requires, too: for hatchling's plugin, or one around it."""
    (tmp_path / "pyproject.toml").write_text(text)
    assert BuildBackend.of(BuildFiles(tmp_path)) == BuildBackend(kind=kind)


def test_a_directory_without_pyproject_names_none(tmp_path: Path) -> None:
    """Its backend is setuptools, by PEP 517."""
    assert BuildBackend.of(BuildFiles(tmp_path)) == BuildBackend()


@pytest.mark.parametrize(
    ("text", "names_folder"),
    [
        ("[tool.scikit-build]\nwheel.py-api = 'cp39'\n", False),
        ("[tool.scikit-build]\nbuild-dir = 'build/{wheel_tag}'\n", True),
        ("[[tool.scikit-build.overrides]]\nif.platform-system = 'linux'\nbuild-dir = 'b'\n", True),
        ("[tool.other]\nbuild-dir = 'b'\n", False),
    ],
)
def test_a_folder_that_the_project_names_is_seen(tmp_path: Path, text: str, *, names_folder: bool) -> None:
    """In the table or in one of its overrides, whichever holds: a cell does not weigh their conditions."""
    (tmp_path / "pyproject.toml").write_text(system("scikit_build_core.build") + text)
    assert BuildBackend.of(BuildFiles(tmp_path)).names_folder is names_folder


@pytest.mark.parametrize(
    ("words", "names_jobs"),
    [(["-v"], False), (["-j", "4"], True), (["-v", "-j4"], True), (["--jobs=2"], True), ([], False)],
)
def test_a_number_of_compilers_that_the_project_names_is_seen(
    tmp_path: Path, words: list[str], *, names_jobs: bool
) -> None:
    """meson-python hands the words on to ninja."""
    (tmp_path / "pyproject.toml").write_text(system("mesonpy") + f"[tool.meson-python.args]\ncompile = {words}\n")
    assert BuildBackend.of(BuildFiles(tmp_path)).names_jobs is names_jobs
