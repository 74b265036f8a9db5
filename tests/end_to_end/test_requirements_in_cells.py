"""What a build and its test require, as real installers install it: variables, uv's settings, constraints, times."""

from pathlib import Path

import pytest
from image_source import ImageSource
from runner_process import Ended, run_build
from sample_projects import extension_project, write_project

CELL = "cp311-manylinux_x86_64"
OLDER = "cp39-manylinux_x86_64"

SAYS = """
import importlib.metadata as found
print("WITH", " ".join(f"{name}=={found.version(name)}" for name in NAMES))
"""


def project_of(directory: Path, settings: str, *, requires: tuple[str, ...] = ("setuptools",), **more: str) -> Path:
    """Write a project whose build and test print the versions of what they were given."""
    files = extension_project(settings=settings)
    files["pyproject.toml"] = files["pyproject.toml"].replace('["setuptools"]', str(list(requires))) + more.pop(
        "uv", ""
    )
    files["setup.py"] = SAYS.replace("NAMES", str(requires)) + files["setup.py"]
    files["tests/says.py"] = SAYS.replace("NAMES", "('iniconfig',)")
    return write_project(directory, files | {name.replace("__", "/"): text for name, text in more.items()})


def said(ended: Ended, cell: str = CELL) -> list[str]:
    """Return the versions that the build and then the test printed."""
    log = Path(str(ended.cells[cell]["log"])).read_text("utf-8")
    lines = [line.partition("WITH ")[2] for line in log.splitlines() if "WITH " in line and "print(" not in line]
    return list(dict.fromkeys(lines))


TESTED = 'test-requires = ["iniconfig"]\ntest-command = "python {project}/tests/says.py"\n'


@pytest.mark.parametrize("table", ["matrix-runner", "cibuildwheel"])
def test_constraints_for_pip_hold_where_the_choice_is_ours(images: ImageSource, tmp_path: Path, table: str) -> None:
    """PIP_CONSTRAINT binds what the build and its test require, in our table and in cibuildwheel's."""
    settings = TESTED + 'environment = { PIP_CONSTRAINT = "$PWD/pins.txt" }'
    project = project_of(tmp_path / "project", settings, requires=("setuptools", "iniconfig"))
    (project / "pins.txt").write_text("iniconfig==1.1.1\n")
    text = (project / "pyproject.toml").read_text()
    (project / "pyproject.toml").write_text(text.replace("[tool.matrix-runner]", f"[tool.{table}]"))
    ended = run_build(project, tmp_path / "out", *images.only(CELL))
    assert ended.code == 0, ended.output
    built, tested = said(ended)
    assert built.endswith("iniconfig==1.1.1")
    assert tested == "iniconfig==1.1.1"
    is_told = (
        "uv does not read PIP_CONSTRAINT in environment: pip installs what wheels and their tests require"
        in ended.output
    )
    assert is_told is (table == "matrix-runner")


UV = """
[tool.uv]
required-version = "<0.1"
no-index = true
constraint-dependencies = ["iniconfig==1.1.0"]

[tool.uv.sources]
setuptools = { path = "nowhere" }
"""


def test_a_projects_settings_for_uv_concern_its_developers(images: ImageSource, tmp_path: Path) -> None:
    """Where uv is our choice, neither the build nor the test's installation follows `[tool.uv]`."""
    project = project_of(tmp_path / "project", TESTED, uv=UV)
    (project / ".python-version").write_text("3.99\n")
    ended = run_build(project, tmp_path / "out", *images.only(CELL))
    assert ended.code == 0, ended.output
    built, tested = said(ended)
    assert built.startswith("setuptools==")
    assert tested != "iniconfig==1.1.0"
    assert "--installer=uv" in Path(str(ended.cells[CELL]["log"])).read_text("utf-8")


HASHED = """
setuptools==80.9.0 --hash=sha256:062d34222ad13e0cc312a4c02d73f059e86a4acbfbdea8f8f76b28c99f306922
iniconfig==1.1.1 \\
    --hash=sha256:011e24c64b7f47f6ebd835bb12a743f2fbe9a26d4cecaa7f53bc4f35ee9da8b3
"""


