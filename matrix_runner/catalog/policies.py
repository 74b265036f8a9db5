"""Platform tag policies (manylinux, musllinux) for every platform: allowed libraries and symbol versions.

Data: `policies.toml`. A policy names the libraries that a wheel may leave to the system, and the newest symbol versions
it may use (PEP 513, 571, 599, 600 and 656).
"""

from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources

import msgspec
from msgspec.structs import replace
from packaging.version import Version

from matrix_runner.model.platforms import Arch, Libc, Platform
from matrix_runner.toml import loads

Number = tuple[int, ...]
"""The number of a symbol version, comparable: `GLIBC_2.17` has (2, 17)."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The policy of one platform tag.

    `libraries` may stay outside the wheel. `ceilings`: the newest number of each kind of symbol version (`GLIBC`);
    `names`: allowed symbol versions without a number. `forbidden`: library and symbol, for symbols that an allowed
    library does not have everywhere. `pip`: the first release that accepts the tag; `alias_pip`: the first that accepts
    `alias`. `is_extrapolated`: beyond the tables, by PEP 600 alone.
    """

    platform: Platform
    version: Version
    pip: str
    alias: str | None
    alias_pip: str | None
    libraries: frozenset[str]
    ceilings: tuple[tuple[str, Number], ...]
    names: frozenset[str]
    forbidden: frozenset[tuple[str, str]]
    is_extrapolated: bool = False

    def __str__(self) -> str:
        return f"{self.platform.libc}_{self.version.major}_{self.version.minor}_{self.platform.arch}"

    def allows_version(self, version: str) -> bool:
        """Whether systems of this policy have a symbol version such as `GLIBC_2.17`.

        Kinds unknown to every policy are allowed: the libraries that define them are themselves not.
        """
        kind, _, rest = version.partition("_")
        ceiling = dict(self.ceilings).get(kind)
        if ceiling is None:
            return True
        number = number_of(rest)
        return version in self.names if number is None else number <= ceiling


def beyond(newest: Policy, versions: Iterable[Number]) -> Iterator[Policy]:
    """Yield policies for C libraries newer than the tables know, oldest first: PEP 600 defines a tag for every glibc.

    What else such systems have (libstdc++, zlib) is not known, and taken to be what the newest policy has.
    """
    known = dict(newest.ceilings).get("GLIBC", ())
    for number in sorted({number[:2] for number in versions if len(number) > 1 and number[:2] > known[:2]}):
        yield replace(
            newest,
            version=Version(f"{number[0]}.{number[1]}"),
            ceilings=tuple((dict(newest.ceilings) | {"GLIBC": number}).items()),
            alias=None,
            alias_pip=None,
            is_extrapolated=True,
        )


def number_of(text: str) -> Number | None:
    """Return `2.2.5` as (2, 2, 5); None for anything but a dotted number (`PRIVATE`, `ABI_DT_RELR`)."""
    parts = text.split(".")
    return tuple(map(int, parts)) if all(part.isascii() and part.isdigit() for part in parts) else None


class _Exception(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    libraries: tuple[str, ...] = ()
    ceilings: dict[str, str] = {}
    names: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()


class _Level(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    version: str
    alias: str | None = None
    alias_pip: str | None = None
    architectures: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    ceilings: dict[str, str] = {}
    names: tuple[str, ...] = ()
    only: dict[str, _Exception] = {}


class _Forbidden(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, rename={"since": "from"}):
    library: str
    symbols: tuple[str, ...]
    since: str | None = None


class _Family(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    pip: str
    level: tuple[_Level, ...]
    forbidden: tuple[_Forbidden, ...] = ()


def load_versions() -> tuple[tuple[Libc, tuple[Version, ...]], ...]:
    """Return the policy versions of each C library, oldest first, without the policies themselves."""
    return tuple((libc, tuple(Version(level.version) for level in family.level)) for libc, family in _read().items())


@cache  # every cell's wheel is held against them, and reading them takes ten times as long as that
def load_policies() -> tuple[Policy, ...]:
    """Return the policies of all platforms, oldest first within each platform."""
    return tuple(
        policy
        for libc, family in _read().items()
        for arch in Arch
        for policy in _policies(family, Platform(libc=libc, arch=arch))
    )


def _read() -> dict[Libc, _Family]:
    text = resources.files("matrix_runner.catalog").joinpath("policies.toml").read_text("utf-8")
    return msgspec.convert(loads(text), dict[Libc, _Family], strict=True)


def _policies(family: _Family, platform: Platform) -> Iterator[Policy]:
    """Accumulate the levels of one platform into policies."""
    arch = platform.arch.tag
    libraries: set[str] = set()
    names: set[str] = set()
    ceilings: dict[str, Number] = {}
    begun = False
    for level in family.level:
        own = level.only.get(arch, _Exception())
        begun = begun or arch in level.architectures
        libraries |= {*level.libraries, *own.libraries}
        names = (names | {*level.names, *own.names}) - {*own.lacks}
        ceilings |= {kind: number_of(text) or () for kind, text in (level.ceilings | own.ceilings).items()}
        if begun:
            version = Version(level.version)
            yield Policy(
                platform=platform,
                version=version,
                pip=family.pip,
                alias=None if level.alias is None else f"{level.alias}_{arch}",
                alias_pip=level.alias_pip,
                libraries=frozenset(libraries),
                ceilings=tuple(ceilings.items()),
                names=frozenset(names),
                forbidden=frozenset(_forbidden(family, version)),
            )


def _forbidden(family: _Family, version: Version) -> Iterator[tuple[str, str]]:
    for each in family.forbidden:
        if each.since is None or version < Version(each.since):
            yield from ((each.library, symbol) for symbol in each.symbols)
