"""A cluster whose time is a number: hosts, cells, what is lost, what is slow. All decisions are the product's own."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final

import msgspec
from late_cells import late_after
from rebuild import IMAGE, RebuiltCell
from virtual_run import Timing, VirtualRun

from matrix_runner.container.given_source import LEAST
from matrix_runner.engine.api import ANSWER_SECONDS, EngineInfo
from matrix_runner.engine.fake.fake_engine import FakeEngine, FakeResult
from matrix_runner.engine.node import Node
from matrix_runner.matrix import Host
from matrix_runner.model.platforms import Arch, Libc
from matrix_runner.nodes.spread import LOSSES, nodes_of
from matrix_runner.schedule import Area, Capacity, Load, Slot, Task, queue_order
from matrix_runner.shards.box_packing import Parcel, pack

OPENING, CLOSING = 0.5, 0.2
"""Seconds in which a container opens with its source, and closes; no slots are needed for it (ARCHITECTURE.md)."""

UNKNOWN: Final = 2 * (15 + ANSWER_SECONDS)
"""Seconds until a host that vanished is known to be lost: two answers that it owes (`nodes.lost_nodes`)."""

SPARES: Final = 256
"""Duplicates in a pool of hosts, at most."""


class SimulatedHost(msgspec.Struct, frozen=True, kw_only=True):
    """A host. `speed`: against that on which times were recorded; `lost`: when it vanishes."""

    machine: Arch
    slots: int = 4
    speed: float = 1.0
    lost: float = math.inf


class Totals(msgspec.Struct, kw_only=True):
    """What is counted. `failed`: cells under which too many hosts were lost. `source`: bytes that were sent."""

    begun: int = 0
    ended: int = 0
    given_back: int = 0
    failed: int = 0
    duplicates: int = 0
    duplicates_won: int = 0
    source: int = 0
    makespan: float = 0.0


class SimulatedCluster:
    """A run of cells on hosts: the course of a `VirtualRun`, and its claims."""

    def __init__(
        self,
        cells: Sequence[RebuiltCell],
        hosts: Sequence[SimulatedHost],
        *,
        has_duplicates: bool = False,
        is_packed: bool = False,
    ) -> None:
        """`has_duplicates`: whether a host that has nothing to do runs a late cell as well.

        `is_packed`: whether each host has the packages that the packer of shards gives it, and no others.
        """
        self._hosts = hosts
        self.order = queue_order([_load(cell) for cell in cells], [None] * len(cells))
        place = {number: at for at, number in enumerate(self.order)}
        self._cells = [cells[number] for number in self.order]
        self._awaits = [None if cell.awaits is None else place[cell.awaits] for cell in self._cells]
        self._finished = [False] * len(cells)
        self._losses: dict[int, int] = {}
        self._away: set[int] = set()
        self._silent: dict[int, float] = {}
        self._given: set[tuple[int, int]] = set()
        self.totals = Totals()
        able = nodes_of([cell.job for cell in cells], _nodes(hosts))
        self.image_bytes = IMAGE * sum(
            len(able[platform.arch]) for platform in dict.fromkeys(cell.job.cell.platform for cell in cells)
        )
        native = {arch: frozenset(nodes) for arch, nodes in able.items()}
        wheres = (
            packed_homes(self._cells, able)
            if is_packed
            else [native[cell.job.cell.platform.arch] for cell in self._cells]
        )
        areas = {where: Area(nodes=where, is_open=self._is_open) for where in dict.fromkeys(wheres)}
        self._areas = [areas[where] for where in wheres]
        self._pools = {nodes: Pool() for nodes in areas}
        for number in range(len(cells)):
            self._pool(number).unbegun += 1
        tasks = list(map(self._task, range(len(cells))))
        self._doubled: dict[int, int] = {}
        """The cell of each spare task that runs one."""
        if has_duplicates:
            tasks.extend(self._spare_tasks(len(tasks)))
        self.run = VirtualRun.of(tasks, [Capacity(slots=host.slots) for host in hosts], self)
        self.run.is_recorded = False
        self._has_duplicates = has_duplicates
        for number, host in enumerate(hosts):
            if host.lost < math.inf:
                self.run.at(host.lost, partial(self._vanish, number))

    def _pool(self, number: int) -> "Pool":
        return self._pools[self._areas[number].nodes]

    def _task(self, number: int) -> Task[object]:
        cell = self._cells[number]
        platform = cell.job.cell.platform
        awaits = self._awaits[number]
        return Task(
            run=_nothing,
            slot=Slot(_load(cell)),
            area=self._areas[number],
            lane=(cell.package, platform),
            is_ready=_always if awaits is None else partial(self._finished.__getitem__, awaits),
        )

    def _is_open(self, number: int) -> bool:
        return number not in self._away

    def timing(self, number: int, node: int) -> Timing:
        """Return what a cell takes at a host; called when it begins there."""
        totals, run = self.totals, self.run
        totals.begun += 1
        is_spare = number in self._doubled
        cell = self._cells[self._doubled.get(number, number)]
        totals.duplicates += is_spare
        totals.source += self._sent(cell, node)
        if not is_spare:
            pool = self._pool(number)
            pool.unbegun -= 1
            if self._has_duplicates:
                run.at(run.now + late_after(cell.expected), partial(self._may_be_late, number, run.now))
                if not pool.unbegun:
                    run.at(run.now, run.poke)
        if node in self._silent:
            # It gets no answer there.
            run.at(run.now, partial(self._lose, number))
        speed = self._hosts[node].speed
        opening = OPENING / speed
        if is_spare:
            # It has its slot from the beginning.
            return Timing(work=opening + cell.seconds / speed + CLOSING / speed)
        return Timing(opening=opening, work=cell.seconds / speed, closing=CLOSING / speed)

    def _sent(self, cell: RebuiltCell, node: int) -> int:
        """Return the bytes of a cell's source that are sent to a host: once a package, or for each container."""
        if cell.source >= LEAST and cell.job.cell.platform.libc is Libc.GLIBC:
            if (cell.package, node) in self._given:
                return 0
            self._given.add((cell.package, node))
        return cell.source

    def ended(self, number: int, node: int) -> bool:
        """Hear that a cell has ended, and who else is not wanted any more; return whether it goes back."""
        is_lost = node in self._away or node in self._silent
        doubled = self._doubled.pop(number, None)
        if doubled is not None:
            if not is_lost and not self._finished[doubled]:
                self.totals.duplicates_won += 1
                self._finish(doubled)
                if doubled in self.run.attempts:
                    self.run.lose(doubled)
            self._pool(doubled).doubled.discard(doubled)
            return False
        if self._finished[number]:
            return False
        if is_lost:
            self._losses[number] = self._losses.get(number, 0) + 1
            if self._losses[number] <= LOSSES:
                self.totals.given_back += 1
                self._pool(number).unbegun += 1
                return True
            self.totals.failed += 1
        self._finish(number)
        for spare in [each for each, cell in self._doubled.items() if cell == number]:
            self.run.lose(spare)
        return False

    def _finish(self, number: int) -> None:
        self._finished[number] = True
        self._pool(number).late.discard(number)
        self.totals.ended += 1
        self.totals.makespan = self.run.now

    def _vanish(self, node: int) -> None:
        """From now on nothing comes from a host; a while later that is known."""
        self._silent[node] = self.run.now + UNKNOWN
        self.run.at(self._silent[node], partial(self._away.add, node))
        for number in [at for at, attempt in self.run.attempts.items() if attempt.entry.node == node]:
            self._lose(number)

    def _lose(self, number: int) -> None:
        attempt = self.run.attempts.get(number)
        if attempt is not None and not attempt.is_over and attempt.entry.node in self._silent:
            self.run.lose(number, max(self._silent[attempt.entry.node] - self.run.now, 0.0))

    def _node_of(self, number: int) -> int | None:
        attempt = self.run.attempts.get(number)
        return None if attempt is None else attempt.entry.node

    def _may_be_late(self, number: int, began: float) -> None:
        attempt = self.run.attempts.get(number)
        if attempt is None or attempt.began != began or self._finished[number]:
            return
        pool = self._pool(number)
        pool.late.add(number)
        if not pool.unbegun:
            self.run.poke()

    def _spare_tasks(self, first: int) -> Iterator[Task[object]]:
        """Yield the tasks that run late cells as well; they stand behind all others."""
        for nodes, pool in self._pools.items():
            area = Area(nodes=nodes, is_open=self._is_open)
            for _ in range(SPARES):
                claim = partial(self._double, first, pool)
                yield Task(run=_nothing, area=area, is_ready=pool.has_late, claim=claim, lane=nodes)
                first += 1

    def _double(self, spare: int, pool: "Pool", node: int) -> bool:
        """Have a spare task run the first late cell of another host, if there is one."""
        late = [number for number in pool.late - pool.doubled if self._node_of(number) not in {node, None}]
        if late:
            self._doubled[spare] = min(late)
            pool.doubled.add(min(late))
        return bool(late)


