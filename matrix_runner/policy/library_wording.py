"""Words for libraries that a loader does not find: lost in the wheel, missing, or without a version. Pure."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from matrix_runner.model.platforms import Libc
from matrix_runner.policy.elf_reading.elf import Binary
from matrix_runner.policy.installed_paths import installed_path
from matrix_runner.policy.libraries import Library, UndefinedVersion
from matrix_runner.policy.library_search import LostNeed

_FEW = 4


def shortened(names: Iterable[str], few: int = _FEW) -> str:
    """Join names with commas; of many, the first few and the number of the rest."""
    listed = list(names)
    rest = len(listed) - few
    return ", ".join(listed) if rest <= 1 else f"{', '.join(listed[:few])} and {rest} more"


def lost_libraries(lost: Iterable[LostNeed], binaries: Iterable[Binary]) -> Iterator[tuple[LostNeed, str]]:
    """Yield a sentence for each group of lost needs of the same sort, with the first of them."""
    known = {binary.path: binary for binary in binaries}

    def key(need: LostNeed) -> tuple[str, tuple[str, ...], str, bool]:
        return need.name, need.held_at, need.loaded_by or "", need.is_of_program

    for _, group in groupby(sorted(lost, key=lambda need: (key(need), need.file)), key=key):
        needs = tuple(group)
        first = needs[0]
        file = known[first.file]
        paths = ":".join(file.runpath or file.rpath)
        searched = f"{'RUNPATH' if file.runpath else 'RPATH'} {paths}" if paths else "no RPATH or RUNPATH"
        text = f"{first.name}, needed by {shortened(each.file for each in needs)}"
        text += f": no search path leads to {' or '.join(first.held_at[:2])} ({searched}"
        place = installed_path(first.file)
        text += f", installed as {place})" if ".data/" in first.file else ")"
        if first.loaded_by is not None:
            text += f"; it is found only after {first.loaded_by} has loaded it"
        elif not first.is_of_program:
            text += "; it is found only if something else has loaded it before"
        yield first, text


def undefined_version(each: UndefinedVersion) -> str:
    """Return the sentence on a version that a library in the wheel lacks."""
    return f"{each.file} needs {each.version} of {each.library}, which does not define it: it cannot be loaded"


def missing_library(library: Library, libc: Libc, *, is_repaired: bool) -> str:
    """Return the sentence on a library that is neither in the wheel nor on every system."""
    by = f"{library.name}, needed by {shortened(library.needed_by)}"
    if library.is_python:
        return f"{by}: an extension must not link Python, which loads it"
    if library.name == "libc.so" and libc is Libc.MUSL:
        return f"{by}: musl under a name that no system has, from a musl-gcc of another distribution; repair refuses it"
    return f"{by}: {'no system is sure to have it' if is_repaired else 'for repair to graft'}"
