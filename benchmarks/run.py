"""matrix-runner and cibuildwheel side by side: the same daemon, images, cells, projects and tests, in turn.

python benchmarks/run.py [--rounds 5] [--projects markupsafe msgpack]
"""

import argparse
import os
import shutil
import sys
import time
import venv
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import facts
from contenders import Cibuildwheel, Contender, Floor, MatrixRunner
from table import Row, as_markdown, as_text, cells
from workload import ARCHS, INTERPRETERS, OUR_IMAGES, PROJECTS, BenchmarkError, Workload, command, fetch

HERE = Path(__file__).resolve().parent
WORK = HERE / "work"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """What the command line asks for."""

    rounds: int
    warm_ups: int
    projects: tuple[str, ...]
    images: str
    names: tuple[str, ...]


def main() -> int:
    """Measure, print the table, write results.md; return the exit status."""
    wishes = _read_arguments()
    try:
        return _run(wishes)
    except BenchmarkError as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 1


def _run(wishes: Wishes) -> int:
    peer = _install_peer()
    contenders = _contenders(peer, wishes.names)
    bundle = os.environ.get("SSL_CERT_FILE")
    parts = [_preface()]
    is_whole = True
    for name in wishes.projects:
        project = PROJECTS[name]
        workload = Workload(
            project=project,
            source=fetch(project, WORK, peer),
            images=wishes.images,
            ca_bundle=Path(bundle).resolve() if bundle else None,
        )
        before = facts.load()
        rows = _measure(workload, contenders, wishes)
        is_whole = is_whole and all(row.failure is None for row in rows)
        table = cells(rows, floor=Floor().name, runner="runner")
        versions = (*facts.tools(workload, peer), ("load before, after", f"{before}, {facts.load()}"))
        print(f"\n{workload.source.name}: {workload.cells} wheels\n\n{as_text(table)}\n")
        parts.append(_chapter(workload, as_markdown(table), versions, rows))
    results = HERE / "results.md"
    results.write_text("\n".join(parts), encoding="utf-8")
    print(f"written to {results}")
    return 0 if is_whole else 1


def _measure(workload: Workload, contenders: tuple[Contender, ...], wishes: Wishes) -> tuple[Row, ...]:
    """Let all take their turn, round after round, each round beginning with another one. Warm-ups are not counted."""
    seconds: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    failures: dict[str, str] = {}
    for turn in range(-wishes.warm_ups, wishes.rounds):
        first = turn % len(contenders)
        for contender in (*contenders[first:], *contenders[:first]):
            if contender.name in failures:
                continue
            place = WORK / "runs" / f"{workload.project.name}-{turn:+03}-{contender.name.replace(' ', '-')}"
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
            label = "warm-up" if turn < 0 else f"round {turn + 1} of {wishes.rounds}"
            try:
                taken = contender.measure(workload, place)
            except BenchmarkError as error:
                failures[contender.name] = str(error)
                print(f"{label}: {contender.name}: failed: {error}", flush=True)
                continue
            print(f"{label}: {contender.name}: {taken:.1f} s", flush=True)
            if turn >= 0:
                seconds[contender.name].append(taken)
    return tuple(
        Row(name=contender.name, seconds=tuple(seconds[contender.name]), failure=failures.get(contender.name))
        for contender in contenders
    )


def _contenders(peer: Path, names: tuple[str, ...]) -> tuple[Contender, ...]:
    runner = Path(sys.executable).with_name("runner")
    everyone: tuple[Contender, ...] = (
        Cibuildwheel(program=peer.with_name("cibuildwheel"), frontend="build"),
        MatrixRunner(program=runner, frontend="build"),
        Cibuildwheel(program=peer.with_name("cibuildwheel"), frontend="build[uv]"),
        MatrixRunner(program=runner, frontend=None),
        Floor(),
    )
    chosen = tuple(contender for contender in everyone if not names or contender.name.startswith(names))
    if not chosen:
        raise BenchmarkError(f"nobody of that name; there are: {', '.join(each.name for each in everyone)}")
    return chosen


def _install_peer() -> Path:
    """Install the newest cibuildwheel into an environment of its own; return that environment's Python."""
    python = WORK / "peer" / "bin" / "python"
    if not python.exists():
        print("making an environment for cibuildwheel", flush=True)
        venv.create(WORK / "peer", with_pip=True)
    pip = (str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--upgrade")
    command((*pip, "cibuildwheel"))
    return python


def _preface() -> str:
    now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    facts_of_machine = "\n".join(f"- {name}: {value}" for name, value in facts.machine())
    selection = f"{', '.join(INTERPRETERS)} on {' and '.join(ARCHS)}"
    return (
        f"# Results\n\nMade by `make bench`, {now}: {selection}. How to read them: README.md.\n\n{facts_of_machine}\n"
    )


def _chapter(workload: Workload, table: str, versions: tuple[tuple[str, str], ...], rows: tuple[Row, ...]) -> str:
    details = "\n".join(f"- {name}: {value}" for name, value in versions)
    rounds = "\n".join(
        f"- {row.name}: {row.failure or ' '.join(f'{seconds:.2f}' for seconds in row.seconds)}" for row in rows
    )
    return f"## {workload.source.name}\n\n{table}\n\n{details}\n\nSeconds of each round:\n\n{rounds}\n"


def _read_arguments() -> Wishes:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (%(default)s)")
    parser.add_argument("--warm-ups", type=int, default=1, help="rounds before that are not counted (%(default)s)")
    parser.add_argument("--projects", nargs="+", choices=tuple(PROJECTS), default=["markupsafe"], metavar="NAME")
    parser.add_argument("--images", default=OUR_IMAGES, help="images, but for _ARCH at the end (%(default)s)")
    parser.add_argument("--contenders", nargs="+", default=[], metavar="NAME", help="only those that begin so")
    given = parser.parse_args()
    return Wishes(
        rounds=given.rounds,
        warm_ups=given.warm_ups,
        projects=tuple(given.projects),
        images=given.images,
        names=tuple(given.contenders),
    )


if __name__ == "__main__":
    started = time.monotonic()
    status = main()
    print(f"{time.monotonic() - started:.0f} s in all")
    raise SystemExit(status)
