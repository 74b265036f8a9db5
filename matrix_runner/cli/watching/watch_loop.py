"""The loop of `runner watch`: a build, the wait for a change, and again, until a signal ends it."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

import click
import msgspec
from msgspec.structs import replace

from matrix_runner.cli.watching.watch_screen import WatchScreen, watch_screen
from matrix_runner.cli.wiring.given_flags import given_flags
from matrix_runner.cli.wiring.opened_project import OpenedProject, mask_secrets, open_project
from matrix_runner.cli.wiring.performed_build import perform
from matrix_runner.cli.wiring.planned_build import planned_build
from matrix_runner.config.kinds.placeholders import fill
from matrix_runner.config.loading.loading import load_outside
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.loading.workspace_table import PROJECT_FILES
from matrix_runner.config.options.output_options import PROGRESS
from matrix_runner.errors import ConfigError, ExitCode, RunnerError, UsageError
from matrix_runner.report.console.console_choice import choose_progress
from matrix_runner.report.sanitize import clean_line
from matrix_runner.schedule import Interrupt, StopRequest
from matrix_runner.watch.file_watch import FileWatch
from matrix_runner.watch.watched_sources import ConfigurationFiles, ProjectFiles, WatchedSources
from matrix_runner.wording import counted, first_of

_GLANCE_SECONDS: Final = 0.2
"""How often, while nothing runs, a signal and the terminal's size are looked at."""
_NAMED: Final = 3


class GivenProject(msgspec.Struct, frozen=True, kw_only=True):
    """A project and flags, as they are given on the command line."""

    package: Path
    project: Path | None
    config_file: str | None
    flags: dict[str, object]

    @property
    def configuration(self) -> ConfigurationFiles:
        """The files that it is configured by, there or not."""
        paths = [self.package / name for name in PROJECT_FILES]
        if self.config_file is not None:
            paths.append(Path(fill(self.config_file, {"package": str(self.package)})))
        if self.project is not None:
            paths += [self.project / name for name in PROJECT_FILES]
        return ConfigurationFiles(paths=tuple(dict.fromkeys(path.absolute() for path in paths)), here=Path.cwd())


class WatchLoop:
    """Builds until a signal comes. Main thread only."""

    def __init__(self, given: GivenProject, *, verbose: bool) -> None:
        """Nothing is opened yet."""
        self._given = given
        self._verbose = verbose
        self._screen: WatchScreen | None = None
        self._last: ExitCode | None = None
        """The exit code of the last run that came to its end."""
        self._ended: ExitCode | None = None
        """The exit code of the whole, once a signal has come."""

    def run(self) -> ExitCode:
        """Build and wait until the end; return the exit code.

        Raise UsageError for what no change of a file can mend, MachineError if files cannot be watched.
        """
        given = self._given
        if not given.package.is_dir():
            raise UsageError(
                f"{given.package} is no directory",
                hint="what is watched is a project's directory; an sdist stays as it is",
            )
        outside = load_outside(environ=os.environ, flags=given_flags(given.flags))
        with _orderly():
            try:
                while self._ended is None:
                    self._turn(outside)
            finally:
                if self._screen is not None:
                    self._screen.leave()
        return self._ended

    def _turn(self, outside: Settings) -> None:
        """Build once, and wait for a change. `outside`: the settings as far as they come from no file."""
        configuration = self._given.configuration
        # Before it is read: what changes meanwhile is a change.
        read = configuration.state()
        sources: WatchedSources = configuration
        with ExitStack() as stack:
            opened, mistake = self._open(stack)
            if mistake is not None and not read:
                # No project: more likely the wrong directory than one that is yet to be made.
                raise mistake
            screen = self._shown_by(outside if opened is None else opened.settings)
            if mistake is not None:
                self._fail(mistake, screen)
            if opened is not None:
                sources = ProjectFiles(selection=opened.source, configuration=configuration)
            stop = StopRequest()
            files = stack.enter_context(FileWatch(sources, read, stop.request))
            if opened is not None:
                self._build(opened, screen, files, stop)
            if self._ended is None:
                self._wait(files, screen, was_stopped=stop.is_alone and opened is not None)

    def _open(self, stack: ExitStack) -> tuple[OpenedProject | None, RunnerError | None]:
        given = self._given
        try:
            opened = stack.enter_context(
                open_project(given.package, given.project, given.config_file, dict(given.flags))
            )
        except RunnerError as error:
            return None, error
        return opened, None

    def _shown_by(self, settings: Settings) -> WatchScreen:
        """Return the screen, which the first project to be opened chooses."""
        if self._screen is None:
            is_terminal = sys.stdout.isatty()
            progress = choose_progress(settings[PROGRESS], os.environ, is_terminal=is_terminal, verbose=self._verbose)
            self._screen = watch_screen(progress, verbose=self._verbose)
        return self._screen

    def _build(self, opened: OpenedProject, screen: WatchScreen, files: FileWatch, stop: StopRequest) -> None:
        try:
            with planned_build(opened, screen.streams, screen.progress) as planned:
                if planned is None or files.is_over:
                    return
                report = perform(opened, planned, replace(screen.show(), stop=stop))
        except RunnerError as error:
            mask_secrets(error, opened.settings)
            self._fail(error, screen)
            return
        if stop.code is not None:
            self._ended = stop.code
        elif not stop.is_requested:
            self._last = report.exit_code

    def _fail(self, error: RunnerError, screen: WatchScreen) -> None:
        """Tell of an error that prevents a run; only a change can mend it."""
        self._last = error.exit_code
        lines = error.mistakes if isinstance(error, ConfigError) else (f"error: {error.message}",)
        screen.tell(*lines, *([f"hint: {error.hint}"] if error.hint else []))

    def _wait(self, files: FileWatch, screen: WatchScreen, *, was_stopped: bool) -> None:
        """Wait for a change, and tell it; or for a signal. Raise MachineError if files cannot be watched."""
        with Interrupt(on_first=lambda: None) as interrupt:
            if not files.is_over:
                screen.rest(f"watching {counted(files.count, 'file')}; Ctrl-C ends it")
            while not files.wait(_GLANCE_SECONDS):
                if interrupt.is_requested:
                    by_hand = interrupt.exit_code is ExitCode.INTERRUPTED
                    self._ended = self._last if by_hand and self._last is not None else interrupt.exit_code
                    return
                screen.refresh()
        if files.error is not None:
            raise files.error
        names = clean_line(first_of(files.names, _NAMED))
        screen.resume(f"{names} changed{': what ran is stopped' if was_stopped else ''}")


@contextmanager
def _orderly() -> Iterator[None]:
    """Have SIGTERM and SIGHUP end the command in order while it prepares a run, so that the terminal is restored."""

    def end(_: int, __: FrameType | None) -> None:
        raise click.exceptions.Exit(ExitCode.TERMINATED)

    before = {}
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
