"""The row of a cluster: what it costs that a run's cells are ordered from workers, on the same machine."""

import os
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/support"))

from bench import Bench, Contender, take_turns
from cold import RUNNER
from dask_cluster import DaskCluster, dask_cluster
from goals import Series
from tools import home_directory
from workload import Release, Workload, checkout, fetch

LOCAL = "the same slots without a cluster"


def measure_cluster(bench: Bench, row: str, release: Release) -> tuple[Series, ...]:
    """Measure a run on a cluster of one scheduler and two workers, and one without, on the same processors.

    Nothing is kept from run to run. The cluster lives as long as the row, as it does for its users.
    """
    files = fetch(release, bench.work, bench.peer.python)
    slots = len(os.sched_getaffinity(0))

    def build(options: dict[str, str], place: Path) -> float:
        workload = Workload(
            source=checkout(files, place / files.name),
            test=f"import {release.module}",
            images=bench.images,
            ca_bundle=bench.ca_bundle,
            pythons=release.pythons,
        )
        with home_directory(place / "home") as home:
            return bench.runner.build(workload, place, home=home, options={"NO_CACHE": "1", **options})

    def on_cluster(cluster: DaskCluster, place: Path) -> float:
        return build({"CLUSTER": cluster.address}, place)

    with dask_cluster(bench.work / "cluster") as cluster:
        for number in range(2):
            share = slots // 2 + (slots % 2 if number == 0 else 0)
            if share:
                cluster.add(f"worker-{number}", f"x86_64={share}", threads=share + 1)
        contenders = (
            Contender(name=RUNNER, measure=partial(on_cluster, cluster)),
            Contender(name=LOCAL, measure=partial(build, {"JOBS": str(slots)})),
        )
        return take_turns(bench, row, contenders)
