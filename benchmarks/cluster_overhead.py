"""What a cluster's scheduler and the driver take for each cell: whole runs on in-process workers with fake engines.

python benchmarks/cluster_overhead.py [--workers 10] [--cells 2000]
python benchmarks/cluster_overhead.py --answered [--workers 1000] [--cells 100000]

Driver, Dask's scheduler and all workers are one process, so the figures are of all of them together. What the fake
engines do is measured and taken off, as `overhead.py` does; its figure for a run without a cluster is what to compare.

With `--answered` a worker opens no engine: it answers each order with what a cell delivers, and tells its start. That
is what driver and scheduler do, at a number of workers and cells for which one process could not do the workers' part.
"""

import argparse
import pickle
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import dask
import msgspec
from distributed import LocalCluster, get_worker

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "tests" / "support")]

from fake_run import TESTED  # noqa: E402
from msgspec.structs import replace  # noqa: E402
from overhead import IN_AN_IMAGE, Forgetful, Many, PreparedWheels, _console, _identifiers  # noqa: E402
from planning import settings_with  # noqa: E402

from matrix_runner.cluster import cluster_cells  # noqa: E402
from matrix_runner.cluster.orders import CellDelivery, CellOrder  # noqa: E402
from matrix_runner.config.options.test_options import TEST_COMMAND  # noqa: E402
from matrix_runner.engine.api import Engine, EngineInfo  # noqa: E402
from matrix_runner.engine.cluster.cluster_nodes import open_cluster  # noqa: E402
from matrix_runner.engine.selection import Patience  # noqa: E402
from matrix_runner.matrix import Job  # noqa: E402
from matrix_runner.matrix.image_choice import ImageChoice  # noqa: E402
from matrix_runner.model.cells import Cell  # noqa: E402
from matrix_runner.model.events import CellStarted  # noqa: E402
from matrix_runner.model.outcomes import Outcome, Status, WheelRecord  # noqa: E402
from matrix_runner.report.cell_logs import CellLogs  # noqa: E402
from matrix_runner.run import build  # noqa: E402

IMAGES = 16

ENGINES: list[Forgetful] = []
"""The engine of all workers, which are in this process."""

SCRATCH: list[Path] = []


class SharedPlace(msgspec.Struct, frozen=True, kw_only=True):
    """`WorkerPlace` of workers that share this process and its fake engine."""

    def scratch(self) -> Path:
        """Return the directory for temporary files."""
        return SCRATCH[0]

    def environ(self) -> Mapping[str, str]:
        """Return no variables."""
        return {}

    def open_engine(self, run: str) -> tuple[Engine, EngineInfo]:
        """Return the engine."""
        del run
        return ENGINES[0], ENGINES[0].check()


DELIVERIES: dict[Cell, CellDelivery] = {}
"""What a cell delivers that was only answered."""


def answer(ordered: bytes, source: bytes, run: bytes) -> CellDelivery:
    """Answer the order of a cell in place of `cluster.dask_worker.run_cell`."""
    del source, run
    order: CellOrder = pickle.loads(ordered)  # noqa: S301  this process's own
    told = [CellStarted(at=0.0, cell=order.cell)]
    get_worker().log_event(order.plugin, {"key": order.key, "events": pickle.dumps(told)})
    return DELIVERIES.pop(order.cell)


def _delivery(cell: Cell, name: str, data: bytes) -> CellDelivery:
    record = WheelRecord(name=name, size=len(data), sha256=sha256(data).hexdigest(), grafted=())
    outcome = Outcome(cell=cell, status=Status.PASSED, seconds=1.0, wheel=record, began=0.0)
    return CellDelivery(outcome=outcome, wheel=data)


class Shared(Forgetful):
    """An engine that stays open for the other workers."""

    def abort(self) -> None:
        """Go on for the other workers."""

    def close(self) -> None:
        """Keep open."""


