"""The class `Option`, a row of the options table, and its sections and sources."""

from collections.abc import Callable
from enum import Enum
from typing import Generic, TypeVar

import msgspec

from matrix_runner.config.kinds.basic import Kind

T_co = TypeVar("T_co", covariant=True)


class Section(Enum):
    """A chapter of the options reference, with its opening sentence."""

    SELECTION = ("What is built", "Which cells, interpreters on platforms, make the matrix.")
    IMAGES = ("Images", "Which image the cells of a platform run in.")
    SOURCE = ("Source", "Which files of the project go into the cells, and what git knows of them.")
    BUILD = ("Building", "How a wheel is made and repaired.")
    TEST = ("Testing", "How the repaired wheel is tested, in a fresh environment.")
    CACHE = ("Caching", "What is kept from run to run, so that nothing is done twice.")
    RUN = ("Running", "Where and how cells run, and where the wheels go.")

    def __init__(self, title: str, introduction: str) -> None:
        """`title` and `introduction` appear in the reference."""
        self.title = title
        self.introduction = introduction


class Source(Enum):
    """The layers of values; a later one wins."""

    DEFAULT = "default"
    FILE = "file"
    OVERRIDE = "override"
    ENVIRONMENT = "environment"
    FLAG = "flag"


class Option(msgspec.Struct, Generic[T_co], frozen=True, kw_only=True):
    """A row of the options table: all properties of an option, apart from the code that uses it.

    `name`: as in TOML, and as key of the flags passed to `load`. `default`: a value as returned by `kind`. `help`: one
    line. `details`: paragraphs for the reference. `example`: lines of TOML for `[tool.matrix-runner]`, parsed by a
    test. `flag`: spelling on the command line, or None; `metavar`: the value's name in its help, empty for a switch;
    `repeatable`: may be given several times.

    `adds`: each layer adds to those below instead of replacing them. `is_flag_only`: must not be decided by a file that
    comes with a project. `per_platform`: has a variable for Linux alone, with a suffix (the table for Linux may contain
    every option); `per_cell`: applies to a single cell, so that overrides may set it. `affects_wheel`: its value is
    part of a cell's cache key; False if it changes neither wheel nor verdict, or if the key contains it in another form
    (the cell itself, its image's id, whether it has tests). `key_text`: the relevant part of the value as text, if that
    is not the whole. `may_hold_secrets`: an error about a variable or flag does not quote its value. `limit_hint`: for
    an option that sets a limit, the advice to a user whose step exceeded it. `emulated_default`: the default for the
    cells that run by an emulator; None: the same.
    """

    name: str
    kind: Kind[T_co]
    default: T_co
    section: Section
    help: str
    details: str = ""
    example: str = ""
    flag: str | None = None
    metavar: str = ""
    repeatable: bool = False
    adds: bool = False
    is_flag_only: bool = False
    per_platform: bool = True
    per_cell: bool = True
    affects_wheel: bool = True
    key_text: Callable[[object], str] | None = None
    may_hold_secrets: bool = False
    limit_hint: str | None = None
    emulated_default: T_co | None = None

    def __str__(self) -> str:
        return self.name

    @property
    def variable(self) -> str:
        """The environment variable that sets the option."""
        return variable(self.name)


PREFIX = "MATRIX_RUNNER_"


def variable(name: str) -> str:
    """Return the environment variable of an option's name."""
    return PREFIX + name.upper().replace("-", "_")
