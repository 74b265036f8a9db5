"""Parsing of an sdist's file name into project and version (PEP 625), with additional safety checks."""

import re

import msgspec
from packaging.utils import InvalidSdistFilename, canonicalize_name, parse_sdist_filename
from packaging.version import Version

from matrix_runner.errors import WheelRejected

_LONGEST_NAME = 255
"""Characters that file systems take (NAME_MAX); of a longer name messages show as many."""

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,250}\.tar\.gz", re.ASCII)
"""A name without separators, control characters or anything that a shell, terminal or CI parser could misread."""


class SdistName(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of an sdist's file name; `project` is normalised (PEP 503). `standard`: the name by PEP 625."""

    project: str
    version: Version
    standard: str


def parse_sdist_name(filename: str) -> SdistName:
    """Parse the base name of an sdist; raise WheelRejected unless it is plain and of the standard form."""
    if _PLAIN.fullmatch(filename) is None:
        raise WheelRejected(f"{filename[:_LONGEST_NAME]!r} is not the plain name of an sdist")
    try:
        project, version = parse_sdist_filename(filename)
    except InvalidSdistFilename as error:
        raise WheelRejected(
            f"{filename} is not named as sdists are: {error}", hint="The form is {name}-{version}.tar.gz (PEP 625)."
        ) from error
    standard = f"{canonicalize_name(project).replace('-', '_')}-{version}.tar.gz"
    return SdistName(project=project, version=version, standard=standard)
