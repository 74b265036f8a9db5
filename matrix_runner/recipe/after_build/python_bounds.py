"""Requirements that uv installs for a Python they exclude: programs that find them, for the test and the build. Pure.

uv heeds lower bounds of Requires-Python and ignores upper ones (`<3.11`), as its resolver does for lock files; pip
takes an older release, or refuses (measured, uv 0.13.9 and pip 26.3).
"""

import textwrap
from collections.abc import Collection
from typing import Final

import msgspec
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion

from matrix_runner.recipe.layout import Layout

# Without `packaging`, which an environment need not have; a specifier that cannot be read is left alone (PEP 440;
# Requires-Python is compared with the full version, without a suffix such as rc1).
_EXCLUDES: Final = """\
import re, sys
ours = sys.version_info[:3]
def release(text):
    found = re.match(r"v?([0-9]+(?:\\.[0-9]+)*)", text)
    return tuple(map(int, found.group(1).split("."))) if found else None
def excludes(one):
    found = re.match(r"(===|~=|==|!=|<=|>=|<|>)\\s*(\\S+)$", one)
    theirs = release(found.group(2)) if found else None
    if theirs is None:
        return False
    sign, is_prefix = found.group(1), found.group(2).endswith(".*")
    width = len(theirs) if is_prefix else 3
    theirs_padded = (theirs + (0, 0, 0))[:max(width, len(theirs))]
    mine = (ours + (0,) * len(theirs))[:len(theirs_padded)]
    if sign == "~=":
        return not (mine >= theirs_padded and mine[:len(theirs) - 1] == theirs[:-1])
    holds = {
        "==": mine == theirs_padded, "===": mine == theirs_padded, "!=": mine != theirs_padded,
        "<": mine < theirs_padded, "<=": mine <= theirs_padded, ">": mine > theirs_padded, ">=": mine >= theirs_padded,
    }
    return not holds[sign]
def is_excluded(wanted):
    return any(excludes(one.strip()) for one in wanted.split(",") if one.strip())
"""

FITS_PYTHON: Final = f"""\
{_EXCLUDES}\
from importlib.metadata import distributions
wrong = []
for found in distributions():
    wanted = found.metadata.get("Requires-Python") or ""
    if is_excluded(wanted):
        wrong.append("%s %s is for Python %s" % (found.metadata["Name"], found.version, wanted))
if wrong:
    version = ".".join(map(str, ours))
    print("%s: %s, and this is %s; uv installs it all the same, pip would not: require a version that is for this "
          "Python, or leave the cell out by test-skip" % (sys.argv[1], "; ".join(sorted(set(wrong))), version),
          file=sys.stderr)
    sys.exit(sys.argv[1] == "error")
"""
"""A program for an environment's own Python, 3.8 or newer: it prints a line that names the distributions.

Its argument is the first word of that line: after `error` it exits with 1, after `warning` with 0.
"""

# The environment of `uv build` has a random name, and is gone when the build has ended: only the Pythons that run
# in it can tell what it holds. `sitecustomize` is what each of them imports first (site). Any Python that a build
# starts does, down to 2.7, so nothing here may print, fail, or take time: what has been looked at is not read again.
_LOOK: Final = """\
def look():
    import os, sys
    here = os.path.dirname(os.path.abspath(__file__))
    if getattr(sys, "base_prefix", sys.prefix) == sys.prefix:
        return
    inside = [one for one in sys.path if one.startswith(sys.prefix + os.sep) and os.path.isdir(one)]
    found = [os.path.join(one, name) for one in inside for name in os.listdir(one) if name.endswith(".dist-info")]
    told = "\\n".join(sorted(found))
    seen = os.path.join(here, "seen")
    if os.path.exists(seen):
        with open(seen) as file:
            if file.read() == told:
                return
    names = {"__name__": "bounds"}
    exec(EXCLUDES, names)
    for folder in found:
        with open(os.path.join(folder, "INSTALLER")) as file:
            if file.read().strip() != "uv":
                continue
        fields = {}
        with open(os.path.join(folder, "METADATA"), "rb") as file:
            for line in file:
                name, _, value = line.decode("utf-8", "replace").partition(":")
                if not value:
                    break
                fields[name.lower()] = value.strip()
        if names["is_excluded"](fields.get("requires-python", "")):
            words = tuple(fields[one] for one in ("name", "version", "requires-python"))
            with open(os.path.join(here, "excluded"), "a") as file:
                file.write("%s %s is for Python %s\\n" % words)
    with open(seen, "w") as file:
        file.write(told)
try:
    look()
except Exception:
    pass
# One of the image's or the user's own is hidden by this one: it has its turn now, and sees no sign of this one.
import os, sys
mine = sys.modules.pop("sitecustomize", None)
here = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [one for one in sys.path if os.path.abspath(one) != here]
try:
    import sitecustomize
except ImportError as error:
    sys.modules["sitecustomize"] = mine
    if getattr(error, "name", "sitecustomize") != "sitecustomize":
        raise
"""


class WatchedBuild(msgspec.Struct, frozen=True, kw_only=True):
    """A build of which it is known afterwards which of its requirements exclude the Python that ran it."""

    layout: Layout

    def around(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """Return a command that runs a frontend's command so, whatever PYTHONPATH is set by user or image."""
        program = f"EXCLUDES = {_EXCLUDES!r}\n{_LOOK}"
        script = """\
watch=$1
if mkdir -p "$watch" && printf %s "$2" >"$watch/sitecustomize.py"; then
    PYTHONPATH="$watch${PYTHONPATH:+:$PYTHONPATH}"; export PYTHONPATH
fi
shift 2; exec "$@"
"""
        return ("sh", "-c", textwrap.dedent(script), "sh", self._place, program, *argv)

    def ask(self) -> tuple[str, ...]:
        """Return a command that prints what was found; it succeeds if nothing was."""
        return ("sh", "-c", '[ ! -e "$1" ] || cat "$1"', "sh", f"{self._place}/excluded")

    def remark(self, answer: str, version: str) -> str | None:
        """Return a sentence on what was found, or None. `version`: of the Python."""
        return _remark({line for line in answer.splitlines() if line}, version)

    @property
    def _place(self) -> str:
        return f"{self.layout.matrix}/watched-build"


class NotedBounds(msgspec.Struct, frozen=True, kw_only=True):
    """The Pythons that the requirements of a build are for, as our own frontend has noted them."""

    layout: Layout

    def ask(self) -> tuple[str, ...]:
        """Return a command that prints a line of each: name, version, Requires-Python."""
        return ("sh", "-c", '[ ! -e "$1" ] || cat "$1"', "sh", f"{self.layout.frontend}/bounds")

    def remark(self, answer: str, version: str) -> str | None:
        """Return a sentence on those that exclude a Python of this version, or None."""
        rows = [line.split("\t") for line in answer.splitlines()]
        return _remark(
            {
                f"{row[0]} {row[1]} is for Python {row[2]}"
                for row in rows
                if len(row) == 3 and _excludes(row[2], version)
            },
            version,
        )


def _excludes(bounds: str, version: str) -> bool:
    """Whether a Requires-Python excludes a version; one that cannot be read excludes none."""
    try:
        return not SpecifierSet(bounds).contains(version, prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return False


def _remark(found: Collection[str], version: str) -> str | None:
    if not found:
        return None
    return (
        f"the build requires what excludes this Python: {'; '.join(sorted(found))}, and this is {version}; uv installs "
        "it all the same, pip would not: bound it in build-system.requires or by build-constraints"
    )
