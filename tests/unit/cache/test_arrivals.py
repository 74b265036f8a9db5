"""Cells begin when their image is there, on the fake engine: what waits for an image, and what does not."""

import threading
from collections.abc import Callable
from pathlib import Path

from fake_run import ORDERED, FakeRun, cell_of, outcome, what
from planning import settings_with

from matrix_runner.config.options.build_options import BEFORE_ALL
from matrix_runner.config.options.cache_options import BEFORE_ALL_INPUTS, REBUILD
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.output_options import OVERWRITE
from matrix_runner.config.options.source_options import SDIST
from matrix_runner.engine.fake.fake_engine import FakeCall, FakeFaults, FakeResult
from matrix_runner.errors import ExitCode, ImageError
from matrix_runner.model.events import CellFinished, CellStarted, Event, WaitEnded, WaitStarted
from matrix_runner.model.outcomes import Reason, Status

EARLY, LATE = "early:1", "late:1"
A, B = "cp39-manylinux_x86_64", "cp311-manylinux_x86_64"
A32, B32 = "cp39-manylinux_i686", "cp311-manylinux_i686"
LONG = 30.0
Values = dict[Option[object], object]


class Harbour:
    """A run of two images, of which one arrives only when the test lets it."""

    def __init__(self, directory: Path, *identifiers: str, values: Values | None = None) -> None:
        settings = settings_with({OVERWRITE: True, **(values or {})}, project_name="demo")
        self.fake = FakeRun(
            directory=directory,
            identifiers=identifiers or (A, A32, B, B32),
            settings=settings,
            images=(EARLY, LATE),
            cache=directory / "cache",
        )
        self.let_in = threading.Event()
        self.fake.faults = FakeFaults(on_resolve=self.resolve)
        self.failure: ImageError | None = None
        self.is_in_time = True

    def resolve(self, reference: str) -> ImageError | None:
        """Hold the late image back."""
        if reference == LATE:
            self.is_in_time = self.let_in.wait(LONG)
            return self.failure
        return None

    def let_in_after(self, *cells: str) -> Callable[[Event], None]:
        """Return what lets the late image in as soon as these cells have passed."""
        left = set(cells)

        def handle(event: Event) -> None:
            if isinstance(event, CellFinished):
                left.discard(str(event.outcome.cell))
                if not left:
                    self.let_in.set()

        return handle

    def hears(self, handle: Callable[[Event], None]) -> None:
        """Have a function called with all events."""

        class Hearer:
            """A listener."""

            def handle(self, event: Event) -> None:
                """Pass it on."""
                handle(event)

            def close(self) -> None:
                """Nothing to close."""

        self.fake.listeners = (Hearer(),)

    def finished(self) -> list[str]:
        """Return the cells in the order in which they ended."""
        return [str(e.outcome.cell) for e in self.fake.recorder.events if isinstance(e, CellFinished)]


def test_cells_do_not_wait_for_the_image_of_others(tmp_path: Path) -> None:
    """All of the first image pass while the second is still fetched, which comes only when they have."""
    harbour = Harbour(tmp_path)
    harbour.hears(harbour.let_in_after(A, B))
    assert harbour.fake.run().exit_code is ExitCode.OK
    assert harbour.is_in_time
    assert set(harbour.finished()[:2]) == {A, B}


def test_one_worker_does_not_wait_either(tmp_path: Path) -> None:
    """An image that is fetched takes no slot: with a single one, cells pass meanwhile."""
    harbour = Harbour(tmp_path)
    harbour.fake.workers = 1
    # The order of images is that of cells: the 32-bit ones first.
    harbour.fake.images = (LATE, EARLY)
    harbour.hears(harbour.let_in_after(A32, B32))
    assert harbour.fake.run().exit_code is ExitCode.OK
    assert harbour.is_in_time


def test_no_more_images_are_fetched_at_once_than_there_are_workers(tmp_path: Path) -> None:
    """With one worker the second is asked for when the first is there; its cells wait no longer than that."""
    harbour = Harbour(tmp_path)
    harbour.fake.workers = 1
    harbour.let_in.set()
    assert harbour.fake.run().exit_code is ExitCode.OK
    waits = [type(e) for e in harbour.fake.recorder.events if isinstance(e, WaitStarted | WaitEnded)]
    assert waits == [WaitStarted, WaitEnded] * 2


def test_what_is_kept_is_delivered_when_its_image_is_there(tmp_path: Path) -> None:
    """Cells of an image whose facts are not known any more are looked up when it has come: they do not run again."""
    harbour = Harbour(tmp_path)
    harbour.let_in.set()
    assert harbour.fake.run().exit_code is ExitCode.OK
    for note in (tmp_path / "cache" / "facts").iterdir():
        note.unlink()
    harbour.fake.recorder.events.clear()
    report = harbour.fake.run()
    assert {each.status for each in report.outcomes} == {Status.CACHED}
    assert not [e for e in harbour.fake.recorder.events if isinstance(e, CellStarted)]
    assert sorted(harbour.finished()) == sorted([A, B, A32, B32])


