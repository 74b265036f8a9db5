"""The pool itself, threads and all, with as many nodes and tasks as are asked for; the tasks do nothing.

python benchmarks/scaling_threads.py [--nodes 1000] [--slots 1] [--tasks 100000]
"""

import argparse
import resource
import sys
import threading
import time
from functools import partial
from pathlib import Path

import msgspec

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from matrix_runner.schedule import Area, Capacity, Interrupt, Load, Pool, Slot, Task  # noqa: E402

KINDS, FAMILY = 4, 12
"""Areas of nodes, as of architectures; tasks of a lane, as of a package's platform."""


class ThreadsMeasured(msgspec.Struct, frozen=True, kw_only=True):
    """What a run took. `processor`, `clock`: microseconds a task. `memory`: bytes by which the process grew."""

    nodes: int
    slots: int
    tasks: int
    processor: float
    clock: float
    memory: int


def run(nodes: int, slots: int, tasks: int) -> ThreadsMeasured:
    """Run so many tasks, each with a thread while it has begun, on nodes that are in this process."""
    # Of a worker nothing is deep, and there are thousands.
    threading.stack_size(256 * 1024)
    areas = [Area(nodes=frozenset(range(kind, nodes, KINDS))) for kind in range(KINDS)]
    pool = Pool([Capacity(slots=slots)] * nodes, ())
    before, began, processor = _memory(), time.monotonic(), time.process_time()
    all_tasks = [_task(areas, number) for number in range(tasks)]
    found = pool.run(all_tasks, Interrupt(on_first=lambda: None))
    if any(node is None or node % KINDS != at % KINDS for at, node in enumerate(found)):
        raise SystemExit("a task did not run where it should")
    return ThreadsMeasured(
        nodes=nodes,
        slots=slots,
        tasks=tasks,
        processor=(time.process_time() - processor) / tasks * 1e6,
        clock=(time.monotonic() - began) / tasks * 1e6,
        memory=_memory() - before,
    )


def _task(areas: list[Area], number: int) -> Task[int]:
    slot = Slot(Load(seconds=1.0))
    kind = number % KINDS
    return Task(run=partial(_work, slot), slot=slot, area=areas[kind], lane=(number // KINDS // FAMILY, kind))


def _work(slot: Slot) -> int:
    with slot.acquired():
        return slot.node


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> int:
    """Measure once, and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--slots", type=int, default=1)
    parser.add_argument("--tasks", type=int, default=100_000)
    wishes = parser.parse_args()
    print(msgspec.json.encode(run(wishes.nodes, wishes.slots, wishes.tasks)).decode())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
