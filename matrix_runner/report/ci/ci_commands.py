"""What CI systems would obey in a line of output, and how it is made harmless, on every system and outside of CI."""

import re

_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
# Most lines have none of these, and a log may have a million lines.
_SUSPECT = re.compile(r"::|##|travis_|section_|---|\+\+\+|~~~|\^\^\^")

# Each is broken in two by a space behind the first group.
_COMMANDS = (
    # GitHub: white space may stand before it (actions/runner, ActionCommand.TryParseV2).
    re.compile(r"^(\s*:)(?=:)"),
    # GitHub `##[`, Azure `##[` and `##vso[`, TeamCity `##teamcity[`: anywhere in a line.
    re.compile(r"(#)(?=#[A-Za-z.]*\[)"),
    # Travis and GitLab: anywhere, though both then wait for control characters, which no output has any more.
    re.compile(r"(travis_(?:fold|time)|section_(?:start|end))(?=:)"),
)
# Buildkite: titles, and the mark that opens the group before it (buildkite/agent, header_times_streamer.go). There they
# start the line; here text is also stripped after this.
_TITLE = re.compile(r"^(\s*(?:-(?=--)|\+(?=\+\+)|~(?=~~)|\^(?=\^\^)))(?=..(?:\s|$))")


def neutralise(line: str, *, is_start: bool = True) -> str:
    """Return a line, in which only colours and visible characters remain, with each CI command broken by a space.

    A line that would be a command without its colours loses them: Buildkite looks for titles behind them. `is_start`:
    it will stand at the start of a line of the log. If it does not, a line of a diff (`--- a/file`) stays as it is.
    """
    if "\x1b" not in line:
        return _broken(line, is_start=is_start)
    bare = without_colour(line)
    broken = _broken(bare, is_start=is_start)
    return line if broken == bare else broken


def without_colour(line: str) -> str:
    """Return a safe line without its colours."""
    return _COLOUR.sub("", line)


def _broken(line: str, *, is_start: bool) -> str:
    if _SUSPECT.search(line):
        for command in (*_COMMANDS, _TITLE) if is_start else _COMMANDS:
            line = command.sub(r"\1 ", line)
    return line