def test_one_that_is_kept_and_one_that_runs_on_a_late_image(tmp_path: Path) -> None:
    """Of the late image one cell is delivered and one is built; the delivered one, though it has `before-all`."""
    values: Values = {BEFORE_ALL: ORDERED}
    harbour = Harbour(tmp_path, values=values)
    harbour.let_in.set()
    assert harbour.fake.run().exit_code is ExitCode.OK
    for note in (tmp_path / "cache" / "facts").iterdir():
        note.unlink()
    again = Harbour(tmp_path, values=values | {REBUILD: ("*-manylinux_x86_64", A32)})
    again.hears(again.let_in_after(A, B))
    report = again.fake.run()
    assert again.is_in_time
    assert [str(each.cell) for each in report.outcomes if each.status is Status.CACHED] == [B32]
    assert report.exit_code is ExitCode.OK


def test_an_image_that_never_comes_costs_only_its_own(tmp_path: Path) -> None:
    """Its cells fail with its error, and the wheels of the others are there."""
    harbour = Harbour(tmp_path)
    harbour.failure = ImageError("no such image")
    harbour.hears(harbour.let_in_after(A, B))
    report = harbour.fake.run()
    assert harbour.is_in_time
    assert [each.status for each in report.outcomes] == [Status.PASSED, Status.FAILED] * 2
    failure = outcome(report, B32).failure
    assert failure is not None
    assert (failure.reason, failure.message) == (Reason.ENGINE, "no such image")
    assert len(list(harbour.fake.wheelhouse.glob("*.whl"))) == 2


def test_cells_that_cannot_run_say_so_when_their_image_is_there(tmp_path: Path) -> None:
    """They do not wait for their turn, which may be an hour away: not even for the build that runs already."""
    harbour = Harbour(tmp_path)
    told = threading.Event()

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) == "build" and str(cell_of(call)) == A:
            harbour.let_in.set()
            assert told.wait(LONG)
        if what(call) == "probe" and cell_of(call).platform.arch.bits == 32:
            lines = b"".join(harbour.fake.usual(call).output).splitlines(keepends=True)
            return FakeResult(output=tuple(line for line in lines if b"cp311-" not in line))
        return None

    harbour.fake.override = override

    def hear(event: Event) -> None:
        if isinstance(event, CellFinished) and str(event.outcome.cell) == B32:
            told.set()

    harbour.hears(hear)
    report = harbour.fake.run()
    failed = [each for each in report.outcomes if each.status is Status.FAILED]
    assert [str(each.cell) for each in failed] == [B32]
    assert failed[0].failure is not None
    assert failed[0].failure.reason is Reason.MISSING_TOOL


def test_an_sdist_has_all_images(tmp_path: Path) -> None:
    """The run's sdist is made when all images are there, as any of them may have to make it: it is in every wheel."""
    harbour = Harbour(tmp_path, values={SDIST: True})
    order: list[str] = []

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) in {"probe", "sdist", "build"}:
            order.append(what(call))
        return None

    harbour.fake.override = override
    harbour.let_in.set()
    assert harbour.fake.run().exit_code is ExitCode.OK
    assert sorted(order[:2]) == ["probe", "probe"]
    assert order[2:] == ["sdist", *["build"] * 4]


def test_a_remark_on_two_images_is_made_once(tmp_path: Path) -> None:
    """A pattern that matches nothing is warned of once, though each image's cells are prepared on their own."""
    harbour = Harbour(tmp_path, values={BEFORE_ALL: ORDERED, BEFORE_ALL_INPUTS: ("nowhere/*",)})
    harbour.hears(harbour.let_in_after(A, B))
    assert harbour.fake.run().exit_code is ExitCode.OK
    assert len([text for text in harbour.fake.recorder.notices() if "nowhere/*" in text]) == 1


def test_a_platform_of_two_images_begins_when_both_are_there(tmp_path: Path) -> None:
    """A wheel may serve cells of either: which of them are taken from the cache is decided for all at once."""
    harbour = Harbour(tmp_path, A, B)
    began: list[str] = []

    def hear(event: Event) -> None:
        if isinstance(event, WaitEnded):
            began.append("image")
        if isinstance(event, CellStarted):
            began.append("cell")

    harbour.hears(hear)
    harbour.let_in.set()
    assert harbour.fake.run().exit_code is ExitCode.OK
    assert began == ["image", "image", "cell", "cell"]
