"""How this machine runs each architecture: natively, by an emulator, or not at all, with the remedy. Pure."""

from collections.abc import Iterator
from typing import Final

import msgspec

from matrix_runner.doctor.verdict import Level, Verdict
from matrix_runner.engine.emulation import REGISTRY, Emulator
from matrix_runner.matrix import Execution, Host
from matrix_runner.matrix.host import EMULATED_CELL, EMULATED_CODE
from matrix_runner.model.platforms import Arch

_REMEDY: Final = (
    "`docker run --privileged --rm tonistiigi/binfmt --install {oci}` sets emulators up, as does the package"
    " qemu-user-static of Debian and Ubuntu; in GitHub Actions docker/setup-qemu-action"
)


class ArchitectureFacts(msgspec.Struct, frozen=True, kw_only=True):
    """`machine`: the kernel's own word (`uname -m`). `emulators`: those in its kernel, None if they are unknown."""

    machine: str
    emulators: tuple[Emulator, ...] | None


def judge_architectures(facts: ArchitectureFacts) -> Iterator[Verdict]:
    """Yield a verdict on each architecture that wheels exist for, and on emulators that serve only some images."""
    machine = Arch.of_machine(facts.machine)
    if machine is None:
        yield Verdict(
            name="machine-unknown",
            level=Level.ERROR,
            about=facts.machine,
            text=f"no wheel platform is known for a {facts.machine}",
            remedy="build on one of " + ", ".join(map(str, Arch)),
        )
        return
    opened = {one.arch: one for one in facts.emulators or () if one.is_opened}
    host = Host(machine=machine, emulated=None if facts.emulators is None else frozenset(opened))
    width = max(len(str(arch)) for arch in Arch)
    lacking = [arch for arch in Arch if host.execution(arch) is Execution.NONE]
    for arch in Arch:
        yield Verdict(
            name="architecture",
            level=Level.UNKNOWN if host.execution(arch) is Execution.UNKNOWN else Level.OK,
            about=str(arch),
            text=f"{arch!s:{width}}  {_way(arch, host, opened.get(arch))}",
            facts={"execution": str(host.execution(arch))},
        )
    yield from _closed(facts.emulators or (), lacking)
    if any(host.execution(arch) is Execution.EMULATED for arch in Arch):
        yield Verdict(
            name="emulation-cost",
            text=f"an emulated cell takes about {EMULATED_CELL} times the processor time of a native one, compiled code"
            f" about {EMULATED_CODE} times",
        )
    if lacking:
        yield Verdict(
            name="emulators-missing",
            text=f"no emulator for {', '.join(map(str, lacking))}",
            remedy=_REMEDY.format(oci=",".join(arch.oci.partition("/")[0] for arch in lacking)),
        )


def _closed(emulators: tuple[Emulator, ...], lacking: list[Arch]) -> Iterator[Verdict]:
    for one in emulators:
        if not one.is_opened and one.arch in lacking:
            yield Verdict(
                name="emulator-closed",
                level=Level.WARNING,
                about=str(one.arch),
                text=f"{one.program} is registered for {one.arch} without flag F: it serves only images that hold"
                " that file",
                remedy=f"`echo -1 > {REGISTRY / one.entry}` as root removes the entry",
            )


def _way(arch: Arch, host: Host, emulator: Emulator | None) -> str:
    match host.execution(arch):
        case Execution.EMULATED:
            return f"emulated by {'' if emulator is None else emulator.program}"
        case Execution.NONE:
            return "does not run: no emulator"
        case Execution.UNKNOWN:
            return "unknown: binfmt_misc is not mounted here, where emulators are registered"
        case Execution.NATIVE if arch is host.machine:
            return "native"
        case Execution.NATIVE:
            return "native, if this machine's processor and kernel have a 32-bit mode"
