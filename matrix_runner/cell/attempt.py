"""One attempt at a cell, in an open container: source, before-all, build, repair, audit, test, publication."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from matrix_runner.archives import archive_of
from matrix_runner.before_all.registry import PreparedImage
from matrix_runner.before_all.source_update import UnusableImage
from matrix_runner.catalog.policies import load_policies
from matrix_runner.cell.build_requirements import warning_of_excluded
from matrix_runner.cell.built_wheel import only_wheel
from matrix_runner.cell.explanations.compiled_files import advice_on_compiled_files
from matrix_runner.cell.explanations.repair_failure import Repair, explain
from matrix_runner.cell.gil_verdict import judge_gil
from matrix_runner.cell.open_cell import OpenCell, recipe_of
from matrix_runner.cell.run_context import Materials, RunContext
from matrix_runner.cell.shared_wheels import SharedWheel
from matrix_runner.cell.steps import CellFailed, ContainerLost, GiveWay, RetryCell, StepRunner
from matrix_runner.cell.wheel_size import growth, size_warning
from matrix_runner.config.options.build_options import ACCEPT, REPAIR_WHEEL_COMMAND
from matrix_runner.config.options.output_options import MAX_WHEEL_SIZE
from matrix_runner.config.options.test_options import FREE_THREADING
from matrix_runner.engine.api import Ending, ExecRequest
from matrix_runner.errors import EngineError, MachineError
from matrix_runner.model.outcomes import Failure, Reason, StepKind, WheelRecord
from matrix_runner.policy import analyse, code_findings, read_wheel
from matrix_runner.recipe.layout import Layout
from matrix_runner.recipe.step import Step
from matrix_runner.schedule import Slot
from matrix_runner.wheelhouse import Promise, receive, reject_pure, settle, verify
from matrix_runner.wheelhouse.inspection import WheelContents
from matrix_runner.wheelhouse.wheel_name import parse_name


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """The result of a cell: a wheel of its own, or that of another cell, tested."""

    wheel: WheelRecord | None = None
    reused: SharedWheel | None = None


class Attempt:
    """One attempt at a cell, in an open container."""

    def __init__(self, opened: OpenCell, context: RunContext, materials: Materials, steps: StepRunner) -> None:
        """Create the attempt; runs nothing yet."""
        job = opened.job
        interpreter = opened.image.facts.interpreter(job.directories)
        assert interpreter is not None  # noqa: S101  `with_interpreter` ensures it
        steps.python_version = interpreter.version
        self._job = job
        self._context = context
        self._materials = materials
        self._steps = steps
        self._container = opened.container
        self._image = opened.image
        self._part = opened.part
        self._recipe = recipe_of(opened, interpreter, context, materials)
        self._promise = Promise(
            cell=job.cell,
            python_tag=interpreter.directory.partition("-")[0],
            abi_tag=interpreter.directory.partition("-")[2],
            ext_suffix=interpreter.extension_suffix,
            repaired=bool(job.settings[REPAIR_WHEEL_COMMAND]),
        )

    @property
    def _layout(self) -> Layout:
        return self._recipe.tools.layout

    def bring_source(self) -> None:
        """Put the source into the container; into a prepared one only the files that differ. Raise RetryCell.

        Files that `before-all` wrote or changed in the project must be as it left them in every cell.
        """
        source, image = self._materials.source, self._part.image
        if image is None:
            with self._steps.step(StepKind.PREPARE, f"put {source.files} files"):
                self._put(self._layout.source, source.read())
                self._link_project()
        elif not self._materials.prepared.is_current(image):
            with self._steps.step(StepKind.PREPARE, "put the files that are new since before-all was run"):
                self._update_source(image)

    def _link_project(self) -> None:
        """Make the project's fixed path lead to its place in its repository."""
        layout = self._layout
        if not layout.prefix:
            return
        # The local engine has made it a directory.
        script = 'rmdir "$1" 2>/dev/null; ln -s "$2" "$1"'
        request = ExecRequest(argv=("sh", "-c", script, "sh", layout.link, layout.project), cwd="/", timeout=60)
        if not self._container.exec(request, lambda _: None).is_success:
            raise ContainerLost(f"{layout.link} cannot be made in the container")

    def _update_source(self, image: PreparedImage) -> None:
        prepared = self._materials.prepared
        try:
            prepared.bring_source(self._container, self._put, self._layout)
        except UnusableImage as error:
            prepared.reject(self._job, image)
            raise RetryCell(f"the image that before-all prepared in an earlier run is damaged: {error}") from error
        except ContainerLost:
            prepared.reject(self._job, image)
            raise

    def serve(self, reused: SharedWheel | None, slot: Slot) -> Delivery:
        """Build, or take the wheel of another cell; test; publish.

        Raise CellFailed, GiveWay, RetryCell, WheelRejected, MachineError.
        """
        obstacle = self._recipe.tools.obstacle
        if obstacle is not None:
            raise self._steps.failed(Reason.MISSING_TOOL, obstacle[0], hint=obstacle[1])
        self._recipe = replace(self._recipe, processors=slot.share)
        if self._part.is_runner:
            self._run_before_all()
            # Cells that waited for `before-all` may run beside this one from here on.
            self._recipe = replace(self._recipe, processors=slot.share)
        if reused is not None:
            return self._test_shared(reused, is_built_here=False)
        path, contents = self._build()
        shared_wheels, cell = self._context.shared_wheels, self._job.cell
        leader = shared_wheels.give_way(cell, path.name)
        if leader is not None:
            raise GiveWay(path.name, leader)
        published = shared_wheels.find(cell)
        if published is not None and published.path.name == path.name:
            # Published while this cell built: one file of a name is delivered, and each of its cells tests that one.
            return self._test_shared(published, is_built_here=True)
        self._audit(path.name)
        self._run_all(self._recipe.test(path.name))
        self._check_gil(path.name)
        return self._publish(path, contents)

    def _test_shared(self, shared: SharedWheel, *, is_built_here: bool) -> Delivery:
        self._put(self._layout.repaired, archive_of(shared.path, shared.path.name))
        try:
            self._run_all(self._recipe.test(shared.path.name, is_built_here=is_built_here))
            self._check_gil(shared.path.name)
        except CellFailed as failed:
            advice = f"the tested wheel is that of {shared.builder}, which by its name installs here too"
            hint = f"{failed.failure.hint}; {advice}" if failed.failure.hint else advice
            raise CellFailed(replace(failed.failure, hint=hint)) from failed
        return Delivery(reused=shared)

    def _run_before_all(self) -> None:
        """Run `before-all` for all cells that share it, and snapshot the result for them and for later runs."""
        images, job = self._materials.prepared, self._job
        try:
            self._run_all(self._recipe.before_all())
            with self._steps.step(StepKind.BEFORE_ALL, "keep the prepared image for the other cells"):
                prepared = images.snapshot(job, self._image, self._container, self._put, self._layout)
        except (CellFailed, MachineError) as error:
            # It would fail in the other cells too, each after the same time.
            images.settle(job, failure=self._failure_of(error))
            raise
        images.settle(job, prepared=prepared)
        self._context.pool.wake()

    def _failure_of(self, error: CellFailed | MachineError) -> Failure:
        if isinstance(error, CellFailed):
            return error.failure
        return self._steps.failure(Reason.ENGINE, error.message, error.hint)

    def _build(self) -> tuple[Path, WheelContents]:
        layout = self._layout
        for remark in self._recipe.remarks():
            self._steps.warn(remark)
        self._cache_compilers()
        try:
            with warning_of_excluded(self._recipe, self._container, self._steps):
                self._run_all(self._recipe.build())
            self._count_compilations()
            built = only_wheel(self._container, layout.built)
            reject_pure(built)
            self._repair(built)
            self._run_all(self._recipe.add_sboms())
        except CellFailed:
            advice = advice_on_compiled_files(name for name, _ in self._materials.source.digests)
            if advice is not None:
                self._steps.advise(advice)
            raise
        with self._steps.step(StepKind.VERIFY, "take out and verify"):
            staging = self._context.wheelhouse.staging_directory(str(self._job.cell))
            with _lost_on_error(), self._container.get(layout.repaired) as stream:
                path = receive(stream, staging)
            contents = self._verified(path, parse_name(built).project)
        return path, contents

    def _verified(self, path: Path, project_name: str) -> WheelContents:
        """Hold the wheel against the cell and its own tags; warn of what is delivered all the same.

        `project_name`: of the built wheel.
        """
        settings, platform = self._job.settings, self._job.cell.platform
        analysis = analyse(read_wheel(path), load_policies())
        contents = analysis.wheel.contents
        code = code_findings(analysis, platform, settings[REPAIR_WHEEL_COMMAND])
        findings = (*verify(contents, replace(self._promise, project_name=project_name)), *code)
        for warning in settle(findings, settings[ACCEPT], is_lenient=settings.is_drop_in):
            self._steps.warn(warning)
        return contents

    def _cache_compilers(self) -> None:
        """Set up the compiler cache for the build, if the image has one; if that fails, warn and build without it."""
        caching = self._recipe.caching
        if caching is None:
            return
        step = self._recipe.set_up_caching(caching)
        with self._steps.step(step.kind, step.shown):
            result = self._container.exec(step.request, lambda _: None)
        if result.ending is Ending.LOST:
            raise ContainerLost("the container went away before the build")
        if not result.is_success:
            self._steps.warn(caching.advice)
            self._recipe = replace(self._recipe, caches_compilers=False)

    def _count_compilations(self) -> None:
        caching = self._recipe.caching
        if caching is None:
            return
        answer = bytearray()
        request = ExecRequest(argv=caching.ask(), env=caching.variables, timeout=60)
        if self._container.exec(request, answer.extend).is_success:
            use = caching.read(answer.decode("utf-8", "replace"))
            self._steps.compiler_cache = use
            self._steps.print(f"{use.tool}: {use.hits} hits, {use.misses} misses\n")

    def _repair(self, built: str) -> None:
        step, tools = self._recipe.repair(built), self._recipe.tools
        try:
            self._steps.run(self._container, step)
        except CellFailed as failed:
            platform = self._job.cell.platform
            repair = Repair(platform=platform, built=tools.layout.built, command=step.shown, plat=tools.facts.plat)
            staging = partial(self._context.wheelhouse.staging_directory, str(self._job.cell))
            raise explain(failed, self._container, repair, staging) from None

    def _audit(self, wheel: str) -> None:
        remark = self._recipe.why_not_audited(wheel)
        if remark is not None:
            self._steps.warn(remark)
        self._run_all(self._recipe.audit(wheel))

    def _check_gil(self, wheel: str) -> None:
        """Name the modules that turn the GIL on. Raise CellFailed for one, if none may."""
        step = self._recipe.gil_check(wheel)
        if step is not None:
            judge_gil(self._job.settings[FREE_THREADING], self._steps, *self._steps.heard(self._container, step))

    def _publish(self, path: Path, contents: WheelContents) -> Delivery:
        with self._steps.step(StepKind.PUBLISH, f"publish {path.name}"):
            record = self._context.wheelhouse.publish(path, contents)
        warning = size_warning(record, self._job.settings[MAX_WHEEL_SIZE])
        if warning is not None:
            self._steps.warn(warning)
        grown = growth(record, self._materials.earlier.get(self._job.cell))
        if grown is not None:
            self._context.notify(grown, cell=self._job.cell)
        published = self._context.wheelhouse.directory / record.name
        self._context.shared_wheels.add(SharedWheel(builder=self._job.cell, path=published))
        return Delivery(wheel=record)

    def _put(self, directory: str, archive: Iterable[bytes]) -> None:
        with _lost_on_error():
            self._container.put(directory, archive)

    def _run_all(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self._steps.run(self._container, step)


@contextmanager
def _lost_on_error() -> Iterator[None]:
    """Raise ContainerLost for an engine's error about an archive: most often the container has disappeared."""
    try:
        yield
    except EngineError as error:
        raise ContainerLost(error.message, error.hint) from error
