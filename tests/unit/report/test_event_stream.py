"""Events as JSON lines: the file beside the wheels, and standard output for programs."""

import io
import json
from pathlib import Path

from matrix_runner.model.cells import Cell
from matrix_runner.model.events import (
    CellFinished,
    CellStarted,
    Event,
    Notice,
    Output,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
    Tick,
)
from matrix_runner.model.outcomes import Outcome, Status, StepKind
from matrix_runner.report.event_records import event_line, replay
from matrix_runner.report.event_stream import EventFile, JsonConsole

CELL = Cell.parse("cp311-manylinux_x86_64")
STORY: tuple[Event, ...] = (
    RunStarted(at=0.0, run="r1", cells=(CELL,), workers=2),
    Notice(at=0.1, text="a word", is_warning=True),
    CellStarted(at=0.2, cell=CELL),
    StepStarted(at=0.3, cell=CELL, kind=StepKind.BUILD, command="uv build"),
    Output(at=0.4, cell=CELL, data=b"\xffbytes\n"),
    Tick(at=0.5),
    StepFinished(at=0.6, cell=CELL, kind=StepKind.BUILD, seconds=0.3),
    CellFinished(at=0.7, outcome=Outcome(cell=CELL, status=Status.PASSED)),
    RunFinished(at=0.8, exit_code=0),
)


def test_the_file_has_all_but_output_and_ticks(tmp_path: Path) -> None:
    """Output is in the cells' logs; all else can be replayed, and what an earlier run left is gone."""
    path = tmp_path / "events.jsonl"
    path.write_text("of an earlier run\n")
    recorder = EventFile(tmp_path)
    for event in STORY:
        recorder.handle(event)
    recorder.close()
    assert list(replay(path)) == [event for event in STORY if not isinstance(event, Output | Tick)]
    assert recorder.problem is None


def test_a_cell_that_has_ended_is_on_the_disk(tmp_path: Path) -> None:
    """Whoever asks why a run was killed finds each cell that ended before, though nothing was closed."""
    recorder = EventFile(tmp_path)
    for event in STORY[:-1]:
        recorder.handle(event)
    assert [type(event) for event in replay(tmp_path / "events.jsonl")][-1] is CellFinished
    recorder.close()


def test_a_disk_that_refuses_ends_the_recording_alone(tmp_path: Path) -> None:
    """A full disk is a problem of the recording, told by it, and raises nothing into the run."""
    recorder = EventFile(tmp_path)
    recorder.handle(STORY[0])
    assert recorder._file is not None
    recorder._file.close()
    recorder._file = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115  closed below
    for event in STORY[1:]:
        recorder.handle(event)
    recorder.close()
    assert recorder.problem == f"{tmp_path}/events.jsonl is not complete: No space left on device"


def test_a_directory_that_cannot_be_written_to_is_a_problem_of_the_recording(tmp_path: Path) -> None:
    """The wheels have an error of their own for that."""
    recorder = EventFile(tmp_path / "not there")
    for event in STORY:
        recorder.handle(event)
    recorder.close()
    assert str(recorder.problem).endswith("events.jsonl is not complete: No such file or directory")


def test_nothing_of_an_earlier_run_is_touched_before_this_one_begins(tmp_path: Path) -> None:
    """The output directory may still be another run's."""
    (tmp_path / "events.jsonl").write_text("of a run that goes on\n")
    EventFile(tmp_path).close()
    assert (tmp_path / "events.jsonl").read_text() == "of a run that goes on\n"


def test_programs_get_one_event_a_line() -> None:
    """Every line is an object with the event's name and time, and the first says the version of the format."""
    stream = io.StringIO()
    console = JsonConsole(stream)
    for event in STORY:
        console.handle(event)
    console.close()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == [
        "run-started",
        "notice",
        "cell-started",
        "step-started",
        "output",
        "step-finished",
        "cell-finished",
        "run-finished",
    ]
    assert lines[0]["version"] == 1
    assert lines[-1]["exit_code"] == 0


def test_the_page_names_every_event_and_field() -> None:
    """docs/reference/events.md has a row for each field of each event, so that nobody need read the code."""
    page = (Path(__file__).parents[3] / "docs/reference/events.md").read_text("utf-8")
    for event in STORY:
        fields = json.loads(event_line(event))
        name = fields.pop("event")
        if name == "tick":
            continue
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        assert all(f"`{field}`" in row for field in fields if field != "at"), (name, fields)
