"""The log of TeamCity (jetbrains.com/help/teamcity, "Service messages")."""

import re
from zlib import crc32

from matrix_runner.report.ci.log_syntax import Annotation, ClosedFolds, Fold, Severity

_LONGEST_PROBLEM = 4000
"""Characters of a build problem's description; TeamCity refuses longer ones."""
_SPECIAL = re.compile(r"[|'\n\r\[\]]|[^\x00-\x7f]")
_NAMED = {"\n": "n", "\r": "r"}


class TeamcityLog(ClosedFolds):
    """Service messages. Blocks are closed at first, and cannot be open.

    No artifacts are published: which files leave the machine is the build configuration's to say.
    """

    system = "TeamCity"
    has_annotations = True
    shows_colour = False

    def start(self, fold: Fold) -> str:
        """Return the start of a block."""
        return f"##teamcity[blockOpened name='{_value(fold.title)}']"

    def end(self, fold: Fold) -> str:
        """Return the end of a block."""
        return f"##teamcity[blockClosed name='{_value(fold.title)}']"

    def annotation(self, annotation: Annotation) -> tuple[str, ...]:
        """Return a problem of the build for an error, which its page shows, and a message of the log for a warning."""
        text = f"{annotation.title}: {annotation.message}"
        if annotation.severity is Severity.WARNING:
            return (f"##teamcity[message text='{_value(text)}' status='WARNING']",)
        # An identifier of Java, by which TeamCity knows a problem of an earlier build again.
        identity = f"matrix_runner_{crc32((annotation.identity or text).encode(errors='replace')):08x}"
        return (f"##teamcity[buildProblem description='{_value(text[:_LONGEST_PROBLEM])}' identity='{identity}']",)

    def progress(self, done: int, total: int) -> tuple[str, ...]:
        """Return the message that the build shows as its state."""
        return (f"##teamcity[progressMessage '{done} of {total} cells done']",)


def _value(text: str) -> str:
    return _SPECIAL.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if character.isascii():
        return f"|{_NAMED.get(character, character)}"
    units = character.encode("utf-16-be", "replace")
    return "".join(f"|0x{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
