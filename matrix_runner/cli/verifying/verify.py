"""`runner verify`: whether wheels are what is said of them: by a second build, or by their statements of provenance."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from matrix_runner.cli.verifying.rebuilt_wheels import Project, rebuild
from matrix_runner.cli.wiring.flags import PlanCommand
from matrix_runner.cli.wiring.opened_project import project_options
from matrix_runner.errors import ExitCode, UsageError, WheelRejected

if TYPE_CHECKING:
    from matrix_runner.provenance.kept_statements import KeptStatements
    from matrix_runner.wheelhouse.inspection import WheelContents

_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@click.command(cls=PlanCommand, short_help="Hold wheels against what is said of them, or against a second build.")
@click.argument("places", nargs=-1, metavar="[PACKAGE] [WHEEL]...", type=click.Path(path_type=Path))
@project_options
@click.option(
    "--provenance", is_flag=True, help="Build nothing: hold each wheel against the statement of its provenance."
)
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
def verify(  # noqa: PLR0913  each is a parameter of the command
    places: tuple[Path, ...],
    project: Path | None,
    config_file: str | None,
    *,
    provenance: bool,
    place: Path | None,
    commit: str | None,
    **flags: object,
) -> ExitCode:
    """Build wheels once more and compare, byte by byte; or hold them against what is said of them.

    Without --provenance the cells of the wheels are built anew, as `runner build` would with the same flags, in
    containers of their own and with nothing of earlier runs; a wheel that differs is explained: which member, section
    or path. Without a WHEEL it is about all in the output directory. The project is PACKAGE, or what is here.

    With --provenance nothing is built: that a statement of the run that built a wheel is of this very file, by its
    sha256; that it names the cell, and that tags, name and version agree with it; with --commit also the source.
    Statements are unsigned: what is verified is that wheels and statements belong together, not who made them.

    The exit code is 5 if a wheel is not the same, is not what its statement says, or has none; 2 if one could not be
    read.

    \b
      runner verify --image debian                  all in wheelhouse/, built once more
      runner verify dist/demo-1.0-cp311-*.whl       some, of the project here
      runner verify --provenance wheelhouse/*.whl
      runner verify --provenance --commit HEAD wheelhouse/*.whl
    """
    packages = [each for each in places if each.suffix != ".whl"]
    wheels = tuple(each for each in places if each.suffix == ".whl")
    if len(packages) > 1:
        raise UsageError(f"{packages[1]} is no wheel, and there is a package already: {packages[0]}")
    if not provenance:
        if place is not None or commit is not None:
            raise UsageError("--statements and --commit are about statements", hint="Add --provenance.")
        if flags["build"] or flags["skip"]:
            raise UsageError("--only and --skip choose cells; here wheels choose them", hint="Name the wheels.")
        package = packages[0] if packages else Path()
        return _by_rebuilding(Project(package=package, project=project, config_file=config_file, flags=flags), wheels)
    if not wheels or packages:
        raise UsageError("--provenance is about wheels", hint="Name them, such as wheelhouse/*.whl.")
    refused: list[WheelRejected] = []
    found = list(_read(wheels, refused))
    is_right = _by_provenance(found, place, commit)
    for error in refused:
        _complain(error.message, error.hint)
    if not is_right:
        return ExitCode.WHEEL_REJECTED
    return ExitCode.USAGE if refused else ExitCode.OK


def _by_rebuilding(project: Project, wheels: tuple[Path, ...]) -> ExitCode:
    """Build the cells of wheels once more, say of each whether it is the same, and return the exit code."""
    from matrix_runner.report.sanitize import clean_line

    found = rebuild(project, wheels)
    click.echo("")
    for wheel in found.wheels:
        word = "missing" if wheel.is_missing else "differs" if wheel.difference else "same"
        click.echo(clean_line(f"{word:<8} {wheel.name}" + (f": {wheel.difference}" if wheel.difference else "")))
    same = sum(not wheel.difference for wheel in found.wheels)
    click.echo(f"{same} of {len(found.wheels)} wheels are the same, byte for byte")
    if any(wheel.difference and not wheel.is_missing for wheel in found.wheels):
        return ExitCode.WHEEL_REJECTED
    if found.report.exit_code is not ExitCode.OK:
        return found.report.exit_code
    return ExitCode.OK if same == len(found.wheels) else ExitCode.WHEEL_REJECTED


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
