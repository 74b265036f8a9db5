"""Text-level cutting, copying and insertion of TOML tables, preserving all other bytes."""

import re
from collections.abc import Callable

import msgspec

from matrix_runner.config.loading.positions import find_headers
from matrix_runner.config.mistakes import Key
from matrix_runner.toml import TOMLDecodeError, loads

_Path = tuple[Key, ...]

_COMMENTED_KEY = re.compile(r"\s*#+\s*([a-z0-9_-]+)(?:\.[\w-]+)*\s*=")


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A table's header and keys. `keys`: its path, empty before the first header.

    `lead`: comments separated from the header by blank lines. `body`: the comments directly above the header, the
    header, and everything up to the next piece.
    """

    keys: _Path
    lead: str
    body: str


def cut(text: str, is_own_key: Callable[[str], bool]) -> tuple[Piece, ...]:
    """Cut a document into its tables; their concatenation is the document.

    Comments between two tables belong to the lower table, unless they directly follow the keys of the upper table or
    contain a commented-out key of it.
    """
    # TOML has no other line ends than this and CRLF.
    lines = re.findall(r"[^\n]*\n|[^\n]+\Z", text)
    headers = [(line - 1, keys) for line, keys in find_headers(text)]
    marks: list[tuple[_Path, int, int]] = [((), 0, 0)]
    for header, keys in headers:
        content = _end_of_content(lines, marks[-1][2], header)
        attached = header
        while attached > content and _is_comment(lines[attached - 1]):
            attached -= 1
        marks.append((keys, _lead(lines, content, attached, is_own_key), attached))
    ends = [lead for _, lead, _ in marks[1:]] + [len(lines)]
    return tuple(
        Piece(keys=keys, lead="".join(lines[lead:attached]), body="".join(lines[attached:end]))
        for (keys, lead, attached), end in zip(marks, ends, strict=True)
    )


def _is_comment(line: str) -> bool:
    return line.lstrip(" \t").startswith("#")


def _end_of_content(lines: list[str], start: int, header: int) -> int:
    """Return the line where the blank lines and comments above a header begin."""
    end = header
    while end > start and (not lines[end - 1].strip() or _is_comment(lines[end - 1])):
        end -= 1
    try:
        loads("".join(lines[start:end]))
    except TOMLDecodeError:
        # The apparent comments are the last lines of a string.
        return header
    return end


def _lead(lines: list[str], content: int, attached: int, is_own_key: Callable[[str], bool]) -> int:
    """Return the line where the comments that do not belong to the table above begin."""
    lead = content
    while lead < attached and _is_comment(lines[lead]):
        lead += 1
    while lead < attached and not lines[lead].strip():
        lead += 1
    # A commented-out key assigns the comments above it, and its own block, to the table above.
    for number in range(lead, attached):
        match = _COMMENTED_KEY.match(lines[number])
        if match and is_own_key(match[1]):
            lead = number
            while lead < attached and _is_comment(lines[lead]):
                lead += 1
            while lead < attached and not lines[lead].strip():
                lead += 1
    return lead


def copied(pieces: tuple[Piece, ...], old: tuple[str, ...], new: str, *, without: frozenset[str]) -> str:
    """Return the tables at and below the path `old`, its last key renamed to `new`, except those in `without`."""
    text, is_following = "", False
    for piece in pieces:
        is_old = piece.keys[: len(old)] == old
        if is_old and (len(piece.keys) == len(old) or piece.keys[len(old)] not in without):
            text += (piece.lead if is_following else "") + _renamed(piece.body, old[-1], new)
        is_following = is_old
    return text


def _renamed(body: str, old: str, new: str) -> str:
    """Rename the table in the header, the first line that is not a comment."""
    lines = re.findall(r"[^\n]*\n|[^\n]+\Z", body)
    at = next(number for number, line in enumerate(lines) if not _is_comment(line))
    lines[at] = lines[at].replace(old, new, 1)
    return "".join(lines)


def inserted(pieces: tuple[Piece, ...], old: tuple[str, ...], table: str) -> str:
    """Return the document with a table inserted after the last one at or below the path `old`, or else at its end."""
    last = max((n for n, piece in enumerate(pieces) if piece.keys[: len(old)] == old), default=len(pieces) - 1)
    before = "".join(piece.lead + piece.body for piece in pieces[: last + 1])
    after = "".join(piece.lead + piece.body for piece in pieces[last + 1 :])
    newline = "\r\n" if re.match(r"[^\n]*\r\n", before) else "\n"
    table = (table.strip("\r\n") + "\n").replace("\r\n", "\n").replace("\n", newline)
    gap = newline * 2 if before and not before.endswith("\n") else newline
    if not before or re.search(r"\n\r?\n\Z", before):
        gap = ""
    return f"{before}{gap}{table}" + (f"{newline}{after}" if after else "")
