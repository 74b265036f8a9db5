"""Error messages for configuration mistakes: findings with key paths, quoting, "did you mean" suggestions."""

import difflib
import re
from collections.abc import Callable, Iterable
from datetime import date, time
from typing import TypeVar

import msgspec
from msgspec.structs import replace

Key = str | int
"""A step of a key path: a table's key or a list's index."""

T = TypeVar("T")
S = TypeVar("S")

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST_QUOTE = 60
_LARGEST_PRINTED = 10**18


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A single mistake; `at` is its key path below the value that was read.

    `unquoted`: the same text without a piece of that value.
    """

    text: str
    at: tuple[Key, ...] = ()
    unquoted: str | None = None

    @property
    def without_value(self) -> str:
        """The text for a value that may be secret. All that is quoted stands between double quotes (`quote`)."""
        if self.unquoted is None and '"' not in self.text:
            return self.text
        return f"{self.unquoted or 'cannot be read'} (the value may hold secrets, so it is not shown)"


class InvalidValue(Exception):
    """A value that its option does not accept; carries all reasons."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__(*(finding.text for finding in findings))
        self.findings = findings

    @classmethod
    def because(cls, text: str, *at: Key, unquoted: str | None = None) -> "InvalidValue":
        """Create one with a single reason, `at` a key below the value; `unquoted`: the reason without the value."""
        return cls(Finding(text=text, at=at, unquoted=unquoted))

    def without_place(self) -> "InvalidValue":
        """Drop the key paths, which mean nothing in a value written as one string."""
        return InvalidValue(*(replace(finding, at=()) for finding in self.findings))


def read_each(items: Iterable[tuple[Key, S]], read: Callable[[S], T]) -> tuple[T, ...]:
    """Read every item; raise one InvalidValue with all findings, each item's key prefixed to its paths."""
    results: list[T] = []
    findings: list[Finding] = []
    for key, item in items:
        try:
            results.append(read(item))
        except InvalidValue as bad:  # noqa: PERF203 -- finding every mistake is what this is for
            findings += [replace(found, at=(key, *found.at)) for found in bad.findings]
    if findings:
        raise InvalidValue(*findings)
    return tuple(results)


def printable(text: str) -> str:
    """Escape characters that would break the line, a terminal or a log."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def quote(text: str) -> str:
    """Put text in double quotes, printable and shortened."""
    shown = printable(text)
    if len(shown) > _LONGEST_QUOTE:
        shown = shown[: _LONGEST_QUOTE - 3] + "..."
    return f'"{shown}"'


def path(*keys: Key) -> str:
    """Format a key path as in TOML: `tool.matrix-runner.archs[1]`."""
    text = ""
    for key in keys:
        match key:
            case int():
                text += f"[{key}]"
            case str():
                text += ("." if text else "") + (key if _BARE_KEY.fullmatch(key) else quote(key))
    return text


def describe(value: object) -> str:
    """Describe a value by its type and, for simple ones, its content."""
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, int):
        # Python refuses to print integers of thousands of digits, and nobody wants to read them.
        return f"the integer {value}" if abs(value) < _LARGEST_PRINTED else "a huge integer"
    if isinstance(value, float):
        return f"the float {value}"
    if isinstance(value, str):
        return f"the string {quote(value)}"
    names: tuple[tuple[type, str], ...] = ((list, "a list"), (dict, "a table"), (date, "a date"), (time, "a time"))
    return next((name for kind, name in names if isinstance(value, kind)), f"a {type(value).__name__}")


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that `word` most likely stands for, or None."""
    folded = {name.lower(): name for name in known}
    alone = re.sub(r"[-_]linux$", "", word.lower())
    if alone in folded:
        return folded[alone]
    close = difflib.get_close_matches(word.lower()[:200], folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean "x"?)`, or "" if no known word is near."""
    name = nearest(word, known)
    return f" (did you mean {quote(name)}?)" if name is not None else ""


def unknown(what: str, word: str, known: Iterable[str]) -> InvalidValue:
    """Return the error for an unknown word, with the nearest and all known ones."""
    names = tuple(known)
    return InvalidValue.because(f"unknown {what} {quote(word)}{did_you_mean(word, names)}; known: {', '.join(names)}")
