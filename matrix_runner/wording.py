"""Wording that every room needs: sizes, numbers of things, and the first names of many."""

from collections.abc import Sequence


def size_text(count: int) -> str:
    """Format a number of bytes: `512 B`, `34.2 KiB`, `1.3 MiB`, `70.1 GiB`."""
    if count < 1024:
        return f"{count} B"
    if count < 1024 * 1024:
        return f"{count / 1024:.1f} KiB"
    if count < 10 * 1024**3:
        return f"{count / 1024**2:.1f} MiB"
    return f"{count / 1024**3:.1f} GiB"


def counted(number: int, noun: str) -> str:
    """Return a number of things: `1 container`, `2 containers`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def first_of(names: Sequence[str], most: int) -> str:
    """Return the first `most` names, and how many more there are: `a, b, c and 4 more`."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
