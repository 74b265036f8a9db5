"""`runner verify`: whether wheels are what is said of them; by the statements of provenance of their run."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from matrix_runner.errors import ExitCode, UsageError, WheelRejected

if TYPE_CHECKING:
    from matrix_runner.provenance.kept_statements import KeptStatements
    from matrix_runner.wheelhouse.inspection import WheelContents

_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@click.command(short_help="Hold wheels against the statements of what they were built from.")
@click.argument("wheels", nargs=-1, required=True, metavar="WHEEL...", type=click.Path(path_type=Path))
@click.option("--provenance", is_flag=True, help="Hold each wheel against the statement of its provenance.")
@click.option(
    "--statements",
    "place",
    type=click.Path(path_type=Path, exists=True),
    metavar="PLACE",
    help="A report directory, or a single statement; default: as the project here says, else wheelhouse-report.",
)
@click.option(
    "--commit",
    metavar="REVISION",
    help="Also demand that they were built from this commit: a hash, or a revision of the checkout here, such as HEAD.",
)
def verify(wheels: tuple[Path, ...], *, provenance: bool, place: Path | None, commit: str | None) -> ExitCode:
    """Hold wheels against what is said of them.

    With --provenance: that a statement of the run that built a wheel is of this very file, by its sha256; that it
    names the cell, and that tags, name and version agree with it; with --commit also the source. Statements are
    unsigned: what is verified is that wheels and statements belong together, not who made them.

    The exit code is 5 if a wheel is not what its statement says, or has none; 2 if one could not be read.

    \b
      runner verify --provenance wheelhouse/*.whl
      runner verify --provenance --commit HEAD wheelhouse/*.whl
      runner verify --provenance --statements downloaded/wheelhouse-report dist/*.whl
    """
    if not provenance:
        raise UsageError("nothing says by what the wheels are to be verified", hint="Name it: --provenance.")
    refused: list[WheelRejected] = []
    found = list(_read(wheels, refused))
    # Another way of verifying is another function from wheels to findings, and another flag.
    is_right = _by_provenance(found, place, commit)
    for error in refused:
        _complain(error.message, error.hint)
    if not is_right:
        return ExitCode.WHEEL_REJECTED
    return ExitCode.USAGE if refused else ExitCode.OK


def _by_provenance(wheels: "list[WheelContents]", place: Path | None, commit: str | None) -> bool:
    """Hold wheels against their statements, say how each is, and return whether all are right."""
    from matrix_runner.provenance.kept_statements import read_statements
    from matrix_runner.provenance.statement_check import check_wheel, summary
    from matrix_runner.report.sanitize import clean_line

    statements = read_statements(_default_place() if place is None else place)
    wanted = None if commit is None else _resolved(commit)
    checked = [check_wheel(wheel, statements.statements, wanted) for wheel in wheels]
    for one in checked:
        if not one.findings and one.statement is not None:
            click.echo(clean_line(f"{one.name}: {summary(one.statement)}"))
        for finding in one.findings:
            _complain(clean_line(f"{one.name}: {_with_damage(one.name, finding, statements)}"), None)
    return not any(one.findings for one in checked)


def _with_damage(wheel: str, finding: str, statements: "KeptStatements") -> str:
    damage = statements.damage(wheel)
    return finding if damage is None else f"its statement cannot be read: {damage}"


def _default_place() -> Path:
    from matrix_runner.cli.wiring.report_place import report_dir_of

    return report_dir_of(None)


def _resolved(commit: str) -> str:
    """Return the hash of a revision. Raise UsageError if it is none of the checkout here."""
    if _COMMIT.fullmatch(commit):
        return commit
    from matrix_runner.project.git import Git

    asked = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}")
    answer = Git(Path.cwd(), os.environ).ask(*asked).decode("ascii", "replace").strip()
    if not answer:
        raise UsageError(
            f"--commit: {commit!r} is no revision of a checkout here", hint="Name the whole hash of a commit."
        )
    return answer


def _read(wheels: tuple[Path, ...], refused: list[WheelRejected]) -> "Iterator[WheelContents]":
    """Read wheels; append the errors of unreadable ones to `refused`."""
    from matrix_runner.wheelhouse.inspection import inspect

    for wheel in wheels:
        try:
            yield inspect(wheel)
        except WheelRejected as error:  # noqa: PERF203  as many iterations as wheels
            refused.append(error)


def _complain(message: str, hint: str | None) -> None:
    click.echo(f"error: {message}", err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)
