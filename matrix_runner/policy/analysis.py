"""The verdict on a wheel: its lowest platform tag, the obstacles to a lower one, missing libraries. Pure."""

from collections.abc import Iterator

import msgspec
from packaging.version import Version

from matrix_runner.catalog.policies import Policy, beyond, number_of
from matrix_runner.model.platforms import Arch, Libc, Platform
from matrix_runner.policy.c_libraries import CarriedLibc, ForeignFile, carried_libcs, foreign_files
from matrix_runner.policy.demands import PACKED_RELOCATIONS, Demand, DemandKind, Rung, demands_of, rungs_of
from matrix_runner.policy.elf_reading.elf import Binary
from matrix_runner.policy.libraries import LIBPYTHON, Library, UndefinedVersion, libraries_of, undefined_versions
from matrix_runner.policy.library_search import LostNeed, search
from matrix_runner.policy.platform_tags import TAG, PlatformTag, archs_of, platforms_of, tags_of, undetected_module
from matrix_runner.policy.sboms import unlisted
from matrix_runner.policy.wheel_reading import WheelAnatomy


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The analysis of a wheel for one platform.

    `policy`: the lowest sufficient policy; None if none is. `rungs`: from there down, the obstacles to a lower policy.
    `tagged`: the oldest C library that the file name promises to work with, None for `linux_*`. `pip`: the first
    release that accepts the wheel's tags, or those of `policy`. `libraries`: sorted. `lost`: needs that no search path
    leads to, though the wheel has the library; `undefined`: versions that its own libraries do not define. `loader`:
    the oldest C library that can relocate its files, where no tag tells it from older ones. `of_other_libc`: files for
    another C library; `carried`: C libraries in the wheel. `is_foreign`: all of the wheel's code is for other machines.
    """

    platform: Platform
    policy: Policy | None
    rungs: tuple[Rung, ...]
    tagged: Version | None
    pip: str | None
    libraries: tuple[Library, ...]
    lost: tuple[LostNeed, ...]
    undefined: tuple[UndefinedVersion, ...]
    loader: Version | None = None
    of_other_libc: tuple[ForeignFile, ...] = ()
    carried: tuple[CarriedLibc, ...] = ()
    is_foreign: bool = False

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
        return max(each for each in (self.grantable.version, self.tagged, self.loader) if each is not None)

    @property
    def keeps_its_promise(self) -> bool:
        """Whether the wheel works on every system that its tags admit."""
        is_granted = self.tagged is None or (self.policy is not None and self.policy.version <= self.tagged)
        return is_granted and not self.is_foreign

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


class Analysis(msgspec.Struct, frozen=True, kw_only=True):
    """An analysed wheel. `verdicts`: one for each platform; none for a pure or non-Linux wheel.

    `undetected`: the module at which auditwheel would give up, as nothing tells it the C library.
    """

    wheel: WheelAnatomy
    verdicts: tuple[Verdict, ...]
    undetected: str | None = None

    @property
    def platform_tags(self) -> tuple[str, ...]:
        """The platform tags of the file name, sorted."""
        return tuple(sorted({tag.platform for tag in self.wheel.contents.tags}))

    @property
    def odd_files(self) -> tuple[Binary, ...]:
        """ELF files that are unreadable, or code for another machine than the wheel."""
        archs = {verdict.platform.arch for verdict in self.verdicts}
        return tuple(
            each
            for each in self.wheel.binaries
            if not each.header.is_data and (each.trouble is not None or each.arch not in archs)
        )

    @property
    def grafted_pythons(self) -> tuple[str, ...]:
        """Grafted libraries that are a second Python."""
        return tuple(path for path in self.wheel.contents.grafted_files if LIBPYTHON.fullmatch(path.rpartition("/")[2]))

    @property
    def unlisted(self) -> tuple[str, ...]:
        """Grafted libraries that no bill of materials in the wheel lists; empty if it has none."""
        if self.wheel.bill is None or not self.verdicts:
            return ()
        return unlisted(self.wheel.contents.grafted_files, self.wheel.bill, self.verdicts[0].platform.arch)

    @property
    def other_linux_tags(self) -> tuple[str, ...]:
        """Platform tags for Linux on architectures of which no policy is known here (PEP 600)."""
        known = {arch.tag for arch in Arch}
        return tuple(tag for tag in self.platform_tags if (m := TAG.fullmatch(tag)) and m["arch"] not in known)


def analyse(wheel: WheelAnatomy, policies: tuple[Policy, ...]) -> Analysis:
    """Compare a wheel with the policies of each of its platforms, taken from its tags or else from its code."""
    tags = tuple(tags_of(wheel))
    named = {(libc, arch) for libc, arch, _ in tags}
    if any(tag.platform == "any" for tag in wheel.contents.tags):
        named |= {(None, arch) for arch in archs_of(wheel)}
    platforms = sorted({each for libc, arch in named for each in platforms_of(libc, arch, wheel)}, key=str)
    return Analysis(
        wheel=wheel,
        verdicts=tuple(
            _verdict(wheel, tuple(each for each in policies if each.platform == platform), platform, tags)
            for platform in platforms
        ),
        undetected=undetected_module(wheel),
    )


def _verdict(
    wheel: WheelAnatomy, policies: tuple[Policy, ...], platform: Platform, tags: tuple[PlatformTag, ...]
) -> Verdict:
    files = tuple(
        binary
        for binary in wheel.binaries
        if binary.arch is platform.arch and binary.header.is_code and binary.trouble is None
    )
    policies = (*policies, *beyond(policies[-1], _libc_versions(files)))
    found = search(files, platform, policies[-1].libraries)
    grafted = frozenset(wheel.contents.grafted_files)
    demands = [demand for binary in files for demand in demands_of(binary, policies, found.inside(binary.path))]
    rungs = tuple(rungs_of(demands, policies))
    tagged = min((v for libc, arch, v in tags if (libc, arch) == (platform.libc, platform.arch) and v), default=None)
    policy = rungs[0].policy if rungs else policies[0]
    return Verdict(
        platform=platform,
        policy=policy,
        rungs=rungs,
        tagged=tagged,
        pip=_pip(wheel, policies, None if tagged else policy or rungs[0].without),
        libraries=tuple(libraries_of(files, found, grafted, policies[-1].libraries)),
        lost=found.lost,
        undefined=tuple(undefined_versions(files, found)) if platform.libc is Libc.GLIBC else (),
        loader=PACKED_RELOCATIONS.get(platform.libc) if any(each.packs_relocations for each in files) else None,
        of_other_libc=tuple(foreign_files(files, platform, grafted)),
        carried=tuple(carried_libcs(files, platform, grafted, policies[-1].libraries)),
        is_foreign=not files
        and any(
            each.header.is_code and each.trouble is None and each.arch is not platform.arch for each in wheel.binaries
        ),
    )


def _libc_versions(files: tuple[Binary, ...]) -> Iterator[tuple[int, ...]]:
    for binary in files:
        for need in binary.requirements:
            kind, _, rest = need.version.partition("_")
            number = number_of(rest) if kind == "GLIBC" else None
            if number is not None:
                yield number


def _pip(wheel: WheelAnatomy, policies: tuple[Policy, ...], granted: Policy | None) -> str | None:
    """Return the first pip that accepts one of the tags, or the tags that repair would give with that policy."""
    named = {tag.platform for tag in wheel.contents.tags}
    aliases = [each.alias_pip for each in policies if each.alias_pip and (each.alias in named or each is granted)]
    modern = granted is not None or any(
        tag.startswith(f"{policies[0].platform.libc}_") and tag.endswith(f"_{policies[0].platform.arch}")
        for tag in named
    )
    return min(aliases, key=Version) if aliases else policies[0].pip if modern else None