class FewImages(Many):
    """Many cells of few images, as a real plan has them."""

    def jobs(self) -> tuple[Job, ...]:
        """Return the jobs."""
        wanted = super().jobs()
        few = self.images[:IMAGES]
        choices = [ImageChoice(reference=image, family=None, origin="benchmark") for image in few]
        return tuple(replace(job, image=choices[number % len(choices)]) for number, job in enumerate(wanted))


def run(workers: int, cells: int, directory: Path, *, is_answered: bool) -> None:
    """Run so many cells on so many workers, and print what it took."""
    if is_answered:
        wheels = PreparedWheels(directory, _identifiers(cells), ("repair",))
        DELIVERIES.update((cell, _delivery(cell, name, data)) for cell, name, data in wheels.repaired())
        cluster_cells.run_cell = answer  # type: ignore[attr-defined]
    else:
        wheels = PreparedWheels(directory, _identifiers(cells))
    settings = settings_with({TEST_COMMAND: TESTED}, project_name="demo")
    fake = FewImages(directory=directory, identifiers=_identifiers(cells), settings=settings, override=wheels.serve)
    fake.images = tuple(f"image:{number}" for number in range(max(IMAGES, cells // IN_AN_IMAGE + 1)))
    engine = Shared(fake._answer)  # noqa: SLF001
    for image in fake.images:
        engine.host.add_image(image)
    ENGINES.append(engine)
    SCRATCH.append(directory / "scratch")
    request = fake.request(engine)
    logs = CellLogs(request.inputs.logs_dir)
    began = time.monotonic()
    with LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=workers,
        processes=False,
        threads_per_worker=2,
        # All are one process, whose memory each would take for its own.
        memory_limit=0,
        resources={"x86_64": 1},
        dashboard_address=None,
        silence_logs=50,
    ) as local:
        print(f"{workers} workers after {time.monotonic() - began:.0f} s", flush=True)
        patience = Patience(seconds=60, say=print)
        with open_cluster(local.scheduler_address, SharedPlace(), patience, jobs=0) as (_, nodes, cluster):
            print(f"asked after {time.monotonic() - began:.0f} s", flush=True)
            with _console(logs, live=False) as console, closing(engine):
                request = replace(
                    request,
                    listeners=(logs, console),
                    durations=directory / "durations.json",
                    nodes=nodes,
                    cluster=cluster,
                )
                before = _memory()
                clock, processor = time.monotonic(), time.process_time()
                report = build(request)
                clock = time.monotonic() - clock
                processor = time.process_time() - processor - engine.seconds
    failed = [outcome for outcome in report.outcomes if outcome.failure is not None]
    if failed or int(report.exit_code):
        statuses = Counter(str(outcome.status) for outcome in report.outcomes)
        raise SystemExit(f"exit code {report.exit_code}, {dict(statuses)}, {report.trouble}: {failed[:1]}")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    how = ", answered" if is_answered else ""
    print(
        f"{workers} workers, {cells} cells{how}: {processor / cells * 1000:.2f} ms of a processor a cell,"
        f" {clock / cells * 1000:.2f} ms by the clock; {(most - before) / cells / 1024:.1f} KiB a cell,"
        f" {most / 1024**2:.0f} MiB at most"
    )


def _memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def main() -> int:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answered", action="store_true", help="workers answer at once: driver and scheduler alone")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--cells", type=int)
    wishes = parser.parse_args()
    # Each worker looks at its process by itself: a thousand of them at one process take more than one processor.
    dask.config.set(
        {
            "distributed.admin.system-monitor.interval": "1h",
            "distributed.admin.system-monitor.gil.enabled": False,
            "distributed.worker.profile.enabled": False,
        }
    )
    with tempfile.TemporaryDirectory() as directory:
        few, many = (1000, 100_000) if wishes.answered else (10, 2000)
        run(wishes.workers or few, wishes.cells or many, Path(directory), is_answered=wishes.answered)
    return 0


if __name__ == "__main__":
    # By its name, not as a script: values of a script would travel with all that they refer to.
    import cluster_overhead

    raise SystemExit(cluster_overhead.main())
