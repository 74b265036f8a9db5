"""A person's visit to the container of a failed cell as its run has kept it: `runner shell`, after `runner build`."""

import time
from pathlib import Path

import msgspec
from msgspec.structs import replace

from matrix_runner.cli.wiring.terminal_visit import HISTORY_LINE, enter
from matrix_runner.config.options.cache_options import NO_CACHE
from matrix_runner.container.container_spec import container_spec
from matrix_runner.container.debug_container import find_kept
from matrix_runner.container.kept_cell import KeptCell
from matrix_runner.container.project_volumes import ProjectVolumes
from matrix_runner.engine.answer import Answer
from matrix_runner.engine.api import Container, ContainerSpec, Engine, ExecRequest, PersistentItem, ResolvedImage
from matrix_runner.errors import EngineError
from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Report
from matrix_runner.recipe.commands import passed_variables
from matrix_runner.recipe.layout import Layout
from matrix_runner.recipe.step import Step
from matrix_runner.report.phrases import ago
from matrix_runner.report.sanitize import clean_line, last_line
from matrix_runner.report.summary.report_json import earlier_report
from matrix_runner.report.summary.report_writers import REPORT
from matrix_runner.request import BuildRequest

Found = tuple[PersistentItem, KeptCell]


class Visited(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the visit. `was_in`: whether the person was in the container; `text`: what to say then, or ""."""

    was_in: bool
    text: str = ""


def visit_kept(request: BuildRequest, job: Job, report_dir: Path) -> Visited:
    """Have the person in the cell's kept container, if there is one and it is of the last run there. Raise EngineError.

    `report_dir`: of the last run.
    """
    found, last = find_kept(request.engine, job.cell, request.inputs.identity), _last_report(report_dir)
    reason = _why_not(found, last, job.cell)
    if found is None or reason:
        return Visited(was_in=False, text=reason)
    item, note = found
    image = request.engine.find_persistent_image(item.name)
    if image is None:
        return Visited(was_in=False, text="the kept container has just been removed: the cell is built anew")
    with request.engine.open(_specification(request, job, image)) as container:
        if container.root != note.root:
            text = f"another run has the directory {note.root}, in which the cell was: it is built anew"
            return Visited(was_in=False, text=text)
        _visit(container, request, job, note, _message(last, note))
    text = (
        f"the kept container is as it was; `runner shell {job.cell} --discard` removes it, `--new` builds the cell anew"
    )
    return Visited(was_in=True, text=text)


def discard_kept(engine: Engine, cell: Cell, project: str) -> str:
    """Remove the kept container of a project's cell; return what to say. Raise EngineError, as for one in use."""
    found = find_kept(engine, cell, project)
    if found is None:
        return f"no container of {cell} is kept here"
    item, note = found
    engine.remove_persistent(item)
    return f"removed the container of {cell} that run {note.run} kept: {item.name}"


def _last_report(directory: Path) -> Report | None:
    try:
        return earlier_report((directory / REPORT).read_bytes())
    except OSError:
        return None


def _why_not(found: Found | None, last: Report | None, cell: Cell) -> str:
    """Return why the kept container is not the one to go into; "" if it is, or if none was to be expected."""
    outcomes = () if last is None else last.outcomes
    outcome = next((each for each in outcomes if each.cell == cell), None)
    if found is None:
        if outcome is None or last is None or outcome.kept is None:
            return ""
        return f"the container that run {clean_line(last.run)} kept is gone: the cell is built anew"
    note = found[1]
    if outcome is None or last is None or last.run == note.run:
        return ""
    return (
        f"the kept container is of run {note.run}, and run {clean_line(last.run)} was at this cell since: it is built"
        f" anew; `runner shell {cell} --discard` removes the container"
    )


def _message(last: Report | None, note: KeptCell) -> str:
    """Return what the report of the run says of the failure, after a colon; "" if it is not there any more."""
    if last is None or last.run != note.run:
        return ""
    failures = (each.failure for each in last.outcomes if str(each.cell) == note.cell)
    return next((f": {clean_line(failure.message)}" for failure in failures if failure is not None), "")


def _specification(request: BuildRequest, job: Job, kept: ResolvedImage) -> ContainerSpec:
    """Return the container as the cell's own was, made of the kept image, with the project's volumes."""
    inputs, engine = request.inputs, request.engine
    volumes = ProjectVolumes(
        project=inputs.origin or inputs.project,
        owner=engine.owner,
        run=request.run,
        is_persistent=not job.settings[NO_CACHE],
    )
    # The volumes of a cell go by the image that it began with.
    base = engine.find("" if job.image is None else job.image.reference)
    spec = container_spec(job, base or kept, volumes, kept.id)
    return spec if base is not None else replace(spec, volumes=())


def _visit(container: Container, request: BuildRequest, job: Job, note: KeptCell, message: str) -> None:
    passed, redactor = passed_variables(job.settings, request.inputs.environ), request.redactor()
    for step in note.evaluations(job.settings, passed, redactor):
        answer = Answer()
        if not container.exec(_of_run(step, note.run, request.run).request, answer.hear).is_success:
            cause = redactor.text(last_line(answer.data))
            raise EngineError(
                f"the variables of the cell cannot be set in its kept container: {cause}",
                hint=f"`runner shell {job.cell} --new` builds the cell anew.",
            )
    if note.last is None:
        nowhere = ExecRequest(argv=(), cwd=Layout(root=note.root).link)
        step = Step(kind=note.step, request=nowhere, shown="")
    else:
        step = _of_run(note.last.step(passed), note.run, request.run)
    state = f"{job.cell}, as run {note.run} has kept it {ago(note.at, time.time())} ago, after {note.step} had failed"
    leaving = HISTORY_LINE if step.shown and step.kind is note.step else _other_history(step)
    enter(container, job.cell, step, (f"{state}{message}", leaving))


def _other_history(step: Step) -> str:
    """Return the line on the history where what failed was no command in the container."""
    return f"The last command, of {step.kind}, is in the shell's history: arrow-up. Leave with `exit`."


def _of_run(step: Step, old: str, new: str) -> Step:
    """Return a step with another run's id in its paths: on the machine itself, some tools are in a directory of it."""
    env = tuple((name, value.replace(f"/{old}/", f"/{new}/")) for name, value in step.request.env)
    return replace(step, request=replace(step.request, env=env))
