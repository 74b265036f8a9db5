"""The ladder of a cell: its wheel is tested on one rung after the other, and each tells what became of it."""

import time
from pathlib import Path

from msgspec.structs import replace

from matrix_runner.cell.explanations.rung_failure import advice_on_rung
from matrix_runner.cell.ladder.brought_archives import BroughtArchives, NotBrought
from matrix_runner.cell.ladder.fitness import is_older, libc_text, own_python, why_not_for
from matrix_runner.cell.ladder.rung_work import NotStarting, RungSetUp, RungWork
from matrix_runner.cell.opening.kept_container import keep_after
from matrix_runner.cell.opening.open_cell import OpenCell
from matrix_runner.cell.run_context import Materials, RunContext
from matrix_runner.cell.steps import CellFailed, StepRunner
from matrix_runner.errors import MachineError, WrongImage
from matrix_runner.matrix.rungs import Rung
from matrix_runner.model.outcomes import Failure, Reason
from matrix_runner.model.rung_outcomes import RungOutcome, RungStatus
from matrix_runner.probe.image_probe import ProbedImage
from matrix_runner.recipe.image_facts import InterpreterFacts
from matrix_runner.schedule import Slot


class Ladder:
    """The rungs of one cell."""

    def __init__(
        self, opened: OpenCell, context: RunContext, materials: Materials, steps: StepRunner, archives: BroughtArchives
    ) -> None:
        """`opened`: the cell, where its wheel was built. `archives`: what can be brought from there."""
        interpreter = opened.image.facts.interpreter(opened.job.directories)
        assert interpreter is not None  # noqa: S101  `with_interpreter` ensures it
        if archives.serves_uv:
            modules = interpreter.modules - {"build", "pip", "virtualenv"}
            interpreter = replace(interpreter, modules=modules, pip="")
        self._opened = opened
        self._interpreter = interpreter
        self._job = opened.job
        self._context = context
        self._materials = materials
        self._steps = steps
        self._archives = archives

    def climb(self, wheel: Path, slot: Slot) -> None:
        """Test the wheel on every rung, whether it passed on the others or not.

        Raise CellFailed if it has failed on one; RetryCell, MachineError at once.
        """
        steps, failed = self._steps, []
        steps.rungs, version = (), steps.python_version
        try:
            for rung in self._job.rungs:
                outcome, failure = self._tried(rung, wheel, slot)
                steps.rungs = (*steps.rungs, outcome)
                failed += [] if failure is None else [failure]
        finally:
            steps.python_version = version
            self._archives.remove()
        if failed:
            others = [rung.name for rung in steps.rungs if rung.status is RungStatus.FAILED][1:]
            message = failed[0].message + (f"; it failed on {', '.join(others)} too" if others else "")
            raise CellFailed(replace(failed[0], message=message))

    def _tried(self, rung: Rung, wheel: Path, slot: Slot) -> tuple[RungOutcome, Failure | None]:
        """Test on one rung; return what became of it, with the failure if there is one."""
        image = self._materials.images.of_rung(self._job, rung)
        if isinstance(image, WrongImage):
            reason = f"the image is not for {self._job.cell.platform.arch}"
            return RungOutcome(name=rung.name, status=RungStatus.NOT_APPLICABLE, reason=reason), None
        if isinstance(image, MachineError):
            raise image
        own = self._own_python(wheel, image)
        version = self._interpreter.version if own is None else own.version
        outcome = RungOutcome(
            name=rung.name,
            status=RungStatus.PASSED,
            system=image.facts.system,
            libc=libc_text(image.facts),
            python=f"{version}, {'of the cell' if own is None else 'of the distribution'}",
            image_id=image.image.id,
        )
        why_not = why_not_for(wheel.name, self._job.cell, image.facts)
        system = ", ".join(filter(None, (outcome.system, outcome.libc)))
        told = f"not applicable: {why_not}" if why_not is not None else f"tested by Python {outcome.python}"
        self._steps.print(f"\n--- {rung.name} ({system}): {told}\n")
        failure: Failure | None = None
        began = time.monotonic()
        if why_not is None:
            try:
                with self._steps.on_rung(rung.name):
                    self._test(rung, image, own, wheel, slot)
            except NotBrought as error:
                why_not = error.reason
                self._steps.print(f"\n--- {rung.name}: not applicable: {why_not}\n")
            except CellFailed as error:
                failure = self._told(error.failure, outcome)
        seconds = time.monotonic() - began
        outcome = replace(outcome, seconds=seconds)
        if failure is not None:
            return replace(outcome, status=RungStatus.FAILED, reason=failure.message), failure
        if why_not is not None:
            return replace(outcome, status=RungStatus.NOT_APPLICABLE, python="", reason=why_not), None
        return outcome, None

    def _own_python(self, wheel: Path, image: ProbedImage) -> InterpreterFacts | None:
        """Return the rung's own interpreter that tests; None if the cell's does."""
        # What a lock names is for the cell's Python alone.
        is_locked = self._context.request.inputs.cell_lock(self._job) is not None
        return own_python(wheel.name, self._job.cell, image.facts, is_exact=is_locked, with_uv=self._archives.serves_uv)

    def _test(self, rung: Rung, image: ProbedImage, own: InterpreterFacts | None, wheel: Path, slot: Slot) -> None:
        """Open a container of the rung, and test in it. Raise as `climb`; NotBrought if no Python can test there."""
        set_up = RungSetUp(
            job=self._job,
            rung=rung,
            image=image,
            context=self._context,
            steps=self._steps,
            building=self._opened.image.facts,
            interpreter=self._interpreter,
            own=own,
            archives=self._archives,
        )
        around = self._steps.look_around
        try:
            with set_up.opened() as opened:
                work = RungWork(opened, self._context, self._materials, self._steps)
                try:
                    work.test(wheel, slot)
                except CellFailed as failed:
                    keep_after(failed, work.container, self._job, self._context, self._steps)
                    raise
        except NotStarting as error:
            reason = f"the cell's interpreter does not start there: {error.reason}"
            if is_older(image.facts, self._opened.image.facts):
                raise NotBrought(reason) from error
            hint = "take an image for it that has this Python itself"
            raise self._steps.failed(Reason.MISSING_TOOL, reason, hint=hint) from error
        finally:
            self._steps.look_around = around

    def _told(self, failure: Failure, outcome: RungOutcome) -> Failure:
        """Return a failure with the rung's name, and advice for what is lacking there."""
        where = ", ".join(filter(None, (outcome.system, outcome.libc)))
        told = advice_on_rung(failure)
        place = f"on {outcome.name} ({where})" if where else f"on {outcome.name}"
        return replace(told, message=f"{place}: {told.message}")
