"""Whether a wheel is for a clean image, and which of the image's Pythons it is for. Pure."""

import re
from typing import Final

from packaging.version import InvalidVersion, Version

from matrix_runner.model.cells import Cell, Implementation, Interpreter
from matrix_runner.model.platforms import Libc
from matrix_runner.policy.c_libraries import NAMES
from matrix_runner.policy.platform_tags import promised_version
from matrix_runner.recipe.image_facts import ImageFacts, InterpreterFacts
from matrix_runner.recipe.probing.image_problems import kind_of_programs
from matrix_runner.wheelhouse import is_compatible
from matrix_runner.wheelhouse.wheel_name import parse_name

_LAST_WITH_DISTUTILS: Final = (3, 9)
"""The last Python for which uv makes no environment without distutils (measured, 0.13.9)."""

_ABI: Final = re.compile(r"\.cpython-3[0-9]+(?P<flags>[a-z]*)-")


def why_not_for(wheel: str, cell: Cell, facts: ImageFacts) -> str | None:
    """Return the reason why a wheel (a file name) is not for a clean image, or None. `facts`: the image's."""
    platform = cell.platform
    seen = kind_of_programs(facts.elf)
    if seen is not None and seen != str(platform.arch):
        return f"the image is for {seen}"
    if facts.libc is not platform.libc:
        return f"its C library is {NAMES[facts.libc or Libc.GLIBC]}"
    versions = [promised_version(tag.platform, platform) for tag in parse_name(wheel).tags]
    promised = [version for version in versions if version is not None]
    own = _version(facts.libc_version)
    if promised and own is not None and own.release[:2] < min(promised).release[:2]:
        return f"the wheel is for {NAMES[platform.libc]} {min(promised)} and newer"
    return None


def own_python(
    wheel: str, cell: Cell, facts: ImageFacts, *, is_exact: bool = False, with_uv: bool = True
) -> InterpreterFacts | None:
    """Return the image's own interpreter that a wheel is for: of the cell's version, else the newest; None for none.

    `is_exact`: of the cell's version only. `with_uv`: whether uv makes environments of it; else it must do so itself.
    """
    fitting = [
        (python, each)
        for each in facts.system_pythons
        if (with_uv or each.modules >= {"venv", "ensurepip"})
        if (python := _interpreter(each)) is not None and is_compatible(wheel, python, cell.platform)
    ]
    same = next((each for python, each in fitting if python == cell.interpreter), None)
    if same is not None or is_exact or not fitting:
        return same
    return max(fitting, key=lambda pair: pair[0].version)[1]


def libc_text(facts: ImageFacts) -> str:
    """Return an image's C library for people, such as `glibc 2.36`."""
    return f"{NAMES[facts.libc or Libc.GLIBC]} {facts.libc_version}".rstrip()


def is_older(facts: ImageFacts, other: ImageFacts) -> bool:
    """Whether an image's C library is older than another's."""
    one, two = _version(facts.libc_version), _version(other.libc_version)
    return one is not None and two is not None and one < two


def _interpreter(facts: InterpreterFacts) -> Interpreter | None:
    """Return which interpreter a distribution's is; None for one that cannot serve, and for any other than CPython."""
    match = _ABI.match(facts.extension_suffix or "")
    if match is None or match["flags"] not in {"", "t"} or facts.release == (0, 0):
        return None
    if facts.release <= _LAST_WITH_DISTUTILS and "distutils.dist" not in facts.modules:
        return None
    major, minor = facts.release
    return Interpreter(implementation=Implementation.CPYTHON, major=major, minor=minor, variant=match["flags"])


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
