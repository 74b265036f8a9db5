"""Clusters past any machine here, simulated: the product's planner, placement and scheduler on a clock that jumps.

python benchmarks/scaling.py [--hosts 10 100 1000] [--packages 1042]     measure, and write results, plots and page
python benchmarks/scaling.py --check                                    whether page and plots are those of the results

Results are in scaling.json, plots and tables in docs/explanation.
"""

import argparse
import gc
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Final

import msgspec
from msgspec.structs import replace

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests" / "support")]

from rebuild import RebuiltCell, plan, rebuild  # noqa: E402
from scaling_page import Measured, Results, write_page  # noqa: E402
from scaling_threads import ThreadsMeasured  # noqa: E402
from simulated_cluster import SimulatedCluster, SimulatedHost, least_makespan  # noqa: E402

from matrix_runner.model.platforms import Arch  # noqa: E402

RESULTS: Final = HERE / "scaling.json"

EVEN: Final = {Arch.X86_64: 3, Arch.AARCH64: 3, Arch.PPC64LE: 1, Arch.S390X: 1}
"""Hosts in proportion to the platforms that they run."""

SKEWED: Final = {Arch.X86_64: 17, Arch.AARCH64: 1, Arch.PPC64LE: 1, Arch.S390X: 1}

CUT: Final = 1200.0
"""Seconds of the longest cell where long ones are cut: on a thousand hosts else one cell is all that is waited for."""

SEEDS: Final = (1, 2, 3)
"""Of the hosts that are lost, and when."""


class Ways(msgspec.Struct, frozen=True, kw_only=True):
    """Whether late cells are run twice; whether each host has packages of its own, packed beforehand."""

    has_duplicates: bool = False
    is_packed: bool = False


def hosts_of(count: int, shares: dict[Arch, int]) -> list[SimulatedHost]:
    """Return about so many hosts, of each architecture one at least."""
    whole = sum(shares.values())
    return [
        SimulatedHost(machine=machine)
        for machine, share in shares.items()
        for _ in range(max(1, round(count * share / whole)))
    ]


def losing(hosts: Sequence[SimulatedHost], part: float, until: float, seed: int) -> list[SimulatedHost]:
    """Return hosts of which a part vanishes at some time before `until`; of each architecture one remains."""
    chance = random.Random(seed)  # noqa: S311  the same each time is what is wanted
    first = {host.machine: at for at, host in reversed(list(enumerate(hosts)))}
    others = [at for at in range(len(hosts)) if at not in first.values()]
    lost = set(chance.sample(others, min(len(others), max(1, round(part * len(hosts))))))
    return [replace(host, lost=chance.uniform(0, until)) if at in lost else host for at, host in enumerate(hosts)]


def slowing(hosts: Sequence[SimulatedHost]) -> list[SimulatedHost]:
    """Return hosts of which the second runs at a tenth of its speed."""
    return [replace(host, speed=0.1) if at == 1 else host for at, host in enumerate(hosts)]


def scenarios(cells: Sequence[RebuiltCell], count: int) -> Iterator[tuple[str, list[list[SimulatedHost]], Ways]]:
    """Yield what is simulated: its name, the hosts of each round, and in which ways."""
    even = hosts_of(count, EVEN)
    until = least_makespan(cells, even)
    yield "as it should be", [even], Ways()
    if count >= 100:
        yield "1 % of the hosts lost", [losing(even, 0.01, until, seed) for seed in SEEDS], Ways()
    yield "10 % of the hosts lost", [losing(even, 0.1, until, seed) for seed in SEEDS], Ways()
    yield "one host at a tenth of its speed", [slowing(even)], Ways()
    yield "the same, late cells run twice", [slowing(even)], Ways(has_duplicates=True)
    yield "skewed: 85 % of the hosts x86_64", [hosts_of(count, SKEWED)], Ways()
    yield "packed beforehand, package by package", [even], Ways(is_packed=True)


