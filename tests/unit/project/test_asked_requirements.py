"""What a project and its options ask for, as a lock notes it beside the answer."""

from pathlib import Path

import pytest
from planning import job_for, settings_with

from matrix_runner import catalog
from matrix_runner.config.kinds.values import BuildConstraints, BuildFrontend, Frontend
from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.config.options.build_options import AUDIT_COMMAND, BUILD_CONSTRAINTS, BUILD_FRONTEND
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.selection_options import TEST_SKIP
from matrix_runner.config.options.test_options import TEST_COMMAND, TEST_EXTRAS, TEST_GROUPS, TEST_REQUIRES
from matrix_runner.errors import ConfigError
from matrix_runner.locking.lock_values import Group
from matrix_runner.project.asked_requirements import Asked, ProjectRequirements
from matrix_runner.redaction.run_secrets import redactor_of

CATALOG = catalog.load()
PROJECT = """\
[build-system]
requires = ["setuptools>=61", "cython"]

[project]
name = "demo"
version = "1"
dependencies = ["numpy>=2"]

[project.optional-dependencies]
fast = ["numba"]

[dependency-groups]
test = ["pytest", { include-group = "more" }]
more = ["hypothesis"]
"""
TESTED: dict[Option[object], object] = {TEST_COMMAND: "pytest", TEST_REQUIRES: ("-r ci.txt",), TEST_GROUPS: ("test",)}


def asked(
    directory: Path,
    values: dict[Option[object], object] | None = None,
    text: str = PROJECT,
    cell: str = "cp311-manylinux_x86_64",
) -> Asked:
    """Return what is asked for in a cell of a project."""
    (directory / "pyproject.toml").write_text(text)
    job = job_for(cell, CATALOG, settings_with(values or {}))
    return ProjectRequirements(directory, BuildFiles(directory)).asked(job)


def test_a_build_without_a_test(tmp_path: Path) -> None:
    """What the build system requires, and our own pip."""
    assert asked(tmp_path) == {Group.TOOLS: ("pip",), Group.BUILD: ("setuptools>=61", "cython")}
    assert asked(tmp_path, text="")[Group.BUILD] == ("setuptools >= 40.8.0",)


def test_a_test_requires_the_wheels_requirements_too(tmp_path: Path) -> None:
    """With those of its extras, of the options and the groups."""
    values = {**TESTED, TEST_EXTRAS: ("fast",)}
    expected = (".[fast]", "numpy>=2", "numba", "-r ci.txt", "pytest", "hypothesis")
    assert asked(tmp_path, values)[Group.TEST] == expected
    dynamic = PROJECT.replace('dependencies = ["numpy>=2"]', 'dynamic = ["dependencies"]')
    assert asked(tmp_path, TESTED, dynamic)[Group.TEST] == ("-r ci.txt", "pytest", "hypothesis")
    assert Group.TEST not in asked(tmp_path, {**TESTED, TEST_SKIP: ("*",)})


def test_the_check_of_the_gil_installs_the_wheel(tmp_path: Path) -> None:
    """Also without a test."""
    assert asked(tmp_path, cell="cp313t-manylinux_x86_64")[Group.TEST] == ("numpy>=2",)


def test_constraints_are_asked_for(tmp_path: Path) -> None:
    """Line by line, wherever they stand, without hashes and remarks."""
    (tmp_path / "pins.txt").write_text("# old\nnumpy<3 # why\nsetuptools==80.9.0 \\\n    --hash=sha256:00\n")
    for constraints in (BuildConstraints(file="pins.txt"), BuildConstraints(lines=("numpy<3", "setuptools==80.9.0"))):
        found = asked(tmp_path, {BUILD_CONSTRAINTS: constraints})
        assert found[Group.BUILD][2:] == ("-c numpy<3", "-c setuptools==80.9.0")


def test_without_isolation_nothing_is_installed(tmp_path: Path) -> None:
    """So there is nothing to lock."""
    frontend = BuildFrontend(name=Frontend.PIP, args=("--no-build-isolation",))
    assert Group.BUILD not in asked(tmp_path, {BUILD_FRONTEND: frontend})


@pytest.mark.parametrize(
    ("command", "text", "is_asked"),
    [
        ("abi3audit --strict {abi3_wheel}", PROJECT, False),
        ("abi3audit --strict {abi3_wheel}", PROJECT + "# Py_LIMITED_API\n", True),
        ("abi3audit --strict {abi3_wheel} && check {wheel}", PROJECT, True),
        ("", PROJECT + "# Py_LIMITED_API\n", False),
    ],
)
def test_the_tools_of_an_audit(tmp_path: Path, command: str, text: str, *, is_asked: bool) -> None:
    """Where there may be one: for all wheels, or if a build file speaks of the stable ABI."""
    assert (Group.AUDIT in asked(tmp_path, {AUDIT_COMMAND: command}, text)) is is_asked


def test_secrets_are_masked(tmp_path: Path) -> None:
    """A lock is for everybody, and an option may come from a variable."""
    job = job_for(
        "cp311-manylinux_x86_64",
        CATALOG,
        settings_with({TEST_COMMAND: "pytest", TEST_REQUIRES: ("--index-url=https://me:hunter2@index.example/",)}),
    )
    redactor = redactor_of((job.settings,), {})
    found = ProjectRequirements(tmp_path, BuildFiles(tmp_path), redactor).asked(job)
    assert "hunter2" not in str(found)
    assert "index.example" in str(found)


def test_a_group_that_is_not_there(tmp_path: Path) -> None:
    """Is a mistake."""
    with pytest.raises(ConfigError, match="dependency-groups"):
        asked(tmp_path, {**TESTED, TEST_GROUPS: ("other",)})
