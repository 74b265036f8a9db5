"""The verdict on a wheel: its lowest platform tag, the obstacles to a lower one, missing libraries. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath

from packaging.version import Version

from matrix_runner.catalog.policies import Policy
from matrix_runner.model.platforms import Arch, Libc, Platform
from matrix_runner.policy.demands import LOADER, Demand, DemandKind, Rung, demands_of, rungs_of
from matrix_runner.policy.elf import Binary
from matrix_runner.policy.wheel_reading import WheelAnatomy

_LEGACY = {"manylinux1": "2.5", "manylinux2010": "2.12", "manylinux2014": "2.17"}
"""PEP 513, 571, 599; PEP 600 gives the C library version of each."""

_TAG = re.compile(
    r"(?:(?P<libc>manylinux|musllinux)_(?P<major>\d+)_(?P<minor>\d+)|(?P<old>manylinux\d+|linux))_(?P<arch>\w+)"
)
_LIBPYTHON = re.compile(r"libpython\d.*\.so.*")


class Provider(Enum):
    """The provider of a needed library."""

    GRAFTED = "grafted"
    OWN = "own"
    SYSTEM = "system"
    MISSING = "missing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Library:
    """A needed library, by the name in the ELF files, and the files that need it. Grafted: added by repair."""

    name: str
    provider: Provider
    needed_by: tuple[str, ...]

    @property
    def is_python(self) -> bool:
        """Whether it is libpython, which an extension must not link, since it is loaded by Python."""
        return _LIBPYTHON.fullmatch(self.name) is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The analysis of a wheel for one platform.

    `policy`: the lowest sufficient policy; None if none is. `rungs`: from there down, the obstacles to a lower policy.
    `tagged`: the oldest C library that the file name promises to work with, None for `linux_*`. `pip`: the first
    release that accepts the wheel's tags, or those of `policy`. `libraries`: sorted.
    """

    platform: Platform
    policy: Policy | None
    rungs: tuple[Rung, ...]
    tagged: Version | None
    pip: str | None
    libraries: tuple[Library, ...]

    @property
    def grantable(self) -> Policy:
        """The lowest policy that meets all grantable demands: the wheel's, once missing libraries are grafted."""
        return self.policy or self.rungs[0].without

    @property
    def impossible(self) -> tuple[Demand, ...]:
        """Demands that no policy grants and no grafting meets."""
        return tuple(
            demand
            for rung in self.rungs
            if rung.policy is None
            for demand in rung.demands
            if demand.kind is not DemandKind.LIBRARY
        )

    @property
    def needs(self) -> Version:
        """The oldest C library on which the tags allow the wheel and its code can run.

        Demands that no policy grants are ignored: they do not depend on the C library's age.
        """
        own = self.grantable.version
        return own if self.tagged is None else max(self.tagged, own)

    @property
    def keeps_its_promise(self) -> bool:
        """Whether the wheel works on every system that its tags admit."""
        return self.tagged is None or (self.policy is not None and self.policy.version <= self.tagged)

    @property
    def could_be_lower(self) -> bool:
        """Whether the code runs on older systems than the tags admit. Unknown for musl: no symbol versions."""
        if self.policy is None or self.tagged is None or self.platform.libc is Libc.MUSL:
            return False
        return self.policy.version < self.tagged

    def above(self, version: Version) -> tuple[Demand, ...]:
        """Return the demands that a policy of a version does not grant, hardest first."""
        return tuple(
            demand
            for rung in self.rungs
            if rung.policy is None or rung.policy.version > version
            for demand in rung.demands
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Analysis:
    """An analysed wheel. `verdicts`: one for each platform; none for a pure or non-Linux wheel."""

    wheel: WheelAnatomy
    verdicts: tuple[Verdict, ...]

    @property
    def platform_tags(self) -> tuple[str, ...]:
        """The platform tags of the file name, sorted."""
        return tuple(sorted({tag.platform for tag in self.wheel.contents.tags}))

    @property
    def odd_files(self) -> tuple[Binary, ...]:
        """ELF files that are unreadable, or for another machine than the wheel."""
        archs = {verdict.platform.arch for verdict in self.verdicts}
        return tuple(each for each in self.wheel.binaries if each.trouble is not None or each.arch not in archs)


def analyse(wheel: WheelAnatomy, policies: tuple[Policy, ...]) -> Analysis:
    """Compare a wheel with the policies of each of its platforms, taken from its tags or else from its code."""
    tags = tuple(_tags(wheel))
    named = {(libc, arch) for libc, arch, _ in tags}
    if any(tag.platform == "any" for tag in wheel.contents.tags):
        named |= {(None, arch) for arch in _archs(wheel)}
    platforms = sorted({each for libc, arch in named for each in _platforms(libc, arch, wheel)}, key=str)
    return Analysis(
        wheel=wheel,
        verdicts=tuple(
            _verdict(wheel, tuple(each for each in policies if each.platform == platform), platform, tags)
            for platform in platforms
        ),
    )


_PlatformTag = tuple[Libc | None, Arch, Version | None]


def _tags(wheel: WheelAnatomy) -> Iterator[_PlatformTag]:
    """Yield the platform tags as C library, architecture and libc version (None for `linux_*`)."""
    for tag in wheel.contents.tags:
        match = _TAG.fullmatch(tag.platform)
        if match is None or match["arch"] not in {arch.tag for arch in Arch}:
            continue
        arch = Arch.parse(match["arch"])
        if match["libc"]:
            yield Libc(match["libc"]), arch, Version(f"{match['major']}.{match['minor']}")
        elif match["old"] in _LEGACY:
            yield Libc.GLIBC, arch, Version(_LEGACY[match["old"]])
        elif match["old"] == "linux":
            yield None, arch, None


def _archs(wheel: WheelAnatomy) -> set[Arch]:
    return {binary.arch for binary in wheel.binaries if binary.arch is not None}


def _platforms(libc: Libc | None, arch: Arch, wheel: WheelAnatomy) -> Iterator[Platform]:
    """Yield the platforms of a tag; if it names no C library, those that the code of its architecture needs."""
    if libc is not None:
        yield Platform(libc=libc, arch=arch)
        return
    files = [binary for binary in wheel.binaries if binary.arch is arch]
    uses_musl = any(_is_of_musl(binary) for binary in files)
    uses_glibc = any("libc.so.6" in binary.needed for binary in files)
    if uses_musl:
        yield Platform(libc=Libc.MUSL, arch=arch)
    if uses_glibc or not uses_musl:
        yield Platform(libc=Libc.GLIBC, arch=arch)


def _is_of_musl(binary: Binary) -> bool:
    names = binary.needed
    return any(name == "libc.so" or name.startswith("libc.musl-") for name in names) or binary.path.endswith("-musl.so")


def _verdict(
    wheel: WheelAnatomy, policies: tuple[Policy, ...], platform: Platform, tags: tuple[_PlatformTag, ...]
) -> Verdict:
    files = tuple(binary for binary in wheel.binaries if binary.arch is platform.arch and binary.trouble is None)
    libraries = tuple(_libraries(wheel, files, policies))
    inside = {each.name for each in libraries if each.provider in {Provider.GRAFTED, Provider.OWN}}
    demands = [demand for binary in files for demand in demands_of(binary, policies, inside)]
    rungs = tuple(rungs_of(demands, policies))
    tagged = min((v for libc, arch, v in tags if (libc, arch) == (platform.libc, platform.arch) and v), default=None)
    policy = rungs[0].policy if rungs else policies[0]
    return Verdict(
        platform=platform,
        policy=policy,
        rungs=rungs,
        tagged=tagged,
        pip=_pip(wheel, policies, None if tagged else policy or rungs[0].without),
        libraries=libraries,
    )


def _libraries(wheel: WheelAnatomy, files: tuple[Binary, ...], policies: tuple[Policy, ...]) -> Iterator[Library]:
    grafted = {*wheel.contents.grafted}
    own = {PurePosixPath(binary.path).name for binary in files} | {b.soname for b in files if b.soname}
    granted = policies[-1].libraries
    for name in sorted({name for binary in files for name in binary.needed}):
        if name in grafted:
            provider = Provider.GRAFTED
        elif PurePosixPath(name).name in own:
            provider = Provider.OWN
        else:
            provider = Provider.SYSTEM if name in granted or LOADER.fullmatch(name) else Provider.MISSING
        yield Library(name=name, provider=provider, needed_by=tuple(b.path for b in files if name in b.needed))


def _pip(wheel: WheelAnatomy, policies: tuple[Policy, ...], granted: Policy | None) -> str | None:
    """Return the first pip that accepts one of the tags, or the tags that repair would give with that policy."""
    named = {tag.platform for tag in wheel.contents.tags}
    aliases = [each.alias_pip for each in policies if each.alias_pip and (each.alias in named or each is granted)]
    modern = granted is not None or any(
        tag.startswith(f"{policies[0].platform.libc}_") and tag.endswith(f"_{policies[0].platform.arch}")
        for tag in named
    )
    return min(aliases, key=Version) if aliases else policies[0].pip if modern else None
