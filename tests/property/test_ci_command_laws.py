"""Nothing that a build prints, names or quotes is a command to a CI system, in whatever spelling and however cut."""

from collections.abc import Iterator

import pytest
from ci_readers import READERS, Command, terminal
from ci_story import CELLS, SYSTEMS, printed, style_of
from hypothesis import example, given, settings
from hypothesis import strategies as st
from report_story import DIRECTORIES

from matrix_runner.config.kinds.values import LogFolds
from matrix_runner.model.events import CellFinished, CellStarted, Event, Notice, Output, RunFinished, RunStarted
from matrix_runner.model.outcomes import Failure, Outcome, Place, Reason, Report, Status, StepKind, WheelRecord
from matrix_runner.report.sanitize import clean_line, clean_lines, last_line, sanitized_lines
from matrix_runner.report.summary.text_summary import summary_lines

PARTS = (
    *("::", ":", "##", "#", "[", "]", "##[", "##[group]", "##vso[", "##vso[task.setvariable variable=a]", "']", "|'"),
    *("::error::", "::set-output name=a::", "::stop-commands::SECRET", "::SECRET::", "::add-mask::", "::endgroup::"),
    *(
        "##teamcity[",
        "##teamcity[buildStatus text='x']",
        "---",
        "--- ",
        "+++",
        "+++ ",
        "~~~ ",
        "^^^ +++",
        "-",
        "+",
        "^",
    ),
    *("travis_fold:start:x", "travis_time:", "end:x", "section_start:1:x", "section_", "end:1:x", "[collapsed=true]"),
    *("\r", "\n", "\r\n", "\b", "\t", " ", "\x0b", "\x0c", "\x00", "\x07", "\x85", "\x1b", "\x9b", "%0A", "%0D", "%25"),
    *(
        "\x1b[31m",
        "\x1b[0m",
        "\x1b[0K",
        "\x1b[2K",
        "\x1b[A",
        "\x1b]0;",
        "\x1b\\",
        "\x1b[38;5;",
        "\x9b0m",
        "\x1b_bk;t=1\x07",
    ),
    *("\u200b", "\u200d", "\u00ad", "\u2060", "\ufeff", "\ufe0f", "\u180e", "\u034f", "\u202e", "\u2028", "\u00a0"),
    *("\u3000", "  | ", "EVIL", "error", "group", "x", "\U000e0001", "\udcff"),
)
"""Pieces of commands, and of what could disguise them or put them together."""

hostile = st.lists(st.sampled_from(PARTS) | st.text(max_size=3), max_size=12).map("".join)


def chunked(text: str) -> st.SearchStrategy[tuple[bytes, ...]]:
    """Draw a text as bytes that are cut anywhere, in the midst of characters and sequences too."""
    data = text.encode(errors="surrogatepass")
    cuts = st.lists(st.integers(0, len(data)), max_size=4).map(sorted)
    return cuts.map(lambda at: tuple(data[a:b] for a, b in zip((0, *at), (*at, len(data)), strict=True)))


chunks = hostile.flatmap(chunked)


def commands(text: str) -> dict[str, list[Command]]:
    """Return what each system would obey in a text."""
    return {name: found for name, reader in READERS.items() if (found := reader(text))}


@given(chunks=chunks, colour=st.booleans())
@example(chunks=(b":\xe2\x80", b"\x8b:error::x"), colour=True)
@example(chunks=(b"x\r", b"::error::x"), colour=False)
@example(chunks=(b"##vs\bso[task", b".x]"), colour=True)
@example(chunks=(b"\x1b[3", b"1m--- title"), colour=True)
def test_no_line_of_output_is_a_command(chunks: tuple[bytes, ...], *, colour: bool) -> None:
    """Safe lines are commands to no system, nor to a terminal."""
    text = "\n".join(sanitized_lines(chunks, colour=colour))
    assert commands(text) == {}
    assert terminal(text) == []


