"""The source on an engine of another machine: sent once, into a volume of the run, from where each cell unpacks it."""

import threading
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import urlsplit

from matrix_runner.archives import archive_of
from matrix_runner.engine.api import SHORT_COMMAND_SECONDS, Container, ExecRequest
from matrix_runner.project.source_archive import SourceArchive
from matrix_runner.recipe.layout import Layout

LEAST: Final = 1024**2
"""Bytes of a source from which on it is worth a volume: less is sent as quickly as a command is run."""

_FILE: Final = "source.tar"

_UNPACK: Final = (
    'cd "$2" && echo "$3  source.tar" | sha256sum -c - >/dev/null && mkdir -p "$1" && tar -xpf source.tar -C "$1"'
)
"""The digest is checked, as the project's own code could have written there, in another cell."""

_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})

Put = Callable[[str, Iterable[bytes]], None]


def is_far(endpoint: str) -> bool:
    """Whether an engine's address leads to another machine, as far as it tells."""
    parts = urlsplit(endpoint)
    return parts.scheme == "ssh" or (parts.scheme in {"tcp", "http", "https"} and parts.hostname not in _HERE)


class GivenSource:
    """The source of a run at one engine. Thread-safe."""

    def __init__(self) -> None:
        """Nothing is there yet."""
        self._lock = threading.Lock()
        self._is_there = False

    def unpack(self, source: SourceArchive, container: Container, put: Put, layout: Layout) -> bool:
        """Unpack the source where a cell has it; it is sent if no cell has done that yet.

        False if that is not possible here, or not worth it: it must be put then. Raises as `put`.
        """
        if source.size < LEAST:
            return False
        with self._lock:
            if not self._is_there:
                put(layout.given, archive_of(source.path, _FILE))
                self._is_there = True
        request = ExecRequest(
            argv=("sh", "-c", _UNPACK, "sh", layout.source, layout.given, source.sha256),
            cwd="/",
            timeout=SHORT_COMMAND_SECONDS,
        )
        return container.exec(request, lambda _: None).is_success
