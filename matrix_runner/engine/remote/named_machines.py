"""What an entry of `engines` says of its machine, held against the machines that answer. Pure."""

from collections.abc import Set as AbstractSet

from matrix_runner.config.kinds.values import EngineEntry
from matrix_runner.errors import UsageError
from matrix_runner.model.platforms import Arch


def is_spared(entry: EngineEntry, there: AbstractSet[Arch]) -> bool:
    """Whether a run goes on without an engine. `there`: the machines of those that answer."""
    return entry.arch is not None and entry.arch in there


def wrong_arch(entry: EngineEntry, machine: Arch) -> UsageError | None:
    """Return the error of an engine whose machine is not the one that the configuration names; None if it is."""
    if entry.arch is None or machine in {entry.arch, entry.arch.wider}:
        return None
    return UsageError(
        f"engine {entry.name} is a machine of {machine}, and its arch in the configuration is {entry.arch}",
        hint="Correct `arch`, or leave it out.",
    )
