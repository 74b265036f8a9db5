"""The machines of CI systems: by which word a job asks for one of an architecture, and what it has to emulate there."""

from collections.abc import Mapping
from enum import Enum
from functools import cache
from importlib import resources

import msgspec

from matrix_runner.matrix.host import EMULATED_CELL
from matrix_runner.model.platforms import Arch
from matrix_runner.toml import loads


class MatrixForm(Enum):
    """A form of `runner matrix`: for a CI system, or as plain JSON; its word, and the most shards that it has room for.

    The limits: docs.github.com, "Usage limits" (256 jobs of a matrix); docs.gitlab.com, "Account and limit settings"
    (500 jobs of a pipeline); docs.travis-ci.com, "Build Matrix" (200 jobs); buildkite.com/docs, "Platform limits" (500
    jobs of an upload). One of the last three is the job that collects.
    """

    JSON = ("json", 100_000)
    GITHUB = ("github", 256)
    GITLAB = ("gitlab", 499)
    TRAVIS = ("travis", 199)
    BUILDKITE = ("buildkite", 499)

    def __init__(self, word: str, most: int) -> None:
        self.word = word
        self.most = most


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of machine. `machine`: the word for it; `emulator`: the one that cells need there, "" if none."""

    machine: str
    emulator: str = ""


class Machines(msgspec.Struct, frozen=True, kw_only=True):
    """The machines of a CI system by architecture; `own`: native ones that a user names instead."""

    table: Mapping[Arch, Machine]
    own: Mapping[Arch, str]

    def of(self, arch: Arch) -> Machine:
        """Return the machine for cells of an architecture."""
        native = arch.wider if arch is Arch.I686 else arch
        for named in (arch, native):
            if named is not None and named in self.own:
                return Machine(machine=self.own[named])
        machine = self.table[native or arch]
        # Whoever has own ARM machines has them for what only those can emulate well, too.
        host = self.own.get(arch.wider) if arch.wider is not None else None
        return machine if host is None else Machine(machine=host, emulator=machine.emulator)

    def slowness(self, arch: Arch) -> int:
        """Return how many times a native cell's time one of an architecture takes."""
        return EMULATED_CELL if self.of(arch).emulator else 1


def machines_of(form: MatrixForm, own: Mapping[Arch, str]) -> Machines:
    """Return the machines of a CI system. `own`: by architecture, the words to use in place of the usual ones."""
    return Machines(table=_tables()[form.word], own=own)


@cache
def _tables() -> Mapping[str, Mapping[Arch, Machine]]:
    text = resources.files("matrix_runner.shards").joinpath("ci_machines.toml").read_text("utf-8")
    rows = msgspec.convert(loads(text), dict[str, dict[str, Machine]])
    return {name: {Arch.parse(arch): machine for arch, machine in row.items()} for name, row in rows.items()}
