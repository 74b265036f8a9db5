"""Line numbers of the keys in a TOML document, which the standard library's parser does not report.

A scanner, not a parser: its input was parsed before, so it only has to find where tokens begin and end. For invalid
TOML it returns the keys it found.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from matrix_runner.config.mistakes import Key

_Path = tuple[Key, ...]

# Every loop over characters is written `a*(?:b a*)*`, with a and b exclusive: no text causes backtracking.
_BLANK: Final = re.compile(r"[ \t\r\n]*(?:#[^\n]*[ \t\r\n]*)*")
_BETWEEN: Final = re.compile(r"[ \t\r\n,]*(?:#[^\n]*[ \t\r\n,]*)*")
_KEY: Final = re.compile(
    r"""[ \t]*(?:(?P<bare>[A-Za-z0-9_-]+)|"(?P<basic>[^"\\\n]*(?:\\.[^"\\\n]*)*)"|'(?P<literal>[^'\n]*)')[ \t]*"""
)
_STRING: Final = re.compile(
    r'''"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"{3,5}'''
    r"""|\'\'\'[^']*(?:'(?!'')[^']*)*'{3,5}"""
    r'''|"[^"\\\n]*(?:\\.[^"\\\n]*)*"'''
    r"""|'[^'\n]*'""",
    re.DOTALL,
)
_OTHER_SCALAR: Final = re.compile(r"[^,\[\]{}#\n]*")
_REST_OF_LINE: Final = re.compile(r"[^\n]*")
_SPACES: Final = re.compile(r"[ \t]*")

_ESCAPE: Final = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_ESCAPES: Final = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b"}
_LAST_CHARACTER: Final = 0x10FFFF

_DEEPEST: Final = 32
"""Keys in a path. No configuration is nested deeper, and the paths of 50,000 nested arrays would fill the memory."""


def locate(text: str) -> Mapping[tuple[str | int, ...], int]:
    """Return the line, counted from 1, of every key path in a document that was parsed before.

    Tables have the line of their header (those without one: of their first mention). Entries of an array of tables are
    counted from 0, and so are elements of an array, each at the line where it begins. Paths of more than 32 keys are
    omitted.
    """
    scanner = _Scanner(text)
    scanner.document()
    return MappingProxyType(scanner.lines)


def find_headers(text: str) -> tuple[tuple[int, tuple[str | int, ...]], ...]:
    """Return the line, counted from 1, and the path of every table's header, in the order of the document."""
    scanner = _Scanner(text)
    scanner.document()
    return tuple(scanner.headers)


class _Scanner:
    """A single pass over the text; `_at` is the current position."""

    def __init__(self, text: str) -> None:
        self.lines: dict[_Path, int] = {}
        self.headers: list[tuple[int, _Path]] = []
        self._text = text
        self._at = 0
        self._line = 1
        self._counted = 0
        self._table: _Path = ()
        self._entries: dict[_Path, int] = {}

    def document(self) -> None:
        """Find every table and key, statement by statement."""
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                self._header()
            else:
                self._assignment(self._table)
            # In invalid text this also skips unknown characters, so that there is always progress.
            self._skip(_REST_OF_LINE)
            self._skip(_BLANK)

    def _header(self) -> None:
        is_entry = self._text.startswith("[[", self._at)
        self._at += 2 if is_entry else 1
        keys = self._keys()
        if not keys:
            return
        line = self._here()
        path: _Path = ()
        for key in keys[:-1]:
            path = self._noted(path, key, line)
            if path in self._entries:
                # Below an array of tables, a header refers to its latest entry.
                path = _below(path, self._entries[path])
        path = self._noted(path, keys[-1], line)
        if is_entry:
            index = self._entries[path] = self._entries.get(path, -1) + 1
            path = self._noted(path, index, line)
        else:
            self.lines[path] = line
        self._table = path
        self.headers.append((line, path))

    def _assignment(self, table: _Path) -> None:
        path = self._assigned(table)
        if path is not None:
            self._value(path)

    def _assigned(self, table: _Path) -> _Path | None:
        """Skip a key and its `=`, and return the key's path; None if there is none."""
        keys = self._keys()
        if not keys or not self._text.startswith("=", self._at):
            return None
        self._at += 1
        self._skip(_SPACES)
        line = self._here()
        path = table
        for key in keys:
            path = self._noted(path, key, line)
        return path

    def _keys(self) -> list[str]:
        """Skip a key, which may be dotted, and return its parts."""
        keys = []
        while match := _KEY.match(self._text, self._at):
            self._at = match.end()
            bare, basic, literal = match.group("bare", "basic", "literal")
            keys.append(_unescaped(basic) if basic is not None else bare or literal or "")
            if not self._text.startswith(".", self._at):
                break
            self._at += 1
        return keys

    def _value(self, path: _Path) -> None:
        """Skip a value, and record its keys. Not recursive: arrays may be nested deeply."""
        # Each open bracket: the path of its value, and the index of its next element; None for an inline table.
        opened: list[tuple[_Path, int | None]] = []
        while True:
            opening = self._text[self._at : self._at + 1]
            if opening in {"[", "{"}:
                self._at += 1
                opened.append((path, 0 if opening == "[" else None))
            else:
                self._scalar()
            following = self._following(opened)
            if following is None:
                return
            path = following

    def _scalar(self) -> None:
        string = _STRING.match(self._text, self._at)
        if string:
            self._at = string.end()
        else:
            self._skip(_OTHER_SCALAR)

    def _following(self, opened: list[tuple[_Path, int | None]]) -> _Path | None:
        """Advance to the next value within the open brackets and return its path; None once the outermost is closed."""
        while opened:
            self._skip(_BETWEEN)
            if self._at >= len(self._text):
                return None
            path, index = opened[-1]
            if self._text[self._at] in "]}":
                self._at += 1
                opened.pop()
            elif index is None:
                return self._assigned(path)
            else:
                opened[-1] = (path, index + 1)
                return self._noted(path, index, self._here())
        return None

    def _noted(self, path: _Path, key: Key, line: int) -> _Path:
        """Return the path of a key below, recording the line of its first mention."""
        below = _below(path, key)
        self.lines.setdefault(below, line)
        return below

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        if match:
            self._at = match.end()

    def _here(self) -> int:
        """Return the current line."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line


def _below(path: _Path, key: Key) -> _Path:
    return (*path, key) if len(path) < _DEEPEST else path


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(escape: re.Match[str]) -> str:
    digits = escape[1] or escape[2] or escape[3]
    if digits is None:
        return _ESCAPES.get(escape[4], escape[4])
    number = int(digits, 16)
    return chr(number) if number <= _LAST_CHARACTER else escape[0]
