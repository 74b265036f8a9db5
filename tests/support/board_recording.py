"""The board of a recorded run as an animated SVG, for the README and the documentation (docs/board.svg).

`scripts/recording` makes it of the events of a real run, which are kept beside this file; a test holds the picture to
them, so that it always shows today's board. Each frame is what the live table draws at an instant. Rich exports all of
them as one long picture; a keyframe of CSS for each moves it behind a window that is one frame high. Nothing is loaded
from anywhere, and where motion is not wanted the picture stands still.
"""

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from string import Template

from rich.console import Console, Group
from rich.text import Text

from matrix_runner.model.events import Event, RunFinished, Tick
from matrix_runner.report.console.live_table import LiveTable
from matrix_runner.report.event_records import replay
from matrix_runner.report.run_reading import report_of_events
from matrix_runner.report.summary.text_summary import RunDirectories, summary_lines

EVENTS = Path(__file__).with_name("board_recording.jsonl")
PICTURE = Path(__file__).resolve().parents[2] / "docs" / "board.svg"

WIDTH = 100
FRAMES = 14
SECONDS = 0.9
"""How long a frame is seen; the last one, with the summary, four times as long."""
LAST = 4
STILL = 6
"""The frame that is seen where nothing moves."""

_CHARACTER = 20 * 0.61
_LINE = 20 * 1.22
"""Rich's measures of a character and a line."""
_EDGE = 12
_PICTURE = Template("""\
<svg viewBox="0 0 $outer_width $outer_height" xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="b-title">
<!-- Made by scripts/recording; do not edit. -->
<title id="b-title">The board of a run: a row for each cell, with its step, its time and the time it still needs</title>
<style>
.b-matrix { font: 20px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace }
.b-film { $still; animation: b-play ${seconds}s step-end infinite }
@keyframes b-play {
$steps
}
@media (prefers-reduced-motion: reduce) { .b-film { animation: none } }
STYLES
</style>
<clipPath id="b-window"><rect width="$width" height="$height"/></clipPath>
<rect width="$outer_width" height="$outer_height" rx="8" fill="#292929"/>
<g transform="translate($edge, $edge)" clip-path="url(#b-window)"><g class="b-film"><g class="b-matrix">
MATRIX
</g></g></g>
</svg>
""")
_DIRECTORIES = RunDirectories(output="wheelhouse", report="wheelhouse-report")


def picture(events: tuple[Event, ...]) -> str:
    """Return the picture of a run, from its first event to its summary."""
    frames = [*_frames(events), _summary(events)]
    height = max(len(frame) for frame in frames)
    console = _console(height * len(frames))
    for frame in frames:
        for line in (*frame, *[Text()] * (height - len(frame))):
            console.print(line, no_wrap=True, overflow="crop", crop=True)
    text = console.export_svg(title="", unique_id="b", code_format=_document(height, len(frames)))
    # Rows need no clip path of their own, ends of lines are nothing to see, and a space takes less than its name.
    text = re.sub(r' clip-path="url\(#b-line-\d+\)"', "", text)
    text = re.sub(r"<text [^>]*>\s*</text>", "", text)
    return text.replace("&#160;", "\N{NO-BREAK SPACE}").replace("><text", ">\n<text")


def _console(height: int) -> Console:
    return Console(
        record=True,
        file=io.StringIO(),
        width=WIDTH,
        height=height,
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
        markup=False,
        emoji=False,
        _environ={},
    )


def _frames(events: tuple[Event, ...]) -> Iterator[list[Text]]:
    """Yield what the live table shows at instants that divide the run evenly, the first a moment after its start."""
    end = next(event.at for event in events if isinstance(event, RunFinished))
    instants = [end * (frame + 0.2) / FRAMES for frame in range(FRAMES)]
    cells = len(report_of_events(events).outcomes)
    table = LiveTable(_console(cells + 6))
    following = iter(instants)
    instant = next(following)
    for event in sorted(events, key=lambda event: event.at):
        while event.at > instant:
            table.handle(Tick(at=instant))
            drawn = table._live.get_renderable()
            assert isinstance(drawn, Group)
            yield [_prompt(), *(line for line in drawn.renderables if isinstance(line, Text))]
            instant = next(following, end + 1.0)
        table.handle(event)


def _summary(events: tuple[Event, ...]) -> list[Text]:
    report = report_of_events(events)
    lines = summary_lines(report, directories=_DIRECTORIES, colour=True, width=WIDTH)
    return [_prompt(), *(Text.from_ansi(line) for line in lines)]


def _prompt() -> Text:
    return Text.assemble(("$ ", "bright_black"), ("runner build", "bold"))


def _document(height: int, frames: int) -> str:
    """Return what rich puts the lines and their styles into: a window, and the keyframes that move them behind it."""
    width, tall = WIDTH * _CHARACTER, height * _LINE
    shares = [1.0] * (frames - 1) + [float(LAST)]
    begins = [sum(shares[:number]) / sum(shares) * 100 for number in range(frames)]
    steps = [f"{begin:.2f}% {{ {_moved(number * tall)} }}" for number, begin in enumerate(begins)]
    text = _PICTURE.substitute(
        width=f"{width:g}",
        height=f"{tall:g}",
        outer_width=f"{width + 2 * _EDGE:g}",
        outer_height=f"{tall + 2 * _EDGE:g}",
        edge=_EDGE,
        still=_moved(STILL * tall),
        seconds=f"{sum(shares) * SECONDS:g}",
        steps="\n".join(steps),
    )
    # What rich fills in stands in single braces, so those of the style sheet are doubled.
    text = text.replace("{", "{{").replace("}", "}}")
    return text.replace("STYLES", "{styles}").replace("MATRIX", "{matrix}")


def _moved(lines: float) -> str:
    return f"transform: translateY({-lines:g}px)"


def main() -> None:
    """Draw the picture of the recorded run, or of the events in the file that is named."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    PICTURE.write_text(picture(tuple(replay(source))), encoding="utf-8")


if __name__ == "__main__":
    main()
