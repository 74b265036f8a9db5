"""What it costs to start the program: what every command takes before it does anything."""

from dataclasses import dataclass
from pathlib import Path

from bench import Bench, new_place
from goals import Series
from timing import timed
from workload import ARCHS, MARKUPSAFE, BenchmarkError, checkout, environment, fetch

VERSION = "runner --version"
PLAN = "runner plan"
PEER_PLAN = "cibuildwheel --print-build-identifiers"
TIMES = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class _Command:
    name: str
    argv: tuple[str, ...]
    env: dict[str, str]


def measure_startup(bench: Bench, row: str) -> tuple[Series, ...]:
    """Measure the commands in turn, each `TIMES` times, after one that does not count."""
    place = new_place(bench.work / "runs" / row)
    project = checkout(fetch(MARKUPSAFE, bench.work, bench.peer.python), place / "project")
    env = environment("MATRIX_RUNNER_", "CIBW_")
    peer_env = env | {"CIBW_PLATFORM": "linux", "CIBW_ARCHS": " ".join(ARCHS)}
    runner, peer = str(bench.runner.program), str(bench.peer.program)
    commands = (
        _Command(name=VERSION, argv=(runner, "--version"), env=env),
        _Command(name=PLAN, argv=(runner, "plan", str(project)), env=env),
        _Command(name=PEER_PLAN, argv=(peer, "--print-build-identifiers", str(project)), env=peer_env),
    )
    try:
        turns = tuple(tuple(_milliseconds(one, place) for one in commands) for _ in range(TIMES + 1))
    except BenchmarkError as error:
        return tuple(Series(name=one.name, unit="ms", failure=str(error)) for one in commands)
    return tuple(
        Series(name=one.name, unit="ms", values=values)
        for one, values in zip(commands, zip(*turns[1:], strict=True), strict=True)
    )


def _milliseconds(command: _Command, place: Path) -> float:
    return 1000 * timed(command.argv, log=place / "log", env=command.env, cwd=place)
