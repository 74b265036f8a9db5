"""A wheel's file name: read once, by the reference parser, after the checks that it leaves to its caller."""

import re
from dataclasses import dataclass
from functools import lru_cache

from packaging.tags import Tag
from packaging.utils import BuildTag, InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from matrix_runner.errors import WheelRejected

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,250}\.whl", re.ASCII)
"""A name without separators, control characters or anything a shell, a terminal or a CI parser could read otherwise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelName:
    """What a wheel's file name says; `project` is in normal form (PEP 503)."""

    project: str
    version: Version
    build_tag: BuildTag
    tags: frozenset[Tag]


def is_stable_abi(filename: str) -> bool:
    """Tell whether the wheel of this name promises the stable ABI (PEP 384); raise WheelRejected if it is none's.

    The free-threaded one's, `abi3t` (PEP 803), is another promise.
    """
    return any(tag.abi == "abi3" for tag in parse_name(filename).tags)


@lru_cache(maxsize=256)  # each cell's two names are asked for by every check that its wheel passes
def parse_name(filename: str) -> WheelName:
    """Read the base name of a wheel; raise WheelRejected for one that is not plain or not of the standard's form."""
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
