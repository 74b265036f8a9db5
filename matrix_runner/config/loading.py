"""From files, environment and flags to settings: the layers, lowest first, and every mistake in them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from matrix_runner.config.kinds import filled, read_string
from matrix_runner.config.mistakes import Bad, describe, did_you_mean, path, printable, quote
from matrix_runner.config.option import PREFIX, Option, Source
from matrix_runner.config.options import BY_NAME, OPTIONS
from matrix_runner.config.settings import DEFAULT, Origin, Setting, Settings
from matrix_runner.config.toml_file import Unreadable, read_toml
from matrix_runner.errors import ConfigError
from matrix_runner.toml import TOMLValue

S = TypeVar("S")

PROJECT_FILE = "pyproject.toml"
TABLE = "matrix-runner"
FlagValue = str | tuple[str, ...] | bool | int

INTERNAL_VARIABLES = frozenset({f"{PREFIX}IDENTIFIER", f"{PREFIX}CONTAINER"})
"""Variables with our prefix that are no options: a run inside a cell of another run finds them set."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Given:
    """The value that one layer gives an option."""

    value: object
    origin: Origin


_Layer = Mapping[str, _Given]


@dataclass(kw_only=True, slots=True)
class _Mistakes:
    """Lines for the user, collected while all layers are read."""

    lines: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        self.lines.append(line)

    def read(self, read: Callable[[S], object], raw: S, origin: Origin) -> _Given | None:
        """Return the value that was read, or note why it could not be and return None."""
        try:
            return _Given(value=read(raw), origin=origin)
        except Bad as bad:
            for found in bad.findings:
                place = path(*found.at)
                dot = "" if not place or place.startswith("[") else "."
                self.add(f"{origin}{dot}{place}: {found.text}")
            return None


def load(
    project: Path,
    *,
    environ: Mapping[str, str],
    flags: Mapping[str, FlagValue],
    config_file: Path | None = None,
) -> Settings:
    """Resolve every option: default < `[tool.matrix-runner]` < `MATRIX_RUNNER_*` variable < flag.

    `flags` holds, by the option's name, the flags that were given (an empty tuple is one that was not). `config_file`
    replaces pyproject.toml as the place of the table. Raise ConfigError with all mistakes.
    """
    if not project.is_dir():
        raise ConfigError(
            (f"{printable(str(project))}: not a directory",), hint="Name the directory of a Python project."
        )
    mistakes = _Mistakes()
    document = _read(project / PROJECT_FILE, PROJECT_FILE, mistakes)
    if not any((project / name).exists() or (project / name).is_symlink() for name in _PROJECT_FILES):
        mistakes.add(f"{printable(str(project))}: not a Python project: it has no {', '.join(_PROJECT_FILES)}")
    table, label = (document, PROJECT_FILE) if config_file is None else _other(config_file, mistakes)
    layers = (
        _file_layer(_table(table, label, mistakes), label, mistakes),
        _environment_layer(environ, mistakes),
        _flag_layer(flags, mistakes),
    )
    metadata = _Metadata.read(document, mistakes)
    if mistakes.lines:
        raise ConfigError(tuple(mistakes.lines))
    return Settings(
        resolved=tuple(_resolve(option, layers) for option in OPTIONS),
        project_name=metadata.name,
        requires_python=metadata.requires_python,
    )


_PROJECT_FILES = (PROJECT_FILE, "setup.py", "setup.cfg")


def _read(file: Path, label: str, mistakes: _Mistakes) -> dict[str, TOMLValue]:
    try:
        return read_toml(file, label) or {}
    except Unreadable as error:
        mistakes.add(str(error))
        return {}


def _other(config_file: Path, mistakes: _Mistakes) -> tuple[dict[str, TOMLValue], str]:
    """Read the file given in place of pyproject.toml, which must be there and have the table."""
    label, before = printable(str(config_file)), len(mistakes.lines)
    document = _read(config_file, label, mistakes)
    tool = document.get("tool")
    if len(mistakes.lines) == before and not (isinstance(tool, dict) and TABLE in tool):
        state = f"has no table [tool.{TABLE}]" if config_file.exists() else "no such file"
        mistakes.add(f"{label}: {state}")
    return document, label


def _table(document: Mapping[str, TOMLValue], label: str, mistakes: _Mistakes) -> dict[str, TOMLValue]:
    """Return our table, empty if there is none."""
    tool = document.get("tool", {})
    if not isinstance(tool, dict):
        mistakes.add(f"{label}: tool: expected a table, got {describe(tool)}")
        return {}
    misplaced = [path(key) for key in document if _folded(key) == TABLE]
    misplaced += [path("tool", key) for key in tool if _folded(key) == TABLE and key != TABLE]
    for place in misplaced:
        mistakes.add(f"{label}: {place}: nothing reads this table; it has to be called tool.{TABLE}")
    table = tool.get(TABLE, {})
    if not isinstance(table, dict):
        mistakes.add(f"{label}: tool.{TABLE}: expected a table, got {describe(table)}")
        return {}
    return table


