"""The grid of cells and clean images, on the console and on pages."""

from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Outcome, Report, Status
from matrix_runner.model.rung_outcomes import RungOutcome, RungStatus
from matrix_runner.report.summary.markdown_summary import markdown_summary
from matrix_runner.report.summary.outcome_records import outcome_of, outcome_record
from matrix_runner.report.summary.rung_grid import grid_lines, rung_grid
from matrix_runner.report.summary.text_summary import RunDirectories

OLD, NEW = "debian:bullseye", "debian:trixie"
WIDE, NARROW = (Cell.parse(f"cp311-manylinux_{arch}") for arch in ("x86_64", "i686"))


def rung(name: str, status: RungStatus = RungStatus.PASSED, reason: str | None = None) -> RungOutcome:
    """Return a test on one system."""
    return RungOutcome(
        name=name,
        status=status,
        system=f"System of {name}",
        libc="glibc 2.41",
        python="3.11.2, of the cell",
        image_id="sha256:1",
        seconds=2.5,
        reason=reason,
    )


def report(**rungs: tuple[RungOutcome, ...]) -> Report:
    """Return the report of cells with these rungs, and of one without."""
    outcomes = [Outcome(cell=Cell.parse("cp313-manylinux_x86_64"), status=Status.PASSED)]
    cells = {"wide": WIDE, "narrow": NARROW}
    outcomes += [Outcome(cell=cells[name], status=Status.PASSED, rungs=each) for name, each in rungs.items()]
    return Report(run="r1", outcomes=tuple(outcomes), seconds=1.0)


FOUND = report(
    wide=(rung(OLD), rung(NEW, RungStatus.FAILED, "on debian:trixie: exit status 1")),
    narrow=(rung(OLD, RungStatus.NOT_APPLICABLE, "the image is for x86_64"),),
)


def test_without_rungs_there_is_no_grid() -> None:
    """Nor a word of it anywhere."""
    none = report(wide=(), narrow=())
    assert rung_grid(none) is None
    assert grid_lines(none) == ()
    assert "Tested on" not in markdown_summary(none, directories=RunDirectories(output="out", report="rep"))


def test_lines_name_systems_and_what_became_of_each_wheel() -> None:
    """A cell a line, a system a column; why one is not for a wheel stands below."""
    assert grid_lines(FOUND) == (
        "",
        "tested on               debian:bullseye  debian:trixie",
        "cp311-manylinux_x86_64  passed           failed",
        "cp311-manylinux_i686    n/a              -",
        f"  {OLD}: System of {OLD}, glibc 2.41",
        f"  {NEW}: System of {NEW}, glibc 2.41",
        f"  n/a on {OLD}: the image is for x86_64 (cp311-manylinux_i686)",
    )


def test_a_square_tells_python_time_and_reason() -> None:
    """For the page, which has room for it."""
    grid = rung_grid(FOUND)
    assert grid is not None
    (_, (passed, failed)), (_, (not_for, none)) = grid.rows
    assert (passed.status, passed.time, passed.told) == ("passed", "2.5s", "Python 3.11.2, of the cell")
    assert failed.told == "Python 3.11.2, of the cell; on debian:trixie: exit status 1"
    assert (not_for.status, not_for.time) == ("not applicable", "")
    assert none.status == ""


def test_markdown_has_a_table() -> None:
    """Names are code, and what systems say of themselves is no markup."""
    text = markdown_summary(FOUND, directories=RunDirectories(output="out", report="rep"))
    assert "| Cell | `debian:bullseye` | `debian:trixie` |" in text
    assert "| `cp311-manylinux_x86_64` | ✅ passed | ❌ failed |" in text
    assert "- n/a on debian:bullseye: the image is for x86\\_64" in text


def test_a_systems_name_cannot_command_a_terminal() -> None:
    """It is what a file in an image says."""
    hostile = RungOutcome(name=OLD, status=RungStatus.PASSED, system="\x1b]0;x\x07\x1b[2J")
    assert not any("\x1b" in line for line in grid_lines(report(wide=(hostile,))))


def test_records_keep_all_of_it() -> None:
    """What is read again is what was written."""
    for outcome in FOUND.outcomes:
        assert outcome_of(outcome_record(outcome)).rungs == outcome.rungs
