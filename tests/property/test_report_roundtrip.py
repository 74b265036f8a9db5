"""Files that hold a run give it back as it was; sanitised text is safe whatever came in."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from matrix_runner.engine.api import EngineInfo
from matrix_runner.errors import ExitCode, UsageError
from matrix_runner.model.cells import Cell, Implementation, Interpreter
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
    Transfer,
    WaitEnded,
    WaitProgressed,
    WaitStarted,
)
from matrix_runner.model.outcomes import (
    Failure,
    Outcome,
    Place,
    Reason,
    Report,
    ResultCounts,
    RunWarning,
    Status,
    StepKind,
    StepTime,
    Wait,
    WheelNeeds,
    WheelRecord,
)
from matrix_runner.model.platforms import Arch, Libc, Platform
from matrix_runner.model.rung_outcomes import RungOutcome, RungStatus
from matrix_runner.report.ci.ci_commands import neutralise
from matrix_runner.report.event_records import event_line, replay
from matrix_runner.report.sanitize import LONGEST_LINE, Sanitizer, sanitized_lines
from matrix_runner.report.summary.report_json import ReportExtra, read_report, report_json

TEXT = st.text(max_size=30)
MAYBE = st.none() | TEXT
# Files hold milliseconds.
SECONDS = st.integers(0, 10**8).map(lambda number: round(number / 1000, 3))
CELLS = st.builds(
    Cell,
    interpreter=st.builds(
        Interpreter,
        implementation=st.sampled_from(Implementation),
        major=st.just(3),
        minor=st.integers(0, 99),
        variant=st.sampled_from(("", "t", "m", "mu", "_250")),
    ),
    platform=st.builds(Platform, libc=st.sampled_from(Libc), arch=st.sampled_from(Arch)),
)
COUNT = st.integers(0, 10**6)
STEPS = st.sampled_from(StepKind)
OUTCOMES = st.builds(
    Outcome,
    cell=CELLS,
    status=st.sampled_from(Status),
    seconds=SECONDS,
    steps=st.lists(st.builds(StepTime, kind=STEPS, seconds=SECONDS, began=st.none() | SECONDS), max_size=3).map(tuple),
    failure=st.none()
    | st.builds(
        Failure,
        step=STEPS,
        reason=st.sampled_from(Reason),
        message=TEXT,
        hint=MAYBE,
        place=st.none()
        | st.builds(Place, path=TEXT, line=st.integers(1, 10**6), column=st.none() | st.integers(1, 500)),
        excerpt=st.lists(TEXT, max_size=3).map(tuple),
    ),
    wheel=st.none()
    | st.builds(
        WheelRecord,
        name=TEXT,
        size=st.integers(0, 2**62),
        sha256=TEXT,
        grafted=st.lists(TEXT, max_size=2).map(tuple),
        needs=st.none() | st.builds(WheelNeeds, libc=TEXT, symbols=st.lists(TEXT, max_size=2).map(tuple)),
        provenance=MAYBE,
    ),
    reused_from=st.none() | CELLS,
    image=MAYBE,
    image_id=MAYBE,
    python_version=MAYBE,
    began=st.none() | SECONDS,
    spared=st.none() | SECONDS,
    log=MAYBE,
    kept=MAYBE,
    rungs=st.lists(
        st.builds(
            RungOutcome,
            name=TEXT,
            status=st.sampled_from(RungStatus),
            system=TEXT,
            libc=TEXT,
            python=TEXT,
            image_id=MAYBE,
            seconds=SECONDS,
            reason=MAYBE,
        ),
        max_size=2,
    ).map(tuple),
    test_results=st.none() | st.builds(ResultCounts, tests=COUNT, failures=COUNT, errors=COUNT, skipped=COUNT),
)
REPORTS = st.builds(
    Report,
    run=TEXT,
    outcomes=st.lists(OUTCOMES, max_size=3).map(tuple),
    seconds=SECONDS,
    workers=st.integers(0, 64),
    waits=st.lists(st.builds(Wait, text=TEXT, began=SECONDS, seconds=SECONDS), max_size=2).map(tuple),
    warnings=st.lists(st.builds(RunWarning, text=TEXT, cell=st.none() | CELLS), max_size=2).map(tuple),
    interrupted_by=st.none() | st.sampled_from(ExitCode),
)
EXTRAS = st.builds(
    ReportExtra,
    tool_version=TEXT,
    started=TEXT,
    engine=st.none() | st.builds(EngineInfo, name=TEXT, version=TEXT, machine=TEXT, endpoint=TEXT),
    left_out=st.lists(st.tuples(CELLS, TEXT), max_size=2).map(tuple),
)
AT = st.floats(0, 1e7)
BYTES = st.integers(0, 2**50)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        RunStarted,
        at=AT,
        run=TEXT,
        cells=st.lists(CELLS, max_size=3).map(tuple),
        workers=st.integers(1, 64),
        emulated=st.lists(CELLS, max_size=3).map(tuple),
        expected=st.lists(SECONDS, max_size=3).map(tuple),
    ),
    st.builds(WaitStarted, at=AT, text=TEXT),
    st.builds(WaitEnded, at=AT, text=TEXT),
    st.builds(
        WaitProgressed,
        at=AT,
        text=TEXT,
        transfer=st.builds(Transfer, done=BYTES, total=BYTES, parts_done=BYTES, parts=BYTES),
    ),
    st.builds(Notice, at=AT, text=TEXT, cell=st.none() | CELLS, is_warning=st.booleans()),
    st.builds(CellStarted, at=AT, cell=CELLS),
    st.builds(StepStarted, at=AT, cell=CELLS, kind=STEPS, command=MAYBE),
    st.builds(Output, at=AT, cell=CELLS, data=st.binary(max_size=50)),
    st.builds(StepFinished, at=AT, cell=CELLS, kind=STEPS, seconds=AT),
    st.builds(CellFinished, at=AT, outcome=OUTCOMES),
    st.builds(RunFinished, at=AT, exit_code=st.integers(0, 255)),
    st.builds(Tick, at=AT),
)
# Output that looks for trouble: sequences, commands, halves of both.
HOSTILE = st.lists(
    st.sampled_from(
        (b"\x1b", b"[", b"]", b"31m", b"\x07", b"\\", b"\r", b"\n", b"\b", b"\t", b"::", b"##", b"[x]", b"vso", b"\xc2",
         b"\x9b", b"\xff", b"\x00", b"a", b" ", b"travis_fold", b":", b"\xe2\x80\xae")
    )
    | st.binary(max_size=4),
    max_size=40,
).map(b"".join)  # fmt: skip


@given(REPORTS, EXTRAS)
def test_report_json_gives_back_the_report(report: Report, extra: ReportExtra) -> None:
    """Whatever a run was, reading report.json gives an equal report, and writing that the same bytes."""
    data = report_json(report, extra)
    assert read_report(data) == report
    assert report_json(read_report(data), extra) == data


@given(st.binary(max_size=40) | st.just(b'{"version": 2, "run": "", "tool_version": "", "started": "", "seconds": 1}'))
def test_what_is_no_report_is_a_users_error(data: bytes) -> None:
    """Nothing but our own file is read, and nothing but a UsageError comes of it."""
    with pytest.raises(UsageError):
        read_report(data)


def test_a_later_version_is_refused_by_name() -> None:
    """A file of a later format is not misread."""
    data = report_json(Report(run="r", outcomes=(), seconds=0), ReportExtra(tool_version="1", started="now"))
    with pytest.raises(UsageError, match="version 2"):
        read_report(data.replace(b'"version": 1', b'"version": 2'))


def test_a_path_with_undecodable_bytes_can_be_reported() -> None:
    """An output directory whose name is not UTF-8 does not cost the report."""
    outcome = Outcome(cell=Cell.parse("cp39-manylinux_i686"), status=Status.PASSED, log="logs-\udcff")
    report = Report(run="r", outcomes=(outcome,), seconds=0)
    again = read_report(report_json(report, ReportExtra(tool_version="1", started="now")))
    assert again == replace(report, outcomes=(replace(outcome, log="logs-?"),))


@given(st.lists(EVENTS, max_size=8), st.integers(0, 200))
def test_a_recording_gives_back_every_event(events: list[Event], cut: int) -> None:
    """Replay yields what was recorded; of a recording that was cut off, its whole lines."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "events.jsonl"
        path.write_bytes(b"".join(map(event_line, events)))
        assert list(replay(path)) == events
        path.write_bytes(path.read_bytes()[:cut])
        whole = list(replay(path))
        assert whole == events[: len(whole)]


