"""Interpreters, cells and their identifiers (`cp311-manylinux_x86_64`): parsed and formatted only here."""

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

import msgspec

from matrix_runner.model.platforms import Platform


class Implementation(Enum):
    """A Python implementation, by its python-tag prefix (PEP 425; `gp` is the common identifier prefix of GraalPy)."""

    CPYTHON = "cp"
    PYPY = "pp"
    GRAALPY = "gp"

    def __str__(self) -> str:
        return self.value


_OF_PACKAGE: Final = ":"
_PACKAGE: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
"""A normalised name (PEP 503)."""

_TAG = re.compile(r"(?P<impl>cp|pp|gp)(?P<major>[23])(?P<minor>0|[1-9][0-9]?)(?P<variant>t|mu|m|_[0-9]+)?")


class Interpreter(msgspec.Struct, frozen=True, kw_only=True):
    """An interpreter: implementation, version and ABI variant.

    `variant` is `t` (free-threaded, PEP 703), `m` or `mu` (2.7 with narrow or wide Unicode), `_250` (a GraalPy
    release), or empty.
    """

    implementation: Implementation
    major: int
    minor: int
    variant: str = ""

    def __str__(self) -> str:
        return f"{self.implementation}{self.major}{self.minor}{self.variant}"

    @classmethod
    def parse(cls, text: str) -> "Interpreter":
        """Read `cp313t`, `cp27mu`, `pp311`, `gp312_250`; raise ValueError for anything else."""
        match = _TAG.fullmatch(text)
        if match is None:
            raise ValueError(f"unknown interpreter {text!r}")
        return cls(
            implementation=Implementation(match["impl"]),
            major=int(match["major"]),
            minor=int(match["minor"]),
            variant=match["variant"] or "",
        )

    @property
    def version(self) -> tuple[int, int]:
        """Major and minor version, for comparison."""
        return (self.major, self.minor)

    @property
    def is_free_threaded(self) -> bool:
        """Whether it is a free-threaded build (no GIL), whose ABI no abi3 wheel fits."""
        return self.variant == "t"

    @property
    def supports_stable_abi(self) -> bool:
        """Whether it can install an `abi3` wheel built for an earlier version (PEP 384)."""
        return self.implementation is Implementation.CPYTHON and self.version >= (3, 2) and not self.is_free_threaded


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """An interpreter on a platform: one cell of the matrix. `str(cell)` is its identifier.

    `package`: the one of a workspace that it builds, by its normalised name, which then stands before the rest:
    `pkg-a:cp311-manylinux_x86_64`; "" where a run builds a single package.
    """

    interpreter: Interpreter
    platform: Platform
    package: str = ""
    _identifier: str = field(init=False, repr=False, compare=False)
    """Formatted once: each event looks up its cell's log and table row by it."""

    def __post_init__(self) -> None:
        prefix = f"{self.package}{_OF_PACKAGE}" if self.package else ""
        object.__setattr__(self, "_identifier", f"{prefix}{self.interpreter}-{self.platform}")

    def __str__(self) -> str:
        return self._identifier

    def __hash__(self) -> int:
        return hash(self._identifier)

    @property
    def local(self) -> str:
        """The identifier within its package, which is the same whatever else a run builds: `cp311-manylinux_x86_64`."""
        return self._identifier.rpartition(_OF_PACKAGE)[2]

    @property
    def stem(self) -> str:
        """The identifier as part of a file's, a container's or an image's name, none of which may have a colon."""
        return self._identifier.replace(_OF_PACKAGE, ".")

    def of_package(self, package: str) -> "Cell":
        """Return the same square in the matrix of another package; "" for that of a single one."""
        if package == self.package:
            return self
        return Cell(interpreter=self.interpreter, platform=self.platform, package=package)

    @classmethod
    def parse(cls, identifier: str) -> "Cell":
        """Read `cp311-manylinux_x86_64`; raise ValueError for anything else. `Cell.parse(str(c)) == c`."""
        package, colon, local = identifier.rpartition(_OF_PACKAGE)
        if colon and not _PACKAGE.fullmatch(package):
            raise ValueError(f"unknown cell {identifier!r}")
        interpreter, _, platform = local.partition("-")
        return cls(interpreter=Interpreter.parse(interpreter), platform=Platform.parse(platform), package=package)