def packed_homes(cells: Sequence[RebuiltCell], able: Mapping[Arch, Sequence[int]]) -> list[frozenset[int]]:
    """Return the host of each cell, as the packer of shards spreads packages over those of a kind."""
    homes: list[frozenset[int]] = [frozenset()] * len(cells)
    for nodes in dict.fromkeys(tuple(able[cell.job.cell.platform.arch]) for cell in cells):
        own = [at for at, cell in enumerate(cells) if tuple(able[cell.job.cell.platform.arch]) == nodes]
        packages: dict[int, list[int]] = {}
        for at in own:
            packages.setdefault(cells[at].package, []).append(at)
        units = list(packages.values())
        parcels = [Parcel(weight=round(1000 * sum(cells[at].expected for at in unit))) for unit in units]
        for node, box in zip(nodes, pack(parcels, {}, len(nodes)), strict=False):
            for unit in box:
                for at in units[unit]:
                    homes[at] = frozenset((node,))
    return homes


class Pool(msgspec.Struct, kw_only=True, eq=False):
    """Cells for the same hosts. `unbegun`: how many wait; `late`: those that are; `doubled`: that run twice."""

    unbegun: int = 0
    late: set[int] = msgspec.field(default_factory=set)
    doubled: set[int] = msgspec.field(default_factory=set)

    def has_late(self) -> bool:
        """Whether a cell is late that does not run twice yet, and none waits."""
        return not self.unbegun and bool(self.late - self.doubled)


