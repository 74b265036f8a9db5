"""A verdict of `runner doctor`: one statement on the machine or the project, its level, and the remedy. Pure."""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import TypeAlias

import msgspec
from msgspec.structs import replace

from matrix_runner.errors import ExitCode

Fact: TypeAlias = str | int | float | bool | None

NOTHING: Mapping[str, Fact] = MappingProxyType({})


class Topic(Enum):
    """A question that the doctor asks; its word in JSON."""

    PROJECT = "project"
    ARCHITECTURES = "architectures"
    ENGINES = "engines"
    CLUSTER = "cluster"
    MACHINE = "this-machine"
    DISK = "disk"
    INDEX = "index"
    PROXIES = "proxies"
    CERTIFICATES = "certificates"
    GIT = "git"
    CLOCK = "clock"


class Level(Enum):
    """The meaning of a verdict for a build; its word in JSON."""

    OK = "ok"
    UNKNOWN = "unknown"
    """It could not be seen from here, so nothing is said against it."""
    WARNING = "warning"
    """A build may fail for it, or give something else than meant."""
    ERROR = "error"
    """A build here fails for it."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One statement.

    `name`: tells the kind of statement to programs. `about`: what it is about, such as a directory, an address or a
    variable. `text`: for people. `remedy`: what to do, one line. `facts`: numbers and words behind it, for programs.
    """

    name: str
    text: str
    level: Level = Level.OK
    about: str = ""
    remedy: str | None = None
    facts: Mapping[str, Fact] = NOTHING

    def with_words(self, readable: Callable[[str], str]) -> "Verdict":
        """Return it with all of its words made readable: without secrets."""
        return replace(
            self,
            about=readable(self.about),
            text=readable(self.text),
            remedy=None if self.remedy is None else readable(self.remedy),
            facts={key: readable(fact) if isinstance(fact, str) else fact for key, fact in self.facts.items()},
        )


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """The verdicts on one question, under a title for people."""

    topic: Topic
    title: str
    verdicts: tuple[Verdict, ...]


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Why facts could not be gathered. `is_certain`: a build would meet the same."""

    text: str
    remedy: str | None = None
    is_certain: bool = False

    def verdict(self) -> Verdict:
        """Return the verdict on what could not be examined."""
        level = Level.ERROR if self.is_certain else Level.UNKNOWN
        return Verdict(name="not-examined", level=level, text=self.text, remedy=self.remedy)


def exit_code(sections: Iterable[Section]) -> ExitCode:
    """Return the code of the whole: that of the machine's errors, before that of mistakes in the configuration."""
    topics = {
        section.topic for section in sections if any(verdict.level is Level.ERROR for verdict in section.verdicts)
    }
    if topics - {Topic.PROJECT}:
        return ExitCode.ENVIRONMENT
    return ExitCode.USAGE if topics else ExitCode.OK
