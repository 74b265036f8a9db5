"""The statements of provenance of a run, read from its report directory, or one from a file."""

from pathlib import Path
from typing import Final

import msgspec

from matrix_runner.errors import UsageError
from matrix_runner.files import cause_of
from matrix_runner.provenance.statement import NoStatement, Statement, read_statement
from matrix_runner.wheelhouse.report_directory import PROVENANCE

_LARGEST: Final = 16 * 1024**2
"""Bytes of a statement that are read; those of the largest builds have some hundred kilobytes."""


class KeptStatements(msgspec.Struct, frozen=True, kw_only=True):
    """The statements that could be read, with the name of each one's file; and the others: file name and reason."""

    statements: tuple[Statement, ...]
    files: tuple[str, ...] = ()
    damaged: tuple[tuple[str, str], ...] = ()

    def damage(self, wheel: str) -> str | None:
        """Return the reason why the statement of a wheel (a file name) cannot be read, or None."""
        return dict(self.damaged).get(f"{wheel}.json")


def read_statements(place: Path) -> KeptStatements:
    """Read the statements of a report directory, of a directory of statements, or in a single file.

    Raise UsageError if there are none, or the file cannot be read.
    """
    if place.is_file():
        try:
            return KeptStatements(statements=(_read(place),), files=(place.name,))
        except NoStatement as error:
            raise UsageError(f"{place}: {error}", hint="Name a report directory, or a statement in it.") from error
    directory = place / PROVENANCE if (place / PROVENANCE).is_dir() else place
    found: dict[str, Statement] = {}
    damaged: list[tuple[str, str]] = []
    for path in sorted(directory.glob("*.whl.json")):
        try:
            found[path.name] = _read(path)
        except NoStatement as error:  # noqa: PERF203  as many iterations as wheels
            damaged.append((path.name, str(error)))
    if not found and not damaged:
        raise UsageError(
            f"{place} has no statements of provenance",
            hint="`runner build` writes them into its report directory, below provenance/; --statements names a place.",
        )
    return KeptStatements(statements=tuple(found.values()), files=tuple(found), damaged=tuple(damaged))


def _read(path: Path) -> Statement:
    """Read a statement. Raise NoStatement, also if it cannot be read."""
    try:
        if path.stat().st_size > _LARGEST:
            raise NoStatement(f"it has more than {_LARGEST} bytes")
        return read_statement(path.read_bytes())
    except OSError as error:
        raise NoStatement(f"it cannot be read: {cause_of(error)}") from error
