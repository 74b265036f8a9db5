"""What settings are made of where a string would say too little."""

from dataclasses import dataclass
from enum import Enum

from matrix_runner.model.platforms import Arch


class ArchGroup(Enum):
    """Architectures that depend on the machine; what each means is decided when planning."""

    AUTO = "auto"
    """Every width this machine runs natively: x86_64 and i686 on x86_64."""
    AUTO64 = "auto64"
    AUTO32 = "auto32"
    NATIVE = "native"
    ALL = "all"

    def __str__(self) -> str:
        return self.value


ArchChoice = Arch | ArchGroup


class EnableGroup(Enum):
    """Interpreters that are planned only if asked for."""

    CPYTHON_PRERELEASE = "cpython-prerelease"
    PYPY = "pypy"
    PYPY_EOL = "pypy-eol"
    GRAALPY = "graalpy"
    EOL = "eol"
    ALL = "all"

    def __str__(self) -> str:
        return self.value


class EngineChoice(Enum):
    """Where cells run."""

    AUTO = "auto"
    """Docker when its daemon answers, else Podman when its service does, else this machine."""
    DOCKER = "docker"
    PODMAN = "podman"
    """By its socket that speaks Docker's language."""
    LOCAL = "local"

    def __str__(self) -> str:
        return self.value


class Frontend(Enum):
    """What asks the project's build backend for a wheel."""

    AUTO = "auto"
    """`uv` where the image and the interpreter can, else `build`, else `pip`."""
    BUILD = "build"
    BUILD_UV = "build[uv]"
    UV = "uv"
    PIP = "pip"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildFrontend:
    """A frontend and further arguments for its command."""

    name: Frontend
    args: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerEngine:
    """Where cells run. `create_args`: words of `docker create`, for every container of a cell.

    `disable_host_mount` is accepted because the field knows it: nothing of the host is ever mounted here.
    """

    name: EngineChoice
    create_args: tuple[str, ...] = ()
    disable_host_mount: bool = False


class CompilerCache(Enum):
    """What keeps the results of compilers."""

    NONE = "none"
    CCACHE = "ccache"
    SCCACHE = "sccache"

    def __str__(self) -> str:
        return self.value


class VersionSource(Enum):
    """Where the versions of the tools come from that a cell installs for building and testing."""

    PINNED = "pinned"
    """Those this release was tested with."""
    LATEST = "latest"
    FILE = "file"
    PACKAGES = "packages"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, kw_only=True, slots=True)
class DependencyVersions:
    """Which versions of its tools a cell installs. `file`: a constraints file, relative to the project."""

    source: VersionSource
    file: str = ""
    packages: tuple[str, ...] = ()


Variables = tuple[tuple[str, str], ...]
"""Environment variables: name, and the value as it stands between double quotes in `sh`.

`export NAME="<value>"` is always well-formed: `$NAME`, `${NAME}`, `$(command)` in it expand, all else is escaped.
"""

ConfigSettings = tuple[tuple[str, tuple[str, ...]], ...]
"""Settings for the build backend (PEP 517): each key once, with one or more values."""
