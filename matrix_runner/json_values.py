"""Typed JSON parsing: whatever is wrong with a document, its depth too, is one exception."""

import json
from typing import Annotated, Final, TypeAlias, TypeVar

import msgspec

T = TypeVar("T")

LONGEST: Final = 10.0 * 366 * 86400
"""Seconds of a duration that makes sense: those of ten years."""

_LATEST: Final = 253_402_300_799.0

Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=-LONGEST, le=LONGEST)]
"""A duration in a file that may be anybody's: pages draw it with a mark for each day."""

Time: TypeAlias = Annotated[float, msgspec.Meta(ge=0.0, le=_LATEST)]
"""A time in a file that may be anybody's, in seconds since 1970: up to the year 9999, where Python's calendar ends."""


class NotJson(ValueError):
    """A document is no JSON, or of another form than was asked for. The message says where and how."""


def is_deeper(value: object, most: int) -> bool:
    """Whether more than `most` lists and objects of a JSON value are in one another."""
    level = [value]
    for _ in range(most + 1):
        level = [
            each
            for one in level
            if isinstance(one, (dict, list, tuple))
            for each in (one.values() if isinstance(one, dict) else one)
        ]
    return bool(level)


def decode(data: bytes | str, form: type[T]) -> T:
    """Parse a document of a form. Raise NotJson."""
    return decode_with(msgspec.json.Decoder(form), data)


def decode_surrogates(data: bytes, form: type[T]) -> T:
    """Parse a document in which texts may have lone surrogates, as names of files that are no UTF-8. Raise NotJson."""
    try:
        return msgspec.convert(json.loads(data), form)
    except (ValueError, RecursionError) as error:
        raise NotJson(str(error)) from error


class _Versioned(msgspec.Struct, frozen=True):
    version: int = 0


def later_version(data: bytes | str, known: int) -> int | None:
    """Return the `version` in a document if it is a later one than is known, of which the form is not known either."""
    try:
        version = decode(data, _Versioned).version
    except NotJson:
        return None
    return version if version > known else None


def decode_with(decoder: msgspec.json.Decoder[T], data: bytes | str) -> T:
    """Parse a document, one of many of a form. Raise NotJson."""
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise NotJson(str(error)) from error
    except RecursionError as error:
        # msgspec counts each list and object in another as a call: Python allows 1000.
        raise NotJson("it is nested too deeply") from error
