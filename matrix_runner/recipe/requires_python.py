"""The check of installed distributions against the Python that they are for, as uv leaves it out. Pure."""

from typing import Final

# uv heeds lower bounds of Requires-Python and ignores upper ones (`<3.11`), as its resolver does for lock files; pip
# takes an older release, or refuses. Without `packaging`, which the environment need not have; a specifier that cannot
# be read is left alone (PEP 440; Requires-Python is compared with the full version, without a suffix such as rc1).
CHECK: Final = """\
import re, sys
from importlib.metadata import distributions
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
wrong = []
for found in distributions():
    wanted = found.metadata.get("Requires-Python") or ""
    if any(excludes(one.strip()) for one in wanted.split(",") if one.strip()):
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
