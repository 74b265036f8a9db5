"""The files of an entry: their names, their writing with size and digest, and their copies for the caller."""

from collections.abc import Iterable
from pathlib import Path

from matrix_runner.files import write_flushed
from matrix_runner.model.outcomes import Outcome
from matrix_runner.store.entry_files import copy_checked, regular_chunks
from matrix_runner.store.entry_record import CachedResults, EntryFile, EntryRecord

RECORD, WHEEL, LOG, INPUTS = "entry.json", "wheel", "log", "ingredients.json"
RESULTS, STATEMENT = "results.xml", "provenance.json"
LARGE = 512 * 1024**2
"""Bytes of the largest file of an entry, apart from the wheel."""


def write_part(path: Path, chunks: Iterable[bytes]) -> EntryFile:
    """Write a file of an entry; return its record. Raise OSError."""
    digest = write_flushed(path, chunks)
    return EntryFile(size=path.stat().st_size, sha256=digest)


def write_results(partial: Path, outcome: Outcome, results: Path | None) -> CachedResults | None:
    """Copy the results of the cell's own tests, if it has any, into its entry. Raise OSError."""
    counts = outcome.test_results
    if counts is None or results is None:
        return None
    part = write_part(partial / RESULTS, regular_chunks(results, LARGE))
    return CachedResults(size=part.size, sha256=part.sha256, counts=counts)


def take_files(path: Path, record: EntryRecord, staging: Path) -> bool:
    """Copy an entry's files; return whether all match the record. Raise OSError."""
    wheel = record.wheel
    if wheel is not None and not copy_checked(path / WHEEL, staging / wheel.name, size=wheel.size, sha256=wheel.sha256):
        return False
    results = record.results
    if results is not None and not copy_checked(
        path / RESULTS, staging / RESULTS, size=results.size, sha256=results.sha256
    ):
        return False
    parts = [(LOG, staging / LOG, record.log), (INPUTS, None, record.inputs)]
    if record.provenance is not None:
        parts.append((STATEMENT, staging / STATEMENT, record.provenance))
    return all(copy_checked(path / name, to, size=part.size, sha256=part.sha256) for name, to, part in parts)
