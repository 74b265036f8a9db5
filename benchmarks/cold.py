"""Rows with nothing kept: every round is everybody's first."""

import os
from functools import partial
from pathlib import Path

from bench import Bench, Contender, take_turns
from floor import measure_floor
from goals import Series
from tools import home_directory
from workload import ARCHS, Release, Workload, checkout, fetch

PEER = "cibuildwheel, build"
PEER_UV = "cibuildwheel, build[uv]"
RUNNER = "runner"


def floor_names(pythons: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the floors, which differ in how many cells are built at once; the fastest counts."""
    return tuple(_floor_name(per_container) for per_container in _degrees(pythons))


def _floor_name(per_container: int) -> str:
    return f"floor, {per_container * len(ARCHS)} at once"


def _degrees(pythons: tuple[str, ...]) -> tuple[int, ...]:
    """Return how many to build at once in each container: one, and all if there are processors for them.

    More than there are processors was never faster: 5.36 s against 4.41 for MarkupSafe, six at once on two.
    """
    processors = len(os.sched_getaffinity(0))
    return tuple(many for many in dict.fromkeys((1, len(pythons))) if many == 1 or many * len(ARCHS) <= processors)


def measure_cold(bench: Bench, row: str, release: Release, frontends: tuple[str, ...]) -> tuple[Series, ...]:
    """Measure cibuildwheel with each front end, matrix-runner, and the floor at several degrees of parallelism."""
    files = fetch(release, bench.work, bench.peer.python)

    def workload(place: Path) -> Workload:
        # A checkout that was never seen before: what is kept by a project's path is cold as well.
        return Workload(
            source=checkout(files, place / files.name),
            test=f"import {release.module}",
            images=bench.images,
            ca_bundle=bench.ca_bundle,
            pythons=release.pythons,
        )

    def peer(frontend: str, place: Path) -> float:
        return bench.peer.build(workload(place), frontend, place)

    def runner(place: Path) -> float:
        with home_directory(place / "home") as home:
            return bench.runner.build(workload(place), place, home=home)

    def floor(per_container: int, place: Path) -> float:
        return measure_floor(workload(place), per_container, place)

    contenders = (
        *(Contender(name=f"cibuildwheel, {name}", measure=partial(peer, name)) for name in frontends),
        Contender(name=RUNNER, measure=runner),
        *(Contender(name=_floor_name(many), measure=partial(floor, many)) for many in _degrees(release.pythons)),
    )
    return take_turns(bench, row, contenders)
