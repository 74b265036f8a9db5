"""A distribution's rebuild, made up: a thousand packages, planned by the planner, with times like those that were seen.

Nothing of it is random from run to run: the same seed gives the same packages.
"""

import math
import random
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

import msgspec
from planning import settings_with

from matrix_runner.catalog import load
from matrix_runner.cell.shared_wheels import SharedWheels
from matrix_runner.config.kinds.values import ArchGroup, EnableGroup
from matrix_runner.config.options.selection_options import ARCHS, BUILD, ENABLE, SKIP
from matrix_runner.matrix import Host, Job
from matrix_runner.matrix.planning import make_plan
from matrix_runner.model.cells import Cell
from matrix_runner.model.platforms import Arch
from matrix_runner.schedule import Durations

PYTHONS: Final = (
    *("cp37", "cp38", "cp39", "cp310", "cp311", "cp312"),
    *("cp313", "cp313t", "cp314", "cp314t", "cp315", "cp315t"),
)
MACHINES: Final = (Arch.X86_64, Arch.AARCH64, Arch.PPC64LE, Arch.S390X)
"""Those that run all platforms of the plan without an emulator."""

MEDIAN: Final = 14.5
"""Seconds of a package's cell: the geometric mean of three that are measured in benchmarks/results.json, MarkupSafe
(2.4 s), a hundred C files with numpy (26 s) and zstandard (49 s)."""

SPREAD: Final = 1.87
"""Of the logarithm of these seconds: so that five packages in a thousand take more than half an hour, as users tell."""

LONGEST: Final = 4 * 3600.0
"""No cell takes longer: what does has been cut to fit CI services, which stop at six hours."""

NARROW: Final = 1.1
"""Times that a 32-bit cell takes: 5 to 15 % more (`cell.cell_tasks`)."""

OF_CELLS: Final = 0.05
"""Spread of the logarithm of a package's cells: interpreters and machines differ a little. Assumed."""

UNFORESEEN: Final = 0.15
"""Spread of the logarithm of what a cell takes, against what was recorded of it. Assumed: versions change; of one
version, rounds in benchmarks/results.json differ by 0.01."""

STABLE: Final = 0.1
"""The part of the packages with a stable-ABI wheel, which all but the first cell of a platform only test. Assumed."""

ONLY_TESTED: Final = 0.15
"""The part of a cell's time that testing such a wheel takes. Assumed."""

SOURCE, SOURCE_SPREAD = 500_000, 1.5
"""Bytes of a package's files in the middle, and the spread of their logarithm. Assumed."""

IMAGE: Final = 600_000_000
"""Bytes of an image. Assumed: of about that size are those that `runner image build` makes."""


class RebuiltCell(msgspec.Struct, frozen=True, kw_only=True):
    """A cell of a package. `package`: its number. `expected`, `seconds`: of its work, as recorded and as it will be.

    `awaits`: the number of the cell whose wheel it waits for.
    """

    package: int
    job: Job
    expected: float
    seconds: float
    source: int
    awaits: int | None = None


def rebuild(count: int, *, longest: float = LONGEST, seed: int = 1) -> tuple[RebuiltCell, ...]:
    """Return the cells of so many packages, package by package. `longest`: seconds of a cell, at most."""
    cells: list[RebuiltCell] = []
    jobs = plan()
    for package in range(count):
        chance = random.Random(f"{seed}/{package}")  # noqa: S311  the same each time is what is wanted
        cells.extend(_package(package, jobs, chance, len(cells), longest))
    return tuple(cells)


@cache
def plan() -> tuple[Job, ...]:
    """Return the jobs of a package, as the planner plans them for machines of all architectures: alike for each."""
    settings = settings_with(
        {
            BUILD: tuple(f"{python}-*" for python in PYTHONS),
            SKIP: ("*_riscv64", "*-musllinux_i686", "*-musllinux_armv7l", "*-musllinux_ppc64le", "*-musllinux_s390x"),
            ARCHS: (ArchGroup.ALL,),
            ENABLE: (EnableGroup.ALL,),
        },
        project_name="package",
    )
    first, *others = (Host(machine=machine) for machine in MACHINES)
    host = Host(machine=first.machine, others=tuple(others))
    return make_plan(settings, _CATALOG, host).jobs


_CATALOG = load()


def _package(
    number: int, jobs: Sequence[Job], chance: random.Random, first: int, longest: float
) -> Iterator[RebuiltCell]:
    whole = min(longest, MEDIAN * math.exp(chance.gauss(0, SPREAD)))
    source = round(SOURCE * math.exp(chance.gauss(0, SOURCE_SPREAD)))
    wheels = SharedWheels(jobs, waits=chance.random() < STABLE)
    places = {job.cell: first + at for at, job in enumerate(jobs)}
    known: dict[Cell, float] = {}
    awaits: dict[Cell, int] = {}
    for job in jobs:
        leader = wheels.leader(job.cell)
        part = 1.0
        if leader is not None:
            part, awaits[job.cell] = ONLY_TESTED, places[leader]
        width = NARROW if job.cell.platform.arch.bits == 32 else 1.0
        known[job.cell] = min(longest, whole * part * width * math.exp(chance.gauss(0, OF_CELLS)))
    durations = Durations(known)
    for job in jobs:
        expected = durations.expected(job.cell)
        yield RebuiltCell(
            package=number,
            job=job,
            expected=expected,
            seconds=expected * math.exp(chance.gauss(0, UNFORESEEN)),
            source=source,
            awaits=awaits.get(job.cell),
        )
