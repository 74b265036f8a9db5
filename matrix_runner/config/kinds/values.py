"""Types of option values: architecture groups, engines, frontends, dependency versions, variables."""

from datetime import datetime, timedelta, timezone
from enum import Enum

import msgspec

from matrix_runner.config.create_args.container_arguments import ContainerArguments
from matrix_runner.model.platforms import Arch


class ArchGroup(Enum):
    """Groups of architectures that depend on the machine; expanded in planning."""

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
    """Groups of interpreters that are planned only on request."""

    CPYTHON_PRERELEASE = "cpython-prerelease"
    PYPY = "pypy"
    PYPY_EOL = "pypy-eol"
    GRAALPY = "graalpy"
    EOL = "eol"
    ALL = "all"

    def __str__(self) -> str:
        return self.value


class EngineChoice(Enum):
    """The engine that runs cells."""

    AUTO = "auto"
    """Docker when its daemon answers, else Podman when its service does, else this machine."""
    DOCKER = "docker"
    PODMAN = "podman"
    """By its Docker-compatible socket."""
    LOCAL = "local"

    def __str__(self) -> str:
        return self.value


class SourceFiles(Enum):
    """The files of the project's directory that go into the cells."""

    GIT = "git"
    """Those that git tracks, and new ones that it does not ignore."""
    ALL = "all"
    """All of them, but for this tool's own output and cache."""

    def __str__(self) -> str:
        return self.value


class Frontend(Enum):
    """The frontend that calls the project's build backend (PEP 517)."""

    AUTO = "auto"
    """Our own; `uv` or `build` where it cannot serve, else `pip`."""
    BUILD = "build"
    BUILD_UV = "build[uv]"
    UV = "uv"
    PIP = "pip"

    def __str__(self) -> str:
        return self.value


class BuildFrontend(msgspec.Struct, frozen=True, kw_only=True):
    """A build frontend and further arguments for its command. `for_pyodide`: it is none for Linux: `pyodide-build`."""

    name: Frontend
    args: tuple[str, ...] = ()
    for_pyodide: bool = False

    @property
    def is_isolated(self) -> bool:
        """Whether the frontend installs what the build requires, in an environment of the build's own."""
        return not {"-n", "--no-isolation", "--no-build-isolation"} & set(self.args)


class ContainerEngine(msgspec.Struct, frozen=True, kw_only=True):
    """The engine that runs cells, with its arguments. `arguments`: parsed `create-args`, for every container of a cell.

    `disable_host_mount` is accepted for cibuildwheel's users: nothing of the host is ever mounted here.
    """

    name: EngineChoice
    arguments: ContainerArguments = msgspec.field(default_factory=ContainerArguments)
    disable_host_mount: bool = False


class EngineEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One of several engines on which cells are spread. `endpoint`: a URL. `arch`: of its machine, None: as it says.

    `jobs`: the cells that it runs at once, 0: as many as it has processors. `tls`: the directory of `ca.pem`,
    `cert.pem` and `key.pem`; "": that of DOCKER_CERT_PATH, if DOCKER_TLS_VERIFY is set.
    """

    name: str
    endpoint: str
    arch: Arch | None = None
    jobs: int = 0
    tls: str = ""


class Progress(Enum):
    """The look of a run on the console."""

    AUTO = "auto"
    """`live` on a terminal that can show it, outside CI, else `plain`."""
    LIVE = "live"
    PLAIN = "plain"
    QUIET = "quiet"
    JSON = "json"

    def __str__(self) -> str:
        return self.value


class LogFolds(Enum):
    """The CI system whose syntax a log has: of folds, annotations and progress."""

    AUTO = "auto"
    """That of the CI system whose variable is set; none elsewhere."""
    NONE = "none"
    GITHUB = "github"
    GITLAB = "gitlab"
    TRAVIS = "travis"
    AZURE = "azure"
    BUILDKITE = "buildkite"
    CIRCLECI = "circleci"
    TEAMCITY = "teamcity"

    def __str__(self) -> str:
        return self.value


class CompilerCache(Enum):
    """The compiler cache that stores compilers' results."""

    NONE = "none"
    CCACHE = "ccache"
    SCCACHE = "sccache"

    def __str__(self) -> str:
        return self.value


