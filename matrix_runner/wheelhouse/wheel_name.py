"""Parsing of a wheel's file name into project, version, build tag and tags, with additional safety checks."""

import math
import re
from functools import lru_cache
from typing import Final

import msgspec
from packaging.tags import Tag
from packaging.utils import BuildTag, InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from matrix_runner.errors import WheelRejected

_LONGEST_NAME = 255
"""Characters that file systems take (NAME_MAX); of a longer name messages show as many."""

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,250}\.whl", re.ASCII)
"""A name without separators, control characters or anything that a shell, terminal or CI parser could misread."""

TAGS_LIMIT: Final = 1000
"""Tags of a wheel. A compressed set stands for the product of its parts (PEP 425): 255 characters could be 74,000 tags,
and the wheels with most have some thirty."""


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


def tag_count(compressed: str) -> int:
    """Return for how many tags a compressed set stands (PEP 425); it may have a wheel's name and version before it."""
    return math.prod(1 + part.count(".") for part in compressed.split("-")[-3:])


@lru_cache(maxsize=256)  # each cell's two names are asked for by every check that its wheel passes
def parse_name(filename: str) -> WheelName:
    """Parse the base name of a wheel; raise WheelRejected unless it is plain and of the standard form."""
    if _PLAIN.fullmatch(filename) is None:
        raise WheelRejected(f"{filename[:_LONGEST_NAME]!r} is not the plain name of a wheel")
    if tag_count(filename.removesuffix(".whl")) > TAGS_LIMIT:
        raise WheelRejected(f"{filename} stands for more than {TAGS_LIMIT} tags")
    try:
        project, version, build_tag, tags = parse_wheel_filename(filename)
    except InvalidWheelFilename as error:
        raise WheelRejected(
            f"{filename} is not named as wheels are: {error}",
            hint="The form is {name}-{version}(-{build})-{python tag}-{abi tag}-{platform tag}.whl.",
        ) from error
    return WheelName(project=project, version=version, build_tag=build_tag, tags=tags)
