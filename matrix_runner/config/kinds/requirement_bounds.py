"""Kinds of what bounds the versions of requirements: constraints on the build's, and an upload time."""

import posixpath
import re
from datetime import date, datetime, time, timedelta, timezone
from typing import Final

from matrix_runner.config.kinds import basic, shapes, toml_writing
from matrix_runner.config.kinds.basic import Kind
from matrix_runner.config.kinds.values import BuildConstraints, ExcludeNewer
from matrix_runner.config.mistakes import InvalidValue, quote, read_each

_CONSTRAINTS: Final = "the path of a constraints file in the project, or a list of lines of one"


def build_constraints() -> Kind[BuildConstraints]:
    """Make the kind of constraints on what a build requires."""

    def read_text(text: str) -> BuildConstraints:
        path = basic.check_text(text).strip()
        if not path:
            return BuildConstraints()
        normal = posixpath.normpath(path.removeprefix("{project}/"))
        if posixpath.isabs(normal) or normal == ".." or normal.startswith("../"):
            raise InvalidValue.because(f"expected the path of a file in the project, got {quote(path)}")
        return BuildConstraints(file=normal)

    def read(value: object) -> BuildConstraints:
        if isinstance(value, str):
            return read_text(value)
        lines = basic.shaped(value, list[object], _CONSTRAINTS)
        return BuildConstraints(lines=read_each(enumerate(lines), _line))

    shape = shapes.either(shapes.TEXT, shapes.listing(shapes.FILLED))
    return Kind(
        words=_CONSTRAINTS,
        shape=shape,
        read=read,
        read_text=read_text,
        may_be_empty=True,
        write=toml_writing.build_constraints,
    )


def _line(value: object) -> str:
    text = basic.filled(value).strip()
    if len(text.splitlines()) > 1:
        raise InvalidValue.because("expected one requirement, got several lines")
    return text


_TIME: Final = "an age such as `7d` or `2 weeks`, a date such as `2026-11-01`, or a time such as `2026-11-01T12:00:00Z`"
_UNITS: Final = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_AGE: Final = re.compile(r"([0-9]{1,6})\s*(m|minutes?|h|hours?|d|days?|w|weeks?)", re.IGNORECASE)
_MOST: Final = 3650 * 86400
"""The oldest age in seconds: ten years."""


def exclude_newer() -> Kind[ExcludeNewer]:
    """Make the kind of an upload time: an age, a date (to its end, in UTC, as uv reads it), or a time."""

    def read_text(text: str) -> ExcludeNewer:
        plain = basic.check_text(text).strip()
        if not plain:
            return ExcludeNewer()
        found = _AGE.fullmatch(plain)
        if found is None:
            return ExcludeNewer(text=plain, at=_time(plain))
        age = int(found[1]) * _UNITS[found[2][0].lower()]
        if not 0 < age <= _MOST:
            raise InvalidValue.because(f"expected an age of one minute to ten years, got {quote(plain)}")
        return ExcludeNewer(text=plain, age=age)

    def read(value: object) -> ExcludeNewer:
        return read_text(basic.shaped(value, str, f"a string: {_TIME}"))

    return Kind(
        words=_TIME,
        shape=shapes.TEXT,
        read=read,
        read_text=read_text,
        may_be_empty=True,
        write=toml_writing.exclude_newer,
    )


def _time(text: str) -> datetime:
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), timezone.utc)
        # Python 3.10 reads no `Z`, and no lower case.
        at = datetime.fromisoformat(re.sub(r"Z$", "+00:00", text.upper()))
        return (at if at.tzinfo else at.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise InvalidValue.because(f"expected {_TIME}, got {quote(text)}") from None
