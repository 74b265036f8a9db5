"""An engine that restarts in the middle of a run: what it cost is done again, and nothing fails."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_run import ORDERED, FakeRun, cell_of, outcome, what
from planning import settings_with

from matrix_runner.config.options.build_options import BEFORE_ALL
from matrix_runner.config.options.run_options import ENGINE_TIMEOUT
from matrix_runner.container import engine_loss
from matrix_runner.engine.api import Ending
from matrix_runner.engine.fake.fake_engine import FakeCall, FakeFaults, FakeHost, FakeResult
from matrix_runner.errors import EngineError, EngineNotReady, ExitCode, ImageError
from matrix_runner.model.outcomes import Reason, Status
from matrix_runner.run import build

A, B = "cp39-manylinux_x86_64", "cp311-manylinux_x86_64"
GONE = EngineNotReady("there is no Docker socket at unix:///x", is_busy=False)
BROKEN = EngineError("the connection to Docker failed: connection aborted")


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask again at once."""
    monkeypatch.setattr(engine_loss, "_PAUSE", 0.0)


class Restart:
    """An engine that is away from the first error until it was asked a few times."""

    def __init__(self, error: EngineError, *, questions: int = 3) -> None:
        self._lock = threading.Lock()
        self._error = error
        self._left = questions
        self._is_down = False

    def begin(self) -> EngineError | None:
        """Return the error, the first time."""
        with self._lock:
            if self._is_down or self._left == 0:
                return None
            self._is_down = True
            return self._error

    def check(self) -> EngineError | None:
        """Return an error while it is away."""
        with self._lock:
            if not self._is_down:
                return None
            self._left -= 1
            self._is_down = self._left > 0
            return GONE


def run_of(directory: Path, *cells: str, before_all: str = "", timeout: int = 60) -> FakeRun:
    """Return a fake run."""
    settings = settings_with({BEFORE_ALL: before_all, ENGINE_TIMEOUT: timeout}, project_name="demo")
    return FakeRun(directory=directory, identifiers=cells, settings=settings)


@pytest.mark.parametrize("error", [GONE, BROKEN])
def test_a_cell_that_could_not_open_its_container(tmp_path: Path, error: EngineError) -> None:
    """It is opened when the engine is back."""
    fake, restart = run_of(tmp_path, A, B), Restart(error)
    fake.faults = FakeFaults(on_open=lambda spec: restart.begin() if spec.name == B else None, on_check=restart.check)
    report = fake.run()
    assert report.exit_code is ExitCode.OK
    assert f"{error.message}; waiting for the engine" in fake.recorder.notices()


def counted(
    kind: str, first: Callable[[], FakeResult | None]
) -> tuple[Callable[[FakeCall], FakeResult | None], list[str]]:
    """Return an override of a kind of command, and the cells that ran it."""
    ran: list[str] = []

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) != kind:
            return None
        ran.append(str(cell_of(call)))
        return first()

    return override, ran


@pytest.mark.parametrize("error", [GONE, BROKEN])
def test_while_an_image_is_looked_into(tmp_path: Path, error: EngineError) -> None:
    """It is looked into once more, and its cell passes."""
    fake, restart = run_of(tmp_path, A), Restart(error)
    fake.faults = FakeFaults(on_open=lambda _: restart.begin(), on_check=restart.check)
    assert fake.run().exit_code is ExitCode.OK
    assert any(text.endswith("; waiting for the engine") for text in fake.recorder.notices())


def test_in_the_middle_of_before_all(tmp_path: Path) -> None:
    """Its container is gone: it is run again, once, and the others wait for that."""
    fake, restart = run_of(tmp_path, A, B, before_all=ORDERED), Restart(GONE)
    fake.override, ran = counted(
        "before-all", lambda: FakeResult(ending=Ending.LOST) if restart.begin() is not None else None
    )
    fake.faults = FakeFaults(on_check=restart.check)
    assert fake.run().exit_code is ExitCode.OK
    assert len(ran) == 2
    assert len(set(ran)) == 1


