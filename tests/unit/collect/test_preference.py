"""Of several wheels, the one that installers take: held against what pip's own library says on its Python."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.tags import Tag, cpython_tags

from matrix_runner.collect.expectation import OtherCell
from matrix_runner.collect.preference import preferred
from matrix_runner.model.cells import Cell, Interpreter

X = "manylinux_2_17_x86_64.manylinux2014_x86_64"


def name(tags: str, build: str = "") -> str:
    """Return the name of a wheel."""
    return f"demo-1.0-{build}{tags}.whl"


@pytest.mark.parametrize(
    ("cell", "better", "worse"),
    [
        ("cp313-manylinux_x86_64", f"cp313-cp313-{X}", f"cp39-abi3-{X}"),
        ("cp313-manylinux_x86_64", f"cp313-abi3-{X}", f"cp312-abi3-{X}"),
        ("cp313-manylinux_x86_64", f"cp39-abi3-{X}", f"py3-none-{X}"),
        ("cp313-manylinux_x86_64", f"py3-none-{X}", "py3-none-any"),
        ("cp313-manylinux_x86_64", "cp313-cp313-manylinux_2_28_x86_64", f"cp313-cp313-{X}"),
        ("cp313-manylinux_x86_64", f"cp313-cp313-{X}", "cp313-cp313-manylinux2010_x86_64"),
        ("cp313-manylinux_x86_64", f"cp313-cp313-{X}", "cp39-abi3-manylinux_2_34_x86_64"),
        ("cp313-musllinux_x86_64", "cp313-cp313-musllinux_1_2_x86_64", "cp313-cp313-musllinux_1_1_x86_64"),
        ("pp311-manylinux_x86_64", f"pp311-pypy311_pp73-{X}", f"py3-none-{X}"),
        ("gp312_250-manylinux_x86_64", f"graalpy312-graalpy250_312_native-{X}", f"py3-none-{X}"),
    ],
)
def test_the_better_of_two(cell: str, better: str, worse: str) -> None:
    """Python and ABI first, then the newest C library."""
    for names in ((better, worse), (worse, better)):
        assert preferred(map(name, names), Cell.parse(cell)) == name(better)


def test_what_does_not_install_is_not_taken() -> None:
    """The stable ABI on a free-threaded Python, another machine, another C library."""
    cell = Cell.parse("cp313t-manylinux_x86_64")
    names = [name(each) for each in (f"cp39-abi3-{X}", "cp313-cp313t-manylinux_2_17_i686")]
    assert preferred(names, cell) is None
    assert preferred([*names, name(f"cp313-cp313t-{X}")], cell) == name(f"cp313-cp313t-{X}")


def test_the_higher_build_tag() -> None:
    """Of the same tags: by its number, then its letters; none is the lowest (the wheel specification)."""
    tags, cell = f"cp313-cp313-{X}", Cell.parse("cp313-manylinux_x86_64")
    rising = [name(tags), name(tags, "1-"), name(tags, "1a-"), name(tags, "1b-"), name(tags, "10-")]
    for at, best in enumerate(rising):
        assert preferred(rising[: at + 1], cell) == best


def test_another_system() -> None:
    """By Python and ABI alone: `abi3` after the Python's own."""
    place = OtherCell(interpreter=Interpreter.parse("cp313"), platform="macosx_arm64")
    own, stable = name("cp313-cp313-macosx_11_0_arm64"), name("cp39-abi3-macosx_11_0_arm64")
    assert preferred((stable, own), place) == own
    assert preferred((stable, name("cp313-cp313-win_amd64")), place) == stable


VERSION = (sys.version_info.major, sys.version_info.minor)
PLATFORMS = ("manylinux_2_34_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_5_x86_64")
TAGS = list(cpython_tags(VERSION, platforms=PLATFORMS, abis=[f"cp{VERSION[0]}{VERSION[1]}"]))


@given(st.lists(st.sampled_from(TAGS), min_size=1, max_size=6, unique=True))
def test_the_order_is_that_of_packaging(tags: list[Tag]) -> None:
    """On a system that takes all of them."""
    cell = Cell.parse(f"cp{VERSION[0]}{VERSION[1]}-manylinux_x86_64")
    assert preferred([name(str(tag)) for tag in tags], cell) == name(str(min(tags, key=TAGS.index)))
