"""Rows of the driver alone, measured by programs of their own: what it takes for each cell, and for much output."""

import sys
from pathlib import Path

import msgspec
from bench import Bench
from goals import Series
from workload import BenchmarkError, command

FEW, MANY = 1000, 10_000
AT_MANY = f"{MANY} cells: a cell"
LINEAR = f"a cell of {MANY} against one of {FEW}"
MEMORY = f"memory for each cell beyond {FEW}"

_HERE = Path(__file__).resolve().parent


class _Overhead(msgspec.Struct, frozen=True):
    """What overhead.py prints. `processor`, `clock`: milliseconds a cell; `before`, `most`: bytes."""

    cells: int
    processor: float
    clock: float
    before: int
    most: int


def measure_overhead(bench: Bench, row: str) -> tuple[Series, ...]:
    """Measure whole runs of few and of many cells on the fake engine, in turn."""
    turns: list[tuple[_Overhead, _Overhead]] = []
    failure = None
    for turn in range(bench.rounds):
        try:
            few, many = (_overhead(cells) for cells in (FEW, MANY))
        except BenchmarkError as error:
            failure = str(error)
            break
        print(f"{row}: round {turn + 1} of {bench.rounds}: {many.processor:.2f} ms a cell", flush=True)
        turns.append((few, many))
    return (
        Series(name=AT_MANY, unit="ms", failure=failure, values=tuple(many.processor for _, many in turns)),
        Series(
            name=f"{AT_MANY}, by the clock", unit="ms", failure=failure, values=tuple(many.clock for _, many in turns)
        ),
        Series(
            name=f"{FEW} cells: a cell", unit="ms", failure=failure, values=tuple(few.processor for few, _ in turns)
        ),
        Series(
            name=LINEAR, unit="x", failure=failure, values=tuple(many.processor / few.processor for few, many in turns)
        ),
        Series(name=MEMORY, unit="KiB", failure=failure, values=tuple(_growth(few, many) for few, many in turns)),
    )


def _overhead(cells: int) -> _Overhead:
    printed = command((sys.executable, str(_HERE / "overhead.py"), str(cells), "--json"))
    try:
        return msgspec.json.decode(printed, type=_Overhead)
    except ValueError as error:
        raise BenchmarkError(f"overhead.py printed what cannot be read: {error}") from error


def _growth(few: _Overhead, many: _Overhead) -> float:
    return ((many.most - many.before) - (few.most - few.before)) / (many.cells - few.cells) / 1024