class CacheCarry(Enum):
    """Whether the cache directory gets what makes a fresh machine warm."""

    AUTO = "auto"
    OFF = "off"
    ON = "on"
    ALL = "all"

    def __str__(self) -> str:
        return self.value


class CompilerCacheBackend(Enum):
    """The place where a compiler cache keeps what it knows."""

    VOLUME = "volume"
    """One of the engine, of each project and architecture."""
    GITHUB = "gha"
    """GitHub's cache service, in sccache's own word."""

    def __str__(self) -> str:
        return self.value


class CompilerCacheChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The compiler cache of a cell's build, and its backend; false if there is none."""

    name: CompilerCache = CompilerCache.NONE
    backend: CompilerCacheBackend = CompilerCacheBackend.VOLUME

    def __bool__(self) -> bool:
        return self.name is not CompilerCache.NONE


class FreeThreading(Enum):
    """The answer to a module that turns the GIL on in a free-threaded Python."""

    CHECK = "check"
    """A warning."""
    REQUIRE = "require"
    """The cell fails."""
    OFF = "off"
    """The modules are not imported."""

    def __str__(self) -> str:
        return self.value


class Sandbox(Enum):
    """The rights of a cell's commands in its container."""

    DEFAULT = "default"
    """Root, with the capabilities that installing, building and testing take."""
    STRICT = "strict"
    """As by default in `before-all`; after it a user without any capability."""
    OFF = "off"
    """Those that the engine gives."""

    def __str__(self) -> str:
        return self.value


class Network(Enum):
    """Which of a cell's commands have a network."""

    AUTO = "auto"
    """Build-requires in a strict sandbox, else all."""
    ALL = "all"
    BUILD_REQUIRES = "build-requires"
    """`before-all`, and what installs; no command that runs code of the project after that."""
    NONE = "none"

    def __str__(self) -> str:
        return self.value


class VersionSource(Enum):
    """The source of the versions of the tools that a cell installs for building and testing."""

    PINNED = "pinned"
    """The versions that this release was tested with."""
    LATEST = "latest"
    FILE = "file"
    PACKAGES = "packages"

    def __str__(self) -> str:
        return self.value


class DependencyVersions(msgspec.Struct, frozen=True, kw_only=True):
    """The versions of a cell's tools. `file`: a constraints file, relative to the project."""

    source: VersionSource
    file: str = ""
    packages: tuple[str, ...] = ()


class BuildConstraints(msgspec.Struct, frozen=True, kw_only=True):
    """Constraints on what the build requires: a file, relative to the project, or lines of one; neither: none."""

    file: str = ""
    lines: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.file or self.lines)


class ExcludeNewer(msgspec.Struct, frozen=True, kw_only=True):
    """The upload time after which packages do not count; false if there is none.

    `text`: as the user wrote it. `age`: seconds before the start of the run; 0 for a fixed time, `at`, in UTC.
    """

    text: str = ""
    age: int = 0
    at: datetime | None = None

    def __bool__(self) -> bool:
        return bool(self.text)

    def instant(self, now: datetime) -> str:
        """Return the time in the one spelling that uv and pip both read (RFC 3339, UTC); "" for none."""
        at = self.at or (now.astimezone(timezone.utc) - timedelta(seconds=self.age) if self else None)
        return "" if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ")


Variables = tuple[tuple[str, str], ...]
"""Environment variables: name, and value in a form that fits between double quotes in `sh`.

`export NAME="<value>"` is always well-formed: `$NAME`, `${NAME}`, `$(command)` in it expand, all else is escaped."""

ConfigSettings = tuple[tuple[str, tuple[str, ...]], ...]
"""Settings for the build backend (PEP 517): each key once, with one or more values."""
