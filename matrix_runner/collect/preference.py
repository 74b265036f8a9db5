"""Which of several wheels an installer takes on a Python: by the order of tags that pip and uv have. Pure."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import BuildTag

from matrix_runner.collect.expectation import OtherCell, platform_of
from matrix_runner.model.cells import Cell, Implementation, Interpreter
from matrix_runner.wheelhouse.module_suffixes import cpython_abi
from matrix_runner.wheelhouse.verification import is_of
from matrix_runner.wheelhouse.wheel_name import parse_name

_LIBC: Final = re.compile(r"(?:many|musl)linux_(\d+)_(\d+)_")
_LEGACY: Final = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
"""PEP 600, "Legacy manylinux tags"."""


def preferred(names: Iterable[str], place: Cell | OtherCell) -> str | None:
    """Return the name of the wheel that an installer takes there; None if it takes none.

    On a system with a C library new enough for all of them. Of another system only the tags for Pythons are compared.
    """
    each = tuple(names)
    platforms = _platforms(each, place)
    order = {tag: at for at, tag in reversed(list(enumerate(_supported(each, place.interpreter, platforms))))}
    ranked = [
        (min(places), _inverted(parsed.build_tag), name)
        for name in each
        for parsed in [parse_name(name)]
        if (places := [order[tag] for tag in parsed.tags if tag in order])
    ]
    return min(ranked)[2] if ranked else None


def _inverted(build_tag: BuildTag) -> tuple[int, tuple[int, ...]]:
    """Return a build tag so that the highest, which installers prefer, is the least."""
    number, text = build_tag or (0, "")
    return -number, (*(-ord(letter) for letter in text), 1)


def _platforms(names: Iterable[str], place: Cell | OtherCell) -> list[str]:
    """Return the platform tags of a place, those with the newest C library first, as `packaging.tags` has them."""
    found = {tag.platform for name in names for tag in parse_name(name).tags}
    if isinstance(place, OtherCell):
        return sorted((each for each in found if platform_of(each) == place.platform), reverse=True)
    return sorted((each for each in found if is_of(each, place.platform)), key=_newest_first)


def _newest_first(platform: str) -> tuple[int, int, bool]:
    versioned = _LIBC.match(platform)
    legacy = _LEGACY.get(platform.partition("_")[0], (0, 0))
    major, minor = (int(versioned[1]), int(versioned[2])) if versioned else legacy
    return -major, -minor, versioned is None


def _supported(names: Sequence[str], interpreter: Interpreter, platforms: Sequence[str]) -> list[Tag]:
    """Return the tags that an interpreter takes, best first."""
    short = f"{interpreter.major}{interpreter.minor}"
    version = (interpreter.major, interpreter.minor)
    match interpreter.implementation:
        case Implementation.CPYTHON:
            name = f"cp{short}"
            own = list(cpython_tags(version, abis=[cpython_abi(interpreter)], platforms=platforms))
        case Implementation.PYPY | Implementation.GRAALPY:
            name = f"pp{short}" if interpreter.implementation is Implementation.PYPY else f"graalpy{short}"
            found = {tag for each in names for tag in parse_name(each).tags}
            tags = sorted(found, key=lambda tag: (tag.abi == "none", str(tag)))
            own = [tag for tag in tags if tag.interpreter == name and tag.platform in platforms]
    return [*own, *compatible_tags(version, name, platforms)]
