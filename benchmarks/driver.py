"""Rows of the driver alone, measured by programs of their own: what it takes for each cell, and for much output."""

import sys
from pathlib import Path
from typing import TypeVar

import msgspec
from bench import Bench
from goals import Series
from workload import BenchmarkError, command

FEW, MANY = 1000, 10_000
AT_MANY = f"{MANY} cells: a cell"
LINEAR = f"a cell of {MANY} against one of {FEW}"
MEMORY = f"memory for each cell beyond {FEW}"

CELL_TO_FILE = "in a cell, against into a file"
CELL_TO_STREAM = "in a cell, against the engine's stream"
GROWTH = "growth of the runner's memory"

_HERE = Path(__file__).resolve().parent


class _Overhead(msgspec.Struct, frozen=True):
    """What overhead.py prints. `processor`, `clock`: milliseconds a cell; `before`, `most`: bytes."""

    cells: int
    processor: float
    clock: float
    before: int
    most: int


class _LogVolume(msgspec.Struct, frozen=True):
    """What log_volume.py prints. `file`, `stream`, `cell`: seconds; `growth`: bytes."""

    file: float
    stream: float
    cell: float
    growth: int


def measure_overhead(bench: Bench, row: str) -> tuple[Series, ...]:
    """Measure whole runs of few and of many cells on the fake engine, in turn."""
    turns: list[tuple[_Overhead, _Overhead]] = []
    failure = None
    for turn in range(bench.rounds):
        try:
            few, many = (ask("overhead.py", _Overhead, str(cells)) for cells in (FEW, MANY))
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


def measure_log_volume(bench: Bench, row: str) -> tuple[Series, ...]:
    """Measure a cell that prints a gigabyte, against the same command with its output into a file.

    And against what the engine's stream takes when nobody does anything with it: what is above that is the runner's.
    """
    turns: list[_LogVolume] = []
    failure = None
    for turn in range(bench.rounds):
        try:
            one = ask("log_volume.py", _LogVolume, "--image", f"{bench.images}_x86_64")
        except BenchmarkError as error:
            failure = str(error)
            break
        print(
            f"{row}: round {turn + 1} of {bench.rounds}: {one.cell:.2f} s, {one.stream:.2f} s, {one.file:.2f} s",
            flush=True,
        )
        turns.append(one)
    return (
        Series(name="in a cell", failure=failure, values=tuple(one.cell for one in turns)),
        Series(name="into a file, in a container", failure=failure, values=tuple(one.file for one in turns)),
        Series(name="by the engine's stream to nobody", failure=failure, values=tuple(one.stream for one in turns)),
        Series(name=CELL_TO_FILE, unit="x", failure=failure, values=tuple(one.cell / one.file for one in turns)),
        Series(name=CELL_TO_STREAM, unit="x", failure=failure, values=tuple(one.cell / one.stream for one in turns)),
        Series(name=GROWTH, unit="MB", failure=failure, values=tuple(one.growth / 1e6 for one in turns)),
    )


_Printed = TypeVar("_Printed")


def ask(program: str, kind: type[_Printed], *arguments: str) -> _Printed:
    """Run a program of this directory that prints JSON; return what it printed. Raise BenchmarkError."""
    printed = command((sys.executable, str(_HERE / program), *arguments, "--json"))
    try:
        return msgspec.json.decode(printed, type=kind)
    except ValueError as error:
        raise BenchmarkError(f"{program} printed what cannot be read: {error}") from error


def _growth(few: _Overhead, many: _Overhead) -> float:
    return ((many.most - many.before) - (few.most - few.before)) / (many.cells - few.cells) / 1024
