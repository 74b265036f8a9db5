"""Masking of secrets by `***`, in texts and in streams across chunk borders. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from matrix_runner.redaction.spellings import SHORTEST

MASK: Final = "***"
_MASK: Final = MASK.encode()

_HEAD: Final = 4
"""Bytes at the start of a spelling that are searched for first; every spelling has more."""

Span = tuple[int, int]
"""Begin and end of bytes to mask."""


class PatternTable(msgspec.Struct, frozen=True, kw_only=True):
    """The spellings to mask, prepared for search. `probes`: the spellings that contain no other.

    A text without any of the probes contains no pattern: for most output no further search is needed. `heads`: the
    patterns by their first bytes; `stubs`: the proper prefixes of heads; `longest`: in bytes.
    """

    patterns: tuple[bytes, ...] = ()
    probes: tuple[bytes, ...] = ()
    heads: Mapping[bytes, tuple[bytes, ...]] = msgspec.field(default_factory=dict)
    stubs: frozenset[bytes] = frozenset()
    longest: int = 0

    @classmethod
    def of(cls, patterns: Iterable[bytes]) -> "PatternTable":
        """Prepare patterns of at least `SHORTEST` bytes each."""
        ordered = tuple(sorted(set(patterns), key=lambda pattern: (len(pattern), pattern)))
        probes: list[bytes] = []
        heads: dict[bytes, tuple[bytes, ...]] = {}
        for pattern in ordered:
            assert len(pattern) >= SHORTEST  # noqa: S101  the heads rely on it
            if not any(probe in pattern for probe in probes):
                probes.append(pattern)
            heads[pattern[:_HEAD]] = (*heads.get(pattern[:_HEAD], ()), pattern)
        return cls(
            patterns=ordered,
            probes=tuple(probes),
            heads=heads,
            stubs=frozenset(head[:size] for head in heads for size in range(1, _HEAD)),
            longest=max(map(len, ordered), default=0),
        )

    def spans(self, data: bytes) -> tuple[Span, ...]:
        """Return the spans of patterns in the data: occurrences that overlap or touch form one span."""
        if not any(probe in data for probe in self.probes):
            return ()
        return merged(span for pattern in self.patterns for span in _occurrences(pattern, data))

    def pending(self, data: bytes) -> int:
        """Return the start of the data's longest suffix that is a prefix of a pattern; the data's length for none."""
        first = len(data)
        since = max(0, first - self.longest + 1)
        for head, patterns in self.heads.items():
            at = data.find(head, since)
            while 0 <= at < first:
                rest = data[at:]
                if any(len(rest) < len(pattern) and pattern.startswith(rest) for pattern in patterns):
                    first = at
                at = data.find(head, at + 1)
        if first < len(data):
            return first
        sizes = (size for size in range(min(_HEAD - 1, len(data)), 0, -1) if data[-size:] in self.stubs)
        return len(data) - next(sizes, 0)


def _occurrences(pattern: bytes, data: bytes) -> Iterator[Span]:
    at = data.find(pattern)
    while at >= 0:
        yield (at, at + len(pattern))
        at = data.find(pattern, at + 1)


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Join spans that overlap or touch; return them in order."""
    joined: list[Span] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return tuple(joined)


class MaskedStream:
    """Masks a stream of bytes in chunks, cut anywhere, with the same result as for the whole stream.

    Holds back only a suffix that may become a secret: less than the longest pattern.
    """

    def __init__(self, table: PatternTable) -> None:
        """Start a stream."""
        self._table = table
        self._held = b""
        self._covered = 0
        """The number of bytes held back that are already part of a secret, whatever follows."""
        self._is_masking = False
        """Whether the last byte returned was part of a secret."""

    def feed(self, data: bytes) -> bytes:
        """Return the output that is final by now."""
        if not self._table.patterns or not data:
            return data
        return self._advance(self._held + data if self._held else data, is_end=False)

    def flush(self) -> bytes:
        """Return the bytes held back, at the end of the stream."""
        return self._advance(self._held, is_end=True) if self._held else b""

    def _advance(self, data: bytes, *, is_end: bool) -> bytes:
        cut = len(data) if is_end else self._table.pending(data)
        if not cut:
            self._held = data
            return b""
        spans = self._table.spans(data)
        if self._covered:
            spans = merged((*spans, (0, self._covered)))
        pieces: list[bytes] = []
        position = self._covered = 0
        for begin, end in spans:
            if begin >= cut:
                break
            pieces.append(data[position:begin])
            if begin or not self._is_masking:
                pieces.append(_MASK)
            position, self._covered = min(end, cut), max(end - cut, 0)
        self._is_masking, self._held = position == cut, data[cut:]
        if not position:
            # The most common case: no byte is copied.
            return data if cut == len(data) else data[:cut]
        return b"".join((*pieces, data[position:cut]))


def mask_bytes(table: PatternTable, data: bytes) -> bytes:
    """Return the data with every secret masked."""
    stream = MaskedStream(table)
    return stream.feed(data) + stream.flush()
