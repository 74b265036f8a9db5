"""The picture of the board in the README: drawn from a real run, by today's board, and showing itself to everybody."""

import re
import xml.etree.ElementTree as ET

from board_recording import EVENTS, FRAMES, PICTURE, picture

from matrix_runner.model.events import CellFinished, Output, RunStarted
from matrix_runner.model.outcomes import Status
from matrix_runner.report.event_records import replay

RECORDED = tuple(replay(EVENTS))
TEXT = "{http://www.w3.org/2000/svg}text"


def test_the_picture_is_of_the_recorded_run() -> None:
    """docs/board.svg is what the board gives for these events; if not: `scripts/recording`."""
    assert PICTURE.read_text("utf-8") == picture(RECORDED)


def test_the_run_is_a_whole_one() -> None:
    """Many cells, expected durations, what commands printed, and a wheel of each cell."""
    begun = next(event for event in RECORDED if isinstance(event, RunStarted))
    outcomes = [event.outcome for event in RECORDED if isinstance(event, CellFinished)]
    assert len(begun.cells) >= 6
    assert all(seconds > 1 for seconds in begun.expected)
    assert len(begun.expected) == len(begun.cells)
    assert [outcome.status for outcome in outcomes] == [Status.PASSED] * len(begun.cells)
    assert any(isinstance(event, Output) for event in RECORDED)


def test_every_frame_is_seen() -> None:
    """Each has its keyframe, and the board's last line: how many cells are done; the last frame is the summary."""
    text = PICTURE.read_text("utf-8")
    drawn = ET.fromstring(text).iter(TEXT)  # noqa: S314  our own
    words = [(element.text or "").replace("\N{NO-BREAK SPACE}", " ") for element in drawn]
    assert len(re.findall(r"% \{ transform", text)) == FRAMES + 1
    assert len([word for word in words if word == "runner build"]) == FRAMES + 1
    assert len([word for word in words if re.search(r"\d of \d+ cells done", word)]) == FRAMES
    assert any(re.search(r"\d+ wheels .* in wheelhouse after", word) for word in words)
    assert any(re.fullmatch(r", about \d+s to go", word) for word in words)


def test_nothing_is_loaded_and_nothing_moves_for_those_who_want_none() -> None:
    """No address but the name of SVG itself, no script, a title, and a still frame."""
    text = PICTURE.read_text("utf-8")
    assert re.findall(r"https?://[^\"' ]+", text) == ["http://www.w3.org/2000/svg"]
    assert "<script" not in text
    assert "url(" not in text.replace("url(#b-window)", "")
    assert "<title" in text
    assert "prefers-reduced-motion" in text
    assert len(text) < 150_000
