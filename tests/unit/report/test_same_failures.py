"""When two failures are the same."""

import pytest
from msgspec.structs import replace
from report_story import failed, passed

from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Failure, Outcome, Reason, Status, StepKind
from matrix_runner.report.same_failures import failure_groups, without_cell

CP39, CP313T = Cell.parse("cp39-manylinux_i686"), Cell.parse("cp313t-manylinux_x86_64")
PP, ARM = Cell.parse("pp311-manylinux_x86_64"), Cell.parse("cp310-musllinux_armv7l")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cp39-manylinux_i686 broke", "cp313t-manylinux_x86_64 broke"),
        ("/opt/python/cp39-cp39/bin/python3.9: no", "/opt/python/cp313-cp313t/bin/python3.13t: no"),
        ("build/temp.linux-i686-cpython-39/a.o", "build/temp.linux-x86_64-cpython-313t/a.o"),
        ("/usr/lib/i386-linux-gnu/x", "/usr/lib/x86_64-linux-gnu/x"),
        ("i686-unknown-linux-gnu", "x86_64-unknown-linux-gnu"),
        ("Python 3.9.21 is old", "Python 3.13.0rc1 is old"),
        ("image manylinux_2_28_i686:1", "image manylinux_2_28_x86_64:1"),
        ("demo-1.0-cp39-cp39-linux_i686.whl", "demo-1.0-cp313-cp313t-linux_x86_64.whl"),
    ],
)
def test_names_of_the_cell_do_not_make_a_difference(one: str, other: str) -> None:
    """Identifier, interpreter and architecture are taken out, in all the spellings that tools have."""
    groups = failure_groups((failed(CP39, one), failed(CP313T, other)))
    assert [group.names for group in groups] == [(str(CP39), str(CP313T))]


def test_other_interpreters_have_names_too() -> None:
    """PyPy's tags and the triple of 32-bit ARM."""
    assert without_cell("pypy3.11 pp311 pypy311", PP) == "<python> <python> <python>"
    assert without_cell("arm-linux-gnueabihf armv7l arm64 charms", ARM) == "<architecture> <architecture> arm64 charms"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("no lz4.h", "no zlib.h"),
        ("line 13.9", "line 13.13"),
        ("cp310 is missing", "cp311 is missing"),
        ("version 3.9x", "version 3.13x"),
    ],
)
def test_other_differences_count(one: str, other: str) -> None:
    """Numbers that are no versions, and names of other cells, stay."""
    assert len(failure_groups((failed(CP39, one), failed(CP313T, other)))) == 2


def test_step_reason_hint_and_status_must_be_the_same() -> None:
    """The message alone does not make failures the same."""
    first = failed(CP39, "x", "y")
    failure = Failure(step=StepKind.BUILD, reason=Reason.COMMAND, message="x", hint="y")
    others = (
        replace(failure, step=StepKind.TEST),
        replace(failure, reason=Reason.TIMEOUT),
        replace(failure, hint=None),
    )
    outcomes = [Outcome(cell=CP313T, status=Status.FAILED, failure=each) for each in others]
    outcomes += [Outcome(cell=CP313T, status=Status.CANCELLED, failure=failure)]
    assert len(failure_groups((first, *outcomes))) == 5


def test_groups_are_in_the_order_of_the_plan_and_have_no_passing_cells() -> None:
    """A failure stands where the first cell that has it stands; cells without a recorded cause stand alone."""
    bare = [Outcome(cell=cell, status=Status.FAILED) for cell in (CP39, CP313T)]
    outcomes = (failed(PP, "a"), passed(ARM), failed(CP39, "b"), failed(CP313T, "a"), *bare)
    assert [group.names for group in failure_groups(outcomes)] == [
        (str(PP), str(CP313T)),
        (str(CP39),),
        (str(CP39),),
        (str(CP313T),),
    ]
