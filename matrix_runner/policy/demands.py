"""Demands of an ELF file on the system: libraries, symbol versions, instructions, each with its policy. Pure."""

import re
from collections.abc import Iterable, Iterator
from enum import Enum
from itertools import groupby

import msgspec
from packaging.version import Version

from matrix_runner.catalog.policies import Policy
from matrix_runner.model.platforms import Libc
from matrix_runner.policy.elf_reading.elf import Binary

LOADER = re.compile(r"ld-linux.*\.so\.\d+|ld64\.so\.[12]|ld-musl-.*\.so\.1")
"""The dynamic loader, present on every system; auditwheel ignores it too."""

PACKED_RELOCATIONS = {Libc.MUSL: Version("1.2.4")}
"""The first release whose loader carries out DT_RELR (musl: its release notes), where no symbol version says so.

An older one ignores the entry, and the process dies at the first use of a pointer. Linkers mark such files for glibc
with the version GLIBC_ABI_DT_RELR, which is among the policies' own.
"""


class DemandKind(Enum):
    """The kind of a demand."""

    VERSION = "symbol version"
    LIBRARY = "library"
    SYMBOL = "symbol"
    INSTRUCTIONS = "instructions"
    RELOCATIONS = "relocations"


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """A single need of a file, and the first policy that grants it; None if no policy does.

    `what`: a symbol version, a library's name, an instruction level, or the first C library that can relocate it.
    `library`: the provider of the symbols, else "".
    """

    kind: DemandKind
    file: str
    library: str
    what: str
    symbols: tuple[str, ...]
    policy: Policy | None


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """The demands that hold a wheel at a policy, and its policy without them. `policy` None: no tag grants them."""

    policy: Policy | None
    demands: tuple[Demand, ...]
    without: Policy


def demands_of(binary: Binary, policies: tuple[Policy, ...], inside: frozenset[str]) -> Iterator[Demand]:
    """Yield all demands of a file on the system, whether granted by the first policy or not.

    `inside`: the names of libraries that are the wheel's own to have.
    """

    def demand(
        kind: DemandKind, what: str, policy: Policy | None, library: str = "", symbols: Iterable[str] = ()
    ) -> Demand:
        return Demand(
            kind=kind, file=binary.path, library=library, what=what, symbols=tuple(sorted(symbols)), policy=policy
        )

    for name in binary.needed:
        if name not in inside and not LOADER.fullmatch(name):
            policy = next((each for each in policies if name in each.libraries), None)
            yield demand(DemandKind.LIBRARY, name, policy)
    for need in binary.requirements:
        if need.library not in inside and not LOADER.fullmatch(need.library):
            policy = next((each for each in policies if each.allows_version(need.version)), None)
            yield demand(DemandKind.VERSION, need.version, policy, need.library, need.symbols)
    for library in binary.needed:
        if library not in inside:
            yield from (demand(DemandKind.SYMBOL, library, *found) for found in _forbidden(binary, library, policies))
    if binary.instructions is not None:
        yield demand(DemandKind.INSTRUCTIONS, binary.instructions, None)
    floor = PACKED_RELOCATIONS.get(policies[0].platform.libc)
    if binary.packs_relocations and floor is not None:
        # A tag has two numbers of the version: the first that lets in systems that can.
        policy = next((each for each in policies if each.version.release[:2] >= floor.release[:2]), None)
        yield demand(DemandKind.RELOCATIONS, str(floor), policy)


def _forbidden(
    binary: Binary, library: str, policies: tuple[Policy, ...]
) -> Iterator[tuple[Policy | None, str, tuple[str, ...]]]:
    """Yield a library's symbols that are not available everywhere, with the first policy that has them."""

    def first(symbol: str) -> Policy | None:
        return next((each for each in policies if (library, symbol) not in each.forbidden), None)

    known = {symbol for own, symbol in policies[0].forbidden if own == library}
    found = sorted(binary.undefined & known, key=lambda symbol: (_rank(first(symbol)), symbol))
    for policy, symbols in groupby(found, key=first):
        yield policy, library, tuple(symbols)


def _rank(policy: Policy | None) -> Version:
    """Sort key of policies; None sorts last."""
    return Version("9999") if policy is None else policy.version


def rungs_of(demands: list[Demand], policies: tuple[Policy, ...]) -> Iterator[Rung]:
    """Yield the demands above the first policy, grouped by policy, highest first."""
    lowest = policies[0]
    high = sorted((each for each in demands if each.policy is not lowest), key=lambda each: _rank(each.policy))
    steps = [(policy, tuple(group)) for policy, group in groupby(high, key=lambda each: each.policy)]
    below = [lowest, *(policy for policy, _ in steps if policy is not None)]
    for number in reversed(range(len(steps))):
        policy, group = steps[number]
        yield Rung(policy=policy, demands=group, without=below[number])
