"""Migration of cibuildwheel's table to ours: the same wheels, with comments and formatting preserved."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import cast

import msgspec
import tomlkit
from tomlkit.items import InlineTable

from matrix_runner.config.loading.dialects import CIBUILDWHEEL, OWN
from matrix_runner.config.loading.positions import find_headers
from matrix_runner.config.migration import excerpts
from matrix_runner.config.migration.respelling import Values, respell
from matrix_runner.config.mistakes import Key, path
from matrix_runner.config.options.source_options import PROJECT_DIR
from matrix_runner.errors import UsageError
from matrix_runner.toml import TOMLDecodeError, TOMLValue, loads

_OLD = ("tool", CIBUILDWHEEL.table)
_NEW = ("tool", OWN.table)


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """The new text of the file. `notes`: settings not migrated or spelt differently, a line each."""

    text: str
    notes: tuple[str, ...]


class _Lines(msgspec.Struct, kw_only=True):
    """Notes, collected as lines."""

    lines: list[str] = msgspec.field(default_factory=list)

    def __call__(self, keys: Iterable[Key], text: str) -> None:
        self.lines.append(f"{path(*keys)}: {text}")


def migrate(text: str, project_dir: str = "") -> Migration:
    """Add our table below that of cibuildwheel, which stays: other systems' wheels may need it.

    The text is well-formed TOML and has that table, free of mistakes. Values with the same meaning in both retain their
    spelling; others are rewritten, and differing defaults are written out. `project_dir`: the directory that
    cibuildwheel copies, from the package's own; "" for that itself. Raise UsageError if nothing can be added.
    """
    additions = _defaults() | ({PROJECT_DIR.name: PROJECT_DIR.kind.write(project_dir)} if project_dir else {})
    pieces = excerpts.cut(text, lambda key: key in CIBUILDWHEEL.in_file)
    notes = _Lines()
    values = _values(text, additions)
    respell(values, _OLD, notes)
    copied = excerpts.copied(pieces, _OLD, OWN.table, without=CIBUILDWHEEL.platforms)
    table = _formatted(copied, values, additions)
    if table is None:
        if "#" in text:
            notes(_OLD, "its comments are not taken over")
        table = tomlkit.dumps(_nested(values))
    expected = _with(loads(text), values)
    for new in (excerpts.inserted(pieces, _OLD, table), _inserted_inline(text, values)):
        if new is not None and _reads(new, expected):
            return Migration(text=new, notes=tuple(notes.lines))
    raise UsageError(
        f"no table can be added below {path(*_OLD)} as it is written", hint=f"write it as [{path(*_OLD)}] first"
    )


def _values(text: str, additions: Mapping[str, str]) -> Values:
    """Return our table's content if every value meant the same, beginning with the additions."""
    tool = loads(text)["tool"]
    old = tool[CIBUILDWHEEL.table] if isinstance(tool, dict) else {}
    table = deepcopy(old) if isinstance(old, dict) else {}
    missing = {name: loads(f"{name} = {value}")[name] for name, value in additions.items() if name not in table}
    return {**missing, **{key: one for key, one in table.items() if key not in CIBUILDWHEEL.platforms}}


def _defaults() -> dict[str, str]:
    """Return cibuildwheel's defaults that differ from ours, as TOML."""
    return {name: OWN.in_file[name].kind.write(value) for name, value in CIBUILDWHEEL.defaults.items()}


def _formatted(copied: str, values: Values, additions: Mapping[str, str]) -> str | None:
    """Change a copy of the tables to these values, with comments and formatting; return None if that fails."""
    if not any(keys == _NEW for _, keys in find_headers(copied)):
        copied = f"[{path(*_NEW)}]\n{copied}"
    lines = copied.split("\n")
    at = next(line for line, keys in find_headers(copied) if keys == _NEW)
    try:
        table = cast("dict[str, Values]", loads(copied)["tool"])[OWN.table]
        lines[at:at] = [f"{name} = {value}" for name, value in additions.items() if name not in table]
        document = tomlkit.parse("\n".join(lines))
        respell(cast("dict[str, Values]", document["tool"])[OWN.table], _OLD, _in_silence)
        text = document.as_string()
    except Exception:  # noqa: BLE001  whatever fails in the formatting parser: the plain values suffice
        return None
    # Keys written elsewhere as `tool.cibuildwheel.build = ...` are not in the copy; and a formatting parser may err.
    return text if _reads(text, {"tool": {OWN.table: cast("TOMLValue", values)}}) else None


def _in_silence(keys: Iterable[Key], text: str) -> None:
    """Discard a note: the values' respelling has added the same."""


def _nested(values: Values) -> dict[str, Values]:
    tool = tomlkit.table(is_super_table=True)
    tool.add(OWN.table, tomlkit.item(values))
    return {"tool": cast("Values", tool)}


def _inserted_inline(text: str, values: Values) -> str | None:
    """Insert our table into an inline `tool` table, which cannot be extended from outside."""
    try:
        document = tomlkit.parse(text)
        tool = document["tool"]
        if not isinstance(tool, InlineTable):
            return None
        table = tomlkit.inline_table()
        table.update(values)
        tool.append(OWN.table, table)
        return document.as_string()
    except Exception:  # noqa: BLE001  as above; the caller reports that nothing can be added
        return None


def _with(content: dict[str, TOMLValue], values: Values) -> dict[str, TOMLValue]:
    tool = cast("dict[str, TOMLValue]", content["tool"])
    return {**content, "tool": {**tool, OWN.table: cast("TOMLValue", values)}}


def _reads(text: str, expected: dict[str, TOMLValue]) -> bool:
    try:
        # Compare spellings: nan is not equal to itself.
        return repr(_sorted(loads(text))) == repr(_sorted(expected))
    except TOMLDecodeError:
        return False


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return [(key, _sorted(one)) for key, one in sorted(value.items())]
    return [_sorted(one) for one in value] if isinstance(value, list) else value
