"""What cells of a workspace need of each other: by which words, in which order, and what cannot be."""

from collections.abc import Mapping, Sequence

import pytest
from planning import job_for, settings_with

from matrix_runner import catalog
from matrix_runner.config.options.test_options import TEST_COMMAND, TEST_REQUIRES
from matrix_runner.errors import ConfigError
from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell
from matrix_runner.workspace.asked_packages import AskedPackage
from matrix_runner.workspace.needs import Needs
from matrix_runner.workspace.package_needs import needs_of

KNOWN = catalog.load()
CORE = AskedPackage(name="core", project="core", version="1.2")


def package(name: str, *build: str, runtime: Sequence[str] = (), version: str | None = "1.0") -> AskedPackage:
    """Return a package that requires these to be built."""
    return AskedPackage(name=name, project=name, version=version, build=build, runtime=tuple(runtime))


def jobs(*identifiers: str, tests: str = "") -> tuple[Job, ...]:
    """Return jobs of cells, whose tests require something if a test says so."""
    settings = settings_with({TEST_COMMAND: "true", TEST_REQUIRES: (tests,)} if tests else None)
    return tuple(job_for(identifier, KNOWN, settings) for identifier in identifiers)


def needed(needs: Needs) -> Mapping[str, list[str]]:
    """Return the needs as identifiers."""
    return {str(cell): [str(need.cell) for need in several] for cell, several in needs.of_cells.items()}


SQUARE = "cp311-manylinux_x86_64"


def test_a_cell_needs_the_same_square_of_what_its_build_requires() -> None:
    """Names are compared as indexes do, and each Python and platform has the wheel that is for it."""
    core = AskedPackage(name="my-core", project="my-core", version="1.2")
    run = jobs("my-core:cp311-manylinux_i686", f"my-core:{SQUARE}", f"plugin:{SQUARE}", "plugin:cp311-manylinux_i686")
    found = needs_of([core, package("plugin", "setuptools", "My_Core >= 1")], run)
    assert needed(found) == {
        f"plugin:{SQUARE}": [f"my-core:{SQUARE}"],
        "plugin:cp311-manylinux_i686": ["my-core:cp311-manylinux_i686"],
    }
    assert found.lacking == ()


@pytest.mark.parametrize(
    ("word", "is_need"),
    [
        ("core", True),
        ("core[fast]~=1.1", True),
        ("core; python_version >= '3.11'", True),
        ("core; python_version < '3.11'", False),
        ("core; platform_machine == 'i686'", False),
        ("core @ https://index.example/core.whl", False),
        ("core-tools", False),
    ],
)
def test_the_words_that_ask_for_a_package(word: str, *, is_need: bool) -> None:
    """A marker must hold in the cell; a place that is named is where it comes from."""
    found = needs_of([CORE, package("plugin", word)], jobs(f"core:{SQUARE}", f"plugin:{SQUARE}"))
    assert bool(found.of_cells) is is_need


def test_what_a_needed_wheel_requires_is_needed_as_well() -> None:
    """Through others that are only installed beside it; but its own cell, without a test, needs nothing of them."""
    middle = package("middle", runtime=["core"])
    run = jobs(f"core:{SQUARE}", f"middle:{SQUARE}", f"plugin:{SQUARE}")
    found = needs_of([CORE, middle, package("plugin", "middle")], run)
    assert needed(found) == {f"plugin:{SQUARE}": [f"middle:{SQUARE}", f"core:{SQUARE}"]}


def test_tests_need_what_the_wheel_and_they_require() -> None:
    """With a test, the wheel's own requirements and `test-requires` count."""
    helper = package("helper")
    plugin = package("plugin", runtime=["core"])
    run = (*jobs(f"core:{SQUARE}", f"helper:{SQUARE}"), *jobs(f"plugin:{SQUARE}", tests="helper"))
    found = needs_of([CORE, helper, plugin], run)
    assert needed(found) == {f"plugin:{SQUARE}": [f"core:{SQUARE}", f"helper:{SQUARE}"]}


