"""Performs one cell: opens its container, runs its recipe, takes the wheel out, checks and publishes it."""

import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from matrix_runner.cell.diary import CellFailed, Diary, Gone
from matrix_runner.cell.layout import Layout
from matrix_runner.cell.on_demand import with_interpreter
from matrix_runner.cell.preflight import Place
from matrix_runner.cell.recipe import Recipe, Step, has_tests
from matrix_runner.cell.shelf import Preparations, Reusable, Shelf
from matrix_runner.cell.source import SourceArchive, archive_of
from matrix_runner.cell.toolbox import Toolbox
from matrix_runner.config import BEFORE_ALL, ENVIRONMENT_PASS, MEMORY, REPAIR_WHEEL_COMMAND
from matrix_runner.engine.api import Container, ContainerSpec, Ending, Engine, ExecRequest, ImageMetadata
from matrix_runner.errors import EngineError, MachineError, OutputError, WheelRejected
from matrix_runner.matrix import Job
from matrix_runner.model.events import CellFinished, CellStarted, Event, Notice
from matrix_runner.model.outcomes import Outcome, Reason, Status, StepKind, WheelRecord
from matrix_runner.wheelhouse import (
    Promise,
    WheelContents,
    Wheelhouse,
    inspect,
    receive,
    reject_pure,
    verify,
)

RESTART_SECONDS = 30
"""How long a daemon may take to come back."""

