"""Rewriting of cibuildwheel's values for our reader: unchanged if they mean the same in both, else respelt."""

from collections.abc import Callable, Iterable, Mapping, MutableMapping, MutableSequence
from functools import partial
from operator import eq
from typing import Protocol, cast

import bracex
import tomlkit
from tomlkit.items import InlineTable

from matrix_runner import catalog
from matrix_runner.config.kinds import placeholders
from matrix_runner.config.kinds.selectors import Selector
from matrix_runner.config.kinds.values import BuildFrontend, Variables
from matrix_runner.config.loading.diagnostics import inherit_rules
from matrix_runner.config.loading.dialects import CIBUILDWHEEL, LINUX, OWN, is_for_other_systems
from matrix_runner.config.loading.file_layers import INHERIT, OVERRIDES, SELECT
from matrix_runner.config.loading.layers import Inherit
from matrix_runner.config.migration import unrepaired
from matrix_runner.config.mistakes import InvalidValue, Key
from matrix_runner.config.options.build_options import ACCEPT, REPAIR_WHEEL_COMMAND
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.selection_options import ARCHS, BUILD, SKIP, TEST_SKIP
from matrix_runner.toml import loads

Values = MutableMapping[str, object]
"""A table: plain, or one with formatting (`tomlkit`)."""

_PATTERNS = (BUILD.name, SKIP.name, TEST_SKIP.name)
_NO_CELL = ("none",)
"""A pattern that matches no identifier."""


class Notes(Protocol):
    """Collects messages for the user about changes."""

    def __call__(self, keys: tuple[Key, ...], text: str) -> None:
        """Add a message about the value at `keys`."""


def respell(table: Values, base: tuple[Key, ...], notes: Notes) -> None:
    """Change a table that is valid for cibuildwheel so that our reader gets the same values."""
    _joined_with_defaults(table)
    _respell_options(table, base, notes)
    linux = table.get(LINUX)
    if isinstance(linux, MutableMapping):
        if ARCHS.name in linux and INHERIT not in linux and not _accepts(ARCHS, _plain(table[ARCHS.name])):
            # None of them for Linux in the table itself, which does not matter if its part for Linux names some.
            _put(table, ARCHS.name, ARCHS.kind.write(CIBUILDWHEEL.defaults[ARCHS.name]))
        _respell_options(linux, (*base, LINUX), notes)
    overrides = table.get(OVERRIDES)
    if isinstance(overrides, MutableSequence):
        _respell_overrides(overrides, (*base, OVERRIDES), notes)
        if not overrides:
            del table[OVERRIDES]
    _accept_unrepaired(table, base, notes)


def _accept_unrepaired(table: Values, base: tuple[Key, ...], notes: Notes) -> None:
    """Write `accept` beside the repair commands whose wheels the old table delivers unrepaired."""
    overrides = cast("Iterable[Values]", table.get(OVERRIDES, ()))
    tables = [(base, table), ((*base, LINUX), cast("Values", table.get(LINUX, {})))]
    tables += [((*base, OVERRIDES, number), override) for number, override in enumerate(overrides)]
    is_answered = False
    for keys, one in tables:
        plain = {key: _plain(value) for key, value in one.items()}
        rule = inherit_rules(plain.get(INHERIT, {})).get(REPAIR_WHEEL_COMMAND.name)
        written = unrepaired.answer(plain, rule, is_answered=is_answered)
        if written is not None:
            _put_below(one, REPAIR_WHEEL_COMMAND.name, ACCEPT.name, written)
            notes((*keys, REPAIR_WHEEL_COMMAND.name), f"{ACCEPT} = {written} is written beside it")
            is_answered = True


def _joined_with_defaults(table: Values) -> None:
    """Write out values that add to a default different from ours."""
    for name, default in CIBUILDWHEEL.defaults.items():
        kind = CIBUILDWHEEL.kind(OWN.in_file[name])
        rule = inherit_rules(_plain(table.get(INHERIT, {}))).get(name)
        if name not in table or kind.join is None or rule not in {str(Inherit.APPEND), str(Inherit.PREPEND)}:
            continue
        raw = _plain(table[name])
        given = default if raw in ("", []) else kind.read(raw)
        pair = (default, given) if rule == str(Inherit.APPEND) else (given, default)
        _put(table, name, kind.write(kind.join(*pair)))
        _drop_rules(table, partial(eq, name))