def simulate(packages: int, count: int, longest: float | None) -> Iterator[Measured]:
    """Yield what came out of each scenario. `longest`: at which cells are cut, None if they are not."""
    began = time.process_time()
    plan()
    planning = time.process_time() - began
    cells = rebuild(packages) if longest is None else rebuild(packages, longest=longest)
    gc.freeze()
    before = _memory()
    for name, rounds, ways in scenarios(cells, count):
        found = [_one(cells, hosts, ways) for hosts in rounds]
        gc.collect()
        first = found[0]
        yield replace(
            first,
            name=name,
            hosts=count,
            longest=longest,
            planning=planning * 1000,
            memory=_memory() - before,
            ratios=tuple(one.ratios[0] for one in found),
            given_back=round(median(one.given_back for one in found)),
            failed=max(one.failed for one in found),
        )


def _one(cells: Sequence[RebuiltCell], hosts: Sequence[SimulatedHost], ways: Ways) -> Measured:
    cluster = SimulatedCluster(cells, hosts, has_duplicates=ways.has_duplicates, is_packed=ways.is_packed)
    cluster.run.play()
    totals, least = cluster.totals, least_makespan(cells, hosts)
    if totals.ended != len(cells):
        raise SystemExit(f"{len(cells) - totals.ended} cells never ended")
    return Measured(
        name="",
        hosts=len(hosts),
        cells=len(cells),
        least=least,
        ratios=(totals.makespan / least,),
        decisions=cluster.run.seconds / len(cells) * 1e6,
        memory=0,
        planning=0.0,
        given_back=totals.given_back,
        failed=totals.failed,
        duplicates=totals.duplicates,
        source=totals.source,
        images=cluster.image_bytes,
    )


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(packages: int, count: int, longest: float | None) -> tuple[Measured, ...]:
    """Simulate in a process of its own."""
    cut = () if longest is None else ("--longest", str(longest))
    argv = (sys.executable, str(Path(__file__).resolve()), "--json", "--packages", str(packages))
    done = subprocess.run((*argv, "--hosts", str(count), *cut), check=True, capture_output=True)
    return msgspec.json.decode(done.stdout, type=tuple[Measured, ...])


def measure_threads(slots: int) -> ThreadsMeasured:
    """Run the pool in a process of its own."""
    argv = (sys.executable, str(HERE / "scaling_threads.py"), "--slots", str(slots))
    done = subprocess.run(argv, check=True, capture_output=True)
    return msgspec.json.decode(done.stdout, type=ThreadsMeasured)


def main() -> int:
    """Measure what the command line names, and write it down; or check what is written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, nargs="*", default=[10, 100, 1000])
    parser.add_argument("--packages", type=int, default=1042, help="of 96 cells each (%(default)s)")
    parser.add_argument("--longest", type=float, help="seconds at which cells are cut, with --json")
    parser.add_argument("--json", action="store_true", help="one number of hosts, in this process, as JSON")
    parser.add_argument("--check", action="store_true", help="measure nothing")
    wishes = parser.parse_args()
    if wishes.json:
        found = tuple(simulate(wishes.packages, wishes.hosts[0], wishes.longest))
        print(msgspec.json.encode(found).decode())
        return 0
    if wishes.check:
        return int(bool(write_page(msgspec.json.decode(RESULTS.read_bytes(), type=Results), is_kept=False)))
    measured: list[Measured] = []
    with ThreadPoolExecutor(max_workers=2) as both:
        asked = [
            both.submit(measure, wishes.packages, count, longest) for count in wishes.hosts for longest in (None, CUT)
        ]
        for answer in asked:
            found = answer.result()
            measured += found
            for one in found:
                print(
                    f"{one.hosts} hosts, {one.name}: {median(one.ratios):.3f}, {one.decisions:.0f} us a cell",
                    flush=True,
                )
    grown = [
        measure(packages, max(wishes.hosts), CUT)[0] for packages in (wishes.packages // 100, wishes.packages // 10)
    ]
    grown.append(next(one for one in reversed(measured) if one.name == grown[0].name))
    results = Results(measured=tuple(measured), grown=tuple(grown), threads=(measure_threads(1), measure_threads(4)))
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
    write_page(results, is_kept=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
