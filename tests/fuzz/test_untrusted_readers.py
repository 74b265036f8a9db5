"""Whatever a reader of untrusted input is given, it keeps its contract, in bounded steps and memory.

A bounded run: the same inputs each time, counted and not timed. `make fuzz` searches longer, guided by the code that
inputs reach. What it finds is kept in `found/`, made as small as it can be, and tried here for ever.
"""

import os
import subprocess
import sys
from pathlib import Path

import fuzzing
import pytest
from untrusted_readers import READERS

FOUND = Path(__file__).with_name("found")
INPUTS = 150
"""For each reader: a second or two of a processor."""

_PROGRAM = Path(fuzzing.__file__)


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the program that tries inputs."""
    environ = {**os.environ, "PYTHONPATH": str(_PROGRAM.parent)}
    argv = (sys.executable, str(_PROGRAM), *arguments)
    return subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("reader", READERS)
def test_damaged_input_is_read_or_refused(reader: str) -> None:
    """Of good input and of what becomes of it when parts are changed, lost, repeated or doubled."""
    done = run(reader, "--inputs", str(INPUTS))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{reader}: {INPUTS + len(READERS[reader].seeds)} inputs" in done.stdout


@pytest.mark.parametrize("path", sorted(FOUND.glob("*/*")), ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_was_found_once_is_read_or_refused(path: Path) -> None:
    """Each of these broke a contract."""
    assert fuzzing.outcome(READERS[path.parent.name].contract, path.read_bytes()) is None


def _breaks(data: bytes, _room: Path) -> None:
    assert b"no" not in data


def _never_ends(_data: bytes, _room: Path) -> None:
    while True:
        len(())


def test_a_broken_contract_is_told() -> None:
    """The harness itself: an exception and an endless loop are outcomes, and what is found is made small."""
    assert fuzzing.outcome(_breaks, b"yes") is None
    assert "AssertionError" in str(fuzzing.outcome(_breaks, b"so no more"))
    assert "TooManySteps" in str(fuzzing.outcome(_never_ends, b""))
    assert fuzzing.smaller(b"so no more of it", lambda data: b"no" in data) == b"no"


def test_inputs_are_the_same_each_time() -> None:
    """What a run finds, the next one finds."""
    one = READERS["names"]
    first = tuple(fuzzing.mutations(one.seeds, one.words, 50, "a"))
    assert first == tuple(fuzzing.mutations(one.seeds, one.words, 50, "a"))
    assert first != tuple(fuzzing.mutations(one.seeds, one.words, 50, "b"))
    assert all(len(data) <= fuzzing.LARGEST for data in first)