def _respell_overrides(overrides: MutableSequence[object], base: tuple[Key, ...], notes: Notes) -> None:
    elsewhere: list[int] = []
    for number, override in enumerate(overrides):
        keys = (*base, number)
        table = cast("Values", override)
        if not _respell_select(table, keys, notes):
            elsewhere.append(number)
            continue
        for name in [key for key in table if key not in {SELECT, INHERIT}]:
            if not _is_per_cell(name):
                notes((*keys, name), "has no effect in an override, left out")
                del table[name]
        _drop_rules(table, lambda name: not _is_per_cell(name))
        _respell_options(table, keys, notes)
    for number in reversed(elsewhere):
        del overrides[number]


def _is_per_cell(name: str) -> bool:
    option = CIBUILDWHEEL.in_file.get(name)
    return option is not None and option.per_cell


def _respell_select(table: Values, keys: tuple[Key, ...], notes: Notes) -> bool:
    """Drop patterns that cannot match; return whether the override can select any cell."""
    raw = _plain(table.get(SELECT, ""))
    patterns = [word for one in (raw if isinstance(raw, list) else [raw]) for word in str(one).split()]
    if all(map(_is_elsewhere, patterns)):
        notes(keys, f"for other systems ({' '.join(patterns)}), left out" if patterns else "selects nothing, left out")
        return False
    kept = _matchable(patterns, (*keys, SELECT), notes)
    if not kept:
        return False
    if not _accepts(BUILD, raw):
        _put(table, SELECT, BUILD.kind.write(kept))
        notes((*keys, SELECT), f"written as {BUILD.kind.write(kept)}")
    return True


def _matchable(patterns: Iterable[str], keys: tuple[Key, ...], notes: Notes) -> tuple[str, ...]:
    r"""Return patterns that our reader accepts: `cp3\*` is expanded, and patterns that cannot match are dropped."""
    kept: list[str] = []
    for pattern in patterns:
        if _accepts(BUILD, [pattern]):
            kept.append(pattern)
            continue
        expanded = [one for one in bracex.expand(pattern) if _accepts(BUILD, [one])]
        kept += expanded
        if not expanded:
            notes(keys, f"{pattern}: no pattern that can match, left out")
    return tuple(dict.fromkeys(kept))


def _is_elsewhere(pattern: str) -> bool:
    if not all(is_for_other_systems(one) for one in bracex.expand(pattern)):
        return False
    # `*-[!win]*` mentions Windows and matches Linux.
    selector = Selector(patterns=(pattern,))
    return not any(selector.matches(cell) for cell in catalog.load().cells)


def _respell_options(table: Values, base: tuple[Key, ...], notes: Notes) -> None:
    """Rewrite each value of a table that our reader would read differently; drop options that we lack."""
    dropped = [key for key in table if key in CIBUILDWHEEL.elsewhere]
    for name, option in CIBUILDWHEEL.in_file.items():
        if name not in table:
            continue
        raw, kind = _plain(table[name]), CIBUILDWHEEL.kind(option)
        is_unset = (not kind.may_be_empty and raw in ("", [])) or _is_for_pyodide(kind.read(raw))
        if is_unset and not (name in CIBUILDWHEEL.defaults and len(base) == 2):
            dropped.append(name)
            continue
        value = CIBUILDWHEEL.defaults[name] if is_unset else kind.read(raw)
        if _reads_as(option, raw, value):
            continue
        _respell_value(table, option, _strictly(option, value, (*base, name), notes), (*base, name), notes)
    for name in dropped:
        notes((*base, name), "has no effect for Linux, left out")
        del table[name]
    _drop_rules(table, lambda name: name in dropped or name not in OWN.in_file)


def _is_for_pyodide(value: object) -> bool:
    return isinstance(value, BuildFrontend) and value.for_pyodide


