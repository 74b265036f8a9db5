"""Files of the project that its sdist lacks: advice for a build from the sdist that failed."""

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Final

from matrix_runner.wording import first_of

_SOURCES: Final = frozenset(
    {
        *(".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".hxx", ".inc", ".s", ".asm", ".cu", ".f", ".f90"),
        *(".pyx", ".pxd", ".pxi", ".rs", ".toml", ".lock", ".build", ".cmake", ".in", ".txt", ".py"),
    }
)
_MOST: Final = 4


def advice_on_lacking_files(
    project: Iterable[str], sdist: Iterable[str], *, package: str, sdist_name: str
) -> str | None:
    """Return advice about files that the sdist lacks and a build may need, sources first; None without any.

    `project`, `sdist`: the names of their files. `package`: the package's directory in the project, "" for itself.
    Files whose path has a part that begins with a dot are no build's, and neither are tests'.
    """
    start = f"{package}/" if package else ""
    there = set(sdist)
    lacking = [each.removeprefix(start) for each in project if each.startswith(start)]
    found = [each for each in lacking if each not in there and _may_be_needed(PurePosixPath(each))]
    if not found:
        return None
    return f"it was built from {sdist_name}, which lacks files of the project: {first_of(found, _MOST)}"


def _may_be_needed(path: PurePosixPath) -> bool:
    if any(part.startswith(".") or part in {"test", "tests", "docs", "doc"} for part in path.parts):
        return False
    return path.suffix.lower() in _SOURCES or path.name in {"CMakeLists.txt", "Makefile"}
