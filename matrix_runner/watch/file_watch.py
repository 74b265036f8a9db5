"""The watch over files, in a thread of its own. The only module that imports watchfiles."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final

from matrix_runner.errors import MachineError, RunnerError, UsageError
from matrix_runner.watch.watched_sources import State, WatchedSources, changed_names

QUIET_MILLISECONDS: Final = 100
"""How long nothing must change until a change is looked at: editors write a file in several steps."""
LONGEST_MILLISECONDS: Final = 1_000
"""How long a row of changes is waited for, as of a checkout."""
_ROUND_MILLISECONDS: Final = 500
"""How often a watch without changes looks whether it is to end, or has something to look at again."""
_MOST_VANISHED: Final = 20
"""How often in a row a directory may vanish between its listing and its watch."""


class FileWatch:
    """A watch over files, from entering to leaving the context, until one of them has changed."""

    def __init__(self, sources: WatchedSources, known: State, on_change: Callable[[], None]) -> None:
        """`known`: the state of those files that have been read already, by which they are judged.

        `on_change`: called once, in the thread of the watch, as soon as something counts. Raise UsageError.
        """
        _require_library()
        self._sources = sources
        self._on_change = on_change
        self._known = known
        self._before: State = known
        self._must_look_again = False
        self._end = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="watch", daemon=True)
        self.names: tuple[str, ...] = ()
        """The files that have changed; empty as long as none has."""
        self.error: RunnerError | None = None
        """Why files cannot be watched any more."""

    @property
    def count(self) -> int:
        """The number of files that count."""
        return len(self._before)

    @property
    def is_over(self) -> bool:
        """Whether something has changed, or the watch has failed."""
        return self._over.is_set()

    def __enter__(self) -> "FileWatch":  # noqa: PYI034  Self is in typing from 3.11 on
        """Note the present state, and begin to watch."""
        self._before = {**(self._sources.state() or {}), **self._known}
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the watch, for some seconds; return whether it has come."""
        return self._over.wait(seconds)

    def _work(self) -> None:
        try:
            self.names = self._changes()
        except RunnerError as error:
            self.error = error
        if self.names or self.error:
            self._over.set()
            self._on_change()

    def _changes(self) -> tuple[str, ...]:
        """Return the names of changed files, once there are some; empty if the watch was ended. Raise MachineError."""
        vanished = 0
        while not self._end.is_set():
            directories = self._sources.directories()
            try:
                for _ in self._looks(directories):
                    vanished = 0
                    if names := self._changed():
                        return names
                    if self._sources.directories() != directories:
                        # The new ones are watched too, and looked into: something may be in them already.
                        break
            except FileNotFoundError as error:
                vanished += 1
                if vanished > _MOST_VANISHED:
                    raise MachineError(f"files cannot be watched: {error}") from error
        return ()

    def _changed(self) -> tuple[str, ...]:
        now = self._sources.state()
        self._must_look_again = now is None
        return () if now is None else changed_names(self._before, now)

    def _looks(self, directories: tuple[Path, ...]) -> Iterator[None]:
        """Yield each time that something may have changed, first as soon as the directories are watched.

        Raise FileNotFoundError if a directory is gone, MachineError if they cannot be watched.
        """
        from watchfiles import watch

        changes = watch(
            *directories,
            watch_filter=None,
            debounce=LONGEST_MILLISECONDS,
            step=QUIET_MILLISECONDS,
            stop_event=self._end,
            rust_timeout=_ROUND_MILLISECONDS,
            yield_on_timeout=True,
            raise_interrupt=False,
            recursive=False,
        )
        is_first = True
        try:
            for found in changes:
                if found or is_first or self._must_look_again:
                    yield
                is_first = False
        except FileNotFoundError:
            raise
        except (OSError, RuntimeError) as error:
            # The kernel's refusals, as they come out of the library.
            raise MachineError(
                f"files cannot be watched: {error}",
                hint="if there are too many for the kernel, raise fs.inotify.max_user_watches by sysctl; with"
                " WATCHFILES_FORCE_POLLING=1 they are looked at again and again instead",
            ) from error
        finally:
            changes.close()


def _require_library() -> None:
    try:
        import watchfiles  # noqa: F401
    except ImportError as error:
        raise UsageError("watching needs the package watchfiles", hint="pip install 'matrix-runner[watch]'") from error
