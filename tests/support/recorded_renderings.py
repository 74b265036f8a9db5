"""Everything that is shown of the runs in tests/recordings: boards, logs of CI systems, summaries, files.

`python tests/support/recorded_renderings.py` writes the snapshots anew.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from ci_story import SYSTEMS, printed, readable, style_of
from msgspec.structs import replace
from rich.console import Console

from matrix_runner.model.events import Event, RunFinished
from matrix_runner.report.cell_logs import CellLogs
from matrix_runner.report.console.live_table import LiveTable
from matrix_runner.report.event_records import replay
from matrix_runner.report.run_reading import read_run
from matrix_runner.report.summary.report_writers import rendered

RECORDINGS = Path(__file__).parents[1] / "recordings"
SNAPSHOTS = Path(__file__).parents[1] / "unit" / "report" / "recorded_runs"
WIDTHS = (40, 80, 140)
NAMES = tuple(sorted(path.stem for path in RECORDINGS.glob("*.jsonl")))


def events_of(name: str) -> tuple[Event, ...]:
    """Return the events of a recorded run."""
    return tuple(replay(RECORDINGS / f"{name}.jsonl"))


def boards(events: tuple[Event, ...], width: int) -> Iterator[str]:
    """Yield the live table of a run at four moments, as a terminal of that width shows it."""
    end = events[-1].at
    for share in (0.1, 0.4, 0.7, 1.0):
        console = Console(file=io.StringIO(), force_terminal=True, width=width, height=24, color_system=None)
        with TemporaryDirectory() as directory:
            logs = CellLogs(Path(directory))
            table = LiveTable(console, logs)
            for event in events:
                if event.at > end * share or isinstance(event, RunFinished):
                    break
                logs.handle(event)
                table.handle(event)
            table._draw()
            shown = table._live.get_renderable()
            table.close()
            logs.close()
        stream = io.StringIO()
        Console(file=stream, width=width, height=24, color_system=None, highlight=False).print(shown)
        yield f"after {end * share:.1f} s\n" + "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def report_directory(name: str, directory: Path) -> Path:
    """Make the report directory of a recorded run, as far as its events tell: they, and the logs."""
    events = directory / "events.jsonl"
    events.write_bytes((RECORDINGS / f"{name}.jsonl").read_bytes())
    (directory / "logs").mkdir()
    logs = CellLogs(directory / "logs")
    for event in events_of(name):
        logs.handle(event)
    logs.close()
    return directory


def renderings(name: str) -> dict[str, str]:
    """Return all that is shown of a run, by the name of its snapshot; control characters are spelt out."""
    events = events_of(name)
    shown = {f"board-{width}": "\n\n".join(boards(events, width)) for width in WIDTHS}
    shown |= {f"log-{system}": printed(events, style_of(system)) for system in SYSTEMS}
    with TemporaryDirectory() as directory:
        # Nothing of these reads a log; the directory's name is part of what they say.
        run = replace(read_run(report_directory(name, Path(directory))), logs=Path("wheelhouse-report", "logs"))
        for form in ("text", "md", "junit"):
            shown[form] = rendered(run, form).decode()
    return {key: readable(text).rstrip("\n") + "\n" for key, text in shown.items()}


if __name__ == "__main__":
    for each in NAMES:
        (SNAPSHOTS / each).mkdir(parents=True, exist_ok=True)
        for key, text in renderings(each).items():
            (SNAPSHOTS / each / f"{key}.txt").write_text(text, "utf-8")
