"""Lines on how this machine runs each architecture: natively, by an emulator, or not at all, with the remedy."""

from collections.abc import Iterator
from typing import Final

from matrix_runner.engine.emulation import REGISTRY, Emulator
from matrix_runner.matrix import Execution, Host
from matrix_runner.matrix.host import EMULATED_CELL, EMULATED_CODE
from matrix_runner.model.platforms import Arch

_REMEDY: Final = (
    "  hint: `docker run --privileged --rm tonistiigi/binfmt --install {oci}` sets emulators up, as does the package"
    " qemu-user-static of Debian and Ubuntu; in GitHub Actions docker/setup-qemu-action"
)


def architecture_lines(machine: Arch, emulators: tuple[Emulator, ...] | None) -> Iterator[str]:
    """Yield a line for each architecture that wheels exist for.

    `machine`: this machine's own. `emulators`: those in its kernel, None if they are unknown.
    """
    opened = {one.arch: one for one in emulators or () if one.is_opened}
    host = Host(machine=machine, emulated=None if emulators is None else frozenset(opened))
    width = max(len(str(arch)) for arch in Arch)
    lacking = [arch for arch in Arch if host.execution(arch) is Execution.NONE]
    for arch in Arch:
        yield f"  {arch!s:{width}}  {_way(arch, host, opened.get(arch))}"
    closed = [one for one in emulators or () if not one.is_opened and one.arch in lacking]
    for one in closed:
        yield (
            f"  {one.program} is registered for {one.arch} without flag F: it serves only images that hold that file;"
            f" `echo -1 > {REGISTRY / one.entry}` as root removes the entry"
        )
    if any(host.execution(arch) is Execution.EMULATED for arch in Arch):
        yield (
            f"  An emulated cell takes about {EMULATED_CELL} times the processor time of a native one, compiled code"
            f" about {EMULATED_CODE} times."
        )
    if lacking:
        yield _REMEDY.format(oci=",".join(arch.oci.partition("/")[0] for arch in lacking))


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
