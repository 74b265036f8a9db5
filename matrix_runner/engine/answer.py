"""Short answers of commands in containers, kept up to a limit: whoever answers may be anybody."""

from typing import Final

LONGEST: Final = 16 * 1024**2
"""Bytes of an answer that are kept: the longest, a list of all files of a project or an image, have some megabytes."""


class Answer:
    """The output of a command, as far as it is kept. The rest is dropped as it comes."""

    def __init__(self, longest: int = LONGEST) -> None:
        """`longest`: in bytes."""
        self._longest = longest
        self._heard = bytearray()
        self.is_whole = True
        """Whether nothing was dropped."""

    def hear(self, data: bytes) -> None:
        """Take a piece of the output."""
        kept = data[: self._longest - len(self._heard)]
        self._heard += kept
        self.is_whole = self.is_whole and len(kept) == len(data)

    @property
    def data(self) -> bytes:
        """The output."""
        return bytes(self._heard)

    @property
    def text(self) -> str:
        """The output as text; bytes that are no UTF-8 are replaced."""
        return self._heard.decode("utf-8", "replace")
