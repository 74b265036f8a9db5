"""`runner init`: looks at a project and writes a configuration that works, and files for CI systems."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from matrix_runner.cli.wiring.file_changes import show_change, write_if_agreed
from matrix_runner.proposal.ci_files import CIService
from matrix_runner.report.text_wrapping import wrapped

if TYPE_CHECKING:
    from matrix_runner.cli.wiring.proposed_project import ProposedProject
    from matrix_runner.survey.project_survey import ProjectSurvey


@click.command(short_help="Look at a project, and write its [tool.matrix-runner] and CI files.")
@click.argument("package", default=".", type=click.Path(path_type=Path))
@click.option(
    "--ci",
    "services",
    type=click.Choice([each.option for each in CIService]),
    multiple=True,
    help="A CI system to write a file for; may be given several times.",
)
@click.option("-y", "--yes", is_flag=True, help="Write without asking.")
@click.option("--check", is_flag=True, help="Only show what would be written.")
@click.option("--offline", is_flag=True, help="Do not ask the package index which requirements have wheels.")
def init(package: Path, services: tuple[str, ...], *, yes: bool, check: bool, offline: bool) -> None:
    """Look at a project, and write a [tool.matrix-runner] table with which the first `runner build` passes.

    Build files, sources and tests are read, and none of them is run. It says what it saw and what follows, shows the
    differences, and asks before it writes. A project with [tool.cibuildwheel] gets the table that means the same; one
    with [tool.matrix-runner] keeps it, and gets the files of --ci.

    \b
      runner init                              show, ask, write
      runner init --ci github --ci gitlab      a workflow and a .gitlab-ci.yml too
      runner init --check                      only show
    """
    from matrix_runner.cli.wiring.proposed_project import propose_for

    proposed = propose_for(package, services, offline=offline)
    for line in _seen(proposed):
        for each in wrapped(line, 120, "", "  "):
            click.echo(each, err=True)
    for change in proposed.changes:
        show_change(change)
    if check or not proposed.changes:
        return
    then = "`runner plan` shows what is built, `runner build` builds it"
    write_if_agreed(proposed.changes, yes=yes, command="runner init", then=then)


def _seen(proposed: "ProposedProject") -> Iterator[str]:
    """Yield what was seen and what follows from it, a line each; what nothing tells last."""
    survey, proposal = proposed.survey, proposed.proposal
    yield from _about(survey)
    if proposed.keeps_table:
        pass  # As a note says.
    elif proposal is None:
        yield "[tool.cibuildwheel]: the new table means the same; the old one stays for other systems"
    else:
        if proposal.build_system:
            yield f"setup.py imports {', '.join(survey.undeclared)}: a [build-system] has to require it"
        for setting in proposal.settings:
            if setting.reason:
                yield f"{setting.name}: {setting.reason}"
        if not proposal.settings:
            yield "the defaults are right: no table is needed"
        for question in proposal.open_questions:
            yield f"open: {question}"
    for note in proposed.notes:
        yield f"note: {note}"


def _about(survey: "ProjectSurvey") -> Iterator[str]:
    code, metadata = survey.code, survey.metadata
    languages = ", ".join(each.title for each in code.languages)
    name = metadata.name or "the project"
    yield f"{name}: {code.evidence or 'compiled code'}" + (f" ({languages})" if languages else "")
    if metadata.requires_python:
        yield f"requires-python: {metadata.requires_python}, which the plan keeps to"
    if code.stable_abi:
        yield f"stable ABI: {code.stable_abi} hints at it; one wheel then serves later Pythons, and is tested on each"