def test_the_extra_of_a_needed_package_brings_what_it_names() -> None:
    """`core[fast]` needs what the extra `fast` of core requires."""
    core = AskedPackage(name="core", project="core", extras={"fast": ("speed",)})
    run = jobs(f"core:{SQUARE}", f"speed:{SQUARE}", f"plugin:{SQUARE}")
    found = needs_of([core, package("speed"), package("plugin", "core[fast]")], run)
    assert needed(found)[f"plugin:{SQUARE}"] == [f"core:{SQUARE}", f"speed:{SQUARE}"]


def test_packages_come_after_those_that_they_need() -> None:
    """Whatever order the table has."""
    packages = [package("top", "middle"), package("middle", "core"), CORE, package("lone")]
    found = needs_of(packages, jobs(f"top:{SQUARE}", f"middle:{SQUARE}", f"core:{SQUARE}", f"lone:{SQUARE}"))
    assert found.order == ("core", "middle", "top", "lone")
    every = found.everything_for([Cell.parse(f"top:{SQUARE}")])
    assert {cell.package for cell in every} == {"top", "middle", "core"}


def test_a_cell_counts_with_the_longest_chain_behind_it() -> None:
    """Of all cells that wait for it, directly or not."""
    packages = [CORE, package("short", "core"), package("middle", "core"), package("top", "middle")]
    cells = {name: Cell.parse(f"{name}:{SQUARE}") for name in ("core", "short", "middle", "top")}
    found = needs_of(packages, jobs(*map(str, cells.values())))
    behind = found.seconds_behind({cells["core"]: 1, cells["short"]: 5, cells["middle"]: 4, cells["top"]: 7})
    assert behind == {cells["core"]: 11, cells["middle"]: 7}


def test_a_circle_is_told_with_its_packages_and_their_reasons() -> None:
    """Nothing is begun."""
    run = (*jobs(f"core:{SQUARE}", tests="plugin"), *jobs(f"plugin:{SQUARE}"))
    with pytest.raises(ConfigError) as caught:
        needs_of([CORE, package("plugin", "core")], run)
    text = str(caught.value)
    assert "packages need each other: core -> plugin -> core" in text
    assert "core needs plugin to be tested" in text
    assert "plugin needs core to build" in text


def test_a_version_that_does_not_fit_is_told_with_both() -> None:
    """The workspace's wheel is the one that is installed, so it must do."""
    with pytest.raises(ConfigError, match=r"plugin needs core>=2 to build, and core of this workspace is 1\.2"):
        needs_of([CORE, package("plugin", "core>=2")], jobs(f"core:{SQUARE}", f"plugin:{SQUARE}"))


def test_what_is_not_built_for_a_cell_is_told() -> None:
    """It then comes from the index."""
    found = needs_of([CORE, package("plugin", "core")], jobs("core:cp310-manylinux_x86_64", f"plugin:{SQUARE}"))
    assert found.of_cells == {}
    assert found.lacking == (
        f"plugin needs core, which is not built here for plugin:{SQUARE}: it is taken from the index there",
    )


def test_a_wheel_of_the_stable_abi_serves_later_pythons() -> None:
    """The cell of the oldest Python has it; none of another platform, nor a free-threaded one, is served."""
    core = AskedPackage(name="core", project="core", shares_wheels=True)
    run = jobs(
        *("core:cp310-manylinux_x86_64", "core:cp39-manylinux_x86_64", f"plugin:{SQUARE}"),
        *("plugin:cp311-manylinux_i686", "plugin:cp313t-manylinux_x86_64"),
    )
    found = needs_of([core, package("plugin", "core")], run)
    assert needed(found) == {f"plugin:{SQUARE}": ["core:cp39-manylinux_x86_64"]}
    assert len(found.lacking) == 1
