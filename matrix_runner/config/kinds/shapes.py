"""Shapes of values as JSON Schema (draft 7), from which editors complete and warn before anything is run.

A shape may let through what the reader refuses, never the other way round: what a schema cannot say well, such as the
grammar of a string, it leaves to the reader.
"""

from collections.abc import Iterable, Mapping

Shape = Mapping[str, object]

TEXT: Shape = {"type": "string"}
FILLED: Shape = {"type": "string", "minLength": 1}
SWITCH: Shape = {"type": "boolean"}
SCALAR: Shape = {"type": ["string", "integer", "boolean"]}
PATH: Shape = {"type": "string", "pattern": "^[^/]"}
"""Of something inside the project."""

NAME = "^[A-Za-z_][A-Za-z0-9_]*$"
"""The name of an environment variable."""

_PLAIN = r"a-z0-9_\[\]-"


def matching(pattern: str) -> Shape:
    """Make the shape of a string in which the regular expression is found; one that Python and JavaScript share."""
    return {"type": "string", "pattern": pattern}


def word(words: Iterable[object], *, also: tuple[str, ...] = ()) -> Shape:
    """Make the shape of a word of a closed set, or of a text with more than such words.

    What holds an upper case letter, a space or a quotation mark the reader may still understand: `X86_64`,
    `auto, i686`, `pip; args: -v`. `also`: words that are understood and that no editor need offer.
    """
    others = "".join(f"|^{one}$" for one in also)
    return {"type": "string", "anyOf": [{"enum": [str(one) for one in words]}, {"pattern": f"[^{_PLAIN}]{others}"}]}


def integer(lowest: int, highest: int) -> Shape:
    """Make the shape of a whole number within bounds, both included."""
    return {"type": "integer", "minimum": lowest, "maximum": highest}


def amount(units: Iterable[str], most: int) -> Shape:
    """Make the shape of an amount with units: a number of the base unit, or a text such as `1h30m`."""
    # Units in capital letters are the reader's to know.
    unit = "|".join((*sorted(units, key=len, reverse=True), r"[^0-9\s]*[^a-z0-9\s][^0-9\s]*"))
    return either(integer(0, most), matching(rf"^\s*([0-9]+|([0-9]+\s*({unit})\s*)+)?\s*$"))


def listing(item: Shape, *, may_be_empty: bool = True) -> Shape:
    """Make the shape of a list."""
    return {"type": "array", "items": item, **({} if may_be_empty else {"minItems": 1})}


def table(entries: Mapping[str, Shape], **further: object) -> Shape:
    """Make the shape of a table with these keys and no others; `further`: keywords such as `required`."""
    return {"type": "object", "properties": entries, "additionalProperties": False, **further}


def mapping(key: str, entry: Shape) -> Shape:
    """Make the shape of a table whose keys match a regular expression."""
    return {"type": "object", "propertyNames": {"pattern": key}, "additionalProperties": entry}


def either(*shapes: Shape) -> Shape:
    """Make the shape of what has one of several."""
    return {"anyOf": list(shapes)}
