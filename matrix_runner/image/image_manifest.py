"""The contents of images, read from data files: packages, sources, interpreters and tools, with versions."""

from importlib import resources
from typing import Final

import msgspec
from msgspec.structs import replace

from matrix_runner.errors import UsageError
from matrix_runner.model.platforms import Arch, Libc
from matrix_runner.toml import loads

ENTRYPOINT = "manylinux-entrypoint"

_MANIFESTS: Final = ("manylinux_2_31", "manylinux_2_36", "manylinux_2_41", "musllinux_1_2")
"""In the order of preference. The catalog's rows of the short name `debian` have the same."""


class RootData(msgspec.Struct, frozen=True, kw_only=True):
    """The Debian release of the root filesystem. `architectures`: Debian's name for each of ours.

    `base`: the packages that every Debian has, by name, for a root that is only unpacked; empty if none ever is.
    `preparation`: scripts that are run in it before interpreters are compiled, by their names in the directory `musl`;
    `sources`: those that they compile, keys of the table so named.
    """

    suite: str
    packages: tuple[str, ...]
    architectures: dict[str, str]
    base: tuple[str, ...] = ()
    preparation: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


class SourcePackage(msgspec.Struct, frozen=True, kw_only=True):
    """A source release, in Debian's signed source package.

    `rolling`: suites that have it, and go on to later releases: the newest that is served is taken, from the first of
    them, and `file` only if none is.
    """

    package: str
    file: str
    sha256: str
    rolling: tuple[str, ...] = ()

    @property
    def stored(self) -> str:
        """The name of the file that is kept; of a rolling release the same for all its versions."""
        return f"{self.package}-newest.orig.tar" if self.rolling else self.file


class InterpreterData(msgspec.Struct, frozen=True, kw_only=True):
    """An interpreter. `directory`: its name under /opt/python. `packages`: key of the table so named.

    `source`: key of the source that it is compiled from, with `configure`; then `program` is its name in bin/. None for
    an interpreter of Debian's, at the path `program`, which the packages `debian` bring.
    """

    directory: str
    program: str
    default: tuple[str, ...]
    packages: str
    source: str | None = None
    configure: tuple[str, ...] = ()
    debian: tuple[str, ...] = ()


class ToolData(msgspec.Struct, frozen=True, kw_only=True):
    """The wheel tools: installed for one interpreter, linked onto the PATH."""

    packages: tuple[str, ...]
    commands: tuple[str, ...]


class ImageManifest(msgspec.Struct, frozen=True, kw_only=True):
    """A data file, with the one that is common to all, and the text of the entrypoint.

    `tool_interpreter`: the directory of the interpreter that carries the tools. `scripts`: the texts of the root's
    preparation.
    """

    version: str
    policy: str
    tool_interpreter: str
    root: RootData
    interpreter: tuple[InterpreterData, ...]
    packages: dict[str, tuple[str, ...]]
    tools: ToolData
    environment: dict[str, str]
    sources: dict[str, SourcePackage]
    entrypoint: str
    scripts: tuple[tuple[str, str], ...] = ()

    @property
    def directories(self) -> tuple[str, ...]:
        """Every possible interpreter, by its directory under /opt/python, oldest first."""
        return tuple(data.directory for data in self.interpreter)

    @property
    def libc(self) -> Libc:
        """The C library of its images."""
        return Libc(self.policy.partition("_")[0])

    @property
    def is_compiled(self) -> bool:
        """Whether its interpreters are compiled, which takes most of an hour for each under an emulator."""
        return any(data.source is not None for data in self.interpreter)

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
        everything = wanted | {self.tool_interpreter}
        return tuple(data for data in self.interpreter if data.directory in everything)

    def directory_of(self, name: str) -> str | None:
        """Return the directory of an interpreter that a user names: by it, by its tag, or by a version (`3.15t`)."""
        tag = f"cp{name.replace('.', '', 1)}" if name[:1].isdigit() else name
        exact = [each for each in self.directories if tag in {each, each.rpartition("-")[2]}]
        found = exact or [each for each in self.directories if tag == each.partition("-")[0]]
        return found[0] if len(found) == 1 else None


class _CommonData(msgspec.Struct, frozen=True, kw_only=True):
    """The tables of the common file that the others add to."""

    sources: dict[str, SourcePackage]
    environment: dict[str, str]


def load_manifests() -> tuple[ImageManifest, ...]:
    """Read the package's data files, in the order of preference."""
    room = resources.files("matrix_runner.image")
    common = loads((room / "common.toml").read_text("utf-8"))
    common["entrypoint"] = (room / ENTRYPOINT).read_text("utf-8")
    base = msgspec.convert(common, _CommonData)
    manifests = []
    for name in _MANIFESTS:
        own = msgspec.convert({**common, **loads((room / f"{name}.toml").read_text("utf-8"))}, ImageManifest)
        scripts = ((script, (room / "musl" / f"{script}.sh").read_text("utf-8")) for script in own.root.preparation)
        manifests.append(
            replace(
                own,
                sources={**base.sources, **own.sources},
                environment={**base.environment, **own.environment},
                scripts=tuple(scripts),
            )
        )
    return tuple(manifests)
