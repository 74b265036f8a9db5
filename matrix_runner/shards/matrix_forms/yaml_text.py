"""YAML of plain values: mappings and lists as blocks, texts in double quotes as in JSON (YAML 1.2, 7.3.1). Pure."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

YAMLValue: TypeAlias = "str | int | bool | Sequence[YAMLValue] | Mapping[str, YAMLValue]"

_PLAIN = re.compile(r"(?!(?:y|n|yes|no|on|off|true|false|null)$)[A-Za-z][A-Za-z0-9_]*", re.IGNORECASE)
"""Keys that are texts without quotes, too: YAML 1.1 takes the others for truth values."""


def yaml_text(value: Mapping[str, YAMLValue]) -> str:
    """Return a document. Its keys at the top begin their lines, so that others can be appended to it."""
    return "".join(f"{line}\n" for line in _lines(value))


def _lines(value: YAMLValue) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        for key, entry in value.items():
            name = key if _PLAIN.fullmatch(key) else json.dumps(key)
            yield from _entry(f"{name}:", entry, "  ")
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        for entry in value:
            first, *rest = _lines(entry)
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)
    else:
        yield json.dumps(value)


def _entry(start: str, value: YAMLValue, indent: str) -> Iterator[str]:
    if isinstance(value, (str, int)) or not value:
        yield f"{start} {json.dumps(value)}"
        return
    yield start
    yield from (indent + line for line in _lines(value))
