"""The record of what a wheel's code needs of the system: its C library, and the newest symbol versions. Pure."""

from collections.abc import Iterator

from matrix_runner.catalog.policies import number_of
from matrix_runner.model.outcomes import WheelNeeds
from matrix_runner.model.platforms import Platform
from matrix_runner.policy.analysis import Analysis, Verdict
from matrix_runner.policy.libraries import Provider


def wheel_needs(analysis: Analysis, platform: Platform) -> WheelNeeds | None:
    """Return the needs of a wheel's code on a platform; None if it has none for it."""
    verdict = next((each for each in analysis.verdicts if each.platform == platform), None)
    if verdict is None or verdict.is_foreign:
        return None
    newest: dict[str, tuple[tuple[int, ...], str]] = {}
    for version in _bound(analysis, verdict):
        kind, _, number = version.partition("_")
        parsed = number_of(number)
        # Without a number, such as GLIBC_PRIVATE: no release is newer.
        if parsed is not None:
            newest[kind] = max(newest.get(kind, (parsed, version)), (parsed, version))
    return WheelNeeds(libc=str(verdict.needs), symbols=tuple(sorted(version for _, version in newest.values())))


def _bound(analysis: Analysis, verdict: Verdict) -> Iterator[str]:
    """Yield the symbol versions that the wheel's files bind in libraries of the system."""
    system = {each.name for each in verdict.libraries if each.provider is Provider.SYSTEM}
    for binary in analysis.wheel.binaries:
        if binary.arch is verdict.platform.arch:
            yield from (each.version for each in binary.requirements if each.library in system)
