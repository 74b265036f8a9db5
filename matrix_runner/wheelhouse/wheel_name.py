"""Parsing of a wheel's file name into project, version, build tag and tags, with additional safety checks."""

import re
from functools import lru_cache

import msgspec
from packaging.tags import Tag
from packaging.utils import BuildTag, InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from matrix_runner.errors import WheelRejected

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,250}\.whl", re.ASCII)
"""A name without separators, control characters or anything that a shell, terminal or CI parser could misread."""


class WheelName(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a wheel's file name; `project` is normalised (PEP 503)."""

    project: str
    version: Version
    build_tag: BuildTag
    tags: frozenset[Tag]


def is_stable_abi(filename: str) -> bool:
    """Return whether a wheel's name has the ABI tag `abi3` (PEP 384). Raise WheelRejected if it is no wheel's name.

    The free-threaded stable ABI, `abi3t` (PEP 803), does not count.
    """
    return any(tag.abi == "abi3" for tag in parse_name(filename).tags)


@lru_cache(maxsize=256)  # each cell's two names are asked for by every check that its wheel passes
def parse_name(filename: str) -> WheelName:
    """Parse the base name of a wheel; raise WheelRejected unless it is plain and of the standard form."""
    if _PLAIN.fullmatch(filename) is None:
        raise WheelRejected(f"{filename!r} is not the plain name of a wheel")
    try:
        project, version, build_tag, tags = parse_wheel_filename(filename)
    except InvalidWheelFilename as error:
        raise WheelRejected(
            f"{filename} is not named as wheels are: {error}",
            hint="The form is {name}-{version}(-{build})-{python tag}-{abi tag}-{platform tag}.whl.",
        ) from error
    return WheelName(project=project, version=version, build_tag=build_tag, tags=tags)
