"""JSON Schema fragments (draft 7) of the kinds, for completion and warnings in editors.

A shape may accept more than the reader, never less: constraints that a schema cannot express well, such as the grammar
of a string, are left to the reader.
"""

from collections.abc import Iterable, Mapping

Shape = Mapping[str, object]

TEXT: Shape = {"type": "string"}
FILLED: Shape = {"type": "string", "minLength": 1}
SWITCH: Shape = {"type": "boolean"}
SCALAR: Shape = {"type": ["string", "integer", "boolean"]}
PATH: Shape = {"type": "string", "pattern": "^[^/]"}
"""A path inside the project."""

NAME = "^[A-Za-z_][A-Za-z0-9_]*$"
"""The name of an environment variable."""

HOST_AND_PORT = r"([^\s/:@\[\]]+|\[[^\s\]]+\]):[0-9]{1,5}"
"""A name or an address, and a port, as in a URL."""

_PLAIN = r"a-z0-9_\[\]-"


def matching(pattern: str) -> Shape:
    """Make the shape of a string that contains a regular expression in the syntax common to Python and JavaScript."""
    return {"type": "string", "pattern": pattern}


def word(words: Iterable[object], *, also: tuple[str, ...] = ()) -> Shape:
    """Make the shape of a word from a closed set, or of a text that may contain more than such a word.

    A text with an upper case letter, a space or a quotation mark is left to the reader: `X86_64`, `auto, i686`, `pip;
    args: -v`. `also`: words that are accepted but not offered by editors.
    """
    others = "".join(f"|^{one}$" for one in also)
    return {"type": "string", "anyOf": [{"enum": [str(one) for one in words]}, {"pattern": f"[^{_PLAIN}]{others}"}]}


def integer(lowest: int, highest: int) -> Shape:
    """Make the shape of an integer within inclusive bounds."""
    return {"type": "integer", "minimum": lowest, "maximum": highest}


def amount(units: Iterable[str], most: int) -> Shape:
    """Make the shape of an amount with units: a number in the base unit, or a text such as `1h30m`."""
    # Units in upper case are left to the reader.
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
    """Make the shape of a value with any of several shapes."""
    return {"anyOf": list(shapes)}
