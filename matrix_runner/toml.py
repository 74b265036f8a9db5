"""Typed TOML parsing: `tomllib` from Python 3.11 on, `tomli` before."""

import sys
from datetime import date, datetime, time
from typing import TypeAlias

if sys.version_info >= (3, 11):
    from tomllib import TOMLDecodeError
    from tomllib import loads as _loads
else:
    from tomli import TOMLDecodeError
    from tomli import loads as _loads

__all__ = ["TOMLDecodeError", "TOMLValue", "loads"]

TOMLValue: TypeAlias = str | int | float | bool | datetime | date | time | list["TOMLValue"] | dict[str, "TOMLValue"]


def loads(text: str) -> dict[str, TOMLValue]:
    """Parse a document; raise TOMLDecodeError with line and column."""
    return _loads(text)