def _respell_value(table: Values, option: Option[object], value: object, keys: tuple[Key, ...], notes: Notes) -> None:
    """Rewrite one value; in a table, only the entries that differ."""
    written, raw = option.kind.write(value), _plain(table[option.name])
    wanted = _entries(option, value, written)
    if not (isinstance(raw, dict) and isinstance(wanted, dict) and wanted):
        _put(table, option.name, written)
        notes(keys, f"written as {written}")
        return
    for name in raw:
        # An entry with the same meaning retains its spelling.
        if name in wanted and _reads_as(option, {**wanted, name: raw[name]}, value):
            wanted[name] = raw[name]
    entries = cast("Values", table[option.name])
    for name in [name for name in raw if name not in wanted]:
        notes((*keys, name), "left out")
        del entries[name]
    for name in [name for name in wanted if name not in raw or wanted[name] is not raw[name]]:
        text = tomlkit.item(wanted[name]).as_string()
        notes((*keys, name), f"written as {text}")
        _put(entries, name, text)


def _entries(option: Option[object], value: object, written: str) -> object:
    """Return a value as a table, if possible."""
    plain = loads(f"v = {written}")["v"]
    if isinstance(plain, str) and isinstance(value, tuple):
        table = dict(cast("Variables", value))
        return table if _reads_as(option, table, value) else plain
    if isinstance(plain, str) and _reads_as(option, {"name": plain}, value):
        return {"name": plain}
    return plain


def _drop_rules(table: Values, is_moot: Callable[[str], bool]) -> None:
    """Remove the rules for some options."""
    rules = table.get(INHERIT)
    if isinstance(rules, MutableMapping):
        for name in [key for key in rules if is_moot(key)]:
            del rules[name]
        if not rules:
            del table[INHERIT]
        return
    if not isinstance(rules, str):
        return
    read = inherit_rules(str(rules))
    kept = {name: rule for name, rule in read.items() if not is_moot(name)}
    if not kept:
        del table[INHERIT]
    elif kept != read:
        _put(table, INHERIT, tomlkit.item("; ".join(f"{name}: {rule}" for name, rule in kept.items())).as_string())


def _reads_as(option: Option[object], raw: object, value: object) -> bool:
    try:
        return option.kind.read(raw) == value
    except InvalidValue:
        return False


def _accepts(option: Option[object], raw: object) -> bool:
    try:
        option.kind.read(raw)
    except InvalidValue:
        return False
    return True


def _strictly(option: Option[object], value: object, keys: tuple[Key, ...], notes: Notes) -> object:
    """Return a value that our reader accepts: literal braces escaped, patterns that match nothing dropped."""
    if _reads_as(option, loads(f"v = {option.kind.write(value)}")["v"], value):
        return value
    if isinstance(value, str):
        return placeholders.escape_unknown(value, lambda text: _accepts(option, text))
    if isinstance(value, tuple) and option.name in _PATTERNS:
        kept = _matchable(map(str, value), keys, notes)
        return kept if kept or option is not BUILD else _NO_CELL
    return value


def _plain(value: object) -> object:
    """Return a value without its formatting."""
    unwrap = getattr(value, "unwrap", None)
    return unwrap() if callable(unwrap) else value


def _put(table: Values, name: str, written: str) -> None:
    """Write a value, given as TOML, leaving the comment behind it."""
    old = table.get(name)
    if not hasattr(old, "trivia") and not hasattr(table, "unwrap"):
        table[name] = loads(f"v = {written}")["v"]
        return
    new = tomlkit.value(written)
    trivia = getattr(old, "trivia", None)
    if trivia is not None and not isinstance(old, Mapping):
        new.trivia.comment, new.trivia.comment_ws = trivia.comment, trivia.comment_ws
    table[name] = new


def _put_below(table: Values, upper: str, name: str, written: str) -> None:
    """Write a new value, given as TOML, in the line below another one of the table."""
    trivia = getattr(table[upper], "trivia", None)
    if trivia is None or isinstance(table, InlineTable):
        _put(table, name, written)
        return
    # Added by itself it would stand below the comments that end the table, which are about the next one.
    end = trivia.trail or "\n"
    trivia.trail = f"{end}{name} = {written}{end}"
