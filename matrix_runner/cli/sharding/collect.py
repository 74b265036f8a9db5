"""`runner collect`: what all CI jobs made, in one directory, if it is exactly what the plan expects; else nothing."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import click
import msgspec

from matrix_runner.cli.wiring.flags import CollectCommand
from matrix_runner.cli.wiring.given_flags import given_flags
from matrix_runner.cli.wiring.opened_project import project_options
from matrix_runner.errors import ExitCode, UsageError, WheelRejected

if TYPE_CHECKING:
    from matrix_runner.collect.delivery import Places
    from matrix_runner.collect.expectation import Expectation
    from matrix_runner.collect.merging import Collected
    from matrix_runner.report.phrases import LeftOut

_LARGEST: Final = 16 * 1024**2
"""Bytes of a document of `runner matrix`; those of all cells there are have some fifty thousand."""


class _Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What a command line expects, and where it wants it. `left_out`: of the plan, if there is one."""

    expectation: "Expectation"
    places: "Places"
    left_out: "LeftOut" = ()


@click.command(cls=CollectCommand, short_help="Merge what all CI jobs made, if nothing is missing and all is right.")
@click.argument("directories", nargs=-1, required=True, metavar="DIR...", type=click.Path(path_type=Path))
@click.option(
    "--package",
    "packages",
    type=click.Path(path_type=Path),
    multiple=True,
    help="The package whose plan is expected, or the top of a workspace; may be repeated.",
)
@project_options
@click.option(
    "--expect",
    "document",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="What `runner matrix --format json` has printed, in place of a package: for jobs without a checkout.",
)
@click.option(
    "--also",
    multiple=True,
    metavar="WORDS",
    help="What was made elsewhere: sdist, any (py3-none-any), or cells such as 'cp31{2,3}-win_amd64'; of a workspace"
    " PACKAGE:sdist, ...",
)
@click.option(
    "--check/--no-check",
    default=True,
    show_default=True,
    help="Refuse if anything is missing, or is there besides; else only warn of that.",
)
@click.option("--without-reports", is_flag=True, help="Take wheels by their tags, where no report vouches for them.")
def collect(  # noqa: PLR0913  each is a parameter of the command
    directories: tuple[Path, ...],
    packages: tuple[Path, ...],
    project: Path | None,
    config_file: str | None,
    *,
    document: Path | None,
    also: tuple[str, ...],
    check: bool,
    without_reports: bool,
    **flags: object,
) -> ExitCode:
    """Merge the wheels and reports of all CI jobs into one directory, if they are just what is expected.

    Each DIR holds what jobs have left, however deep: wheelhouses, and the report directories beside them. No cell may
    be missing and none twice; all are of one version and one source; every file is the one that SHA256SUMS, report.json
    and its statement of provenance are of; an index would take it; and on no Python would an installer prefer another
    wheel of the set to the one that was tested there. Else nothing is written, each thing that is wrong is a line, and
    the exit code is 5.

    \b
      runner collect artifacts --check
      runner collect artifacts --check --also sdist --also 'cp31{2,3}-{win_amd64,macosx_arm64}'
      runner collect artifacts --check --expect matrix.json --output-dir dist
    """
    from matrix_runner.cli.wiring.directories import scratch_dir
    from matrix_runner.collect.merging import Terms, collect_files

    if document is not None:
        besides = (*("--package" for _ in packages), *(["--project"] if project else []))
        expected = _by_document(document, also, flags, (*besides, *(["--config-file"] if config_file else [])))
    else:
        expected = _by_plan(packages, project, config_file, also, flags)
    expected.places.require_room(directories)
    scratch_dir().mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="collect-", dir=scratch_dir()) as scratch:
        terms = Terms(is_whole=check, needs_reports=not without_reports)
        collected = collect_files(directories, expected.expectation, terms, Path(scratch))
        for text in collected.warnings:
            _say("warning", text)
        if collected.refusals:
            return _refuse(collected)
        collected.deliver(uuid4().hex[:12], expected.places, expected.left_out)
    click.echo(f"{collected.summary}, in {expected.places.output}; their report is in {expected.places.shown}")
    return ExitCode.OK


