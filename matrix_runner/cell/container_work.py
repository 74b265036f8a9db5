"""Work in a cell's open container: source, before-all, steps; common to a cell's attempt and the sdist's."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from matrix_runner.archives import archive_of, archive_of_bytes
from matrix_runner.before_all.registry import PreparedImage
from matrix_runner.before_all.source_update import UnusableImage
from matrix_runner.carry.carried_layers import UnusableLayer, put_layer
from matrix_runner.cell.opening.open_cell import OpenCell, recipe_of
from matrix_runner.cell.parted.parted_cell import PartedCell
from matrix_runner.cell.parted.wheel_stub import wheel_stub
from matrix_runner.cell.run_context import Materials, RunContext
from matrix_runner.cell.steps import CellFailed, ContainerLost, RetryCell, StepRunner
from matrix_runner.config.kinds.values import Network
from matrix_runner.container.variable_files import remove_variable_files
from matrix_runner.engine.api import SHORT_COMMAND_SECONDS, Container, ExecRequest, ImageMetadata
from matrix_runner.errors import EngineError, MachineError
from matrix_runner.matrix.network_access import network_of
from matrix_runner.model.outcomes import Failure, Reason, StepKind
from matrix_runner.model.platforms import Libc
from matrix_runner.project.source_archive import SourceArchive
from matrix_runner.recipe.frontends.fetching import is_parted, why_not_parted
from matrix_runner.recipe.frontends.frontend_command import Product
from matrix_runner.recipe.layout import Layout
from matrix_runner.recipe.pinning.obstacles import obstacle_of
from matrix_runner.recipe.step import Step
from matrix_runner.recipe.workspace_wheels import constraints_text
from matrix_runner.schedule import Slot
from matrix_runner.wording import first_of

if TYPE_CHECKING:
    # Only a run in which something fails needs it.
    from matrix_runner.cell.causes.command_cause import Surroundings


class ContainerWork:
    """Work in a cell's open container. `recipe`: that of the work's product."""

    def __init__(
        self,
        opened: OpenCell,
        context: RunContext,
        materials: Materials,
        steps: StepRunner,
        product: Product = Product.WHEEL,
    ) -> None:
        """Create it; runs nothing yet."""
        interpreter = opened.image.facts.interpreter(opened.job.directories)
        assert interpreter is not None  # noqa: S101  `with_interpreter` ensures it
        steps.python_version = interpreter.version
        steps.look_around = self._surroundings
        self.recipe = recipe_of(opened, interpreter, context, materials, product)
        self._interpreter = interpreter
        self._job = opened.job
        self._context = context
        self._materials = materials
        self._steps = steps
        self._container = opened.container
        self._image = opened.image
        self._part = opened.part
        self._opened = opened
        self._parted: PartedCell | None = None
        self._is_fetching = False
        self._snapshot: str | None = None

    @property
    def container(self) -> Container:
        """The container of the project's own code."""
        return self._container

    @property
    def layout(self) -> Layout:
        """The paths of the cell's files in the container."""
        return self.recipe.tools.layout

    def _surroundings(self) -> "Surroundings":
        """Return what the causes of failures are found by: the project's files as the container has them, its tools."""
        from matrix_runner.catalog.system_packages import manager_of
        from matrix_runner.cell.causes.command_cause import Surroundings
        from matrix_runner.cell.causes.project_places import ProjectFiles

        layout, package = self.layout, self._context.request.inputs.package
        files = ProjectFiles(
            names=tuple(name for name, _ in self._materials.source.digests),
            roots=((layout.project, ""), (layout.link, ""), (layout.sdist, package), (layout.test, "")),
            package=package,
        )
        manager = manager_of(self._image.facts.package_managers)
        return Surroundings(files=files, manager=manager, cut_off=self._cut_off)

    @property
    def _cut_off(self) -> str:
        """The value of `network` that keeps the command under way from the network; "" if it has one."""
        network = network_of(self._job.settings)
        is_parted = self._parted is not None and not self._is_fetching
        return str(network) if network is Network.NONE or is_parted else ""

    def bring_source(self) -> None:
        """Put the source into the container; into a prepared one only the files that differ. Raise RetryCell.

        Files that `before-all` wrote or changed in the project must be as it left them in every cell.
        """
        source, image = self._materials.source, self._part.image
        if image is None or image.layer is not None:
            with self._steps.step(StepKind.PREPARE, f"put {source.files} files"):
                if not self._is_given(source):
                    self.put(self.layout.source, source.read())
                self._link_project()
            if image is not None and image.layer is not None:
                with self._steps.step(StepKind.PREPARE, "put what before-all added in an earlier run"):
                    self._put_layer(image, image.layer)
        elif not self._materials.prepared.is_current(image):
            with self._steps.step(StepKind.PREPARE, "put the files that are new since before-all was run"):
                self._update_source(image)

    def _is_given(self, source: SourceArchive) -> bool:
        """Whether the source could be taken from where it lies on the engine's machine. Raise ContainerLost."""
        given, libc = self._context.nodes[0].given, self._job.cell.platform.libc
        # The tar of busybox, which musllinux images have, does not know every header of the archive.
        if given is None or libc is Libc.MUSL:
            return False
        return given.unpack(source, self._container, self.put, self.layout)

    def _link_project(self) -> None:
        """Make the project's fixed path lead to its place in its repository."""
        layout = self.layout
        if not layout.prefix:
            return
        # The local engine has made it a directory.
        script = 'rmdir "$1" 2>/dev/null; ln -s "$2" "$1"'
        request = ExecRequest(
            argv=("sh", "-c", script, "sh", layout.link, layout.project), cwd="/", timeout=SHORT_COMMAND_SECONDS
        )
        if not self._container.exec(request, lambda _: None).is_success:
            raise ContainerLost(f"{layout.link} cannot be made in the container")

    def _put_layer(self, image: PreparedImage, layer: Path) -> None:
        try:
            put_layer(layer, self._container, self.put)
        except UnusableLayer as error:
            self._materials.prepared.reject(self._job, image)
            raise RetryCell(f"what before-all added in an earlier run cannot be used: {error}") from error

    def _update_source(self, image: PreparedImage) -> None:
        prepared = self._materials.prepared
        try:
            prepared.bring_source(self._container, self.put, self.layout)
        except UnusableImage as error:
            prepared.reject(self._job, image)
            raise RetryCell(f"the image that before-all prepared in an earlier run is damaged: {error}") from error
        except ContainerLost:
            # Not for an engine that restarts: the image is as good as before.
            if not self._context.engine_watch.is_away():
                prepared.reject(self._job, image)
            raise

    def begin(self, slot: Slot) -> None:
        """Run `before-all` if this cell is to. Raise CellFailed for an option that cannot be heeded, RetryCell."""
        obstacle = obstacle_of(self.recipe.tools) or why_not_parted(self.recipe.tools)
        if obstacle is not None:
            raise self._steps.failed(Reason.MISSING_TOOL, obstacle[0], hint=obstacle[1])
        self.recipe = replace(self.recipe, processors=slot.share)
        if self._part.is_runner:
            self._run_before_all()
            # Cells that waited for `before-all` may run beside this one from here on.
            self.recipe = replace(self.recipe, processors=slot.share)
        if is_parted(self.recipe.commands):
            self._leave_network()

    def _leave_network(self) -> None:
        """Open the container without a network, as this one is now. Raise RetryCell, MachineError."""
        fetching, start = self._container, None if self._part.image is None else self._part.image.image
        # Of a container that was changed: `before-all` ran in it, or the interpreter was installed.
        is_changed = self._part.is_runner or self._opened.has_installed
        if is_changed:
            start = self._snapshot
        if is_changed and start is None:
            with self._steps.step(StepKind.PREPARE, "keep the container for the one without a network"):
                remove_variable_files(fetching)
                start = fetching.snapshot(ImageMetadata(name=None))
        with self._steps.step(StepKind.PREPARE, "open a container without a network"):
            self._container = self._opened.open_closed(start)
        self._parted = PartedCell(fetching=fetching, closed=self._container)
        if not is_changed:
            self.bring_source()

    def bring_needed(self) -> None:
        """Put the wheels of other packages of the workspace into the container. Raise ContainerLost."""
        needed = self._context.needed.of(self._job.cell) or ()
        if not needed:
            return
        layout, wheels = self.layout, self.recipe.tools.needed
        with self._steps.step(StepKind.PREPARE, f"put {first_of([wheel.name for wheel in wheels], 4)}"):
            for each, wheel in zip(needed, wheels, strict=True):
                self.put(wheel.directory(layout), archive_of(each.path, wheel.name))
            text = constraints_text(wheels, layout, self._job.cell.interpreter)
            folder, _, name = layout.needed_constraints.rpartition("/")
            self.put(folder, archive_of_bytes(name, text.encode()))

    def hand_over(self) -> None:
        """Give the project to the user of a strict sandbox. Raise CellFailed, RetryCell."""
        for step in self.recipe.hand_over():
            if self._parted is not None:
                self._steps.run(self._parted.fetching, step)
            self._steps.run(self._container, step)

    def _run_before_all(self) -> None:
        """Run `before-all` for all cells that share it, and snapshot the result for them and for later runs."""
        images, job = self._materials.prepared, self._job
        try:
            with images.carried(job, self._image, self._container):
                self.run_all(self.recipe.before_all())
            if not images.is_wanted(job, self._image):
                return
            with self._steps.step(StepKind.BEFORE_ALL, "keep the prepared image for the other cells"):
                prepared = images.snapshot(job, self._image, self._container, self.put, self.layout)
                self._snapshot = prepared.image
        except (CellFailed, MachineError) as error:
            if isinstance(error, MachineError) and self._context.engine_watch.has_gone(error):
                raise ContainerLost(error.message, error.hint) from error
            # It would fail in the other cells too, each after the same time.
            images.settle(job, failure=self._failure_of(error))
            raise
        images.settle(job, prepared=prepared)
        self._context.pool.wake()

    def _failure_of(self, error: CellFailed | MachineError) -> Failure:
        if isinstance(error, CellFailed):
            return error.failure
        return self._steps.failure(Reason.ENGINE, error.message, error.hint)

    def put(self, directory: str, archive: Iterable[bytes]) -> None:
        """Unpack a tar in a directory of the container. Raise ContainerLost."""
        with lost_on_error():
            self._container.put(directory, archive)

    def put_stub(self, wheel: Path) -> None:
        """Put a stub of the wheel where its requirements are fetched. Raise WheelRejected, ContainerLost."""
        if self._parted is not None:
            with lost_on_error():
                self._parted.fetching.put(self.layout.stub, archive_of_bytes(wheel.name, wheel_stub(wheel)))

    def run_all(self, steps: Iterable[Step]) -> None:
        """Run steps in order. Raise CellFailed or RetryCell for the first that fails."""
        for step in steps:
            parted = self._parted
            if parted is None or not step.fetches:
                self._steps.run(self._container, step)
                continue
            with self._fetching():
                self._steps.run(parted.fetching, step)
            parted.bring(step, self.recipe, self._steps)

    def run_frontend(self, steps: Iterable[Step]) -> None:
        """Run the steps of a build, and again what fetches and builds if the backend wants more. Raise as `run_all`."""
        self.run_all(steps)
        wanted = () if self._parted is None else self._parted.wanted(self.recipe)
        if wanted:
            self.run_all(self.recipe.fetch_again(wanted))

    @contextmanager
    def _fetching(self) -> Iterator[None]:
        self._is_fetching = True
        try:
            yield
        finally:
            self._is_fetching = False


@contextmanager
def lost_on_error() -> Iterator[None]:
    """Raise ContainerLost for an engine's error about an archive: most often the container has disappeared."""
    try:
        yield
    except EngineError as error:
        raise ContainerLost(error.message, error.hint) from error
