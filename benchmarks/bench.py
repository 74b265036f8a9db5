"""What every row is measured with: the tools, the images, the places; and turns, round after round."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from goals import Series
from tools import Peer, Runner
from workload import BenchmarkError


@dataclass(frozen=True, kw_only=True, slots=True)
class Bench:
    """`work`: a directory for all that is made on the way. `images`: their name but for the architecture."""

    peer: Peer
    runner: Runner
    work: Path
    images: str
    ca_bundle: Path | None
    rounds: int
    warm_ups: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Contender:
    """One who takes turns. `measure` does the work once, with an empty directory of its own, and returns seconds."""

    name: str
    measure: Callable[[Path], float]


def take_turns(bench: Bench, row: str, contenders: tuple[Contender, ...]) -> tuple[Series, ...]:
    """Let all take their turn, round after round, each round beginning with another one. Warm-ups are not counted.

    Who fails once is out, and its series says why.
    """
    seconds: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    failures: dict[str, str] = {}
    for turn in range(-bench.warm_ups, bench.rounds):
        first = turn % len(contenders)
        for contender in (*contenders[first:], *contenders[:first]):
            if contender.name in failures:
                continue
            label = f"{row}: " + ("warm-up" if turn < 0 else f"round {turn + 1} of {bench.rounds}")
            place = new_place(bench.work / "runs" / row / f"{turn:+03}-{contender.name.replace(' ', '-')}")
            try:
                taken = contender.measure(place)
            except BenchmarkError as error:
                failures[contender.name] = str(error)
                print(f"{label}: {contender.name}: failed: {error}", flush=True)
                continue
            print(f"{label}: {contender.name}: {taken:.2f} s", flush=True)
            if turn >= 0:
                seconds[contender.name].append(taken)
    return tuple(
        Series(name=contender.name, values=tuple(seconds[contender.name]), failure=failures.get(contender.name))
        for contender in contenders
    )


def new_place(path: Path) -> Path:
    """Return the directory, empty."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path
