"""One attempt at a cell, in an open container: the recipe's steps in turn, and the wheel taken out."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from matrix_runner.before_all.prepared_key import changes_between, read_list, source_digest, write_list, write_names
from matrix_runner.before_all.registry import PreparedImage, SharedWheel
from matrix_runner.cell.repair_failure import Repair, explain
from matrix_runner.cell.run_context import RunContext, Slot
from matrix_runner.cell.steps import CellFailed, RetryCell, StepRunner
from matrix_runner.config.options.build_options import BEFORE_ALL, ENVIRONMENT_PASS, REPAIR_WHEEL_COMMAND
from matrix_runner.config.options.test_options import TEST_GROUPS
from matrix_runner.engine.api import Container, Ending, ExecRequest
from matrix_runner.errors import EngineError, MachineError, WheelRejected
from matrix_runner.matrix import Job
from matrix_runner.model.outcomes import Failure, Reason, StepKind, WheelRecord
from matrix_runner.probe.image_probe import ProbedImage
from matrix_runner.project.source_archive import archive_of, archive_of_bytes
from matrix_runner.recipe.cargo_downloads import has_crates
from matrix_runner.recipe.cell_recipe import CellRecipe
from matrix_runner.recipe.commands import Step
from matrix_runner.recipe.layout import Layout
from matrix_runner.recipe.testing import has_tests
from matrix_runner.recipe.toolbox import Toolbox
from matrix_runner.wheelhouse import Promise, receive, reject_pure, verify
from matrix_runner.wheelhouse.inspection import WheelContents, inspect


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """What a cell gave: a wheel of its own, or that of another cell, tested."""

    wheel: WheelRecord | None = None
    reused: SharedWheel | None = None


class Attempt:
    """One attempt at a cell, in an open container."""

    def __init__(self, job: Job, shop: RunContext, diary: StepRunner, place: ProbedImage, container: Container) -> None:
        """`place` has the cell's interpreter: `with_interpreter` has seen to it."""
        interpreter = place.facts.interpreter(job.directories)
        assert interpreter is not None  # noqa: S101  see above
        diary.python_version = interpreter.version
        environ = dict(shop.environ)
        self._job = job
        self._shop = shop
        self._diary = diary
        self._container = container
        self._place = place
        self._recipe = CellRecipe(
            job=job,
            tools=Toolbox(
                cell=job.cell,
                settings=job.settings,
                facts=place.facts,
                interpreter=interpreter,
                layout=Layout(root=container.root, inner=shop.package),
                is_disposable=container.is_disposable,
                pinned=shop.pinned,
            ),
            epoch=shop.source.epoch,
            passed=tuple((name, environ[name]) for name in job.settings[ENVIRONMENT_PASS] if name in environ),
            groups=shop.groups.requirements(job.settings[TEST_GROUPS]) if has_tests(job.cell, job.settings) else (),
            has_crates=has_crates(name for name, _ in shop.source.digests),
        )
        self._promise = Promise(
            cell=job.cell,
            python_tag=interpreter.directory.partition("-")[0],
            abi_tag=interpreter.directory.partition("-")[2],
            project_name=job.settings.project_name,
            ext_suffix=interpreter.extension_suffix,
            repaired=bool(job.settings[REPAIR_WHEEL_COMMAND]),
        )

    def bring_source(self) -> None:
        """Put the project into the container; into a prepared one what is new since. Raise RetryCell.

        What `before-all` wrote into the project, or changed there, must be as it left it in every cell.
        """
        source, prepared = self._shop.source, self._shop.preparations.prepared(self._job)
        if prepared is None:
            with self._diary.step(StepKind.PREPARE, f"put {source.files} files"):
                self._put(self._recipe.tools.layout.project, source.read())
        elif prepared.source != source_digest(source.digests):
            with self._diary.step(StepKind.PREPARE, "put the files that are new since before-all was run"):
                try:
                    self._update()
                except RetryCell:
                    self._shop.preparations.reject(self._job, prepared)
                    raise

    def _update(self) -> None:
        layout, source = self._recipe.tools.layout, self._shop.source
        listed = bytearray()
        result = self._container.exec(ExecRequest(argv=("cat", layout.source_list), timeout=60), listed.extend)
        before = read_list(bytes(listed)) if result.is_success else None
        if before is None:
            raise RetryCell("the image that before-all prepared in an earlier run is damaged")
        changes = changes_between(before, source.digests)
        if changes.gone:
            self._put(layout.matrix, archive_of_bytes("gone", write_names(changes.gone)))
            self._put(layout.matrix, archive_of_bytes("empty", write_names(changes.empty)))
            # rmdir takes only those that are empty: what before-all left in the others stays.
            script = 'cd "$1" && xargs -0 rm -rf -- <"$2/gone" && { xargs -0 rmdir -- <"$2/empty" 2>/dev/null; true; }'
            argv = ("sh", "-c", script, "sh", layout.project, layout.matrix)
            if not self._container.exec(ExecRequest(argv=argv, timeout=600), lambda _: None).is_success:
                raise RetryCell("files that are no longer in the project cannot be removed from the prepared image")
        self._put(layout.project, changes.archive(source))

    def serve(self, reused: SharedWheel | None, seat: Slot) -> Delivery:
        """Build, or take the wheel that another cell built; test; publish.

        Raise CellFailed, RetryCell, WheelRejected, MachineError.
        """
        layout = self._recipe.tools.layout
        self._recipe = replace(self._recipe, processors=seat.share)
        self._before_all()
        # Others, which `before-all` kept waiting, may be at work beside it from here on.
        self._recipe = replace(self._recipe, processors=seat.share)
        if reused is not None:
            self._put(layout.repaired, archive_of(reused.path, reused.path.name))
            self._run_all(self._recipe.test(reused.path.name, is_built_here=False))
            return Delivery(reused=reused)
        path, contents = self._build()
        self._audit(path.name)
        self._run_all(self._recipe.test(path.name))
        return self._publish(path, contents)

    def _before_all(self) -> None:
        preparations, job = self._shop.preparations, self._job
        if not job.settings[BEFORE_ALL] or not preparations.is_preparer(job):
            return
        prepared = None
        try:
            if self._shop.runs_before_all:
                prepared = self._prepare()
        except (CellFailed, MachineError) as error:
            # It would fail in the other cells too, each after the same time.
            preparations.settle(job, failure=self._failure_of(error))
            raise
        preparations.settle(job, prepared=prepared)
        self._shop.on_prepared()

    def _failure_of(self, error: CellFailed | MachineError) -> Failure:
        if isinstance(error, CellFailed):
            return error.failure
        return self._diary.failure(Reason.ENGINE, error.message, error.hint)

    def _prepare(self) -> PreparedImage:
        """Run `before-all`; return the image that the other cells, and later runs, start from.

        It is kept on the machine itself too: there the system's part is shared anyway, the project's is not.
        """
        self._run_all(self._recipe.before_all())
        digests = self._shop.source.digests
        source = source_digest(digests)
        key = self._shop.preparations.key(self._job)
        assert key is not None  # noqa: S101  a job with `before-all`, in a place that is there
        metadata = self._shop.supplies.prepared(key, self._place, source)
        with self._diary.step(StepKind.BEFORE_ALL, "keep the prepared image for the other cells"):
            if metadata.is_persistent:
                self._put(self._recipe.tools.layout.matrix, archive_of_bytes("source-list", write_list(digests)))
            return PreparedImage(image=self._container.snapshot(metadata), source=source)

    def _build(self) -> tuple[Path, WheelContents]:
        layout = self._recipe.tools.layout
        for remark in self._recipe.remarks():
            self._diary.remark(remark)
        self._cache_compilers()
        self._run_all(self._recipe.build())
        self._count_compilations()
        built = self._only_wheel(layout.built)
        reject_pure(built)
        self._repair(built)
        with self._diary.step(StepKind.VERIFY, "take out and verify"):
            staging = self._shop.wheelhouse.room(str(self._job.cell))
            with _lost_on_error(), self._container.get(layout.repaired) as stream:
                path = receive(stream, staging)
            contents = inspect(path)
            verify(contents, self._promise)
        return path, contents

    def _cache_compilers(self) -> None:
        """Let the build's compilers be asked for by way of the compiler cache, if the image has it."""
        caching = self._recipe.caching
        if caching is None:
            return
        step = self._recipe.set_up_caching(caching)
        with self._diary.step(step.kind, step.shown):
            result = self._container.exec(step.request, lambda _: None)
        if result.ending is Ending.LOST:
            raise RetryCell("the container went away before the build")
        if not result.is_success:
            self._diary.remark(caching.advice)
            self._recipe = replace(self._recipe, caches_compilers=False)

    def _count_compilations(self) -> None:
        caching = self._recipe.caching
        if caching is None:
            return
        answer = bytearray()
        request = ExecRequest(argv=caching.ask(), env=caching.variables, timeout=60)
        if self._container.exec(request, answer.extend).is_success:
            use = caching.read(answer.decode("utf-8", "replace"))
            self._diary.compiler_cache = use
            self._diary.print(f"{use.tool}: {use.hits} hits, {use.misses} misses\n")

    def _repair(self, built: str) -> None:
        step, tools = self._recipe.repair(built), self._recipe.tools
        try:
            self._diary.run(self._container, step)
        except CellFailed as failed:
            platform = self._job.cell.platform
            repair = Repair(platform=platform, built=tools.layout.built, command=step.shown, plat=tools.facts.plat)
            staging = partial(self._shop.wheelhouse.room, str(self._job.cell))
            raise explain(failed, self._container, repair, staging) from None

    def _audit(self, wheel: str) -> None:
        remark = self._recipe.why_not_audited(wheel)
        if remark is not None:
            self._diary.remark(remark)
        self._run_all(self._recipe.audit(wheel))

    def _publish(self, path: Path, contents: WheelContents) -> Delivery:
        with self._diary.step(StepKind.PUBLISH, f"publish {path.name}"):
            record = self._shop.wheelhouse.publish(path, contents)
        published = self._shop.wheelhouse.directory / record.name
        self._shop.shelf.add(SharedWheel(builder=self._job.cell, path=published))
        return Delivery(wheel=record)

    def _only_wheel(self, directory: str) -> str:
        listing = bytearray()
        script = 'cd "$1" && for f in *.whl; do [ -e "$f" ] && printf "%s\\n" "$f"; done; true'
        request = ExecRequest(argv=("sh", "-c", script, "sh", directory), timeout=60)
        if self._container.exec(request, listing.extend).ending is Ending.LOST:
            raise RetryCell("the container went away after the build")
        names = bytes(listing).decode("utf-8", "replace").splitlines()
        if len(names) == 1:
            return names[0]
        found = ", ".join(names[:5]) or "none"
        raise WheelRejected(
            f"the build gave {len(names)} wheels, not one: {found}",
            hint="each cell builds one project; let the build backend make one wheel",
        )

    def _put(self, directory: str, archive: Iterable[bytes]) -> None:
        with _lost_on_error():
            self._container.put(directory, archive)

    def _run_all(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self._diary.run(self._container, step)


@contextmanager
def _lost_on_error() -> Iterator[None]:
    """Take an engine's error about an archive for what it most often is: the container went away meanwhile."""
    try:
        yield
    except EngineError as error:
        raise RetryCell(error.message, error.hint) from error
