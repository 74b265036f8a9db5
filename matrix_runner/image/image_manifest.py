"""The contents of an image, read from `debian.toml`: packages, sources, interpreters and tools, with versions."""

from dataclasses import dataclass, field
from importlib import resources

import msgspec

from matrix_runner.errors import UsageError
from matrix_runner.model.platforms import Arch
from matrix_runner.toml import loads

ENTRYPOINT = "manylinux-entrypoint"


@dataclass(frozen=True, kw_only=True, slots=True)
class RootData:
    """The Debian release of the root filesystem. `architectures`: Debian's name for each of ours."""

    suite: str
    packages: tuple[str, ...]
    architectures: dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class SourcePackage:
    """A CPython source release, in Debian's signed source package.

    `rolling`: suites that have it, and go on to later releases: the newest that is served is taken, from the first of
    them, and `file` only if none is.
    """

    package: str
    suite: str
    file: str
    sha256: str
    rolling: tuple[str, ...] = ()

    @property
    def stored(self) -> str:
        """The name of the file that is kept; of a rolling release the same for all its versions."""
        return f"{self.package}-newest.orig.tar" if self.rolling else self.file


@dataclass(frozen=True, kw_only=True, slots=True)
class InterpreterData:
    """An interpreter. `directory`: its name under /opt/python. `source`, `packages`: keys of the tables so named."""

    directory: str
    program: str
    source: str
    configure: tuple[str, ...]
    default: tuple[str, ...]
    packages: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolData:
    """The wheel tools: installed for one interpreter, linked onto the PATH."""

    interpreter: str
    packages: tuple[str, ...]
    commands: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageManifest:
    """The whole data file, and the text of the entrypoint."""

    version: str
    policy: str
    root: RootData
    sources: dict[str, SourcePackage]
    interpreter: tuple[InterpreterData, ...]
    packages: dict[str, tuple[str, ...]]
    tools: ToolData
    environment: dict[str, str]
    entrypoint: str = field(default="")

    @property
    def directories(self) -> tuple[str, ...]:
        """Every possible interpreter, by its directory under /opt/python, oldest first."""
        return tuple(data.directory for data in self.interpreter)

    def is_for(self, arch: Arch) -> bool:
        """Whether images can be built for an architecture."""
        return arch.tag in self.root.architectures

    def defaults(self, arch: Arch) -> frozenset[str]:
        """Return an image's interpreters if none are requested."""
        return frozenset(data.directory for data in self.interpreter if arch.tag in data.default)

    def select(self, wanted: frozenset[str]) -> tuple[InterpreterData, ...]:
        """Return the wanted interpreters in file order, plus the one that carries the tools.

        Raise UsageError for an impossible one.
        """
        unknown = sorted(wanted - set(self.directories))
        if unknown:
            raise UsageError(
                f"no image can be made with {', '.join(unknown)}: Debian has no source of it",
                hint=f"There are: {', '.join(self.directories)}.",
            )
        everything = wanted | {self.tools.interpreter}
        return tuple(data for data in self.interpreter if data.directory in everything)

    def directory_of(self, name: str) -> str:
        """Return the directory of an interpreter that a user names: by it, by its tag, or by a version (`3.15t`).

        A name of none is returned as it is.
        """
        tag = f"cp{name.replace('.', '', 1)}" if name[:1].isdigit() else name
        found = [each for each in self.directories if name == each or each.rpartition("-")[2] == tag]
        return found[0] if len(found) == 1 else name


def load_manifest() -> ImageManifest:
    """Read the package's data files."""
    room = resources.files("matrix_runner.image")
    document = loads((room / "debian.toml").read_text("utf-8"))
    document["entrypoint"] = (room / ENTRYPOINT).read_text("utf-8")
    return msgspec.convert(document, ImageManifest)
