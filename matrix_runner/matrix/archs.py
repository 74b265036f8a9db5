"""The option `archs`: expansion of `auto`, `auto64`, `auto32`, `native` and `all` for a machine."""

from collections.abc import Iterable, Sequence

from matrix_runner.config.kinds.values import ArchChoice, ArchGroup
from matrix_runner.model.platforms import Arch


def expand_archs(choices: Sequence[ArchChoice], machines: Iterable[Arch]) -> frozenset[Arch]:
    """Expand `auto`, `auto64`, `auto32`, `native` and `all` for the machines that run the cells.

    `auto` is every width that the machine runs natively. On x86_64 that includes i686: every such processor runs it
    under a 64-bit kernel. On aarch64 it excludes armv7l: many such processors have no 32-bit mode any more.
    """
    return frozenset(arch for machine in machines for arch in _expanded(choices, machine))


def _expanded(choices: Sequence[ArchChoice], machine: Arch) -> set[Arch]:
    narrower = {arch for arch in Arch if arch.wider is machine}
    runs_natively = {machine} | (narrower if machine is Arch.X86_64 else set())
    meanings: dict[ArchGroup, set[Arch]] = {
        ArchGroup.AUTO: runs_natively,
        ArchGroup.AUTO64: {arch for arch in runs_natively if arch.bits == 64},
        ArchGroup.AUTO32: {arch for arch in runs_natively | narrower if arch.bits == 32},
        ArchGroup.NATIVE: {machine},
        ArchGroup.ALL: set(Arch),
    }
    chosen: set[Arch] = set()
    for choice in choices:
        chosen |= {choice} if isinstance(choice, Arch) else meanings[choice]
    return chosen