def _by_plan(
    packages: tuple[Path, ...],
    project: Path | None,
    config_file: str | None,
    also: tuple[str, ...],
    flags: dict[str, object],
) -> _Expected:
    from matrix_runner.cli.workspaces.foreseen_packages import foresee_packages
    from matrix_runner.cli.workspaces.opened_packages import open_packages
    from matrix_runner.collect.delivery import Places
    from matrix_runner.collect.expectation import expectation
    from matrix_runner.config.options.output_options import OUTPUT_DIR
    from matrix_runner.shards.matrix_forms.matrix_document import expected_cells, expected_project, expected_version

    with open_packages(packages, project, config_file, flags) as opened:
        foreseen = foresee_packages(opened)
        plan = foreseen.plan
        plan.require_jobs(opened.settings)
        inputs = opened.inputs(plan)
        return _Expected(
            expectation=expectation(
                expected_cells(plan.jobs),
                also,
                has_sdist=foreseen.has_sdist,
                project="" if opened.members else expected_project(opened.settings),
                version="" if opened.members else expected_version(opened.settings, opened.build_files),
                packages=foreseen.expected,
                # Of a package that was named alone, and not of those that it needs.
                also_of=next(iter(opened.named_packages)) if len(opened.named_packages) == 1 else "",
            ),
            places=Places(
                output=Path(opened.settings[OUTPUT_DIR]).absolute(), report=inputs.report_dir, shown=opened.report_dir
            ),
            left_out=tuple((left.cell, left.reason) for left in plan.left_out),
        )


def _by_document(
    document: Path, also: tuple[str, ...], flags: dict[str, object], besides: tuple[str, ...]
) -> _Expected:
    """Return what a document expects. `besides`: other flags that say so, which makes two of them."""
    from matrix_runner.collect.delivery import Places
    from matrix_runner.collect.expectation import expectation
    from matrix_runner.config.loading.loading import load_outside
    from matrix_runner.config.options import FLAGS
    from matrix_runner.config.options.output_options import OUTPUT_DIR, REPORT_DIR
    from matrix_runner.shards.matrix_forms.matrix_document import read_document
    from matrix_runner.wheelhouse.report_directory import report_directory_for

    given = given_flags(flags)
    places = {OUTPUT_DIR.name, REPORT_DIR.name}
    besides += tuple(flag for flag, option in FLAGS.items() if option.name in given and option.name not in places)
    if besides:
        raise UsageError(
            f"--expect says which cells are expected, and so does {besides[0]}", hint="Leave one of them out."
        )
    if document.stat().st_size > _LARGEST:
        raise UsageError(f"{document} has more than {_LARGEST} bytes: it is no document of `runner matrix`")
    read = read_document(document.read_bytes(), str(document))
    settings = load_outside(environ=os.environ, flags=given)
    output, named = Path(settings[OUTPUT_DIR]), settings[REPORT_DIR]
    beside = report_directory_for(output.absolute(), Path.cwd())
    shown = Path(named) if named else output.parent / os.path.relpath(beside, output.absolute().parent)
    return _Expected(
        expectation=expectation(
            read.cells,
            also,
            has_sdist=read.sdist,
            project=read.project,
            version=read.project_version,
            packages=read.expected_packages,
        ),
        places=Places(output=output.absolute(), report=shown.absolute(), shown=shown),
    )


def _refuse(collected: "Collected") -> ExitCode:
    """Say what is wrong, each in a line, and on the page of a CI system, too."""
    from matrix_runner.cli.wiring.planned_build import standard_streams
    from matrix_runner.config.kinds.values import LogFolds
    from matrix_runner.report.summary.stopped_run import tell_ci

    for text in collected.refusals:
        _say("error", text)
    click.echo(f"nothing was written: {len(collected.refusals)} wrong with {collected.summary}", err=True)
    error = WheelRejected("\n".join(collected.refusals), hint="`runner collect` has written nothing.")
    tell_ci(error, os.environ, LogFolds.AUTO, standard_streams().errors)
    return error.exit_code


def _say(kind: str, text: str) -> None:
    from matrix_runner.report.sanitize import clean_line

    click.echo(f"{kind}: {clean_line(text)}", err=True)
