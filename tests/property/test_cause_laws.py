"""Laws of explanations: any output has one, which is short, of the output's own lines, and found in linear time."""

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matrix_runner.cell.causes.cause_rules import CauseRule, load_rules
from matrix_runner.cell.causes.command_cause import Surroundings, explain_output
from matrix_runner.cell.causes.failure_line import LONGEST_CAUSE
from matrix_runner.cell.causes.output_lines import MOST_SHOWN, lines_of
from matrix_runner.cell.causes.project_places import ProjectFiles
from matrix_runner.model.outcomes import StepKind

RECORDED = tuple(
    path.read_bytes() for path in sorted((Path(__file__).parents[1] / "unit/cell/failed_commands").glob("*.log"))
)
NAMES = ("setup.py", "src/_demo.c", "tests/test_values.py", "meson.build")
AROUND = Surroundings(files=ProjectFiles(names=NAMES, roots=(("/project", ""),)))

BLOCK = 32 * 1024
FACTOR = 16
MOST_GROWTH = 6 * FACTOR
"""A sixteenth of the output takes a sixteenth of the time; with quadratic growth it would be a 256th."""
MOST_SECONDS = 3
"""A line is searched up to a length only, so a pattern that backtracks in it shows in the time alone."""
LEAST_SECONDS = 0.02
"""What takes less than this for the whole says nothing about growth."""

PIECES = st.one_of(
    st.sampled_from([line for log in RECORDED for line in log.splitlines(keepends=True)]),
    st.sampled_from([rule.sign.encode() for rule in load_rules()]),
    st.binary(max_size=40),
    st.sampled_from([b"\n", b"\r", b"\x1b[", b"\xff", "\N{LINE SEPARATOR}".encode(), b"\x00", b"{name}", b"%s"]),
)


@given(
    pieces=st.lists(PIECES, max_size=60),
    kind=st.sampled_from(StepKind),
    status=st.sampled_from([None, 0, 1, 5, 126, 127, 137, 139]),
)
@settings(max_examples=400, deadline=None)
def test_any_output_has_an_explanation(pieces: list[bytes], kind: StepKind, status: int | None) -> None:
    """Nothing is raised; the cause is one line; the excerpt is of the output; a place is of the project."""
    output = b"".join(pieces)
    found = explain_output(output, kind, status, AROUND)
    assert len(found.cause) <= LONGEST_CAUSE
    assert len(found.cause.splitlines()) <= 1
    assert len(found.excerpt) <= MOST_SHOWN
    raw = [line.raw.strip() for line in lines_of(output)]
    assert all(any(shown.strip() in line for line in raw) for shown in found.excerpt)
    assert found.place is None or (found.place.path in NAMES and found.place.line > 0)
    assert explain_output(output, kind, status, AROUND) == found


def seconds(unit: bytes, size: int, rule: CauseRule | None = None) -> float:
    """Return the processor's time that an output of one repeated piece takes."""
    output = (unit * (size // len(unit) + 1))[:size]
    kind = StepKind.BUILD if rule is None else min(rule.kinds, key=lambda each: list(StepKind).index(each))
    began = time.process_time()
    explain_output(output, kind, 1 if rule is None else rule.status, AROUND)
    return time.process_time() - began


def assert_linear(unit: bytes, rule: CauseRule | None = None) -> None:
    """Hold a block's time against that of a sixteenth of it: the least of several, if it is long enough to tell."""
    first = seconds(unit, BLOCK, rule)
    assert first < MOST_SECONDS, f"{unit!r}: {first:.4f} s"
    if first > LEAST_SECONDS:
        whole = min(seconds(unit, BLOCK, rule) for _ in range(2))
        part = min(seconds(unit, BLOCK // FACTOR, rule) for _ in range(3))
        assert whole < MOST_GROWTH * part, f"{unit!r}: {part:.4f} s, {whole:.4f} s"


@pytest.mark.parametrize("rule", load_rules(), ids=lambda rule: rule.name)
def test_a_rules_time_grows_with_the_output(rule: CauseRule) -> None:
    """No pattern backtracks: an output full of its sign, and of what its groups take, is read in linear time."""
    for filling in (b"x", b" :'1", b'/x`(-\n"'):
        assert_linear(rule.sign.encode() + filling * 200, rule)


@pytest.mark.parametrize(
    "unit",
    [
        *(b"x", b" ", b"x\n", b"\n", b"\t", b"\x1b[0", b"\x1b]", b"\xff", b"a: ", b"a:1:2: error: x\n", b"E   a\n"),
        *(b"___ a ___\n", b"FAILED a::b - c\n", b'  File "a", line 1\n', b"Traceback (most recent call last):\n"),
        *(b"=\nFAIL: a\n", b"Collecting a\n", b"Failed to build `a==", b"gcc x\n", b" - ", b"a.", b"/", b"1", b"../"),
        *(b"a-", b"error: ", b"ERROR: ", b"ld: ", b"FAILED (failures=1)\n", b"= 1 failed in 1s =\n", b"E   a\n>\n"),
    ],
)
def test_the_time_grows_with_the_output(unit: bytes) -> None:
    """Nor does anything else: short lines, one line without end, what begins a structure and never ends it."""
    assert_linear(unit)