def _load(cell: RebuiltCell) -> Load:
    return Load(seconds=cell.expected)


def _nothing() -> object:
    return None


def _always() -> bool:
    return True


def _nodes(hosts: Sequence[SimulatedHost]) -> tuple[Node, ...]:
    engine = FakeEngine(lambda _: FakeResult())
    info = EngineInfo(name="simulated", version="1", machine="x86_64", endpoint="")
    return tuple(
        Node(name=f"host-{at}", engine=engine, info=info, slots=host.slots, host=Host(machine=host.machine))
        for at, host in enumerate(hosts)
    )


def least_makespan(cells: Sequence[RebuiltCell], hosts: Sequence[SimulatedHost]) -> float:
    """Return seconds that no schedule is below: all work on all hosts of its kind, and the longest cells.

    A host works until it is lost. A cell that waits for another's wheel comes after it.
    """
    able = nodes_of([cell.job for cell in cells], _nodes(hosts))
    work: dict[tuple[int, ...], float] = {}
    longest = 0.0
    for cell in cells:
        where = able[cell.job.cell.platform.arch]
        work[where] = work.get(where, 0.0) + cell.seconds
        before = 0.0 if cell.awaits is None else cells[cell.awaits].seconds
        longest = max(longest, (before + cell.seconds) / max(hosts[at].speed for at in where))
    return max(longest, *(_spread_out(amount, [hosts[at] for at in where]) for where, amount in work.items()))


def _spread_out(work: float, hosts: Sequence[SimulatedHost]) -> float:
    """Return when hosts together have done so much work."""
    now, rate = 0.0, sum(host.slots * host.speed for host in hosts)
    for host in sorted(hosts, key=lambda host: host.lost):
        if host.lost == math.inf or work <= (host.lost - now) * rate:
            break
        work -= (host.lost - now) * rate
        now, rate = host.lost, rate - host.slots * host.speed
    return now + work / rate if rate else math.inf
