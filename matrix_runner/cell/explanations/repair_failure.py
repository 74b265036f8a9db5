"""Explanation of failed repairs: the symbols and libraries for which auditwheel refused the wheel."""

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec.structs import replace
from packaging.version import Version

from matrix_runner import catalog
from matrix_runner.catalog import Catalog, Support
from matrix_runner.catalog.policies import Policy, load_policies
from matrix_runner.cell.steps import CellFailed
from matrix_runner.engine.api import Container
from matrix_runner.errors import WheelRejected
from matrix_runner.model.outcomes import Failure, Reason
from matrix_runner.model.platforms import Platform
from matrix_runner.policy import (
    Analysis,
    Demand,
    DemandKind,
    Provider,
    Verdict,
    analyse,
    phrase,
    read_wheel,
    shortened,
)
from matrix_runner.policy.c_libraries import NAMES, foreign_files, foreign_hint
from matrix_runner.wheelhouse import receive
from matrix_runner.wheelhouse.verification import no_code

_NOT_FOUND = re.compile(r'required library "(?P<library>[^"]{1,300})" could not be located')
_NO_LIBC = re.compile(r"couldn't detect libc for python extension (?P<file>\S{1,300})")
_AUDITWHEEL = "cannot repair"
"""The start of auditwheel's message on a wheel that it refuses; our explanation covers all of that message."""

_NO_CODE = "does not look like a platform wheel"
"""auditwheel's words on a wheel without any ELF file (6.8.2)."""

_TOO_RECENT = "too-recent versioned symbols"
_ASKED_FOR = re.compile(r"--plat(?:=|\s+)['\"]?(?P<tag>[a-z]+[0-9_]+_\w+)")


class Repair(msgspec.Struct, frozen=True, kw_only=True):
    """A failed repair. `built`: directory of the built wheel, in the container; `command`: the repair command.

    `plat`: the requested platform tag, unless the command itself contains another.
    """

    platform: Platform
    built: str
    command: str
    plat: str | None


def explain(failed: CellFailed, container: Container, repair: Repair, staging: Callable[[], Path]) -> CellFailed:
    """Return a repair's failure with its cause and advice; unchanged if the cause remains unknown.

    `staging`: creates an empty directory on this machine, which is left empty.
    """
    if failed.failure.reason is not Reason.COMMAND:
        return failed
    try:
        policies = load_policies()
        analysis = _analysis(container, repair, staging(), policies)
        contents = analysis.wheel.contents
        if not contents.elf_files and _NO_CODE in failed.failure.message:
            return _rejected(failed, no_code(contents.filename))
        verdict = next((each for each in analysis.verdicts if each.platform == repair.platform), None)
        own = _policy(policies, repair.plat)
        asked = _ASKED_FOR.search(repair.command)
        wanted = _policy(policies, asked["tag"]) if asked else own
        explained = _of_another_libc(failed.failure, analysis, repair.platform)
        if explained is None and verdict is not None:
            explained = explanation(failed.failure, verdict, wanted, own, catalog.load())
    except WheelRejected as rejected:
        return _rejected(failed, rejected)
    except Exception:  # noqa: BLE001  whatever it was, the repair's own failure is the one to report
        return failed
    return failed if explained is None else CellFailed(explained)


def _rejected(failed: CellFailed, rejected: WheelRejected) -> CellFailed:
    """Return the failure of a wheel that is unfit: repair commands speak of such ones in tracebacks, or riddles."""
    failure = replace(failed.failure, reason=Reason.REJECTED, message=rejected.message, hint=rejected.hint)
    return CellFailed(failure)


def _policy(policies: tuple[Policy, ...], tag: str | None) -> Policy | None:
    return next((each for each in policies if tag in {str(each), each.alias}), None)


def _analysis(container: Container, repair: Repair, staging: Path, policies: tuple[Policy, ...]) -> Analysis:
    with container.get(repair.built) as stream:
        wheel = receive(stream, staging)
    try:
        return analyse(read_wheel(wheel), policies)
    finally:
        wheel.unlink()


def explanation(
    failure: Failure, verdict: Verdict, wanted: Policy | None, own: Policy | None, known: Catalog
) -> Failure | None:
    """Return the failure with the reason why this wheel cannot have the wanted tag; None if its files allow the tag."""
    said = failure.message
    status = said.partition(":")[0] if _AUDITWHEEL in said.lower() else said
    missing = _NOT_FOUND.search(failure.message)
    if missing is not None:
        return _not_found(failure, status, verdict, missing["library"])
    undetected = _NO_LIBC.search(failure.message)
    if undetected is not None:
        return _undetected(failure, status, undetected["file"], wanted or own)
    above = () if wanted is None else verdict.above(wanted.version)
    # auditwheel does not look at relocations.
    unseen = {DemandKind.LIBRARY, DemandKind.RELOCATIONS}
    culprits = tuple(each for each in above if each.kind not in unseen)
    if culprits and wanted is not None:
        message, fits = _too_new(status, culprits, wanted)
        return replace(failure, message=message, hint=_advice(culprits, wanted, fits, own, known))
    outside = [each.name for each in verdict.libraries if each.provider is Provider.MISSING]
    if _TOO_RECENT in failure.message and outside:
        return replace(
            failure,
            message=f"{status}: the wheel's own files fit {wanted or 'the platform'}; the symbols that are too recent "
            f"are those of a library to be grafted: {shortened(outside)}, or one that these need",
            hint="build that library in before-all, with the image's own compiler, instead of taking a ready-made one",
        )
    return None