def _folded(key: str) -> str:
    return key.lower().replace("_", "-")


def _file_layer(table: Mapping[str, TOMLValue], label: str, mistakes: _Mistakes) -> _Layer:
    layer: dict[str, _Given | None] = {}
    for key, raw in table.items():
        place = f"{label}: {path('tool', TABLE, key)}"
        option = BY_NAME.get(key)
        if option is None:
            mistakes.add(f"{place}: unknown option{did_you_mean(key, _names())}")
        elif option.is_flag_only:
            mistakes.add(f"{place}: can only be given on the command line, as {option.flag}")
        else:
            layer[key] = mistakes.read(option.kind.read, raw, Origin(source=Source.FILE, text=place))
    return _present(layer)


def _environment_layer(environ: Mapping[str, str], mistakes: _Mistakes) -> _Layer:
    layer: dict[str, _Given | None] = {}
    options = {option.variable: option for option in OPTIONS}
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in INTERNAL_VARIABLES:
            continue
        option = options.get(name)
        if option is None:
            known = (option.variable for option in OPTIONS if not option.is_flag_only)
            mistakes.add(f"{printable(name)}: unknown variable{did_you_mean(name, known)}")
        elif option.is_flag_only:
            mistakes.add(f"{name}: can only be given on the command line, as {option.flag}")
        elif environ[name].strip() or option.kind.may_be_empty:
            # CI systems set variables of a build matrix to nothing: for what cannot be empty that means not set.
            origin = Origin(source=Source.ENVIRONMENT, text=name)
            layer[option.name] = mistakes.read(option.kind.read_text, environ[name], origin)
    return _present(layer)


def _flag_layer(flags: Mapping[str, FlagValue], mistakes: _Mistakes) -> _Layer:
    layer: dict[str, _Given | None] = {}
    for name, raw in flags.items():
        option = BY_NAME[name]
        origin = Origin(source=Source.FLAG, text=option.flag or f"--{name}")
        if isinstance(raw, tuple):
            for text in raw:
                further = mistakes.read(option.kind.read_text, text, origin)
                layer[name] = _joined(option, layer.get(name), further)
        elif isinstance(raw, str):
            layer[name] = mistakes.read(option.kind.read_text, raw, origin)
        else:
            layer[name] = mistakes.read(option.kind.read, raw, origin)
    return _present(layer)


def _present(layer: Mapping[str, _Given | None]) -> _Layer:
    return {name: given for name, given in layer.items() if given is not None}


def _names() -> tuple[str, ...]:
    return tuple(option.name for option in OPTIONS if not option.is_flag_only)


def _joined(option: Option[object], lower: _Given | None, upper: _Given | None) -> _Given | None:
    """Add what the upper gives to the lower, if values of this kind can be added; else the upper wins."""
    if lower is None or upper is None or option.kind.join is None:
        return upper or lower
    origin = upper.origin if upper.origin == lower.origin else upper.origin.on_top_of(lower.origin)
    return _Given(value=option.kind.join(lower.value, upper.value), origin=origin)


def _resolve(option: Option[object], layers: tuple[_Layer, ...]) -> Setting:
    """Let the layers have their say, lowest first."""
    result: _Given | None = None
    for layer in layers:
        given = layer.get(option.name)
        result = _joined(option, result, given) if option.adds else given or result
    if result is None:
        return Setting(name=option.name, value=option.default, origin=DEFAULT)
    return Setting(name=option.name, value=result.value, origin=result.origin)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Metadata:
    """What `[project]` says that a run needs (PEP 621)."""

    name: str | None
    requires_python: str | None

    @classmethod
    def read(cls, document: Mapping[str, TOMLValue], mistakes: _Mistakes) -> "_Metadata":
        project = document.get("project", {})
        if not isinstance(project, dict):
            mistakes.add(f"{PROJECT_FILE}: project: expected a table, got {describe(project)}")
            return cls(name=None, requires_python=None)

        def text(key: str, read: Callable[[object], str]) -> str | None:
            if key not in project:
                return None
            origin = Origin(source=Source.FILE, text=f"{PROJECT_FILE}: {path('project', key)}")
            given = mistakes.read(read, project[key], origin)
            return str(given.value) if given else None

        return cls(name=text("name", filled), requires_python=text("requires-python", _specifier))


def _specifier(value: object) -> str:
    """Read a version specifier (PEP 440), which the plan compares interpreters with."""
    # Imported here because it would add a third to the time that importing the configuration takes.
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    text = read_string(value)
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        raise Bad.because(f'{quote(text)} is no version specifier such as ">=3.9"') from None
    return text
