"""One attempt at a cell, in an open container: source, before-all, build, repair, audit, test, publication."""

from contextlib import suppress
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

import msgspec
from msgspec.structs import replace

from matrix_runner.archives import archive_of, archive_of_bytes
from matrix_runner.cell.build_requirements import warning_of_excluded
from matrix_runner.cell.built_file import only_file
from matrix_runner.cell.container_work import ContainerWork, lost_on_error
from matrix_runner.cell.explanations.compiled_files import advice_on_compiled_files
from matrix_runner.cell.explanations.lacking_files import advice_on_lacking_files
from matrix_runner.cell.explanations.repair_failure import Repair, explain
from matrix_runner.cell.finishing.held_wheel import hold, promise_of
from matrix_runner.cell.finishing.stated_wheel import StatedWheel, noted_requirements
from matrix_runner.cell.finishing.undelivered_wheel import NotDelivered, kept_wheel
from matrix_runner.cell.finishing.unowned_libraries import bill_of_unowned
from matrix_runner.cell.gil_verdict import judge_gil
from matrix_runner.cell.ladder.brought_archives import BroughtArchives
from matrix_runner.cell.ladder.climbing import Ladder
from matrix_runner.cell.opening.attempts import failure_of
from matrix_runner.cell.shared_wheels import SharedWheel
from matrix_runner.cell.steps import CellFailed, ContainerLost, GiveWay
from matrix_runner.cell.taken_results import ResultsOfTests
from matrix_runner.cell.wheel_size import growth, size_warning
from matrix_runner.config.options.cache_options import COMPILER_CACHE
from matrix_runner.config.options.output_options import MAX_WHEEL_SIZE
from matrix_runner.config.options.test_options import FREE_THREADING, TEST_RESULTS
from matrix_runner.engine.answer import Answer
from matrix_runner.engine.api import Ending
from matrix_runner.errors import OutputError, WheelConflict
from matrix_runner.matrix.github_cache import lacking_variable
from matrix_runner.model.outcomes import StepKind, WheelRecord
from matrix_runner.policy import Analysis, WheelAnatomy, read_wheel, wheel_needs
from matrix_runner.policy.unowned_bill import UNOWNED_BILL
from matrix_runner.schedule import Slot
from matrix_runner.wheelhouse import WHEEL, receive, reject_pure
from matrix_runner.wheelhouse.publication import record_of
from matrix_runner.wheelhouse.wheel_name import parse_name


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a cell: a wheel of its own, or that of another cell, tested."""

    wheel: WheelRecord | None = None
    reused: SharedWheel | None = None


class Attempt(ContainerWork):
    """One attempt at a cell, in an open container."""

    def serve(self, reused: SharedWheel | None, slot: Slot) -> Delivery:
        """Build, or take the wheel of another cell; test; publish.

        Raise CellFailed, GiveWay, RetryCell, WheelRejected, MachineError.
        """
        started = datetime.now(timezone.utc)
        self.begin(slot)
        self._bring_sdist()
        self.bring_needed()
        self.hand_over()
        if reused is not None:
            return self._test_shared(reused, slot, is_built_here=False)
        path, analysis = self._build()
        shared_wheels, cell = self._context.shared_wheels, self._job.cell
        leader = shared_wheels.give_way(cell, path.name)
        if leader is not None:
            raise GiveWay(path.name, leader)
        published = shared_wheels.find(cell)
        if published is not None and published.path.name == path.name:
            # Published while this cell built: one file of a name is delivered, and each of its cells tests that one.
            return self._test_shared(published, slot, is_built_here=True)
        self._audit(path.name)
        with self._results().taken():
            self.put_stub(path)
            self.run_all(self.recipe.test(path.name))
        self._check_gil(path.name)
        self._climb(path, slot)
        return self._publish(path, analysis, started)

    def _bring_sdist(self) -> None:
        """Put the files of the run's sdist where the package is built. Raise ContainerLost."""
        sdist = self._materials.sdist
        if sdist is not None:
            with self._steps.step(StepKind.PREPARE, f"put the {sdist.archive.files} files of {sdist.path.name}"):
                self.put(self.layout.sdist, sdist.archive.read())

    def _test_shared(self, shared: SharedWheel, slot: Slot, *, is_built_here: bool) -> Delivery:
        self.put(self.layout.repaired, archive_of(shared.path, shared.path.name))
        try:
            with self._results().taken():
                self.put_stub(shared.path)
                self.run_all(self.recipe.test(shared.path.name, is_built_here=is_built_here))
            self._check_gil(shared.path.name)
            self._climb(shared.path, slot)
        except CellFailed as failed:
            advice = f"the tested wheel is that of {shared.builder}, which by its name installs here too"
            hint = f"{failed.failure.hint}; {advice}" if failed.failure.hint else advice
            raise CellFailed(replace(failed.failure, hint=hint)) from failed
        return Delivery(reused=shared)

    def _build(self) -> tuple[Path, Analysis]:
        layout = self.layout
        for remark in self.recipe.remarks():
            self._steps.warn(remark)
        try:
            self.run_all(self.recipe.begin())
            self._cache_compilers()
            with warning_of_excluded(self.recipe, self._container, self._steps):
                self.run_frontend(self.recipe.build(has_begun=True))
            self._count_compilations()
            built = only_file(self._container, layout.built, WHEEL)
            reject_pure(built)
            self._repair(built)
            self.run_all(self.recipe.add_sboms())
        except CellFailed:
            self._advise_on_files()
            raise
        project = parse_name(built).project
        with self._steps.step(StepKind.VERIFY, "take out and verify"):
            path, wheel = self._taken_out()
            bill = bill_of_unowned(self.recipe, path, wheel, self._container)
            if bill is None:
                return path, self._verified(wheel, project)
        self.put(layout.bills, archive_of_bytes(UNOWNED_BILL, bill))
        self._steps.run(self._container, self.recipe.add_bill(UNOWNED_BILL))
        with self._steps.step(StepKind.VERIFY, "take out again and verify"):
            path, wheel = self._taken_out()
            return path, self._verified(wheel, project)

    def _taken_out(self) -> tuple[Path, WheelAnatomy]:
        """Take the repaired wheel out of the container, and read it. Raise WheelRejected, ContainerLost."""
        staging = self._context.wheelhouse.staging_directory(self._job.cell.stem)
        with lost_on_error(), self._container.get(self.layout.repaired) as stream:
            path = receive(stream, staging)
        return path, read_wheel(path)

    def _advise_on_files(self) -> None:
        """Advise on files that may be the cause of a failed build or repair."""
        materials = self._materials
        advice = [advice_on_compiled_files(name for name, _ in materials.built_from.digests)]
        if materials.sdist is not None:
            project, sdist = materials.source.digests, materials.sdist.archive.digests
            names = ((name for name, _ in project), (name for name, _ in sdist))
            package = self._context.request.inputs.package
            advice.append(advice_on_lacking_files(*names, package=package, sdist_name=materials.sdist.path.name))
        for text in filter(None, advice):
            self._steps.advise(text)

    def _verified(self, wheel: WheelAnatomy, project_name: str) -> Analysis:
        """Hold the wheel against the cell; warn of what is delivered all the same. `project_name`: of the built one."""
        promise = promise_of(self._job, self._interpreter, project_name, self._materials.sdist)
        return hold(wheel, self._job, promise, self._steps.warn)

    def _cache_compilers(self) -> None:
        """Set up the compiler cache for the build; if that fails, warn and build without it."""
        caching = self.recipe.caching
        if caching is None:
            return
        lacking = lacking_variable(self._job.settings[COMPILER_CACHE], self._context.request.inputs.environ)
        if lacking is not None:
            self._steps.warn(
                f"compiler-cache: {lacking} is not set here, so the engine's volume serves, not GitHub's cache"
            )
        # A program that cannot be fetched is told of by the set-up.
        with suppress(CellFailed):
            self.run_all(self.recipe.fetch_caching(caching))
        result, last_words = self._steps.heard(self._container, self.recipe.set_up_caching(caching))
        if result.ending is Ending.LOST:
            raise ContainerLost("the container went away before the build")
        if not result.is_success:
            cause = self._steps.explained(StepKind.PREPARE, result, last_words).cause
            self._steps.warn(caching.refusal(result.status, cause))
            self.recipe = replace(self.recipe, caches_compilers=False)

    def _count_compilations(self) -> None:
        caching = self.recipe.caching
        if caching is None:
            return
        answer = Answer()
        request = self.recipe.asking(caching.ask(), caching.variables)
        if self._container.exec(request, answer.hear).is_success:
            use = caching.read(answer.text)
            self._steps.compiler_cache = use
            self._steps.print(f"{use.tool}: {use.hits} hits, {use.misses} misses\n")

    def _repair(self, built: str) -> None:
        step, tools = self.recipe.repair(built), self.recipe.tools
        try:
            self._steps.run(self._container, step)
        except CellFailed as failed:
            platform = self._job.cell.platform
            repair = Repair(platform=platform, built=tools.layout.built, command=step.shown, plat=tools.facts.plat)
            staging = partial(self._context.wheelhouse.staging_directory, self._job.cell.stem)
            raise explain(failed, self._container, repair, staging) from None

    def _audit(self, wheel: str) -> None:
        remark = self.recipe.why_not_audited(wheel)
        if remark is not None:
            self._steps.warn(remark)
        self.run_all(self.recipe.audit(wheel))

    def _results(self) -> ResultsOfTests:
        """Return the results that the cell's tests write, and the place where they are kept."""
        job, context = self._job, self._context
        return ResultsOfTests(
            container=self._container,
            directory=self.layout.test,
            patterns=job.settings[TEST_RESULTS] if job.has_tests else (),
            steps=self._steps,
            redactor=context.redactor,
            staging=context.scratch / "results" / job.cell.stem,
            target=context.request.inputs.tests_dir / f"{job.cell.stem}.xml",
            around=self._surroundings,
        )

    def _check_gil(self, wheel: str) -> None:
        """Name the modules that turn the GIL on. Raise CellFailed for one, if none may."""
        self.run_all(self.recipe.gil_environment(wheel))
        step = self.recipe.gil_check(wheel)
        if step is not None:
            judge_gil(self._job.settings[FREE_THREADING], self._steps, *self._steps.heard(self._container, step))

    def _climb(self, wheel: Path, slot: Slot) -> None:
        """Test the wheel in the images of `test-on` too. Raise as `serve`."""
        if not self._job.rungs:
            return
        archives = BroughtArchives(
            self._container if self._parted is None else self._parted.fetching,
            self._interpreter.directory,
            self._context.scratch / "brought" / self._job.cell.stem,
            self._steps,
            serves_uv=self.recipe.tools.test_installer.creates_with_uv,
        )
        Ladder(self._opened, self._context, self._materials, self._steps, archives).climb(wheel, slot)

    def _publish(self, path: Path, analysis: Analysis, started: datetime) -> Delivery:
        needs = wheel_needs(analysis, self._job.cell.platform)
        stated = StatedWheel(
            context=self._context,
            materials=self._materials,
            recipe=self.recipe,
            image=self._image,
            started=started,
            requirements=noted_requirements(self.recipe, self._container),
            is_prepared=self._part.image is not None,
        )
        contents = analysis.wheel.contents
        with self._steps.step(StepKind.PUBLISH, f"publish {path.name}"):
            try:
                record = replace(self._context.wheelhouse.publish(path, contents), needs=needs)
            except (WheelConflict, OutputError) as error:
                made = replace(record_of(contents), needs=needs)
                raise NotDelivered(failure_of(error, self._steps), kept_wheel(path, made, stated)) from error
            record = stated.write(record)
        warning = size_warning(record, self._job.settings[MAX_WHEEL_SIZE])
        if warning is not None:
            self._steps.warn(warning)
        grown = growth(record, self._materials.earlier.get(self._job.cell))
        if grown is not None:
            self._context.notify(grown, cell=self._job.cell)
        published = self._context.wheelhouse.directory / record.name
        self._context.shared_wheels.add(SharedWheel(builder=self._job.cell, path=published))
        return Delivery(wheel=record)
