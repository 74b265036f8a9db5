"""The sections of a log: of a run's own by the index, of one from the cache by its headers."""

from pathlib import Path

from report_story import CP39, CP311, failed, passed

from matrix_runner.model.events import CellFinished, CellStarted, Event, Output, RunStarted, StepStarted
from matrix_runner.model.outcomes import StepKind
from matrix_runner.report.cell_logs import CellLogs
from matrix_runner.report.log_following import followed_log, step_of_log, steps_of_log
from matrix_runner.report.log_index import INDEX, read_index
from matrix_runner.report.log_sections import sections

NAME = str(CP39)
STORY: tuple[Event, ...] = (
    CellStarted(at=0, cell=CP39),
    StepStarted(at=0, cell=CP39, kind=StepKind.BUILD, command="python -m build"),
    # What a build prints can look like a header; the index tells.
    Output(at=1, cell=CP39, data=b"=== test: not a header\nno line end"),
    StepStarted(at=0, cell=CP39, kind=StepKind.TEST, command="pytest"),
    Output(at=1, cell=CP39, data=b"2 passed\n"),
    CellFinished(at=3, outcome=passed(CP39)),
)


def written(directory: Path, *events: Event) -> Path:
    """Have logs written, and return the path of the first cell's."""
    logs = CellLogs(directory)
    for event in events:
        logs.handle(event)
    logs.close()
    return logs.path(CP39)


def test_sections_are_all_of_the_log_and_each_begins_with_its_header(tmp_path: Path) -> None:
    """Whatever the commands print."""
    log = written(tmp_path, *STORY)
    data = log.read_bytes()
    found = sections(log, read_index(tmp_path)[NAME])
    assert [each.step for each in found] == ["", "build", "test", None]
    assert b"".join(data[each.begin : each.end] for each in found) == data
    assert data[found[1].begin : found[1].end] == (b"=== build: python -m build\n=== test: not a header\nno line end\n")
    assert data[found[3].begin :].startswith(b"=== passed after")


def test_offsets_are_right_behind_output_that_was_left_out(tmp_path: Path) -> None:
    """The header of the next step comes behind the retained end of the step before."""
    logs = CellLogs(tmp_path, cap=1000)
    logs.handle(StepStarted(at=0, cell=CP39, kind=StepKind.BUILD, command="make"))
    for _ in range(40):
        logs.handle(Output(at=1, cell=CP39, data=b"x" * 20_000))
    logs.handle(StepStarted(at=2, cell=CP39, kind=StepKind.TEST, command="pytest"))
    logs.handle(CellFinished(at=3, outcome=passed(CP39)))
    log = logs.path(CP39)
    logs.close()
    assert b"".join(step_of_log(log, NAME, "test")) == b"=== test: pytest\n"


def test_a_log_of_the_cache_is_cut_at_its_headers(tmp_path: Path) -> None:
    """It came as output, in a run that has no index of it; a heading of no step is none."""
    replayed = b"=== cp39\n=== build: make\n=== odd\nok\n=== test: pytest\n=== passed after 2s\n"
    log = written(tmp_path, Output(at=0, cell=CP39, data=replayed))
    assert steps_of_log(log, NAME) == ("build", "test")
    assert b"".join(step_of_log(log, NAME, "build")) == b"=== build: make\n=== odd\nok\n"


def test_the_index_of_an_earlier_run_is_gone(tmp_path: Path) -> None:
    """Its places are not those of today's log."""
    written(tmp_path, *STORY)
    start = RunStarted(at=0, run="r", cells=(CP39,), workers=1)
    log = written(tmp_path, start, Output(at=0, cell=CP39, data=b"=== build: short\n"))
    assert read_index(tmp_path) == {}
    assert steps_of_log(log, NAME) == ("build",)


def test_a_torn_last_line_of_the_index_is_passed_over(tmp_path: Path) -> None:
    """As a killed run leaves it."""
    written(tmp_path, *STORY)
    with (tmp_path / INDEX).open("ab") as file:
        file.write(b'{"cell":"cp39-manyl')
    assert len(read_index(tmp_path)[NAME]) == 3


def test_steps_of_several_attempts_are_all_shown(tmp_path: Path) -> None:
    """A cell that is tried again has each of its steps twice."""
    log = written(tmp_path, *STORY[:3], *STORY[1:])
    assert b"".join(step_of_log(log, NAME, "build")).count(b"python -m build") == 2


def test_a_log_is_followed_until_its_writer_is_done(tmp_path: Path) -> None:
    """From before its first line to its last, also the part that came in between two looks."""
    log, written_parts = tmp_path / "a.log", [b"one\n", b"two\n", b"three\n"]

    def sleep(_: float) -> None:
        with log.open("ab") as file:
            file.write(written_parts.pop(0))

    heard = followed_log(log, lambda: not written_parts, sleep)
    assert b"".join(heard) == b"one\ntwo\nthree\n"


def test_a_log_that_never_comes_is_not_waited_for(tmp_path: Path) -> None:
    """When nobody writes any more."""
    assert list(followed_log(tmp_path / "a.log", lambda: True)) == []


def test_logs_of_several_cells_have_their_own_places(tmp_path: Path) -> None:
    """Though they share one index."""
    logs = CellLogs(tmp_path)
    for kind in (StepKind.BUILD, StepKind.TEST):
        for cell in (CP39, CP311):
            logs.handle(StepStarted(at=0, cell=cell, kind=kind, command=str(cell)))
            logs.handle(Output(at=0, cell=cell, data=b"word\n" * (3 if cell is CP39 else 7)))
    logs.handle(CellFinished(at=1, outcome=failed(CP311)))
    logs.close()
    text = b"".join(step_of_log(logs.path(CP311), str(CP311), "test"))
    assert text == b"=== test: cp311-manylinux_x86_64\n" + b"word\n" * 7
