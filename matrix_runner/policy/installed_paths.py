"""Places of a wheel's files once they are installed, and the directories that a search path leads to from there. Pure.

Places are relative to the environment's prefix; the directory of packages is `lib/python/site-packages`, whichever
Python's it is. An installer unpacks `<name>-<version>.data/` by scheme (binary distribution format, "The .data
directory").
"""

import re
from collections.abc import Iterator

from matrix_runner.model.platforms import Arch

_PACKAGES = ("lib", "python", "site-packages")
_HEADERS = ("include", "python")
_INSTALLED = re.compile(r"(?:lib|lib32|lib64)/python\d*(?:\.\d+t?)?/(?:site|dist)-packages(?=/|$)")
_ORIGIN = re.compile(r"\$ORIGIN\b|\$\{ORIGIN\}")
_LIB = re.compile(r"\$LIB\b|\$\{LIB\}")
_PLATFORM = re.compile(r"\$PLATFORM\b|\$\{PLATFORM\}")


def installed_path(path: str) -> str:
    """Return the place of a wheel's file, relative to the prefix."""
    parts = path.split("/")
    if len(parts) > 2 and parts[0].endswith(".data"):
        rest = tuple(parts[2:])
        match parts[1]:
            case "scripts":
                return "/".join(("bin", *rest))
            case "data":
                return "/".join(rest)
            case "headers":
                return "/".join((*_HEADERS, parts[0].partition("-")[0], *rest))
            case "purelib" | "platlib":
                return "/".join((*_PACKAGES, *rest))
            case _:
                pass  # no scheme: pip refuses such a wheel
    return "/".join((*_PACKAGES, *parts))


def searched_directories(entry: str, place: str, arch: Arch) -> Iterator[str]:
    """Yield the directories below the prefix that an entry of RPATH or RUNPATH means for a file at a place (ld.so(8)).

    None for one outside of it: an absolute path is the system's, and a relative one depends on where a program is run.
    """
    if not _ORIGIN.match(entry):
        return
    origin = place.rpartition("/")[0]
    expanded = _PLATFORM.sub(arch.tag, _ORIGIN.sub(lambda _: origin, entry, count=1))
    for library in ("lib64", "lib") if _LIB.search(expanded) else ("",):
        directory = _normal(_LIB.sub(library, expanded))
        if directory is not None:
            yield directory


def _normal(path: str) -> str | None:
    """Return a path in its simplest form, with any Python's directory of packages as ours; None if it leads out."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return _INSTALLED.sub("/".join(_PACKAGES), "/".join(parts), count=1)
