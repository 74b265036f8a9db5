"""Cells in which a locked requirement has no wheel, by the names of its wheels (PEP 425, 600, 656, 703)."""

import pytest

from matrix_runner.model.cells import Cell
from matrix_runner.proposal.availability import LockedPackage, missing_wheels

CELLS = tuple(
    Cell.parse(f"{interpreter}-{platform}")
    for platform in ("manylinux_x86_64", "musllinux_x86_64", "manylinux_i686", "musllinux_i686")
    for interpreter in ("cp311", "cp313", "cp314", "cp314t")
)
EVERYWHERE = ("manylinux_2_28_x86_64", "musllinux_1_2_x86_64", "manylinux2014_i686", "musllinux_1_2_i686")


def wheels(*platforms: str, pythons: tuple[str, ...] = ("cp311", "cp313", "cp314", "cp314t")) -> tuple[str, ...]:
    """Return names of wheels: one for each interpreter and platform."""
    names = {"cp314t": "cp314-cp314t"}
    return tuple(
        f"a-1-{names.get(each, f'{each}-{each}')}-{platform}.whl" for each in pythons for platform in platforms
    )


@pytest.mark.parametrize(
    ("names", "patterns"),
    [
        (wheels(*EVERYWHERE), None),
        (("a-1-py3-none-any.whl",), None),
        # An sdist alone: whoever installs it makes a wheel of it, anywhere.
        ((), None),
        (wheels("manylinux_2_28_x86_64", "musllinux_1_2_x86_64"), ("*_i686",)),
        (wheels("manylinux_2_28_x86_64", "manylinux2014_i686"), ("*-musllinux_x86_64", "*-musllinux_i686")),
        (wheels(*EVERYWHERE, pythons=("cp311", "cp313", "cp314")), ("cp314t-*",)),
        (wheels(*EVERYWHERE, pythons=("cp313", "cp314", "cp314t")), ("cp311-*",)),
        (wheels(*EVERYWHERE)[1:], ("cp311-manylinux_x86_64",)),
        # The stable ABI: of no free-threaded Python, and of none that is older.
        (
            wheels(*EVERYWHERE, pythons=("cp311",)) + tuple(f"a-1-cp313-abi3-{each}.whl" for each in EVERYWHERE),
            ("cp314t-*",),
        ),
        # A wheel for no other system is none; one in pure Python beside others is.
        (("a-1-cp313-cp313-win_amd64.whl", "a-1-py3-none-any.whl"), None),
        (("a-1-cp313-cp313-win_amd64.whl", "not a wheel"), ("*_x86_64", "*_i686")),
    ],
)
def test_patterns(names: tuple[str, ...], patterns: tuple[str, ...] | None) -> None:
    """The cells are named by as few patterns as do, and none has a wheel."""
    found = missing_wheels([LockedPackage(name="a", wheels=names)], CELLS)
    assert (found and found.patterns) == patterns


def test_markers_count() -> None:
    """A requirement of some Pythons is missing in none of the others."""
    package = LockedPackage(name="a", marker="python_full_version < '3.12'", wheels=wheels("manylinux_2_28_x86_64"))
    found = missing_wheels([package], CELLS)
    assert found is not None
    assert {"cp311-manylinux_i686", "cp311-musllinux_i686", "cp311-musllinux_x86_64"} == set(found.patterns)
