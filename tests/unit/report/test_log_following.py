"""A cell's log can be followed while the cell runs."""

from pathlib import Path

from report_story import CP39, CP311

from matrix_runner.model.events import CellStarted, Output, Tick
from matrix_runner.report.cell_logs import CellLogs


def test_what_a_cell_printed_is_soon_in_its_file(tmp_path: Path) -> None:
    """A line that was printed a second ago is on the disk, though the cell is silent since and others are not."""
    logs = CellLogs(tmp_path)
    logs.handle(CellStarted(at=1.0, cell=CP39))
    logs.handle(Output(at=1.0, cell=CP39, data=b"waiting for a server\n"))
    logs.handle(Output(at=2.0, cell=CP311, data=b"x"))
    assert logs.path(CP39).read_bytes().endswith(b"\nwaiting for a server\n")
    logs.handle(Tick(at=3.0))
    assert logs.path(CP311).read_bytes().endswith(b"x")
    logs.close()


def test_a_log_that_cannot_be_flushed_is_given_up(tmp_path: Path) -> None:
    """A full disk that shows only when the buffer is emptied is remembered; nothing is raised."""
    logs = CellLogs(tmp_path)
    logs.handle(Output(at=0.0, cell=CP39, data=b"a"))
    logs._open[CP39].file.close()
    logs._open[CP39].file = Path("/dev/full").open("wb")  # noqa: SIM115 -- the log closes it
    logs.handle(Output(at=0.1, cell=CP39, data=b"b"))
    logs.handle(Tick(at=1.0))
    assert logs.problem(CP39) == "No space left on device"
    logs.close()
