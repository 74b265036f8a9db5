"""Entries for tests of the store: a small cell that has passed, and what it was made of."""

import hashlib
from pathlib import Path

from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Outcome, ResultCounts, Status, WheelRecord
from matrix_runner.store.cell_inputs import CellInputs, SourceInputs
from matrix_runner.store.store import FinishedCell, Store

CELL = Cell.parse("cp311-manylinux_x86_64")
WHEEL_NAME = "demo-1.0-cp311-cp311-manylinux_2_31_x86_64.whl"
CONTENT = b"the bytes of a wheel\n" * 40
LOG = b"=== build\nbuilt\n"
STATED = b"the statement of a wheel\n"
RESULTS = b'<testsuite name="pytest"><testcase name="a"/></testsuite>'
COUNTS = ResultCounts(tests=1, failures=0, errors=0, skipped=0)


def made_of(**files: str) -> CellInputs:
    """Return the ingredients of a cell with these files, by name and digest."""
    return CellInputs(
        source=SourceInputs.of(tuple(files.items()) or (("setup.py", "1"),)),
        surroundings=(("image", "sha256:" + "a" * 64), ("tool version", "1")),
        options=(("test-command", "x"),),
        variables=(("CI", "y"),),
    )


def finished(directory: Path, content: bytes = CONTENT, *, project: str = "/home/me/demo") -> FinishedCell:
    """Return a cell that has passed, its wheel, log, results of its tests and statement in a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    wheel, log, results = directory / WHEEL_NAME, directory / "a.log", directory / "a.xml"
    wheel.write_bytes(content)
    log.write_bytes(LOG)
    results.write_bytes(RESULTS)
    stated = directory / "a.json"
    stated.write_bytes(STATED)
    record = WheelRecord(name=WHEEL_NAME, size=len(content), sha256=hashlib.sha256(content).hexdigest())
    outcome = Outcome(
        cell=CELL, status=Status.PASSED, seconds=2.0, wheel=record, python_version="3.11.2", test_results=COUNTS
    )
    return FinishedCell(outcome=outcome, project=project, wheel=wheel, log=log, results=results, provenance=stated)


def filled(directory: Path, ingredients: CellInputs | None = None) -> tuple[Store, str]:
    """Return a store with one entry, and its key."""
    store = Store(directory / "store")
    return store, store.put(ingredients or made_of(), finished(directory / "built"))
