"""From `[tool.cibuildwheel]` to `[tool.matrix-runner]`: the same wheels, with comments and formatting kept."""

from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import cast

import bracex
import tomlkit
from tomlkit.container import Container
from tomlkit.items import AoT, Item, Table

from matrix_runner.config import placeholders
from matrix_runner.config.dialects import CIBUILDWHEEL, LINUX, OWN, is_for_other_systems
from matrix_runner.config.file_layers import INHERIT, OVERRIDES, SELECT
from matrix_runner.config.mistakes import Bad, Key, path
from matrix_runner.config.option import Option
from matrix_runner.config.positions import find_headers
from matrix_runner.toml import loads

_OLD: tuple[str, ...] = ("tool", CIBUILDWHEEL.table)

_Keys = MutableMapping[str, Item]


@dataclass(frozen=True, kw_only=True, slots=True)
class Migration:
    """The new text of the file. `notes`: what could not be taken over, and what changed its spelling, a line each."""

    text: str
    notes: tuple[str, ...]


@dataclass(kw_only=True, slots=True)
class _Notes:
    lines: list[str] = field(default_factory=list)

    def add(self, keys: Iterable[Key], text: str) -> None:
        self.lines.append(f"{path(*keys)}: {text}")


def migrate(text: str) -> Migration:
    """Add our table below that of cibuildwheel, which stays: other systems' wheels may need it.

    The text is well-formed TOML and has that table. What means the same in both keeps its spelling; what does not is
    written anew, and defaults that differ are written out.
    """
    notes = _Notes()
    copied = _copy_of_tables(text) or _made_of_values(text)
    document = tomlkit.parse(_with_defaults(copied))
    table = _table_at(document, ("tool", OWN.table))
    _rewrite(table, ("tool", CIBUILDWHEEL.table), notes)
    return Migration(text=_inserted(text, tomlkit.dumps(document).strip("\n") + "\n"), notes=tuple(notes.lines))


def _pieces(text: str) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Cut a document before each header and the comments right above it; give each table's path and text."""
    lines = text.splitlines(keepends=True)
    starts: list[tuple[tuple[str | int, ...], int]] = [((), 0)]
    for line, keys in find_headers(text):
        start = line - 1
        while start > starts[-1][1] and lines[start - 1].lstrip().startswith("#"):
            start -= 1
        starts.append((keys, start))
    ends = [start for _, start in starts[1:]] + [len(lines)]
    for (keys, start), end in zip(starts, ends, strict=True):
        yield keys, "".join(lines[start:end])


def _copy_of_tables(text: str) -> str | None:
    """Return the tables of cibuildwheel as a document of their own, with our headers; None if they have no headers."""
    pieces = [(keys, piece) for keys, piece in _pieces(text) if keys[:2] == _OLD]
    wanted = [(keys, piece) for keys, piece in pieces if len(keys) == 2 or keys[2] not in CIBUILDWHEEL.platforms]
    copied = "".join(_renamed(piece) for _, piece in wanted)
    if not any(keys == _OLD for keys, _ in wanted):
        copied = f"[tool.{OWN.table}]\n" + copied
    expected = loads(text).get("tool")
    found = loads(copied).get("tool")
    if not (isinstance(expected, dict) and isinstance(found, dict)):
        return None
    old, new = expected[CIBUILDWHEEL.table], found[OWN.table]
    kept = {key: one for key, one in old.items() if key not in CIBUILDWHEEL.platforms} if isinstance(old, dict) else {}
    # Keys written as `tool.cibuildwheel.build = ...` elsewhere are in no piece: then the values alone are taken over.
    return copied if kept == new else None


def _renamed(piece: str) -> str:
    """Write our name in a piece's header, the first line that is no comment."""
    lines = piece.splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if not line.lstrip().startswith("#"))
    lines[at] = lines[at].replace(CIBUILDWHEEL.table, OWN.table, 1)
    return "".join(lines)


def _made_of_values(text: str) -> str:
    tool = loads(text)["tool"]
    old = tool[CIBUILDWHEEL.table] if isinstance(tool, dict) else {}
    values = (
        {key: one for key, one in old.items() if key not in CIBUILDWHEEL.platforms} if isinstance(old, dict) else {}
    )
    return tomlkit.dumps({"tool": {OWN.table: values}})


def _with_defaults(text: str) -> str:
    """Write out, right below our header, the defaults of the other tool that are not ours."""
    tool = loads(text)["tool"]
    table = tool[OWN.table] if isinstance(tool, dict) else {}
    missing = [name for name in CIBUILDWHEEL.defaults if isinstance(table, dict) and name not in table]
    written = [f"{name} = {OWN.in_file[name].kind.write(CIBUILDWHEEL.defaults[name])}\n" for name in missing]
    line = next(line for line, keys in find_headers(text) if keys == ("tool", OWN.table))
    lines = text.splitlines(keepends=True)
    return "".join((*lines[:line], *written, *lines[line:]))


