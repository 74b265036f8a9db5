"""Typed TOML parsing: `tomllib` from Python 3.11 on, `tomli` before."""

import re
import sys
from datetime import date, datetime, time
from typing import Final, TypeAlias

if sys.version_info >= (3, 11):
    from tomllib import TOMLDecodeError
    from tomllib import loads as _loads
else:
    from tomli import TOMLDecodeError
    from tomli import loads as _loads

__all__ = ["TOMLDecodeError", "TOMLValue", "loads", "table_of", "texts_of"]

TOMLValue: TypeAlias = str | int | float | bool | datetime | date | time | list["TOMLValue"] | dict[str, "TOMLValue"]


_MOST_PARTS: Final = 100
"""Parts of a key, with dots between: real ones have five. Python's parser takes time with their square: one key of a
megabyte keeps it at work for hours."""

_PART: Final = r"""(?:[\w-]+|"[^"\n]*"|'[^'\n]*')"""
_LONG_KEY: Final = re.compile(rf"(?<![\w-]){_PART}(?:[ \t]*\.[ \t]*{_PART}){{{_MOST_PARTS}}}", re.ASCII)


def loads(text: str) -> dict[str, TOMLValue]:
    """Parse a document; raise TOMLDecodeError with line and column, if it has them."""
    if _LONG_KEY.search(text):
        raise TOMLDecodeError(f"a key has more than {_MOST_PARTS} parts")
    try:
        return _loads(text)
    except RecursionError:
        raise TOMLDecodeError("nested too deeply") from None


def table_of(value: object) -> dict[str, TOMLValue]:
    """Return a value that should be a table; an empty one for any other, of a file that others check."""
    return value if isinstance(value, dict) else {}


def texts_of(value: object) -> tuple[str, ...]:
    """Return the texts in a value that should be a list of them; none for any other."""
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()
