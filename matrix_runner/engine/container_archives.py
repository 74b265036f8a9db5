"""Tar streams to and from containers: completeness check, and sending with progress."""

from collections.abc import Iterable, Iterator

from matrix_runner.archives import END
from matrix_runner.errors import EngineError


def whole_archive(pieces: Iterable[bytes], path: str) -> Iterator[bytes]:
    """Yield the pieces. Raise EngineError at the end of a truncated stream, however cleanly it ended.

    An archive ends with two blocks of 512 zeros. `path`: of the archive's content, for the message.
    """
    tail = b""
    for piece in pieces:
        tail = (tail + piece)[-len(END) :]
        yield piece
    if tail != END:
        raise EngineError(
            f"{path} was not copied out whole: the stream ended early",
            hint="The container, or the engine, went away; run again.",
        )


class Outgoing:
    """A stream for a library that would mistake its errors for the library's own; stores the error for re-raising."""

    def __init__(self, archive: Iterable[bytes]) -> None:
        self._archive = archive
        self.error: Exception | None = None

    def pieces(self) -> Iterator[bytes]:
        """Yield the pieces, recording an error."""
        try:
            yield from self._archive
        except Exception as error:
            self.error = error
            raise
