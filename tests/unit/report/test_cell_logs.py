"""Each cell's log in a file."""

import tracemalloc
from pathlib import Path

import pytest
from report_story import CP39, CP311, failed, passed

from matrix_runner.errors import OutputError
from matrix_runner.model.events import CellFinished, CellStarted, Notice, Output, StepStarted
from matrix_runner.model.outcomes import Outcome, Status, StepKind
from matrix_runner.report.cell_logs import KEPT_END, CellLogs


def test_a_log_tells_the_cells_story_with_output_as_it_came(tmp_path: Path) -> None:
    """Headers, raw bytes, notices about the cell and a footer, each on lines of their own."""
    logs = CellLogs(tmp_path / "logs")
    logs.handle(CellStarted(at=0, cell=CP39))
    logs.handle(StepStarted(at=0, cell=CP39, kind=StepKind.BUILD, command="python -m build"))
    logs.handle(Output(at=1, cell=CP39, data=b"raw \xff\x00\x1b[31m no line end"))
    logs.handle(Notice(at=2, cell=CP39, text="retrying"))
    logs.handle(CellFinished(at=3, outcome=failed(CP39, "it broke\nbadly")))
    assert (tmp_path / "logs/cp39-manylinux_x86_64.log").read_bytes() == (
        b"=== cp39-manylinux_x86_64\n=== build: python -m build\nraw \xff\x00\x1b[31m no line end\n--- retrying\n"
        b"=== failed after 12s, in build (command): it broke badly\n"
    )


def test_logs_of_cells_at_work_at_once_do_not_mix(tmp_path: Path) -> None:
    """Output goes to the log of its own cell, whatever order it comes in."""
    logs = CellLogs(tmp_path)
    for number in range(4):
        for cell in (CP39, CP311):
            logs.handle(Output(at=0, cell=cell, data=f"{cell} {number}\n".encode()))
    logs.close()
    assert logs.path(CP311).read_text() == "".join(f"{CP311} {number}\n" for number in range(4))


def test_a_log_beyond_the_cap_keeps_its_beginning_and_its_end_in_flat_memory(tmp_path: Path) -> None:
    """40 MiB of output in one line, with a cap of 1 MiB: start and end are there, and a notice of what is not."""
    logs = CellLogs(tmp_path, cap=1024 * 1024)
    logs.handle(Output(at=0, cell=CP39, data=b"the beginning "))
    chunk = b"x" * 65536
    tracemalloc.start()
    for _ in range(640):
        logs.handle(Output(at=0, cell=CP39, data=chunk))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    logs.handle(Output(at=0, cell=CP39, data=b"the error"))
    assert logs.tail(CP39, 9) == b"the error"
    logs.handle(CellFinished(at=1, outcome=passed(CP39)))
    data = logs.path(CP39).read_bytes()
    assert peak < 4 * 1024 * 1024
    assert len(data) < 1024 * 1024 + KEPT_END + 500
    assert data.startswith(b"the beginning xxx")
    assert data.endswith(b"xxxthe error\n=== passed after 42s\n")
    assert b"\n--- 38.8 MiB of output left out here: a log keeps 1.0 MiB and the end\n" in data


def test_output_just_over_the_cap_is_kept_whole(tmp_path: Path) -> None:
    """Where the kept end reaches back to the cap nothing is missing, so nothing says so."""
    logs = CellLogs(tmp_path, cap=10)
    logs.handle(Output(at=0, cell=CP39, data=b"0123456789abc\n"))
    logs.close()
    assert logs.path(CP39).read_bytes() == b"0123456789abc\n"


def test_the_tail_of_a_log_is_there_while_it_is_written(tmp_path: Path) -> None:
    """The last bytes can be read at any time; a cell that has written nothing has none."""
    logs = CellLogs(tmp_path)
    logs.handle(Output(at=0, cell=CP39, data=b"abcdef"))
    assert logs.tail(CP39, 3) == b"def"
    assert logs.tail(CP39, 100) == b"abcdef"
    assert logs.tail(CP311, 3) == b""
    assert b"".join(logs.read(CP39)) == b"abcdef"
    logs.close()


def test_a_log_replaces_that_of_an_earlier_run(tmp_path: Path) -> None:
    """Nothing of an old log is left, also where it was a link to something else."""
    other = tmp_path / "other"
    other.write_text("precious")
    logs = CellLogs(tmp_path / "logs")
    logs.path(CP39).symlink_to(other)
    logs.handle(Output(at=0, cell=CP39, data=b"new\n"))
    logs.close()
    assert logs.path(CP39).read_text() == "new\n"
    assert other.read_text() == "precious"


def test_a_cell_that_never_ran_has_no_log_unless_it_failed(tmp_path: Path) -> None:
    """A cached cell leaves no empty file; one that failed before it began leaves its cause."""
    logs = CellLogs(tmp_path)
    logs.handle(CellFinished(at=0, outcome=Outcome(cell=CP39, status=Status.CACHED)))
    logs.handle(CellFinished(at=0, outcome=failed(CP311)))
    assert [path.name for path in tmp_path.iterdir()] == ["cp311-manylinux_x86_64.log"]


def test_a_log_that_cannot_be_written_harms_no_cell(tmp_path: Path) -> None:
    """The run goes on, the other logs are whole, and the problem can be told."""
    logs = CellLogs(tmp_path)
    logs.path(CP39).mkdir()
    for cell in (CP39, CP311):
        logs.handle(Output(at=0, cell=cell, data=b"text\n"))
        logs.handle(CellFinished(at=1, outcome=passed(cell)))
    assert logs.problem(CP39)
    assert logs.problem(CP311) is None
    assert logs.path(CP311).read_bytes() == b"text\n=== passed after 42s\n"


def test_a_full_disk_harms_no_cell(tmp_path: Path) -> None:
    """Writing that fails in mid-run is remembered; nothing is raised."""
    logs = CellLogs(tmp_path)
    logs.handle(Output(at=0, cell=CP39, data=b"a"))
    logs._open[CP39].file.close()
    logs._open[CP39].file = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115 -- the log closes it
    logs.handle(Output(at=0, cell=CP39, data=b"b"))
    logs.handle(CellFinished(at=1, outcome=passed(CP39)))
    assert logs.problem(CP39) == "No space left on device"


def test_a_directory_that_cannot_be_made_is_a_users_error(tmp_path: Path) -> None:
    """A file where the directory should be is said plainly, with what to do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot make the directory for logs") as caught:
        CellLogs(tmp_path / "file" / "logs")
    assert caught.value.hint
