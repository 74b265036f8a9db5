"""Rows of a second run: what a tool keeps between runs is there, and something small has changed, or nothing."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from bench import Bench, Contender, new_place, take_turns
from cold import PEER_UV, RUNNER
from containers_started import require_none
from generated import BEFORE_ALL, BEFORE_ALL_INPUTS, TEST, change, library_project, many_files_project
from goals import Series
from tools import home_directory, report_of
from workload import MARKUPSAFE, Workload, checkout, fetch

from matrix_runner.model.outcomes import Status

_NOTHING: Mapping[str, str] = MappingProxyType({})


def measure_before_all(bench: Bench, row: str) -> tuple[Series, ...]:
    """Measure runs after a source change in a project whose `before-all` compiles a library for a minute."""
    files = library_project(bench.work / "sources" / row)
    theirs, ours = (_generated(bench, row, files, name, before_all=BEFORE_ALL) for name in ("peer", "runner"))
    options = {"BEFORE_ALL_INPUTS": BEFORE_ALL_INPUTS}
    return _after_a_change(bench, row, theirs, ours, changed="yardstick.c", options=options)


def measure_one_file(bench: Bench, row: str) -> tuple[Series, ...]:
    """Measure runs after a change of one C file of a hundred, which include numpy's headers, with the compiler cache.

    The peer has none in its containers that a second run would see.
    """
    files = many_files_project(bench.work / "sources" / row, with_numpy=True)
    theirs, ours = (
        # numpy has no wheels for i686.
        replace(_generated(bench, row, files, name, before_all=""), archs=("x86_64",))
        for name in ("peer", "runner")
    )
    options = {"COMPILER_CACHE": "ccache"}
    return _after_a_change(bench, row, theirs, ours, changed="src/unit_50.c", options=options)


def measure_unchanged(bench: Bench, row: str) -> tuple[Series, ...]:
    """Measure runs that follow a run of the very same project, and see that no container is started for them."""
    theirs, ours = _markupsafe(bench, row)
    with home_directory(bench.work / "runs" / row / "home") as home:
        _first_run(bench, row, ours, home, _NOTHING)

        def runner(place: Path) -> float:
            before = time.time()
            seconds = bench.runner.build(ours, place, home=home, expected=Status.CACHED)
            require_none(before, time.time(), report_of(place).run)
            return seconds

        return take_turns(bench, row, (_peer(bench, theirs, _nothing), Contender(name=RUNNER, measure=runner)))


def measure_edit_loop(bench: Bench, row: str) -> tuple[Series, ...]:
    """Measure runs of one cell of MarkupSafe after a change of its C file, without a compiler cache."""
    theirs, ours = (replace(one, pythons=("cp311",), archs=("x86_64",)) for one in _markupsafe(bench, row))
    return _after_a_change(
        bench, row, theirs, ours, changed=f"src/{MARKUPSAFE.module.replace('.', '/')}.c", options=_NOTHING
    )


def _after_a_change(  # noqa: PLR0913  each is a part of the scene
    bench: Bench, row: str, theirs: Workload, ours: Workload, *, changed: str, options: Mapping[str, str]
) -> tuple[Series, ...]:
    """Let both have a first run behind them, if it leaves anything behind; change a file before each run."""

    def edit(workload: Workload) -> None:
        change(workload.source / changed, time.time_ns() & 0xFFFFFFFF)

    with home_directory(bench.work / "runs" / row / "home") as home:
        _first_run(bench, row, ours, home, options)

        def runner(place: Path) -> float:
            edit(ours)
            return bench.runner.build(ours, place, home=home, options=options)

        peer = _peer(bench, theirs, lambda: edit(theirs))
        return take_turns(bench, row, (peer, Contender(name=RUNNER, measure=runner)))


def _peer(bench: Bench, workload: Workload, before: Callable[[], None]) -> Contender:
    """Return the peer with the faster of its front ends. It keeps nothing, so its second run is as any other."""

    def measure(place: Path) -> float:
        before()
        return bench.peer.build(workload, "build[uv]", place)

    return Contender(name=PEER_UV, measure=measure)


def _nothing() -> None:
    pass


def _first_run(bench: Bench, row: str, workload: Workload, home: Path, options: Mapping[str, str]) -> None:
    place = new_place(bench.work / "runs" / row / "first")
    seconds = bench.runner.build(workload, place, home=home, options=options)
    print(f"{row}: first run of {RUNNER}: {seconds:.2f} s", flush=True)


def _markupsafe(bench: Bench, row: str) -> tuple[Workload, ...]:
    """Return two checkouts of MarkupSafe: the peer's, and ours."""
    files = fetch(MARKUPSAFE, bench.work, bench.peer.python)
    return tuple(
        Workload(
            source=checkout(files, bench.work / "runs" / row / name / files.name),
            test=f"import {MARKUPSAFE.module}",
            images=bench.images,
            ca_bundle=bench.ca_bundle,
        )
        for name in ("peer", "runner")
    )


def _generated(bench: Bench, row: str, files: Path, name: str, *, before_all: str) -> Workload:
    source = checkout(files, bench.work / "runs" / row / name)
    return Workload(source=source, test=TEST, images=bench.images, ca_bundle=bench.ca_bundle, before_all=before_all)