ATTEMPTS = 2
"""A container that somebody else removed is a reason to try once more; twice is no accident."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workshop:
    """What all cells of a run share. `clock`: monotonic seconds since the run began.

    `runs_before_all`: False on a machine that is nobody's build image. `log_path`: where a cell's log will be.
    """

    engine: Engine
    source: SourceArchive
    wheelhouse: Wheelhouse
    places: Callable[[Job], Place | MachineError]
    shelf: Shelf
    preparations: Preparations
    emit: Callable[[Event], None]
    clock: Callable[[], float]
    is_cancelled: Callable[[], bool]
    on_prepared: Callable[[], None]
    environ: tuple[tuple[str, str], ...]
    log_path: Callable[[Job], str]
    runs_before_all: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class _Delivery:
    """What a cell gave."""

    wheel: WheelRecord | None
    reused: Reusable | None


def run_cell(job: Job, shop: Workshop) -> Outcome:
    """Run one cell from its start to its outcome. Never raises: a failed cell is data."""
    diary = Diary(job.cell, emit=shop.emit, clock=shop.clock)
    shop.emit(CellStarted(at=shop.clock(), cell=job.cell))
    began = time.monotonic()
    status, failure, delivery = Status.PASSED, None, _Delivery(wheel=None, reused=None)
    try:
        delivery = _try_twice(job, shop, diary)
    except CellFailed as failed:
        status, failure = Status.FAILED, failed.failure
    except Exception as bug:  # noqa: BLE001  a bug in one cell must not take the others' wheels with it
        diary.print(traceback.format_exc())
        status, failure = Status.FAILED, diary.failure(Reason.INTERNAL, f"{type(bug).__name__}: {bug}")
    if status is Status.FAILED and shop.is_cancelled():
        status, failure = Status.CANCELLED, None
    found = shop.places(job)
    place = None if isinstance(found, MachineError) else found
    interpreter = None if place is None else place.facts.interpreter(job.directories)
    outcome = Outcome(
        cell=job.cell,
        status=status,
        seconds=time.monotonic() - began,
        steps=diary.steps,
        failure=failure,
        wheel=delivery.wheel,
        reused_from=None if delivery.reused is None else delivery.reused.builder,
        image=None if place is None else place.reference,
        image_id=None if place is None else place.image.id,
        python_version=diary.python_version or (None if interpreter is None else interpreter.version),
        log=shop.log_path(job),
    )
    shop.preparations.release(job)
    shop.shelf.finish(job.cell)
    shop.emit(CellFinished(at=shop.clock(), outcome=outcome))
    return outcome


def _try_twice(job: Job, shop: Workshop, diary: Diary) -> _Delivery:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _perform(job, shop, diary)
        except Gone as gone:  # noqa: PERF203  two turns
            if attempt == ATTEMPTS or shop.is_cancelled():
                raise diary.failed(Reason.ENGINE, gone.message, hint=gone.hint) from gone
            text = f"{gone.message}; running the cell once more"
            shop.emit(Notice(at=shop.clock(), text=text, cell=job.cell, is_warning=True))
            _wait_for_engine(shop)
        except WheelRejected as rejected:
            raise diary.failed(Reason.REJECTED, rejected.message, hint=rejected.hint) from rejected
        except OutputError as broken:
            raise diary.failed(Reason.OUTPUT, broken.message, hint=broken.hint) from broken
        except MachineError as broken:
            raise diary.failed(Reason.ENGINE, broken.message, hint=broken.hint) from broken
    raise AssertionError  # pragma: no cover


def _wait_for_engine(shop: Workshop) -> None:
    """Give a daemon that is being restarted, which ends every container, the time to come back."""
    deadline = time.monotonic() + RESTART_SECONDS
    while time.monotonic() < deadline and not shop.is_cancelled():
        try:
            shop.engine.check()
        except MachineError:  # noqa: PERF203  it answers at once when it can
            time.sleep(1)
        else:
            return


def _perform(job: Job, shop: Workshop, diary: Diary) -> _Delivery:
    place = shop.places(job)
    if isinstance(place, MachineError):
        raise place
    problem = place.problem(job)
    if problem is not None:
        raise diary.failed(Reason.MISSING_TOOL, problem.message, hint=problem.hint)
    culprit = shop.preparations.failed_by(job)
    if culprit is not None:
        diary.enter(StepKind.BEFORE_ALL)
        raise diary.failed(Reason.COMMAND, f"before-all failed for this image, in {culprit}", hint=f"see {culprit}")
    reused = shop.shelf.find(job.cell)
    if reused is not None and not has_tests(job.cell, job.settings) and not shop.preparations.is_preparer(job):
        return _Delivery(wheel=None, reused=reused)
    prepared = shop.preparations.image(job)
    spec = ContainerSpec(
        image=prepared or place.image.id,
        arch=place.arch,
        name=str(job.cell),
        memory=job.settings[MEMORY] or None,
    )
    with ExitStack() as stack:
        with diary.step(StepKind.PREPARE, f"open {place.shown}"):
            container = stack.enter_context(shop.engine.open(spec))
        place = with_interpreter(job, place, diary, container)
        return _Cook(job, shop, diary, place, container).serve(reused)


class _Cook:
    """One attempt at a cell, in an open container."""

    def __init__(self, job: Job, shop: Workshop, diary: Diary, place: Place, container: Container) -> None:
        interpreter = place.facts.interpreter(job.directories)
        assert interpreter is not None  # noqa: S101  `Place.problem` has said so
        diary.python_version = interpreter.version
        environ = dict(shop.environ)
        self._job = job
        self._shop = shop
        self._diary = diary
        self._container = container
        self._recipe = Recipe(
            job=job,
            tools=Toolbox(
                cell=job.cell,
                settings=job.settings,
                facts=place.facts,
                interpreter=interpreter,
                layout=Layout(root=container.root),
                is_disposable=container.is_disposable,
            ),
            epoch=shop.source.epoch,
            passed=tuple((name, environ[name]) for name in job.settings[ENVIRONMENT_PASS] if name in environ),
        )
        self._promise = Promise(
            cell=job.cell,
            python_tag=interpreter.directory.partition("-")[0],
            abi_tag=interpreter.directory.partition("-")[2],
            project_name=job.settings.project_name,
            ext_suffix=interpreter.extension_suffix,
            repaired=bool(job.settings[REPAIR_WHEEL_COMMAND]),
        )

    def serve(self, reused: Reusable | None) -> _Delivery:
        """Build, or take the wheel that another cell built; test; publish."""
        layout = self._recipe.tools.layout
        with self._diary.step(StepKind.PREPARE, f"put {self._shop.source.files} files"):
            self._put(layout.project, self._shop.source.read())
        self._before_all()
        if reused is not None:
            self._put(layout.repaired, archive_of(reused.path, reused.path.name))
            self._run_all(self._recipe.test(reused.path.name, is_built_here=False))
            return _Delivery(wheel=None, reused=reused)
        path, contents = self._build()
        self._run_all(self._recipe.test(path.name))
        return self._publish(path, contents)

    def _before_all(self) -> None:
        preparations, job = self._shop.preparations, self._job
        if not job.settings[BEFORE_ALL] or not preparations.is_preparer(job):
            return
        image = None
        try:
            if self._shop.runs_before_all:
                image = self._prepare()
        except (CellFailed, MachineError):
            # It would fail in the other cells too, each after the same time.
            preparations.settle(job, image=None, is_ready=False)
            raise
        preparations.settle(job, image=image, is_ready=True)
        self._shop.on_prepared()

    def _prepare(self) -> str:
        """Run `before-all`; return the image that the other cells start from.

        It is kept on the machine itself too: there the system's part is shared anyway, the project's is not.
        """
        self._run_all(self._recipe.before_all())
        with self._diary.step(StepKind.BEFORE_ALL, "keep the prepared image for the other cells"):
            return self._container.snapshot(ImageMetadata(name=None))

    def _build(self) -> tuple[Path, WheelContents]:
        layout = self._recipe.tools.layout
        self._run_all(self._recipe.build())
        built = self._only_wheel(layout.built)
        reject_pure(built)
        self._run(self._recipe.repair(built))
        with self._diary.step(StepKind.VERIFY, "take out and verify"):
            staging = self._shop.wheelhouse.room(str(self._job.cell))
            with _lost_on_error(), self._container.get(layout.repaired) as stream:
                path = receive(stream, staging)
            contents = inspect(path)
            verify(contents, self._promise)
        return path, contents

    def _publish(self, path: Path, contents: WheelContents) -> _Delivery:
        with self._diary.step(StepKind.PUBLISH, f"publish {path.name}"):
            record = self._shop.wheelhouse.publish(path, contents)
        published = self._shop.wheelhouse.directory / record.name
        self._shop.shelf.add(Reusable(builder=self._job.cell, path=published))
        return _Delivery(wheel=record, reused=None)

    def _only_wheel(self, directory: str) -> str:
        listing = bytearray()
        script = 'cd "$1" && for f in *.whl; do [ -e "$f" ] && printf "%s\\n" "$f"; done; true'
        request = ExecRequest(argv=("sh", "-c", script, "sh", directory), timeout=60)
        if self._container.exec(request, listing.extend).ending is Ending.LOST:
            raise Gone("the container went away after the build")
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
            self._run(step)

    def _run(self, step: Step) -> None:
        self._diary.run(self._container, step)


@contextmanager
def _lost_on_error() -> Iterator[None]:
    """Take an engine's error about an archive for what it most often is: the container went away meanwhile."""
    try:
        yield
    except EngineError as error:
        raise Gone(error.message, error.hint) from error