@pytest.mark.parametrize("error", [GONE, BROKEN])
def test_while_the_prepared_image_is_committed(tmp_path: Path, error: EngineError) -> None:
    """The failure is not the command's: it is run again, and no cell that waits for it fails."""
    fake, restart = run_of(tmp_path, A, B, before_all=ORDERED), Restart(error)
    fake.override, ran = counted("before-all", lambda: None)
    fake.faults = FakeFaults(on_snapshot=lambda _: restart.begin(), on_check=restart.check)
    assert fake.run().exit_code is ExitCode.OK
    assert len(ran) == 2


def test_a_refusal_is_no_restart(tmp_path: Path) -> None:
    """An engine that answers and refuses is not asked twice for the same."""
    fake = run_of(tmp_path, A)
    tries: list[str] = []

    def refuse(spec: object) -> EngineError:
        tries.append(str(spec))
        return EngineError("the engine could not create a container: no")

    fake.faults = FakeFaults(on_open=refuse)
    ended = outcome(fake.run(), A)
    assert ended.failure is not None
    assert (ended.status, ended.failure.reason) == (Status.FAILED, Reason.ENGINE)
    # The probe and the cell.
    assert len(tries) <= 2


def test_one_that_does_not_come_back(tmp_path: Path) -> None:
    """The cell fails after `engine-timeout`, with the engine's own words."""
    fake = run_of(tmp_path, A, timeout=1)
    is_down = threading.Event()

    def opened(spec: object) -> EngineError | None:
        del spec
        return GONE if is_down.is_set() else None

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) != "build":
            return None
        is_down.set()
        return FakeResult(ending=Ending.LOST)

    fake.override = override
    fake.faults = FakeFaults(on_open=opened, on_check=lambda: GONE if is_down.is_set() else None)
    ended = outcome(fake.run(), A)
    assert ended.failure is not None
    assert (ended.failure.reason, ended.failure.message) == (Reason.ENGINE, GONE.message)


def test_a_missing_image_is_not_waited_for(tmp_path: Path) -> None:
    """It will be missing in a minute as well."""
    fake = run_of(tmp_path, A)
    fake.faults = FakeFaults(on_open=lambda _: ImageError("there is no such image"), on_check=lambda: GONE)
    ended = outcome(fake.run(), A)
    assert ended.failure is not None
    assert "waiting for the engine" not in " ".join(fake.recorder.notices())


def test_the_time_is_waited_once_for_all_cells(tmp_path: Path) -> None:
    """An engine that does not come back is given up: sixty cells do not wait for it one after another."""
    cells = tuple(f"cp3{minor}-manylinux_x86_64" for minor in (9, 10, 11, 12, 13))
    fake = run_of(tmp_path, *cells, before_all=ORDERED, timeout=2)
    is_down = threading.Event()

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) != "before-all":
            return None
        is_down.set()
        return FakeResult(ending=Ending.LOST)

    fake.override, fake.workers = override, 1
    fake.faults = FakeFaults(
        on_open=lambda _: GONE if is_down.is_set() else None, on_check=lambda: GONE if is_down.is_set() else None
    )
    began = time.monotonic()
    report = fake.run()
    assert {each.status for each in report.outcomes} == {Status.FAILED}
    assert time.monotonic() - began < 2 * 2


def test_a_prepared_image_outlives_a_restart(tmp_path: Path) -> None:
    """The engine's absence says nothing of the image that an earlier run left: `before-all` is not run again."""
    host = FakeHost()

    def once(restart: Restart | None) -> list[str]:
        fake = run_of(tmp_path, A, B, before_all=ORDERED)
        fake.override, ran = counted("before-all", lambda: None)
        if restart is not None:
            fake.faults = FakeFaults(
                on_open=lambda spec: restart.begin() if "prepared" in str(spec.image) or spec.name == B else None,
                on_check=restart.check,
            )
        with fake.engine(host) as engine:
            assert build(fake.request(engine)).exit_code is ExitCode.OK
        return ran

    assert len(once(None)) == 1
    assert once(Restart(GONE)) == []
