"""The configuration layers of a file: the dialect's table, its part for Linux, and its overrides."""

from collections.abc import Iterator, Mapping
from functools import partial

from msgspec.structs import replace

from matrix_runner.config.kinds import grammars
from matrix_runner.config.kinds.selectors import Selector
from matrix_runner.config.loading import lenient
from matrix_runner.config.loading.diagnostics import Diagnostics, Document
from matrix_runner.config.loading.dialects import CIBUILDWHEEL, LINUX, OWN, Dialect
from matrix_runner.config.loading.layers import Given, Inherit, Layer
from matrix_runner.config.mistakes import InvalidValue, Key, describe, did_you_mean, nearest, path
from matrix_runner.config.options import BY_NAME
from matrix_runner.config.options.option import Source

OVERRIDES, INHERIT, SELECT = "overrides", "inherit", "select"


def has_table(document: Document, dialect: Dialect) -> bool:
    """Whether the file has the dialect's table, or another value under its name."""
    tool = document.content.get("tool", {})
    return isinstance(tool, dict) and dialect.table in tool


def find_misplaced(document: Document, diagnostics: Diagnostics) -> None:
    """Report tables that are apparently ours but in a position that is not read."""
    tool = document.content.get("tool", {})
    if not isinstance(tool, dict):
        diagnostics.wrong(f"{document.position('tool')}: expected a table, got {describe(tool)}")
        return
    misplaced: list[tuple[str, ...]] = [(key,) for key in document.content if _folded(key) == OWN.table]
    misplaced += [("tool", key) for key in tool if _folded(key) == OWN.table and key != OWN.table]
    for keys in misplaced:
        diagnostics.wrong(f"{document.position(*keys)}: nothing reads this table; it has to be called tool.{OWN.table}")


def _folded(key: str) -> str:
    return key.lower().replace("_", "-")


def file_layers(document: Document, dialect: Dialect, diagnostics: Diagnostics) -> Iterator[Layer]:
    """Read the dialect's table of a file: for all systems, for Linux, and the overrides in order; lowest first."""
    tool = document.content.get("tool", {})
    table = tool.get(dialect.table, {}) if isinstance(tool, dict) else {}
    base: tuple[Key, ...] = ("tool", dialect.table)
    if not isinstance(table, dict):
        diagnostics.wrong(f"{document.position(*base)}: expected a table, got {describe(table)}")
        return
    structure = {LINUX, OVERRIDES, INHERIT, *dialect.platforms}
    reader = _TableReader(document, dialect, diagnostics)
    yield reader.layer({key: one for key, one in table.items() if key not in structure - {INHERIT}}, base)
    diagnostics.elsewhere += [f"[{path(*base, key)}]" for key in table if key in dialect.platforms]
    linux = table.get(LINUX, {})
    if isinstance(linux, dict):
        yield reader.layer(linux, (*base, LINUX))
    else:
        diagnostics.wrong(f"{document.position(*base, LINUX)}: expected a table, got {describe(linux)}")
    overrides = table.get(OVERRIDES, [])
    if not isinstance(overrides, list):
        what = f"expected an array of tables, [[{path(*base, OVERRIDES)}]], got {describe(overrides)}"
        diagnostics.wrong(f"{document.position(*base, OVERRIDES)}: {what}")
        return
    for number, override in enumerate(overrides):
        if isinstance(override, dict):
            yield reader.override(override, (*base, OVERRIDES, number))
        else:
            diagnostics.wrong(
                f"{document.position(*base, OVERRIDES, number)}: expected a table, got {describe(override)}"
            )