def _inserted(text: str, table: str) -> str:
    """Put our table behind the last one of cibuildwheel."""
    pieces = list(_pieces(text))
    last = max((n for n, (keys, _) in enumerate(pieces) if keys[:2] == _OLD), default=len(pieces) - 1)
    before = "".join(piece for _, piece in pieces[: last + 1]).rstrip("\r\n")
    after = "".join(piece for _, piece in pieces[last + 1 :])
    newline = "\r\n" if "\r\n" in text else "\n"
    table = table.replace("\r\n", "\n").replace("\n", newline)
    return f"{before}{newline}{newline}{table}" + (f"{newline}{after}" if after else "")


def _table_at(document: Container, keys: tuple[str, ...]) -> _Keys:
    table: object = document
    for key in keys:
        table = cast("_Keys", table)[key]
    return cast("_Keys", table)


def _rewrite(table: _Keys, base: tuple[Key, ...], notes: _Notes) -> None:
    """Make a table that the other tool reads one that we read to the same values."""
    _rewrite_options(table, base, notes)
    linux = table.get(LINUX)
    if isinstance(linux, Table):
        _rewrite_options(linux, (*base, LINUX), notes)
    overrides = table.get(OVERRIDES)
    if isinstance(overrides, AoT | list):
        _rewrite_overrides(cast("list[_Keys]", overrides), (*base, OVERRIDES), notes)
        if not overrides:
            del table[OVERRIDES]


def _rewrite_overrides(overrides: list[_Keys], base: tuple[Key, ...], notes: _Notes) -> None:
    elsewhere: list[int] = []
    for number, override in enumerate(overrides):
        keys = (*base, number)
        selected = cast("str | list[str]", override[SELECT])
        patterns = selected.split() if isinstance(selected, str) else [word for one in selected for word in one.split()]
        if all(_is_elsewhere(pattern) for pattern in patterns):
            notes.add(keys, f"for other systems ({' '.join(patterns)}), left out")
            elsewhere.append(number)
            continue
        for name in [key for key in override if key not in {SELECT, INHERIT}]:
            option = CIBUILDWHEEL.in_file.get(name)
            if option is None or not option.per_cell:
                notes.add((*keys, name), "has no effect in an override, left out")
                del override[name]
        _rewrite_options(override, keys, notes)
    for number in reversed(elsewhere):
        del overrides[number]


def _is_elsewhere(pattern: str) -> bool:
    return all(is_for_other_systems(one) for one in bracex.expand(pattern))


def _rewrite_options(table: _Keys, base: tuple[Key, ...], notes: _Notes) -> None:
    """Change, in one table, each value that we would read differently; leave out what we do not have."""
    dropped = {key for key in table if key in CIBUILDWHEEL.elsewhere}
    for name, option in CIBUILDWHEEL.in_file.items():
        if name not in table:
            continue
        raw = table[name].unwrap() if isinstance(table[name], Item) else table[name]
        kind = CIBUILDWHEEL.kind(option)
        is_unset = not kind.may_be_empty and raw in ("", [])
        if is_unset and not (name in CIBUILDWHEEL.defaults and base == _OLD):
            dropped.add(name)
            continue
        value = CIBUILDWHEEL.defaults[name] if is_unset else kind.read(raw)
        if _reads_as(option, raw, value):
            continue
        written = option.kind.write(_spelt_strictly(option, value, (*base, name), notes))
        replacement = _item(written)
        trivia = getattr(table[name], "trivia", None)
        if trivia is not None:
            replacement.trivia.comment, replacement.trivia.comment_ws = trivia.comment, trivia.comment_ws
        table[name] = replacement
        notes.add((*base, name), f"written as {written}")
    for name in dropped:
        notes.add((*base, name), "has no effect for Linux, left out")
        del table[name]
    _rewrite_inherit(table, dropped)


def _rewrite_inherit(table: _Keys, dropped: set[str]) -> None:
    """Leave out the rules for options that were left out; a string of rules is written as it was."""
    rules = table.get(INHERIT)
    if isinstance(rules, MutableMapping):
        for name in [key for key in rules if key in dropped or key not in OWN.in_file]:
            del rules[name]


def _reads_as(option: Option[object], raw: object, value: object) -> bool:
    try:
        return option.kind.read(raw) == value
    except Bad:
        return False


def _spelt_strictly(option: Option[object], value: object, keys: tuple[Key, ...], notes: _Notes) -> object:
    """Return a value that our reader takes: literal braces escaped, patterns that match nothing left out."""
    if _reads_as(option, loads(f"v = {option.kind.write(value)}")["v"], value):
        return value
    if isinstance(value, str):
        return placeholders.escape_unknown(value, lambda text: _accepts(option, text))
    if isinstance(value, tuple):
        kept = tuple(one for one in value if _accepts(option, [str(one)]))
        for one in set(value) - set(kept):
            notes.add(keys, f"{one}: not a pattern that can match, left out")
        return kept
    return value


def _accepts(option: Option[object], raw: object) -> bool:
    try:
        option.kind.read(raw)
    except Bad:
        return False
    return True


def _item(written: str) -> Item:
    return cast("Item", tomlkit.parse(f"v = {written}")["v"])
