"""matrix-runner against its yardstick: side by side with cibuildwheel, on the same daemon, images, cells and tests.

python benchmarks/run.py [--rows markupsafe-cold unchanged] [--rounds 5]
"""

import argparse
import compileall
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import facts
import results
import table
from bench import Bench
from goals import judge
from results import RowResult
from rows import ROWS, Row
from tools import Runner, host_bundle, install_peer
from workload import OUR_IMAGES, BenchmarkError

import matrix_runner

HERE = Path(__file__).resolve().parent
WORK = HERE / "work"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """What the command line asks for. `results`: the file that keeps them; the table goes beside it."""

    rows: tuple[Row, ...]
    rounds: int
    warm_ups: int
    images: str
    results: Path


def main() -> int:
    """Measure row after row, each kept as soon as it is there; return the exit status: 0 if all could be measured."""
    wishes = _read_arguments()
    try:
        _write(wishes.results, results.load(wishes.results))
        if not wishes.rows:
            return 0
        # As pip does with what it installs: without it, and with PYTHONDONTWRITEBYTECODE, each run would compile anew.
        compileall.compile_dir(Path(matrix_runner.__file__).parent, quiet=1)
        bench = Bench(
            peer=install_peer(WORK),
            runner=Runner(program=Path(sys.executable).with_name("runner")),
            work=WORK,
            images=wishes.images,
            ca_bundle=host_bundle(),
            rounds=wishes.rounds,
            warm_ups=wishes.warm_ups,
        )
        is_whole = True
        for row in wishes.rows:
            measured = _measure(bench, row)
            print(f"\n{table.summary(measured)}", flush=True)
            is_whole = is_whole and measured.is_whole
            # Read anew: another run may have added rows in the meantime.
            kept = results.load(wishes.results)
            _write(wishes.results, results.merge(kept, measured, tuple(each.name for each in ROWS)))
    except BenchmarkError as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 1
    return 0 if is_whole else 1


def _measure(bench: Bench, row: Row) -> RowResult:
    before = facts.load()
    started = time.monotonic()
    series = row.measure(bench, row.name)
    print(f"{row.name}: {time.monotonic() - started:.0f} s in all")
    return RowResult(
        name=row.name,
        title=row.title,
        date=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        load_before=before,
        load_after=facts.load(),
        series=series,
        verdicts=judge(row.goals, series),
        machine=facts.machine(),
        versions=facts.versions(bench),
        notes=row.notes,
    )


def _write(file: Path, rows: tuple[RowResult, ...]) -> None:
    if rows:
        results.save(file, rows)
        file.with_suffix(".md").write_text(table.document(rows), encoding="utf-8")


def _read_arguments() -> Wishes:
    names = tuple(row.name for row in ROWS)
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0] if __doc__ else None, epilog=f"Rows: {', '.join(names)}."
    )
    parser.add_argument("--rows", nargs="*", choices=names, default=names, metavar="ROW", help="only these")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (%(default)s)")
    parser.add_argument("--warm-ups", type=int, default=1, help="rounds before that are not counted (%(default)s)")
    parser.add_argument("--images", default=OUR_IMAGES, help="images, but for _ARCH at the end (%(default)s)")
    parser.add_argument("--results", type=Path, default=HERE / "results.json", help="where they are kept (%(default)s)")
    given = parser.parse_args()
    return Wishes(
        rows=tuple(row for row in ROWS if row.name in given.rows),
        rounds=given.rounds,
        warm_ups=given.warm_ups,
        images=given.images,
        results=given.results.absolute(),
    )


if __name__ == "__main__":
    raise SystemExit(main())
