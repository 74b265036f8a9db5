"""Collection of mistakes and notices, with their file positions, while configuration layers are read."""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

import msgspec

from matrix_runner.config.kinds.basic import Kind
from matrix_runner.config.loading.dialects import LINUX, Dialect
from matrix_runner.config.loading.layers import Given, Inherit, Origin
from matrix_runner.config.mistakes import InvalidValue, Key, describe, did_you_mean, path, quote, read_each
from matrix_runner.config.options import BY_NAME
from matrix_runner.config.options.option import Option, Source
from matrix_runner.toml import TOMLValue

S = TypeVar("S")


class Position(Protocol):
    """Formats the position of a value, given the keys below the value that is being read."""

    def __call__(self, *keys: Key) -> str:
        """Return the position as text for a message."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A TOML file: its name in messages, its content, and the line of each key path."""

    label: str
    content: Mapping[str, TOMLValue]
    lines: Mapping[tuple[Key, ...], int]

    def position(self, *keys: Key) -> str:
        """Return `pyproject.toml:7: tool.matrix-runner.archs[1]`, with the line of the nearest located key."""
        known = (self.lines.get(keys[:end]) for end in range(len(keys), 0, -1))
        line = next((line for line in known if line is not None), None)
        return f"{self.label}{'' if line is None else f':{line}'}: {path(*keys)}"


def position_in(name: str) -> Position:
    """Return a function for positions in the value of an environment variable or flag."""

    def position(*keys: Key) -> str:
        below = path(*keys)
        return f"{name}{'' if not below or below.startswith('[') else '.'}{below}"

    return position


class Diagnostics(msgspec.Struct, kw_only=True):
    """The mistakes and notices found so far. `elsewhere`: settings for other systems."""

    mistakes: list[str] = msgspec.field(default_factory=list)
    notices: list[str] = msgspec.field(default_factory=list)
    elsewhere: list[str] = msgspec.field(default_factory=list)

    def wrong(self, line: str) -> None:
        """Add a mistake: nothing will be started."""
        self.mistakes.append(line)

    def odd(self, line: str, dialect: Dialect) -> None:
        """Add a finding about a setting without effect: a mistake in a strict dialect, else a notice."""
        (self.mistakes if dialect.is_strict else self.notices).append(line)

    def value(self, name: str, read: Callable[[S], object], raw: S, source: Source, position: Position) -> Given | None:
        """Return the value if it can be read; else add a mistake and return None."""
        is_hidden = BY_NAME[name].may_hold_secrets and source in {Source.ENVIRONMENT, Source.FLAG}
        try:
            return Given(name=name, value=read(raw), origin=Origin(source=source, text=position()))
        except InvalidValue as bad:
            for found in bad.findings:
                text = found.without_value if is_hidden else found.text
                self.wrong(f"{position(*found.at)}: {text}")
            return None

    def option(self, name: str, kind: Kind[object], raw: object, source: Source, position: Position) -> Given | None:
        """Read an option's value from a file, and add its remarks to the notices."""
        given = self.value(name, kind.read, raw, source, position)
        if given is not None:
            self.notices += [f"{position()}: {remark}" for remark in kind.remarks(raw)]
        return given

    def inherit(
        self, raw: object, dialect: Dialect, position: Position, *, suffix: str = "", per_cell: bool = False
    ) -> Mapping[str, Inherit]:
        """Read the inherit rules, by option; add mistakes, and return the valid rules.

        `suffix`: allowed at the end of names in an environment variable, as in `before-all-linux: prepend`. `per_cell`:
        only options that apply to a single cell are valid.
        """
        try:
            rules = inherit_rules(raw)
        except InvalidValue as bad:
            self.mistakes += [f"{position(*found.at)}: {found.text}" for found in bad.findings]
            return {}
        right: dict[str, Inherit] = {}
        for name, word in rules.items():
            option = _inherited(name, dialect, suffix)
            if option is None and _is_elsewhere(name, dialect, is_variable=bool(suffix)):
                continue
            if option is None:
                self.wrong(f"{position(name)}: unknown option{did_you_mean(name, dialect.in_file)}")
            elif per_cell and not option.per_cell:
                self.odd(f"{position(name)}: concerns the run as a whole, so no override can set it", dialect)
            elif word not in {str(rule) for rule in Inherit}:
                known = ", ".join(map(str, Inherit))
                self.wrong(f"{position(name)}: expected one of {known}, got {quote(word)}")
            elif word != str(Inherit.NONE) and not _can_join(option, dialect):
                self.wrong(f"{position(name)}: values of {option.name} cannot be added to each other")
            else:
                right[name] = Inherit(word)
        return right


def _inherited(name: str, dialect: Dialect, suffix: str) -> Option[object] | None:
    option = dialect.in_file.get(name)
    if option is not None or not suffix or not name.endswith(suffix):
        return option
    option = dialect.in_file.get(name.removesuffix(suffix))
    return option if option is not None and (option.per_platform or not dialect.is_strict) else None


def _is_elsewhere(name: str, dialect: Dialect, *, is_variable: bool) -> bool:
    """Whether this is an option of other systems or, in a variable, one given for another system."""
    option, _, platform = name.rpartition("-")
    for_another = is_variable and (
        (platform in dialect.platforms and (option in dialect.in_file or option in dialect.elsewhere))
        or (platform == LINUX and option in dialect.elsewhere)
    )
    return name in dialect.elsewhere or for_another


def _can_join(option: Option[object], dialect: Dialect) -> bool:
    return dialect.kind(option).join is not None


def _rule(entry: tuple[str, object]) -> tuple[str, str]:
    name, word = entry
    if not isinstance(word, str):
        raise InvalidValue.because(f"expected one of {', '.join(map(str, Inherit))}, got {describe(word)}")
    return name, word


def inherit_rules(raw: object) -> dict[str, str]:
    """Read a table, or a string such as `before-all; test-requires: prepend`, where a missing rule means `append`."""
    if isinstance(raw, dict):
        return dict(read_each(((name, (name, word)) for name, word in raw.items()), _rule))
    if not isinstance(raw, str):
        raise InvalidValue.because(f'expected a table such as {{ before-all = "append" }}, got {describe(raw)}')
    rules: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in raw.split(";"))):
        head, colon, word = part.partition(":")
        names = (head,) if colon else tuple(part.split())
        rules |= {name.strip(): word.strip() if colon else str(Inherit.APPEND) for name in names}
    return rules
