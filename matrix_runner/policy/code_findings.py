"""Findings about the code of a cell's wheel: tags that promise too much, libraries that are not found. Pure."""

from collections.abc import Iterator

from packaging.version import Version

from matrix_runner.model.checks import Check
from matrix_runner.model.platforms import Platform
from matrix_runner.policy.analysis import Analysis, Verdict
from matrix_runner.policy.c_libraries import NAMES, foreign_hint
from matrix_runner.policy.demands import Demand, DemandKind
from matrix_runner.policy.inspection_text import phrase
from matrix_runner.policy.libraries import Provider
from matrix_runner.policy.library_wording import lost_libraries, missing_library, undefined_version
from matrix_runner.policy.platform_tags import versions_of_tags
from matrix_runner.wheelhouse import Finding

_FEW = 3


def code_findings(analysis: Analysis, platform: Platform, repair_command: str) -> Iterator[Finding]:
    """Yield what is wrong with the code of a wheel for one platform, as far as its files show.

    `repair_command`: the user's words to auditwheel that say what is meant: with `--exclude`, libraries are left to
    other packages; with `--disable-isa-ext-check`, newer processors are required.
    """
    wheel = analysis.wheel.contents.filename
    for verdict in analysis.verdicts:
        if verdict.platform == platform:
            yield from _of_c_library(wheel, verdict)
            yield from _broken_promise(analysis, verdict, repair_command)
            for need, text in lost_libraries(verdict.lost, analysis.wheel.binaries):
                if need.loaded_by is None:
                    yield Finding(check=Check.MISSING_LIBRARY, message=f"{wheel}: {text}", path=need.file)
            for version in verdict.undefined:
                text = undefined_version(version)
                yield Finding(check=Check.MISSING_LIBRARY, message=f"{wheel}: {text}", path=version.file)
            if verdict.tagged is not None and "--exclude" not in repair_command:
                yield from _missing(wheel, verdict)
    for path in analysis.grafted_pythons:
        text = f"{wheel}: {path} is a second Python, beside the one that loads the wheel"
        hint = "an extension must not link libpython; a program that embeds Python may"
        yield Finding(check=Check.GRAFTED_PYTHON, message=text, hint=hint, path=path)


def _of_c_library(wheel: str, verdict: Verdict) -> Iterator[Finding]:
    for file in verdict.of_other_libc:
        yield Finding(
            check=Check.FOREIGN_LIBC,
            message=f"{wheel}: {file.text}, and a wheel for {verdict.platform.libc} is loaded by "
            f"{NAMES[verdict.platform.libc]}",
            hint=foreign_hint(file.libc),
            path=file.path,
        )
    for carried in verdict.carried:
        yield Finding(
            check=Check.GRAFTED_LIBC, message=f"{wheel}: {carried.text}", hint=carried.hint, path=carried.path
        )


def _missing(wheel: str, verdict: Verdict) -> Iterator[Finding]:
    for library in verdict.libraries:
        if library.provider is Provider.MISSING:
            text = missing_library(library, verdict.platform.libc, is_repaired=True)
            yield Finding(check=Check.MISSING_LIBRARY, message=f"{wheel}: {text}", path=library.needed_by[0])


def _broken_promise(analysis: Analysis, verdict: Verdict, repair_command: str) -> Iterator[Finding]:
    """Yield one finding for all tags that let the wheel in where its code cannot be loaded."""
    tags = sorted(versions_of_tags(analysis.wheel, verdict.platform), key=lambda each: each[1])
    broken = [(tag, version) for tag, version in tags if _obstacles(verdict, version, repair_command)]
    if not broken:
        return
    tag, version = broken[0]
    obstacles = _obstacles(verdict, version, repair_command)
    phrases = phrase(obstacles)
    more = f"; and {len(phrases) - _FEW} more" if len(phrases) > _FEW else ""
    others = f", and so do {', '.join(each for each, _ in broken[1:])}" if broken[1:] else ""
    fits = "" if verdict.impossible else f"; the lowest platform that fits is {verdict.grantable}"
    yield Finding(
        check=Check.BROKEN_PROMISE,
        message=f"{analysis.wheel.contents.filename}: {tag} promises to work from {NAMES[verdict.platform.libc]} "
        f"{version} on{others}, but its code needs {'; '.join(phrases[:_FEW])}{more}{fits}",
        hint="Compile without -march, or with -march=x86-64."
        if all(each.kind is DemandKind.INSTRUCTIONS for each in obstacles)
        else "The tag was set by a build file or a command (`plat-name` of bdist_wheel, maturin's `compatibility`, "
        "`--plat`, `wheel tags`): take it out, and repair gives the right one.",
    )


def _obstacles(verdict: Verdict, version: Version, repair_command: str) -> tuple[Demand, ...]:
    """Return the demands that systems of a C library's version may not meet.

    Libraries that no platform has are not among them: they are missing everywhere, or other packages bring them.
    """
    meant: set[DemandKind] = set()
    if "--disable-isa-ext-check" in repair_command:
        meant.add(DemandKind.INSTRUCTIONS)
    return tuple(
        demand
        for demand in verdict.above(version)
        if demand.kind not in meant
        and not (demand.kind is DemandKind.LIBRARY and (demand.policy is None or "--exclude" in repair_command))
    )
