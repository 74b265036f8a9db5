"""The statement of provenance of a published wheel: asks the container what only it knows, and writes the file."""

from datetime import datetime

import msgspec

from matrix_runner.cell.finishing.statement_file import put_statement
from matrix_runner.cell.run_context import Materials, RunContext
from matrix_runner.engine.answer import Answer
from matrix_runner.engine.api import Container
from matrix_runner.model.outcomes import WheelRecord
from matrix_runner.probe.image_probe import ProbedImage
from matrix_runner.provenance.cell_statement import CellBuild, state
from matrix_runner.provenance.statement import write_statement
from matrix_runner.recipe.cell_recipe import CellRecipe
from matrix_runner.recipe.frontends.installed_requirements import Requirements


class StatedWheel(msgspec.Struct, frozen=True, kw_only=True):
    """Where a statement's facts come from. `requirements`: of the build, noted before its container does more.

    `is_prepared`: whether another cell has run `before-all` for this one.
    """

    context: RunContext
    materials: Materials
    recipe: CellRecipe
    image: ProbedImage
    started: datetime
    requirements: Requirements
    is_prepared: bool

    def write(self, wheel: WheelRecord) -> WheelRecord:
        """Write the statement of a published wheel; return its record with the place. Warn if that is impossible."""
        return put_statement(lambda: self.document(wheel), wheel, self.recipe.job.cell, self.context)

    def document(self, wheel: WheelRecord) -> bytes:
        """Return the statement of a wheel."""
        context, inputs = self.context, self.context.request.inputs
        build = CellBuild(
            run=context.request.run,
            inputs=inputs,
            engine=context.request.engine_info,
            source=self.materials.source,
            sdist=self.materials.sdist,
            image=self.image,
            recipe=self.recipe,
            requirements=self.requirements,
            is_prepared=self.is_prepared,
            started=self.started,
            redactor=context.redactor,
        )
        return write_statement(state(build, wheel))


def noted_requirements(recipe: CellRecipe, container: Container) -> Requirements:
    """Return what the build's environment had, as far as its frontend has noted it."""
    note = recipe.requirements
    if note.unknown:
        return Requirements(unknown=note.unknown)
    answer = Answer()
    container.exec(recipe.asking(note.ask), answer.hear)
    return note.read(answer.text)
