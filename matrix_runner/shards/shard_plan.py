"""The shards of a plan: which cells each CI job builds, on which kind of machine. Pure, and the same everywhere.

Cells of several kinds of machine are packed apart. Within a kind, shards are numbered in plan order, so that
`runner build --shard K/N` with the same cells and times has the same ones.
"""

from collections.abc import Collection, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from matrix_runner.config.options.build_options import BEFORE_ALL, ENVIRONMENT
from matrix_runner.config.options.run_options import CONTAINER_ENGINE
from matrix_runner.digests import text_digest
from matrix_runner.errors import UsageError
from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell
from matrix_runner.shards.box_packing import Parcel, heaviest, least, pack
from matrix_runner.shards.cell_units import cell_units
from matrix_runner.shards.ci_machines import Machines
from matrix_runner.shards.known_times import KnownTimes
from matrix_runner.wording import counted
from matrix_runner.workspace.needs import NO_NEEDS, Needs


class Shard(msgspec.Struct, frozen=True, kw_only=True):
    """Cells for one CI job. `number` of `count`: among those of its kind of machine, from 1.

    `machine`: the word by which the job asks for one; `emulators`: those that it has to set up. `seconds`: the expected
    work, one cell after another.
    """

    number: int
    count: int
    machine: str
    emulators: tuple[str, ...]
    cells: tuple[Cell, ...]
    seconds: float


class Units(msgspec.Struct, frozen=True, kw_only=True):
    """What is packed: units of cells, with what is known of them. `places`: of the cells in the plan."""

    units: tuple[tuple[Job, ...], ...]
    places: Mapping[Cell, int]
    times: KnownTimes
    machines: Machines

    @classmethod
    def of(
        cls,
        jobs: Sequence[Job],
        times: KnownTimes,
        machines: Machines,
        waits: Collection[str],
        needs: Needs = NO_NEEDS,
    ) -> "Units":
        """Return the units of a plan's jobs. `waits`: the packages that hint at the stable ABI; `needs`: of cells."""
        places = {job.cell: at for at, job in enumerate(jobs)}
        units = cell_units(jobs, (*times.served, *needs.together), waits)
        return cls(units=units, places=places, times=times, machines=machines)

    def by_machine(self) -> dict[str, "Units"]:
        """Return the units of each kind of machine, in plan order."""
        found: dict[str, list[tuple[Job, ...]]] = {}
        for unit in self.units:
            found.setdefault(self.machines.of(unit[0].cell.platform.arch).machine, []).append(unit)
        return {machine: replace(self, units=tuple(units)) for machine, units in found.items()}

    def packed(self, count: int) -> tuple[tuple[tuple[Cell, ...], float], ...]:
        """Return the cells of each box, in plan order, with their expected seconds; `count` boxes at most."""
        parcels, setups = self._parcels()
        found = []
        for box in pack(parcels, setups, count):
            cells = sorted((job.cell for at in box for job in self.units[at]), key=self.places.__getitem__)
            found.append((tuple(cells), heaviest([box], parcels, setups) / 1000))
        return tuple(found)

    def least(self, count: int) -> int:
        """Return a time, in milliseconds, that the longest of so many boxes takes however they are packed."""
        return least(*self._parcels(), count)

    def _parcels(self) -> tuple[tuple[Parcel, ...], dict[str, int]]:
        """Return the units as parcels, weighed in milliseconds, and the weight of each `before-all`."""
        sharing: dict[str, list[Cell]] = {}
        for job in (job for unit in self.units for job in unit):
            if (kind := _before_all(job)) is not None:
                sharing.setdefault(kind, []).append(job.cell)
        setups = {
            kind: round(1000 * self.times.before_all_of(cells) * self._slowness(cells[0]))
            for kind, cells in sharing.items()
        }
        parcels = tuple(
            Parcel(
                weight=max(
                    1, round(sum(1000 * self.times.seconds(job.cell) * self._slowness(job.cell) for job in unit))
                ),
                kinds=frozenset(kind for job in unit if (kind := _before_all(job)) is not None),
            )
            for unit in self.units
        )
        return parcels, setups

    def _slowness(self, cell: Cell) -> int:
        return self.machines.slowness(cell.platform.arch)


def shards_of(units: Units, count: int | None, most: int) -> tuple[Shard, ...]:
    """Return the shards of all kinds of machine.

    `count`: as many, None for one a unit; `most`: as many as the CI system takes. Raise UsageError if there are fewer
    shards than kinds of machine.
    """
    pools = units.by_machine()
    wanted = min(count or len(units.units), most)
    if pools and wanted < len(pools):
        raise UsageError(
            f"the plan is for {counted(len(pools), 'kind')} of machine, {', '.join(pools)}, and each needs a shard",
            hint=f"--shards {len(pools)} is the least; --archs and --only choose cells.",
        )
    shards = []
    for machine, boxes in _shared_out(pools, wanted).items():
        for number, (cells, seconds) in enumerate(boxes, start=1):
            emulators = (units.machines.of(cell.platform.arch).emulator for cell in cells)
            shards.append(
                Shard(
                    number=number,
                    count=len(boxes),
                    machine=machine,
                    emulators=tuple(sorted({each for each in emulators if each})),
                    cells=cells,
                    seconds=seconds,
                )
            )
    return tuple(shards)


Boxes = tuple[tuple[tuple[Cell, ...], float], ...]


def _shared_out(pools: dict[str, Units], wanted: int) -> dict[str, Boxes]:
    """Return the boxes of each kind of machine: one, and as long as there are more, one for whichever takes longest."""
    counts = dict.fromkeys(pools, 1)
    for _ in range(wanted - len(pools)):
        open_ones = [machine for machine, pool in pools.items() if counts[machine] < len(pool.units)]
        if not open_ones:
            break
        slowest = max(open_ones, key=lambda machine: pools[machine].least(counts[machine]))
        counts[slowest] += 1
    return {machine: pool.packed(counts[machine]) for machine, pool in pools.items()}


def one_shard(units: Units, number: int, count: int) -> tuple[Cell, ...]:
    """Return the cells of shard `number` of `count` (from 1), all on one kind of machine; none if there are fewer."""
    boxes = units.packed(count)
    return boxes[number - 1][0] if number <= len(boxes) else ()


def _before_all(job: Job) -> str | None:
    """Return what tells the images apart in which `before-all` is run, as far as a plan knows; None without any."""
    command = job.settings[BEFORE_ALL]
    if not command or job.image is None:
        return None
    words = job.settings[CONTAINER_ENGINE].arguments.words
    return text_digest(job.image.reference, str(job.cell.platform), command, str(job.settings[ENVIRONMENT]), *words)