@given(chunks=chunks, colour=st.booleans())
def test_it_does_not_matter_where_output_is_cut(chunks: tuple[bytes, ...], *, colour: bool) -> None:
    """The lines are those of the output in one piece."""
    assert list(sanitized_lines(chunks, colour=colour)) == list(sanitized_lines((b"".join(chunks),), colour=colour))


@given(text=hostile)
@example(text="\x00\n --- x")
def test_no_quoted_text_is_a_command(text: str) -> None:
    """Messages in one line or in several, and the last line of an output, are harmless at the start of a line too."""
    for safe in (clean_line(text), "\n".join(clean_lines(text)), last_line(text.encode(errors="replace"))):
        assert commands(safe) == {}
        assert commands(safe.strip()) == {}
        assert terminal(safe) == []


def run(texts: tuple[str, ...], outputs: tuple[tuple[bytes, ...], ...]) -> Iterator[Event]:
    """Tell a run in which all that a project can choose is what is given."""
    passing, failing, other = CELLS[:3]
    message, hint, path, wheel, notice, excerpt = texts
    yield RunStarted(at=0.0, run="r", cells=CELLS[:3], workers=1)
    yield Notice(at=0.0, cell=passing, text=notice, is_warning=True)
    yield Notice(at=0.0, text=notice)
    for cell, each in zip((passing, failing), outputs, strict=True):
        yield CellStarted(at=0.0, cell=cell)
        for data in each:
            yield Output(at=0.0, cell=cell, data=data)
    record = WheelRecord(name=f"{wheel}.whl", size=1, sha256="0f" * 32)
    yield CellFinished(at=1.0, outcome=Outcome(cell=passing, status=Status.PASSED, wheel=record))
    for cell, step in ((failing, StepKind.BUILD), (other, StepKind.TEST)):
        failure = Failure(
            step=step,
            reason=Reason.COMMAND,
            message=message,
            hint=hint,
            place=Place(path=path, line=3, column=9),
            excerpt=(excerpt, message),
        )
        yield CellFinished(at=2.0, outcome=Outcome(cell=cell, status=Status.FAILED, failure=failure))
    yield RunFinished(at=3.0, exit_code=1)


HARMLESS = (("text",) * 6, ((b"text\n",), (b"text\n",)))


@pytest.mark.parametrize("system", SYSTEMS, ids=str)
@settings(max_examples=40)
@given(texts=st.tuples(*(hostile,) * 6), outputs=st.tuples(chunks, chunks), verbose=st.booleans(), colour=st.booleans())
@example(texts=HARMLESS[0], outputs=((b"::SECRE", b"T::\n::error::x"), ()), verbose=True, colour=False)
@example(texts=("x\n::error::y", "\n]##vso[a.b]", "a,b:c;d]e", "--- x", "|'] x", "+++ y"), outputs=HARMLESS[1],
         verbose=False, colour=True)  # fmt: skip
def test_a_log_has_the_commands_of_the_console_and_no_others(
    system: LogFolds,
    texts: tuple[str, ...],
    outputs: tuple[tuple[bytes, ...], ...],
    *,
    verbose: bool,
    colour: bool,
) -> None:
    """Whatever a build says, its system reads as many commands, of the same names, as of a build that says nothing."""
    style = style_of(system, verbose=verbose, colour=colour)
    said, unsaid = printed(run(texts, outputs), style), printed(run(*HARMLESS), style)
    if str(system) not in READERS:
        assert commands(said) == {}
        return
    reader = READERS[str(system)]
    assert [command[0] for command in reader(said)] == [command[0] for command in reader(unsaid)]


@given(texts=st.tuples(*(hostile,) * 6))
def test_no_line_of_the_summary_is_a_command(texts: tuple[str, ...]) -> None:
    """The summary is printed on all systems."""
    outcomes = tuple(event.outcome for event in run(texts, HARMLESS[1]) if isinstance(event, CellFinished))
    lines = summary_lines(Report(run="r", outcomes=outcomes, seconds=1.0), directories=DIRECTORIES)
    assert commands("\n".join(lines)) == {}
    assert terminal("\n".join(lines)) == []
