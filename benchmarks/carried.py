"""Rows of a fresh machine: the engine has the images and nothing else of ours; a carried directory is there."""

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bench import Bench, Contender, new_place, take_turns
from carried_bound import bytes_needed
from cold import PEER_UV, RUNNER
from containers_started import require_none
from generated import BEFORE_ALL, BEFORE_ALL_INPUTS, TEST, change, whole_project
from goals import Series
from tools import home_directory, report_of
from workload import Workload, checkout

from matrix_runner.model.outcomes import Status

WARM: Final = "runner, on the machine that is still warm"
CARRIED: Final = "carried bytes, against the least"
KEEPING: Final = "time to keep it, against the time saved"
TAKING: Final = "time to take it, against the time saved"
_CHANGED: Final = "src/unit_50.c"


def measure_second_run(bench: Bench, row: str) -> tuple[Series, ...]:
    """Measure runs after a change of one C file: on a fresh machine, on the one that is still warm, and the peer's.

    And what is carried: its size, and the time that keeping and taking it need of the time that they save.
    """
    theirs, ours = _workloads(bench, row)
    runs = bench.work / "runs" / row
    with home_directory(runs / "bare-home") as home:
        bare = _first_run(bench, row, ours, home, {**_options(runs / "not-carried"), "CACHE_CARRY": "off"})
    with home_directory(runs / "warm-home") as home:
        carried, options = new_place(runs / "carried"), _options(runs / "used")
        shutil.rmtree(runs / "used", ignore_errors=True)
        first = _first_run(bench, row, ours, home, options)
        # As it was after that run: what a fresh machine keeps at its end is another one's.
        shutil.copytree(runs / "used", carried, symlinks=True, dirs_exist_ok=True)
        size = _size(carried) / bytes_needed(ours, home, runs / "first" / "wheelhouse")

        def fresh(place: Path) -> float:
            change(ours.source / _CHANGED, time.time_ns() & 0xFFFFFFFF)
            return _on_a_fresh_machine(bench, ours, place, carried, Status.PASSED)

        def still_warm(place: Path) -> float:
            change(ours.source / _CHANGED, time.time_ns() & 0xFFFFFFFF)
            return bench.runner.build(ours, place, home=home, options=options)

        def peer(place: Path) -> float:
            change(theirs.source / _CHANGED, time.time_ns() & 0xFFFFFFFF)
            return bench.peer.build(theirs, "build[uv]", place)

        contenders = ((PEER_UV, peer), (RUNNER, fresh), (WARM, still_warm))
        turns = take_turns(bench, row, tuple(Contender(name=name, measure=work) for name, work in contenders))
    return (*turns, Series(name=CARRIED, unit="x", values=(size,)), *_costs(bare, first, turns[1], turns[2]))


def _costs(bare: float, first: float, fresh: Series, warm: Series) -> tuple[Series, ...]:
    """Return the shares of the saved time that keeping and taking need. `bare`, `first`: runs without and with it."""
    pairs = tuple(zip(fresh.values, warm.values, strict=False))
    return (
        Series(name=KEEPING, unit="x", values=tuple((first - bare) / (bare - one) for one in fresh.values)),
        Series(name=TAKING, unit="x", values=tuple((one - other) / (bare - one) for one, other in pairs)),
    )


def measure_fresh_unchanged(bench: Bench, row: str) -> tuple[Series, ...]:
    """Measure runs on a fresh machine when nothing has changed, and see that no container is started for them."""
    theirs, ours = _workloads(bench, row)
    runs = bench.work / "runs" / row
    carried = new_place(runs / "carried")
    with home_directory(runs / "first-home") as home:
        _first_run(bench, row, ours, home, _options(carried))

    def fresh(place: Path) -> float:
        before = time.time()
        seconds = _on_a_fresh_machine(bench, ours, place, carried, Status.CACHED)
        require_none(before, time.time(), report_of(place).run)
        return seconds

    def peer(place: Path) -> float:
        return bench.peer.build(theirs, "build[uv]", place)

    contenders = ((PEER_UV, peer), (RUNNER, fresh))
    return take_turns(bench, row, tuple(Contender(name=name, measure=work) for name, work in contenders))


def _workloads(bench: Bench, row: str) -> tuple[Workload, ...]:
    """Return two checkouts of one project: the peer's, and ours."""
    files = whole_project(bench.work / "sources" / row)
    return tuple(
        Workload(
            source=checkout(files, bench.work / "runs" / row / name),
            test=TEST,
            images=bench.images,
            ca_bundle=bench.ca_bundle,
            before_all=BEFORE_ALL,
        )
        for name in ("peer", "runner")
    )


def _options(carried: Path) -> Mapping[str, str]:
    return {
        "COMPILER_CACHE": "ccache",
        "BEFORE_ALL_INPUTS": BEFORE_ALL_INPUTS,
        "CACHE_DIR": str(carried),
        "CACHE_SCOPE": "yardstick",
    }


def _on_a_fresh_machine(bench: Bench, workload: Workload, place: Path, carried: Path, expected: Status) -> float:
    """Run with a copy of the carried directory, as a CI system unpacks it, and nothing else from an earlier run."""
    copy = place / "carried"
    shutil.copytree(carried, copy, symlinks=True)
    with home_directory(place / "home") as home:
        return bench.runner.build(workload, place, home=home, expected=expected, options=_options(copy))


def _first_run(bench: Bench, row: str, workload: Workload, home: Path, options: Mapping[str, str]) -> float:
    place = new_place(bench.work / "runs" / row / "first")
    seconds = bench.runner.build(workload, place, home=home, options=options)
    carried = Path(options["CACHE_DIR"])
    print(f"{row}: first run of {RUNNER}: {seconds:.2f} s; {_size(carried) / 1e6:.1f} MB in its cache", flush=True)
    for path in sorted(_files(carried), key=lambda one: -one.stat().st_size)[:8]:
        print(f"{row}:   {path.stat().st_size / 1e6:9.2f} MB {path.relative_to(carried)}", flush=True)
    return seconds


def _files(directory: Path) -> tuple[Path, ...]:
    return tuple(path for path in directory.rglob("*") if path.is_file())


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in _files(directory))
