"""What is remembered of earlier runs' times, and what is made of it."""

from pathlib import Path

import pytest

from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Outcome, Status, StepKind, StepTime
from matrix_runner.model.platforms import Arch
from matrix_runner.schedule import Durations

A64, B64 = Cell.parse("cp39-manylinux_x86_64"), Cell.parse("cp311-manylinux_x86_64")
A32, B32 = Cell.parse("cp39-manylinux_i686"), Cell.parse("cp311-manylinux_i686")


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """The next run knows how long each cell took; the directory is made, and nothing else is left in it."""
    path = tmp_path / "deep" / "durations.json"
    Durations({A64: 12.5, B32: 3.0}).write(path)
    known = Durations.read(path)
    assert (known.expected(A64), known.expected(B32)) == (12.5, 3.0)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b'{"cp39-manylinux_x86_64": "long"}', b"\xff\xfe", b"null"], ids=repr
)
def test_a_damaged_file_is_an_empty_one(tmp_path: Path, content: bytes) -> None:
    """What cannot be read is not known, and no reason not to build; a directory of that name is none either."""
    path = tmp_path / "durations.json"
    path.write_bytes(content)
    nothing = Durations({}).expected(A64)
    assert Durations.read(path).expected(A64) == nothing
    assert Durations.read(tmp_path).expected(A64) == nothing


def test_entries_that_make_no_sense_are_passed_over(tmp_path: Path) -> None:
    """Names of no cell and impossible times are left out, the others stay."""
    path = tmp_path / "durations.json"
    path.write_text(
        '{"nonsense": 5, "cp39-manylinux_x86_64": -1, "cp39-manylinux_i686": 1e308, "cp311-manylinux_i686": 4}'
    )
    assert Durations.read(path).expected(B32) == 4.0
    assert Durations.read(path).expected(A64) == 4.0


def test_a_place_that_cannot_be_written_to_is_no_error(tmp_path: Path) -> None:
    """Where a file stands in the way of the directory, nothing is kept and nothing is raised."""
    (tmp_path / "file").write_text("")
    Durations({A64: 1.0}).write(tmp_path / "file" / "durations.json")
    assert (tmp_path / "file").read_text() == ""


def test_a_new_cell_is_judged_by_its_neighbours() -> None:
    """By the mean of its platform and that of its interpreter; by all where it has no neighbours; else all alike."""
    known = Durations({A64: 10.0, A32: 30.0, B64: 20.0})
    assert known.expected(B32) == (30.0 + 20.0) / 2
    assert known.expected(Cell.parse("cp313-manylinux_x86_64")) == 15.0
    assert known.expected(Cell.parse("cp313-musllinux_aarch64")) == 20.0
    assert Durations({}).expected(A64) == Durations({}).expected(B32)


def test_a_new_cell_is_weighed_by_how_it_runs() -> None:
    """Native cells tell of an emulated one by the cost of emulation, and the other way round; known is known."""
    s390x, other = Cell.parse("cp39-manylinux_s390x"), Cell.parse("cp311-manylinux_s390x")

    def slowness(arch: Arch) -> float:
        return 7.0 if arch is Arch.S390X else 1.0

    native = Durations({A64: 10.0, B64: 20.0})
    assert native.expected(s390x, slowness) == 70.0
    assert native.expected(A64, slowness) == 10.0
    emulated = Durations({s390x: 70.0})
    assert emulated.expected(s390x, slowness) == 70.0
    assert emulated.expected(other, slowness) == 70.0
    assert emulated.expected(A64, slowness) == 10.0
    assert emulated.expected(B64, slowness) == 10.0
    nothing = Durations({})
    assert nothing.expected(s390x, slowness) == 7.0 * nothing.expected(A64, slowness) > 0


def test_only_what_passed_is_learned_and_without_what_was_done_for_others() -> None:
    """A failure and a cell from the cache say nothing; `before-all` is not the cell's; the rest is kept from before."""
    prepared = (StepTime(kind=StepKind.BEFORE_ALL, seconds=60.0), StepTime(kind=StepKind.BUILD, seconds=5.0))
    known = Durations({A64: 1.0, B64: 2.0, A32: 3.0, B32: 4.0}).with_outcomes(
        (
            Outcome(cell=A64, status=Status.PASSED, seconds=66.0, steps=prepared),
            Outcome(cell=B64, status=Status.FAILED, seconds=0.1),
            Outcome(cell=A32, status=Status.CACHED, seconds=0.1),
        )
    )
    assert [known.expected(cell) for cell in (A64, B64, A32, B32)] == [6.0, 2.0, 3.0, 4.0]


def test_recorded_times_as_of_native_cells() -> None:
    """Those of emulated cells are divided by how much slower they are here."""
    known = Durations({A64: 12.0, A32: 14.0})
    assert known.natively(lambda arch: 7 if arch is Arch.I686 else 1) == {A64: 12.0, A32: 2.0}
