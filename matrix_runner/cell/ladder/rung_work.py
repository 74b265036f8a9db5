"""The test of a cell's wheel in the clean container of one rung: its Python, the project's files, the test's steps."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from matrix_runner.archives import archive_of
from matrix_runner.before_all.registry import BeforeAllPart
from matrix_runner.cell.container_work import ContainerWork, lost_on_error
from matrix_runner.cell.ladder.brought_archives import BroughtArchives
from matrix_runner.cell.opening.open_cell import OpenCell
from matrix_runner.cell.run_context import RunContext
from matrix_runner.cell.steps import StepRunner
from matrix_runner.container.container_spec import closed_rung_spec, rung_spec
from matrix_runner.engine.answer import Answer
from matrix_runner.engine.api import SHORT_COMMAND_SECONDS, Container, ExecRequest
from matrix_runner.matrix import Job
from matrix_runner.matrix.rungs import Rung
from matrix_runner.model.outcomes import StepKind
from matrix_runner.probe.image_probe import ProbedImage
from matrix_runner.recipe.after_build.bringing import archive_of_python, archive_of_uv, link_python, unpack
from matrix_runner.recipe.image_facts import ImageFacts, InterpreterFacts
from matrix_runner.recipe.layout import Layout
from matrix_runner.schedule import Slot

if TYPE_CHECKING:
    # Only a run in which something fails needs it.
    from matrix_runner.cell.causes.command_cause import Surroundings


class NotStarting(Exception):
    """The cell's interpreter does not start in a clean container. `reason`: its own words."""

    def __init__(self, reason: str) -> None:
        """`reason`: for people."""
        super().__init__(reason)
        self.reason = reason


class RungWork(ContainerWork):
    """The test in an open container of a rung. As a cell's own, but that nothing is built there."""

    def _surroundings(self) -> "Surroundings":
        # Nothing can be installed there by `before-all`, which is not run.
        return replace(super()._surroundings(), is_clean=True)

    def test(self, wheel: Path, slot: Slot) -> None:
        """Install and test the wheel. Raise CellFailed, RetryCell, WheelRejected."""
        self.bring_source()
        self.begin(slot)
        self.put(self.layout.repaired, archive_of(wheel, wheel.name))
        self.bring_needed()
        self.hand_over()
        self.put_stub(wheel)
        self.run_all(self.recipe.test(wheel.name, is_built_here=False))


class RungSetUp(msgspec.Struct, frozen=True, kw_only=True):
    """What a rung's container is opened and set up by.

    `building`: facts of the image that the wheel was built in; `interpreter`: the cell's there; `own`: the
    distribution's that serves in its place, or None; `archives`: what can be brought from there.
    """

    job: Job
    rung: Rung
    image: ProbedImage
    context: RunContext
    steps: StepRunner
    building: ImageFacts
    interpreter: InterpreterFacts
    own: InterpreterFacts | None
    archives: BroughtArchives

    @contextmanager
    def opened(self) -> Iterator[OpenCell]:
        """Open the container, with an interpreter and uv in it.

        Raise CellFailed, RetryCell, MachineError, NotStarting, NotBrought.
        """
        job, context, steps = self.job, self.context, self.steps
        with ExitStack() as stack:
            with steps.step(StepKind.PREPARE, f"open {self.image.display_name}"):
                spec = rung_spec(job, self.rung, self.image.image, context.volumes)
                container = stack.enter_context(context.containers.open(spec))

            def open_closed(start: str | None) -> Container:
                closed = closed_rung_spec(job, self.rung, self.image.image, context.volumes, start)
                return stack.enter_context(context.containers.open(closed))

            yield OpenCell(
                job=job,
                container=container,
                image=replace(self.image, facts=self._completed(container)),
                part=BeforeAllPart(),
                has_installed=True,
                open_closed=open_closed,
            )

    def _completed(self, container: Container) -> ImageFacts:
        """Bring what is lacking for the test; return the facts about the container then."""
        steps, facts, directory = self.steps, self.image.facts, self.interpreter.directory
        layout = Layout(root=container.root)
        uv = tuple((name, version) for name, version in self.building.tools if name == "uv")
        if uv:
            self._bring(container, self.archives.uv(), archive_of_uv(layout))
        if self.own is not None:
            steps.run(container, link_python(directory, self.own.directory))
            interpreter = replace(self.own, directory=directory)
        else:
            self._bring(container, self.archives.python(), archive_of_python(layout))
            self._start(container)
            interpreter = self.interpreter
        return replace(facts, plat=self.building.plat, tools=uv, directories=(directory,), interpreters=(interpreter,))

    def _bring(self, container: Container, archive: Iterator[bytes], place: str) -> None:
        with lost_on_error():
            container.put(place.rpartition("/")[0], archive)
        self.steps.run(container, unpack(place))

    def _start(self, container: Container) -> None:
        answer = Answer()
        python = f"/opt/python/{self.interpreter.directory}/bin/python"
        request = ExecRequest(argv=(python, "-c", "import sys"), timeout=SHORT_COMMAND_SECONDS)
        if not container.exec(request, answer.hear).is_success:
            raise NotStarting(answer.text.strip()[-300:] or "it says nothing")