def test_a_build_is_pinned_by_hashes_and_a_time(images: ImageSource, tmp_path: Path) -> None:
    """Hashes and a time hold for uv, build and pip; `before-build` installs by uv; such a cell is taken at any age."""
    settings = (
        TESTED
        + """
build-constraints = "pins.txt"
exclude-newer = "2024-12-31"
before-build = "uv pip install attrs && python -c 'import attr; print(\\"ATTRS\\", attr.__version__)'"
cache-max-age = "1s"
"""
    )
    project = project_of(tmp_path / "project", settings, requires=("setuptools", "iniconfig"))
    (project / "pins.txt").write_text(HASHED.replace("80.9.0", "75.6.0").replace("062d3422", "8199222"))
    cache = {"MATRIX_RUNNER_NO_CACHE": "0", "MATRIX_RUNNER_CACHE_DIR": str(tmp_path / "cache")}
    wrong = run_build(project, tmp_path / "wrong", *images.only(CELL), **cache)
    assert wrong.code == 1
    assert "ash mismatch" in wrong.output or "Invalid" in wrong.output, wrong.output
    (project / "pins.txt").write_text(HASHED)
    # 80.9.0 is of May 2025.
    ended = run_build(project, tmp_path / "out", *images.only(CELL), "--exclude-newer", "2025-06-01", **cache)
    assert ended.code == 0, ended.output
    built, tested = said(ended)
    assert (built, tested) == ("setuptools==80.9.0 iniconfig==1.1.1", "iniconfig==2.1.0")
    assert "ATTRS 25.3.0" in Path(str(ended.cells[CELL]["log"])).read_text("utf-8")
    assert ended.report["exclude_newer"] == "2025-06-02T00:00:00Z"
    assert "nothing that was uploaded after 2025-06-02T00:00:00Z is installed" in ended.output
    again = run_build(project, tmp_path / "again", *images.only(CELL), "--exclude-newer", "2025-06-01", **cache)
    assert again.cells[CELL]["status"] == "cached", again.output
    for frontend in ("build", "pip"):
        other = run_build(
            project,
            tmp_path / frontend,
            *images.only(CELL),
            "--exclude-newer",
            "2025-06-01",
            MATRIX_RUNNER_BUILD_FRONTEND=frontend,
            MATRIX_RUNNER_BUILD_VERBOSITY="1",
        )
        assert other.code == 0, other.output
        assert said(other) == [built, tested]


OLD = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "for-older-pythons"
version = "2.0"
requires-python = "<3.11"
"""


def test_a_requirement_for_another_python_is_not_installed_in_silence(images: ImageSource, tmp_path: Path) -> None:
    """Where uv ignores the upper bound of a test requirement, the cell fails and names both; others pass.

    What the build requires is gone with its environment: it is told by those who ran in it, and warned of.
    """
    settings = 'test-requires = ["./old"]\ntest-command = "true"'
    tool = "a-tool-for-older-pythons @ file:///project/tests/tool"
    project = project_of(tmp_path / "project", settings, old__pyproject=OLD, tests__tool__pyproject=OLD)
    for folder in (project / "old", project / "tests/tool"):
        (folder / "pyproject").rename(folder / "pyproject.toml")
    text = (project / "tests/tool/pyproject.toml").read_text()
    (project / "tests/tool/pyproject.toml").write_text(text.replace("for-older", "a-tool-for-older"))
    text = (project / "pyproject.toml").read_text()
    (project / "pyproject.toml").write_text(text.replace("['setuptools']", f"['setuptools', '{tool}']"))
    ended = run_build(project, tmp_path / "out", *images.only(CELL, OLDER))
    assert ended.code == 1, ended.output
    assert {name: cell["status"] for name, cell in ended.cells.items()} == {CELL: "failed", OLDER: "passed"}
    assert "for-older-pythons 2.0 is for Python <3.11, and this is 3.11" in str(ended.cells[CELL]["failure"])
    warning = "the build requires what excludes this Python: a-tool-for-older-pythons 2.0 is for Python <3.11"
    assert warning in ended.output
    logs = {name: Path(str(cell["log"])).read_text("utf-8") for name, cell in ended.cells.items()}
    assert [warning in logs[CELL], "excludes this Python" in logs[OLDER]] == [True, False]