def test_a_recording_of_another_version_is_refused(tmp_path: Path) -> None:
    """A reader never takes the fields of another version for its own."""
    path = tmp_path / "events.jsonl"
    line = event_line(RunStarted(at=0.0, run="r", cells=(), workers=1))
    path.write_bytes(line.replace(b'"version":1', b'"version":2'))
    with pytest.raises(UsageError, match="version 2"):
        list(replay(path))


def test_a_damaged_recording_names_the_line(tmp_path: Path) -> None:
    """A line in the middle that is no event is an error that says where."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"event":"tick","at":1.0}\nnonsense\n')
    with pytest.raises(UsageError, match=r"events\.jsonl:2"):
        list(replay(path))


@given(HOSTILE, st.booleans())
def test_sanitised_lines_are_safe(data: bytes, colour: bool) -> None:  # noqa: FBT001 -- Hypothesis passes by position
    """No control character but those of kept colours, no line too long, no command of any CI system."""
    for line in sanitized_lines((data,), colour=colour):
        bare = line
        if colour:
            pieces = line.split("\x1b[")
            assert all(piece.lstrip("0123456789;:").startswith("m") for piece in pieces[1:])
            bare = "".join((pieces[0], *(piece.partition("m")[2] for piece in pieces[1:])))
        assert bare.isprintable() or all(char.isprintable() or char > "\x9f" for char in bare)
        assert len(bare) <= LONGEST_LINE + 50
        assert neutralise(line) == line


@given(HOSTILE, st.integers(1, 7), st.booleans())
def test_where_output_is_cut_makes_no_difference(data: bytes, size: int, colour: bool) -> None:  # noqa: FBT001 -- as above
    """Pieces of any size give the same lines as the whole."""
    sanitizer = Sanitizer(colour=colour)
    lines: list[str] = []
    for start in range(0, len(data), size):
        lines += sanitizer.feed(data[start : start + size])
    assert [*lines, *sanitizer.finish()] == list(sanitized_lines((data,), colour=colour))
