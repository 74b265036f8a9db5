"""Checks of a finished wheel by name, and a project's answer that a finding of one is meant (`accept`)."""

from enum import Enum
from fnmatch import fnmatchcase

import msgspec


class Check(Enum):
    """A check of a finished wheel that a project can answer.

    `help`: what the check finds, for the options reference. `is_advisory`: it only ever warns. The others refuse the
    wheel, unless the configuration is cibuildwheel's, which has no such checks: then they warn too.

    What the cell's own test can show (a library that is not found) warns; what no test on the machine that built the
    wheel can show (a tag that promises older systems, code of another machine) refuses.
    """

    RENAMED = ("renamed", "a wheel of another project than the one that was built, left by the repair command", False)
    OTHER_VERSION = ("other-version", "a wheel of another version than the sdist that it was built from", False)
    UNREPAIRED = ("unrepaired", "a platform tag that names no C library, such as `linux_x86_64`", False)
    ANY_PLATFORM = ("any-platform", "the tag `any` on what the repair command left", False)
    OTHER_PLATFORM = ("other-platform", "a platform tag of another C library or architecture than the cell's", False)
    OTHER_PYTHON = ("other-python", "tags of another interpreter than the cell's", False)
    BROKEN_PROMISE = (
        "broken-promise",
        "a platform tag, such as one that a build file sets, whose systems cannot load the code",
        False,
    )
    FOREIGN_ELF = (
        "foreign-elf",
        "a program or shared library for another machine (object files, code for GPUs and the kernel's BPF are data)",
        False,
    )
    FOREIGN_LIBC = (
        "foreign-libc",
        "a module or a grafted library that is linked with another C library than the cell's",
        False,
    )
    GRAFTED_LIBC = ("grafted-libc", "a C library (musl, glibc, a loader) among the libraries of the wheel", False)
    MODULE_SUFFIX = ("module-suffix", "a module whose file name the cell's Python does not import", False)
    MISSING_LIBRARY = (
        "missing-library",
        "a library, or a version of its symbols, that the loader will not find",
        True,
    )
    GRAFTED_PYTHON = ("grafted-python", "a second Python among the libraries that repair put into the wheel", True)

    def __init__(self, word: str, help_text: str, is_advisory: bool) -> None:  # noqa: FBT001  a row of the table
        """`word`: the check's name in `accept`."""
        self.word = word
        self.help = help_text
        self.is_advisory = is_advisory

    def __str__(self) -> str:
        return self.word


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of `accept`: findings of a check are meant; with a pattern (shell globs), those about such files only.

    `*` matches `/` too. A pattern is matched with a file's path in the wheel.
    """

    check: Check
    pattern: str | None = None

    def __str__(self) -> str:
        return str(self.check) if self.pattern is None else f"{self.check}:{self.pattern}"

    def covers(self, check: Check, path: str | None) -> bool:
        """Whether a finding of a check about a file (None: the wheel as a whole) is meant."""
        if check is not self.check:
            return False
        return self.pattern is None or (path is not None and fnmatchcase(path, self.pattern))
