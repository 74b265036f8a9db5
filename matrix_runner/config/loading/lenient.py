"""Lenient kinds for cibuildwheel's dialect: values that only it accepts, with their meaning there (release 4.3).

Each function changes a raw value before its option reads it; `remarks` report it if it is most likely a mistake.
"""

import re
import shlex
from collections.abc import Callable
from datetime import date, time
from typing import TypeVar

from msgspec.structs import replace

from matrix_runner.config.kinds import basic, grammars
from matrix_runner.config.kinds.assignments import check_name, parse_assignments
from matrix_runner.config.kinds.basic import Kind
from matrix_runner.config.kinds.values import BuildFrontend, Frontend, LogFolds, Variables
from matrix_runner.config.mistakes import InvalidValue, Key, quote, read_each

T = TypeVar("T")

_YES = frozenset({"y", "yes", "t", "true", "on", "1"})
_NO = frozenset({"n", "no", "f", "false", "off", "0", ""})


def changed(base: Kind[T], *changes: Callable[[object], object]) -> Kind[T]:
    """Make a kind that applies changes, in order, to the values of a file before reading them."""

    def change(value: object) -> object:
        for one in changes:
            value = one(value)
        return value

    return replace(base, read=lambda value: base.read(change(value)), remarks=lambda value: base.remarks(change(value)))


def changed_text(base: Kind[T], change: Callable[[str], object]) -> Kind[T]:
    """Make a kind that changes a text, of a file or a variable, before reading it."""
    reads_text = changed(base, lambda value: change(value) if isinstance(value, str) else value)
    return replace(reads_text, read_text=reads_text.read)


def as_python_writes(value: object) -> object:
    """Return scalars as their text in Python."""
    if isinstance(value, bool | int | float | date | time):
        return str(value)
    if isinstance(value, list):
        return [as_python_writes(one) if not isinstance(one, list) else one for one in value]
    return value


def texts(base: Kind[T]) -> Kind[T]:
    """Make a kind that accepts numbers and booleans in place of texts, with a remark."""

    def remarks(value: object) -> tuple[str, ...]:
        items = value if isinstance(value, list) else [value]
        odd = [one for one in items if as_python_writes(one) is not one]
        return (*(f"taken as the text {quote(str(one))}" for one in odd), *plain.remarks(value))

    plain = changed(base, as_python_writes)
    return replace(plain, remarks=remarks)


def words(base: Kind[T]) -> Kind[T]:
    """Make a kind of words that accepts numbers and booleans too, and ignores blank words."""
    return without_blanks(texts(base))


def without_blanks(base: Kind[T]) -> Kind[T]:
    """Make a kind of a list that ignores blank items."""

    def filled(value: object) -> object:
        if not isinstance(value, list):
            return value
        return [one for one in value if not (isinstance(one, str) and not one.strip())]

    return changed(base, filled)


def entries(base: Kind[T]) -> Kind[T]:
    """Make a kind whose tables accept any scalar."""

    def change(value: object) -> object:
        return {key: as_python_writes(one) for key, one in value.items()} if isinstance(value, dict) else value

    return changed(base, change)


def environment() -> Kind[Variables]:
    """Make the kind of a set of variables with entries read like `NAME="value"` in a shell, quotes included."""
    base = grammars.environment()

    def entry(pair: tuple[str, object]) -> Variables:
        name, value = pair
        text = as_python_writes(value)
        if not isinstance(text, str):
            basic.read_scalar(text)
        return parse_assignments(f'{check_name(name)}="{basic.read_string(text)}"')

    def read(value: object) -> Variables:
        if not isinstance(value, dict):
            return base.read(value)
        items: list[tuple[Key, tuple[str, object]]] = [(name, (name, one)) for name, one in value.items()]
        return tuple(one for several in read_each(items, entry) for one in several)

    return replace(base, read=read)


def switch(base: Kind[bool]) -> Kind[bool]:
    """Make the kind of a switch that is on for affirmative words, and off for all others."""

    def remarks(value: object) -> tuple[str, ...]:
        is_known = str(value).lower() in _YES | _NO
        return () if is_known else (f"expected true or false, got {quote(str(value))}: taken as false",)

    return replace(base, read_text=lambda text: text.lower() in _YES, remarks=remarks)


def config_settings(base: Kind[T]) -> Kind[T]:
    """Make the kind of build backend settings that accepts settings without a value."""

    def fill(text: str) -> str:
        return shlex.join(word if "=" in word else f"{word}=" for word in basic.split_shell(text))

    def remarks(value: object) -> tuple[str, ...]:
        bare = [word for word in basic.split_shell(value) if "=" not in word] if isinstance(value, str) else []
        return tuple(f"{quote(word)} has no value: passed on as {quote(word + '=')}" for word in bare)

    return replace(entries(changed_text(base, fill)), remarks=remarks)


_FOR_PYODIDE = re.compile(r"(\s*(?:name:\s*)?)pyodide-build(?=\s*(?:;|$))")


def build_frontend(base: Kind[BuildFrontend]) -> Kind[BuildFrontend]:
    """Make the kind of a frontend whose `args`, if a single text, are one argument; empty means the default.

    Pyodide's own frontend is accepted, for it may stand in an override for other cells than those of Linux.
    """

    def change(value: object) -> object:
        if isinstance(value, dict) and isinstance(value.get("args"), str):
            return {**value, "args": [value["args"]]}
        return value

    def read(value: object) -> BuildFrontend:
        name = value.get("name") if isinstance(value, dict) else value
        if not isinstance(name, str) or not _FOR_PYODIDE.match(name):
            return plain.read(value)
        other = _FOR_PYODIDE.sub(rf"\1{Frontend.BUILD}", name)
        return replace(plain.read({**value, "name": other} if isinstance(value, dict) else other), for_pyodide=True)

    plain = entries(changed(base, change))
    return replace(plain, read=read, read_text=read, may_be_empty=True)


def log_folds(base: Kind[LogFolds]) -> Kind[LogFolds]:
    """Make the kind of folds in which `disabled` means none."""
    return changed_text(base, lambda text: str(LogFolds.NONE) if text == "disabled" else text)


def container_engine(base: Kind[T]) -> Kind[T]:
    """Make the kind of an engine that accepts underscores in keys, and any word as its switch."""

    def change(value: object) -> object:
        if not isinstance(value, dict):
            return value
        table = {key.replace("_", "-"): one for key, one in value.items()}
        mount = table.get("disable-host-mount")
        if isinstance(mount, str):
            table["disable-host-mount"] = mount.lower() in _YES
        return table

    return changed(base, change)


def dependency_versions(base: Kind[T]) -> Kind[T]:
    """Make the kind of dependency versions: empty means the latest, and any other text is a path as a whole."""

    def change(value: object) -> object:
        if value in ("", {}, {"packages": []}, {"file": ""}):
            return "latest"
        is_path = isinstance(value, str) and not value.startswith(("file:", "packages:"))
        return {"file": value} if is_path and value not in ("pinned", "latest") else value

    def read_text(text: str) -> T:
        try:
            return base.read(change(text))
        except InvalidValue as bad:
            raise bad.without_place() from None

    changing = changed(base, change)
    return replace(changing, read_text=read_text, may_be_empty=True)