def _of_another_libc(failure: Failure, analysis: Analysis, platform: Platform) -> Failure | None:
    """Return the failure of a wheel whose code is for another C library than the cell's; None if it is not.

    auditwheel takes the C library from the first file that shows one, in glibc's images too, and then sees no code that
    it could repair, or a platform that cannot be had.
    """
    wheel = analysis.wheel
    first = next(foreign_files(wheel.binaries, platform, frozenset(wheel.contents.grafted_files)), None)
    if first is None:
        return None
    status = failure.message.partition(":")[0]
    wanted = f"a {platform.libc} wheel is loaded by {NAMES[platform.libc]}"
    return replace(failure, message=f"{status}: {first.text}, and {wanted}", hint=foreign_hint(first.libc))


def _undetected(failure: Failure, status: str, file: str, policy: Policy | None) -> Failure:
    return replace(
        failure,
        message=f"{status.partition(':')[0]}: auditwheel cannot tell the wheel's C library: {file} links none, which "
        "linkers that drop unused libraries (`--as-needed`) make of an extension that calls nothing of it",
        hint=f"name the platform in repair-wheel-command (`--plat {policy or '{plat}'}`); or link the C library all "
        "the same, by LDFLAGS=-Wl,--no-as-needed in `environment`",
    )


def _not_found(failure: Failure, status: str, verdict: Verdict, library: str) -> Failure:
    users = next((each.needed_by for each in verdict.libraries if each.name == library), ())
    outside = (each.name for each in verdict.libraries if each.provider is Provider.MISSING)
    by = shortened(users) if users else f"a library to be grafted ({shortened(outside)})"
    if library == "libc.so":
        # The name under which musl-gcc of distributions with glibc links musl; no musllinux system has it.
        return replace(
            failure,
            message=f"{status}: {by} is linked with musl under the name libc.so, which no system has",
            hint="build it with the compiler of a musllinux image, where musl is libc.musl-<architecture>.so.1; or "
            "link it statically (-static)",
        )
    return replace(
        failure,
        message=f"{status}: {library}, needed by {by}, was not found in the image",
        hint=f"install it in before-all; or, if it lies where the loader does not look, name its directory by its "
        f"absolute path in AUDITWHEEL_LD_LIBRARY_PATH (in `environment`); or leave it to the user's system with "
        f"`--exclude {library}` in repair-wheel-command",
    )


def _too_new(status: str, culprits: tuple[Demand, ...], wanted: Policy) -> tuple[str, Policy | None]:
    """Return the message, and the lowest policy that fits the wheel."""
    phrases = phrase(culprits)
    message = f"{status}: too new for {wanted}: {'; '.join(phrases[:3])}"
    message += f"; and {len(phrases) - 3} more" if len(phrases) > 3 else ""
    granted = [each.policy for each in culprits if each.policy is not None]
    if len(granted) < len(culprits):
        return f"{message}; no platform tag fits", None
    lowest = max(granted, key=lambda each: each.version)
    if lowest.is_extrapolated:
        return f"{message}; that is glibc {lowest.version}, for which auditwheel has no platform", None
    return f"{message}; the lowest platform that fits is {lowest}", lowest


def _advice(
    culprits: tuple[Demand, ...], wanted: Policy, fits: Policy | None, own: Policy | None, known: Catalog
) -> str:
    hints = []
    if fits is not None and own is not None and own.version >= fits.version:
        hints.append(f"for {fits}, which this image has, name it in repair-wheel-command")
    elif fits is not None:
        hints.append(f"for {fits}, build in an image that has it{_image(known, fits, newer=True)}")
    if all(each.kind is DemandKind.INSTRUCTIONS for each in culprits):
        hints.append("compile without -march, or with -march=x86-64")
    elif own is not None and own.version <= wanted.version:
        # The image's own compiler cannot have produced them.
        hints.append(f"for {wanted}, compile in the image what was taken ready-made, or do without these symbols")
    else:
        image = _image(known, wanted, newer=False)
        hints.append(f"for {wanted}, compile with an older toolchain{image}, or do without these symbols")
    return "; ".join(hints)


def _image(known: Catalog, policy: Policy, *, newer: bool) -> str:
    """Return, as an option, the oldest image with a policy, or the newest image with no newer policy."""
    platform = policy.platform
    ages = {
        each.name: Version(each.version)
        for each in known.images
        if each.libc is platform.libc and each.support is Support.CURRENT and each.reference(platform.arch)
    }
    if newer:
        name = min((name for name in ages if ages[name] >= policy.version), key=ages.__getitem__, default=None)
    else:
        name = max((name for name in ages if ages[name] <= policy.version), key=ages.__getitem__, default=None)
    return f' ({platform.libc}-{platform.arch}-image = "{name}")' if name else ""