class _TableReader:
    """A reader of tables of options."""

    def __init__(self, document: Document, dialect: Dialect, diagnostics: Diagnostics) -> None:
        self._document = document
        self._dialect = dialect
        self._diagnostics = diagnostics
        patterns = grammars.patterns(strict=dialect.is_strict)
        self._selectors = patterns if dialect.is_strict else lenient.without_blanks(patterns)

    def layer(self, table: Mapping[str, object], base: tuple[Key, ...]) -> Layer:
        """Read a table for all cells."""
        names = (*self._dialect.in_file, INHERIT, *((LINUX, OVERRIDES) if len(base) == 2 else ()))
        rules = self._rules(table, base)
        given: list[Given] = []
        for key, raw in table.items():
            if key == INHERIT:
                continue
            if key in self._dialect.elsewhere:
                self._diagnostics.elsewhere.append(path(*base, key))
            elif key not in self._dialect.in_file:
                self._diagnostics.wrong(f"{self._document.position(*base, key)}: {self._unknown(key, names)}")
            else:
                self._read(given, (*base, key), raw, Source.FILE, rules)
        return Layer(given=tuple(given))

    def override(self, table: Mapping[str, object], base: tuple[Key, ...]) -> Layer:
        """Read an override, for some cells only."""
        rules = self._rules(table, base, per_cell=True)
        given: list[Given] = []
        known = [name for name, option in self._dialect.in_file.items() if option.per_cell]
        for key, raw in table.items():
            if key in {INHERIT, SELECT} or key in self._dialect.elsewhere:
                continue
            position = self._document.position(*base, key)
            option = self._dialect.in_file.get(key)
            if option is None:
                self._diagnostics.odd(f"{position}: {self._unknown(key, (*known, INHERIT, SELECT))}", self._dialect)
            elif not option.per_cell:
                self._diagnostics.odd(
                    f"{position}: concerns the run as a whole, so no override can set it", self._dialect
                )
            else:
                self._read(given, (*base, key), raw, Source.OVERRIDE, rules)
        # A misspelt `selct` is one mistake, not two.
        is_misspelt = SELECT not in table and any(nearest(key, (*known, INHERIT, SELECT)) == SELECT for key in table)
        is_told = is_misspelt and self._dialect.is_strict
        select = Selector(patterns=()) if is_told else self._select(table, base)
        return Layer(given=tuple(given), select=select, position=self._document.position(*base, SELECT))

    def _read(
        self, given: list[Given], keys: tuple[Key, ...], raw: object, source: Source, rules: Mapping[str, Inherit]
    ) -> None:
        """Add the value of the option named by the last key."""
        name = str(keys[-1])
        kind = self._dialect.kind(self._dialect.in_file[name])
        if not self._dialect.is_strict and not kind.may_be_empty and raw in ("", []):
            return
        one = self._diagnostics.option(name, kind, raw, source, partial(self._document.position, *keys))
        if one is not None:
            given.append(replace(one, rule=rules.get(name, Inherit.NONE)))

    def _rules(
        self, table: Mapping[str, object], base: tuple[Key, ...], *, per_cell: bool = False
    ) -> Mapping[str, Inherit]:
        if INHERIT not in table:
            return {}
        position = partial(self._document.position, *base, INHERIT)
        return self._diagnostics.inherit(table[INHERIT], self._dialect, position, per_cell=per_cell)

    def _select(self, table: Mapping[str, object], base: tuple[Key, ...]) -> Selector:
        position = self._document.position(*base)
        raw = table.get(SELECT, "")
        try:
            patterns = self._selectors.read(raw)
        except InvalidValue as bad:
            for found in bad.findings:
                self._diagnostics.wrong(f"{self._document.position(*base, SELECT, *found.at)}: {found.text}")
            return Selector(patterns=())
        if not patterns:
            what = 'an override needs select, the cells it is for: select = "*-musllinux_*"'
            note = self._diagnostics.wrong if raw in ("", []) else partial(self._diagnostics.odd, dialect=self._dialect)
            note(f"{position}: {what}")
        return Selector(patterns=patterns)

    def _unknown(self, key: str, known: tuple[str, ...]) -> str:
        if self._dialect is OWN and key in CIBUILDWHEEL.platforms:
            return "this tool builds Linux wheels only"
        if self._dialect is OWN and key in BY_NAME:
            return f"can only be given on the command line, as {BY_NAME[key].flag}"
        return f"unknown option{did_you_mean(key, known)}"
