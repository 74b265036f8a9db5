"""`runner matrix`: the plan as CI jobs, each with a shard of its cells, in the form that a CI system reads."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from matrix_runner.cli.sharding.shard_flags import TIMES_FLAG, read_times, units_of
from matrix_runner.cli.wiring.flags import PlanCommand
from matrix_runner.cli.wiring.opened_project import OpenedProject
from matrix_runner.cli.workspaces.opened_packages import open_packages, packages_parameters
from matrix_runner.errors import UsageError
from matrix_runner.model.platforms import Arch
from matrix_runner.shards.ci_machines import MatrixForm

if TYPE_CHECKING:
    from matrix_runner.cli.workspaces.foreseen_packages import ForeseenPackages
    from matrix_runner.config.loading.settings import Settings
    from matrix_runner.matrix import Job
    from matrix_runner.shards.shard_plan import Shard

_FORMS: Final = tuple(form.word for form in MatrixForm)


def _own_machines(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[Arch, str]:  # noqa: ARG001
    own = {}
    for value in values:
        arch, equals, machine = value.partition("=")
        if not equals or not machine.strip():
            raise click.BadParameter(f"{value!r} is not ARCH=MACHINE, such as aarch64=my-arm-machine")
        labels = [label.strip() for label in machine.split(",")]
        # A name of a job, and of a directory, is made of them.
        if not all(label.isprintable() and re.search("[A-Za-z0-9]", label) for label in labels):
            raise click.BadParameter(f"{value!r} has a label without a letter or a digit, or with a control character")
        try:
            own[Arch.parse(arch)] = ",".join(labels)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error
    return own


@click.command(cls=PlanCommand, short_help="Show the plan as CI jobs: shards of about the same length.")
@packages_parameters
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMS),
    default=MatrixForm.JSON.word,
    show_default=True,
    help="For which CI system; json for programs, and for --expect of `runner collect`.",
)
@click.option(
    "--shards", "count", type=click.IntRange(min=1), metavar="N", help="How many jobs; default: one for each cell."
)
@TIMES_FLAG
@click.option(
    "--runner",
    "own",
    multiple=True,
    callback=_own_machines,
    metavar="ARCH=MACHINE",
    help="The machine for an architecture, as a label, tag or queue: aarch64=my-arm-machine.",
)
def matrix(  # noqa: PLR0913  each is a parameter of the command
    packages: tuple[Path, ...],
    project: Path | None,
    config_file: str | None,
    *,
    form: str,
    count: int | None,
    times: tuple[Path, ...],
    own: dict[Arch, str],
    **flags: object,
) -> None:
    """Show what `runner build` would build as jobs of a CI system, with the cells of each and a machine to run it.

    Nothing is started and no engine is asked. Cells are packed by the times of earlier runs, longest first, so that
    all jobs take about as long; without times all cells count the same. Cells that one wheel serves stay together, and
    those that share a `before-all` where that is shorter. Each job names its cells (`--only`), so that the jobs
    themselves need to know no times. On GitHub the step's output `matrix` is written, too.

    \b
      runner matrix --format github --archs 'x86_64 i686 aarch64' --shards 6
      runner matrix --format gitlab --shards 4 --times wheelhouse-report > pipeline.yml
      runner matrix --format json > matrix.json; runner collect shards --expect matrix.json
    """
    from matrix_runner.cli.wiring.directories import durations_file
    from matrix_runner.cli.workspaces.foreseen_packages import foresee_packages
    from matrix_runner.config.options.selection_options import ALLOW_EMPTY
    from matrix_runner.shards.shard_plan import shards_of

    wanted = next(each for each in MatrixForm if each.word == form)
    if count is not None and count > wanted.most:
        raise UsageError(
            f"--shards {count}: {form} takes {wanted.most} jobs at most",
            hint="A job may have as many cells as it likes.",
        )
    with open_packages(packages, project, config_file, flags) as opened:
        settings, foreseen = opened.settings, foresee_packages(opened)
        plan, host = foreseen.plan, foreseen.host
        for warning in foreseen.warnings:
            click.echo(f"warning: {warning}", err=True)
        _warn_of_groups(settings, plan.jobs)
        if not settings[ALLOW_EMPTY]:
            plan.require_jobs(settings)
        # What this machine knows of several packages is in several files, and of one it is the least.
        recorded = None if opened.members else durations_file(settings.project_name or str(opened.project))
        shards = shards_of(
            units_of(foreseen.packages, read_times(times, recorded, host), wanted, own), count, wanted.most
        )
        _require_names(shards)
        _print(wanted, shards, foreseen, opened)


def _require_names(shards: "Sequence[Shard]") -> None:
    """Raise UsageError if two shards have one name, by which jobs and what they hand on are told apart."""
    from matrix_runner.shards.matrix_forms.matrix_document import shard_name

    machines = {shard_name(shard): shard.machine for shard in shards}
    for shard in shards:
        other = machines[shard_name(shard)]
        if other != shard.machine:
            raise UsageError(
                f"--runner: {shard.machine!r} and {other!r} are alike as names of files",
                hint="Give them names that differ in a letter or a digit.",
            )


def _warn_of_groups(settings: "Settings", jobs: "Sequence[Job]") -> None:
    """Say so if the architectures are those of this machine, which need not be the one that collects, or builds."""
    from matrix_runner.config.kinds.values import ArchGroup
    from matrix_runner.config.options.selection_options import ARCHS

    if any(isinstance(choice, ArchGroup) and choice is not ArchGroup.ALL for choice in settings[ARCHS]):
        here = " ".join(dict.fromkeys(job.cell.platform.arch.tag for job in jobs))
        text = (
            f"archs = {ARCHS.kind.write(settings[ARCHS])} means {here} on this machine, and may mean others elsewhere"
        )
        click.echo(f"note: {text}; --archs names those for all machines", err=True)


def _print(form: MatrixForm, shards: "Sequence[Shard]", foreseen: "ForeseenPackages", opened: OpenedProject) -> None:
    from matrix_runner.shards.matrix_forms import pipelines

    project = pipelines.PipelineProject(words=opened.again)
    match form:
        case MatrixForm.JSON:
            from matrix_runner.shards.matrix_forms.matrix_document import (
                expected_project,
                expected_version,
                matrix_document,
            )

            packages = foreseen.expected
            document = matrix_document(
                foreseen.plan.jobs,
                shards,
                project="" if packages else expected_project(opened.settings),
                project_version="" if packages else expected_version(opened.settings, opened.build_files),
                has_sdist=foreseen.has_sdist,
                packages=packages,
            )
            click.echo(document, nl=False)
        case MatrixForm.GITHUB:
            from matrix_runner.report.ci.github_outputs import write_github_outputs
            from matrix_runner.shards.matrix_forms.github_matrix import github_matrix

            line = github_matrix(shards)
            problem = write_github_outputs({"matrix": line}, os.environ)
            if problem is not None:
                click.echo(f"warning: {problem}", err=True)
            click.echo(line)
        case MatrixForm.GITLAB:
            for emulators in sorted({each.emulators for each in shards if each.emulators}):
                words = ", ".join(emulators)
                click.echo(f"warning: the machines need emulators, which no job sets up: {words}", err=True)
            click.echo(pipelines.gitlab_pipeline(shards, project), nl=False)
        case MatrixForm.TRAVIS:
            click.echo(pipelines.travis_jobs(shards, project), nl=False)
        case MatrixForm.BUILDKITE:
            click.echo(pipelines.buildkite_pipeline(shards, project), nl=False)
