"""The choice of console (`--progress`), from option, stream and environment."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TextIO

from matrix_runner.config.kinds.values import LogFolds, Progress
from matrix_runner.model.events import Listener
from matrix_runner.report.cell_logs import CellLogs
from matrix_runner.report.ci.detection import log_syntax
from matrix_runner.report.console.plain_console import PlainConsole
from matrix_runner.report.console.printed_log import PlainStyle
from matrix_runner.report.event_stream import JsonConsole
from matrix_runner.report.terminal import wants_colour, wants_live


def choose_progress(asked: Progress, environ: Mapping[str, str], *, is_terminal: bool, verbose: bool) -> Progress:
    """Resolve `auto`: the live table on a capable terminal outside CI, else the plain console.

    Whole logs (`verbose`) are incompatible with a table that redraws itself.
    """
    if asked is not Progress.AUTO:
        return asked
    return Progress.LIVE if wants_live(environ, is_terminal=is_terminal) and not verbose else Progress.PLAIN


@contextmanager
def open_console(  # noqa: PLR0913  each is one fact about what is asked for or there, passed in
    progress: Progress,
    stream: TextIO,
    environ: Mapping[str, str],
    logs: CellLogs,
    *,
    verbose: bool,
    system: LogFolds = LogFolds.NONE,
    prefix: Callable[[], str | None] = lambda: None,
) -> Iterator[Listener]:
    """Open the console of a run, which reads the cells' logs from `logs`.

    `progress`: anything but `auto`. `system`: the CI system in whose syntax it prints. `prefix` gives the project's
    directory in its repository, as in `PlainStyle`.
    """
    match progress:
        case Progress.LIVE:
            # The only console that needs rich, whose import takes a tenth of a second.
            from matrix_runner.report.console.live_table import LiveTable, make_console

            live = LiveTable(make_console(stream, environ), logs)
            try:
                yield live
            finally:
                live.close()
        case Progress.JSON:
            yield JsonConsole(stream)
        case Progress.PLAIN | Progress.QUIET | Progress.AUTO:
            colour = wants_colour(environ, is_terminal=stream.isatty())
            style = PlainStyle(
                syntax=log_syntax(system),
                colour=colour,
                verbose=verbose,
                quiet=progress is Progress.QUIET,
                prefix=prefix,
            )
            yield PlainConsole(stream, logs, style)
