"""Linux distributions and their C library versions (`distributions.toml`), to explain a platform tag to users."""

from collections.abc import Iterator
from datetime import date
from importlib import resources

import msgspec
from packaging.version import Version

from matrix_runner.model.platforms import Arch, Libc, Platform
from matrix_runner.toml import loads


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A release of a distribution. `libc`: its C library's version; `name` and `released` where well known."""

    version: str
    libc: Version
    name: str | None
    released: date | None


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution and its releases, oldest first; a rolling one has none, and always the newest libraries.

    `like`: the distribution with the same releases. `architectures`: each with its first and last index in `releases`.
    """

    name: str
    like: str | None
    libc: Libc
    is_rolling: bool
    architectures: tuple[tuple[Arch, int, int], ...]
    releases: tuple[Release, ...]

    def runs_on(self, arch: Arch) -> bool:
        """Whether any release exists for an architecture."""
        return any(own is arch for own, _, _ in self.architectures)

    def first_with(self, libc: Version, arch: Arch) -> Release | None:
        """Return an architecture's first release with a C library at least as new, or None."""
        for own, first, last in self.architectures:
            if own is arch:
                return next((each for each in self.releases[first : last + 1] if each.libc >= libc), None)
        return None


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution that can install a wheel, from `release` on; None for a rolling one."""

    distribution: Distribution
    release: Release | None


def destinations(distributions: tuple[Distribution, ...], platform: Platform, libc: Version) -> tuple[Destination, ...]:
    """Return the distributions with a C library of a version or newer, each with its first such release."""
    return tuple(_destinations(distributions, platform, libc))


def _destinations(distributions: tuple[Distribution, ...], platform: Platform, libc: Version) -> Iterator[Destination]:
    for each in distributions:
        if each.libc is not platform.libc or not each.runs_on(platform.arch):
            continue
        release = each.first_with(libc, platform.arch)
        if release is not None or each.is_rolling:
            yield Destination(distribution=each, release=release)


class _ReleaseRow(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, rename={"released": "date"}):
    version: str
    libc: str
    name: str | None = None
    released: date | None = None


class _Row(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    name: str
    libc: Libc
    architectures: dict[str, tuple[str, ...]]
    like: str | None = None
    rolling: bool = False
    releases: tuple[_ReleaseRow, ...] = ()


def load_distributions() -> tuple[Distribution, ...]:
    """Read `distributions.toml`."""
    text = resources.files("matrix_runner.catalog").joinpath("distributions.toml").read_text("utf-8")
    return tuple(map(_distribution, msgspec.convert(loads(text)["distribution"], tuple[_Row, ...])))


def _distribution(row: _Row) -> Distribution:
    versions = [each.version for each in row.releases]

    def span(ends: tuple[str, ...]) -> tuple[int, int]:
        first = versions.index(ends[0]) if ends else 0
        return first, versions.index(ends[1]) if len(ends) > 1 else len(versions) - 1

    return Distribution(
        name=row.name,
        like=row.like,
        libc=row.libc,
        is_rolling=row.rolling,
        architectures=tuple((Arch.parse(arch), *span(ends)) for arch, ends in row.architectures.items()),
        releases=tuple(
            Release(version=each.version, libc=Version(each.libc), name=each.name, released=each.released)
            for each in row.releases
        ),
    )
