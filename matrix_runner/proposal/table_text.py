"""The text of a proposed table, and of the file that it goes into."""

import textwrap
from collections.abc import Iterator
from typing import Final, cast

import tomlkit

from matrix_runner.config.loading.dialects import OWN
from matrix_runner.config.migration import excerpts
from matrix_runner.errors import UsageError
from matrix_runner.proposal.configuration import Proposal, ProposedSetting, Value
from matrix_runner.proposal.test_commands import import_test
from matrix_runner.toml import TOMLDecodeError, TOMLValue, loads

_COLUMNS: Final = 120


def table_text(proposal: Proposal) -> str:
    """Return the table as TOML, a comment with the reason before each setting."""
    lines = [f"[tool.{OWN.table}]"]
    for setting in proposal.settings:
        lines += _lines(setting)
    return "\n".join(lines) + "\n"


def _lines(setting: ProposedSetting) -> Iterator[str]:
    if setting.reason:
        yield from textwrap.wrap(
            setting.reason, _COLUMNS, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False
        )
    yield f"{setting.name} = {_toml(setting.value)}"


def _toml(value: Value) -> str:
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, tuple):
        items = [_string(each) for each in value]
        flat = f"[{', '.join(items)}]"
        if len(flat) < _COLUMNS - 20 and "\n" not in flat:
            return flat
        return "[\n" + "".join(f"  {each},\n" for each in items) + "]"
    pairs = ", ".join(f"{key} = {_string(each)}" for key, each in value.items())
    return f"{{ {pairs} }}"


def _string(text: str) -> str:
    if "\n" in text:
        # The line end after the opening quotes is no part of the text (TOML 1.0).
        return f'"""\n{text.replace(chr(92), chr(92) * 2).replace(chr(34) * 3, chr(34) * 2 + chr(92) + chr(34))}\n"""'
    if '"' in text and "'" not in text and "\\" not in text:
        return f"'{text}'"
    return tomlkit.string(text).as_string()


def with_table(text: str, proposal: Proposal) -> str:
    """Return the text of a pyproject.toml with the table added to it, and a `[build-system]` if one is proposed.

    All that was there stays as it was. Raise UsageError if no table can be added to it.
    """
    table = table_text(proposal)
    new = excerpts.inserted(excerpts.cut(text, lambda _: False), ("tool",), table)
    if proposal.build_system:
        requires = ", ".join(tomlkit.string(each).as_string() for each in proposal.build_system)
        new = f"[build-system]\nrequires = [{requires}]\n\n{new}"
    expected = dict(loads(text))
    tool = expected.get("tool", {})
    added = loads(table)["tool"]
    if isinstance(tool, dict) and isinstance(added, dict):
        expected["tool"] = {**tool, **added}
    if proposal.build_system:
        expected["build-system"] = {"requires": list(proposal.build_system)}
    if not _reads(new, expected):
        raise UsageError(
            "pyproject.toml: no table can be added to it as it is written",
            hint="write `tool` as tables of their own, such as [tool.setuptools], first",
        )
    return new


def with_import_test(text: str, module: str) -> str:
    """Return the text of a pyproject.toml whose table tests wheels by an import, in place of its own command.

    Overrides keep theirs.
    """
    document = tomlkit.parse(text)
    table = cast("dict[str, dict[str, dict[str, object]]]", document)["tool"][OWN.table]
    for part in (table, table.get("linux")):
        if isinstance(part, dict) and "test-command" in part:
            part["test-command"] = import_test(module)
    return document.as_string()


def _reads(text: str, expected: dict[str, TOMLValue]) -> bool:
    try:
        return loads(text) == expected
    except TOMLDecodeError:
        return False
