"""The straight line of a build, on the fake engine: what it delivers, what it tells, and how it is interrupted."""

import hashlib
import json
import os
import signal
import threading
from contextlib import closing
from pathlib import Path

import pytest
from fake_run import ORDERED, FakeRun, Recorder, cell_of, what
from msgspec.structs import replace
from planning import settings_with

from matrix_runner.config.options.build_options import BEFORE_ALL
from matrix_runner.config.options.cache_options import REBUILD
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.output_options import OVERWRITE
from matrix_runner.config.options.run_options import SILENCE_TIMEOUT, STEP_TIMEOUT
from matrix_runner.engine.api import ContainerSpec
from matrix_runner.engine.fake.fake_engine import FakeCall, FakeEngine, FakeFaults, FakeHost, FakeResult
from matrix_runner.errors import EngineError, ExitCode, OutputError, RunnerError, UsageError
from matrix_runner.matrix import Host, LeftOut
from matrix_runner.model.cells import Cell
from matrix_runner.model.events import CellStarted, Event, Notice, RunStarted
from matrix_runner.model.outcomes import Status
from matrix_runner.model.platforms import Arch
from matrix_runner.run import build

CELLS = ("cp39-manylinux_x86_64", "cp311-manylinux_x86_64", "cp39-manylinux_i686", "cp311-manylinux_i686")
LONG = 60


def run_of(directory: Path, *identifiers: str, values: dict[Option[object], object] | None = None) -> FakeRun:
    """Return a fake run for these cells."""
    settings = settings_with(values, project_name="demo")
    return FakeRun(directory=directory, identifiers=identifiers or CELLS, settings=settings)


def test_a_run_delivers_wheels_sums_and_a_report(tmp_path: Path) -> None:
    """The output directory has every wheel, the sums that check them, and a report in the plan's request."""
    fake = run_of(tmp_path)
    report = fake.run()
    wheels = sorted(fake.wheelhouse.glob("*.whl"))
    assert len(wheels) == 4
    sums = (fake.report_dir / "SHA256SUMS").read_text().splitlines()
    assert sorted(sums) == sorted(f"{hashlib.sha256(w.read_bytes()).hexdigest()}  {w.name}" for w in wheels)
    assert [str(each.cell) for each in report.outcomes] == list(CELLS)
    document = json.loads((fake.report_dir / "report.json").read_text())
    assert [cell["cell"] for cell in document["cells"]] == list(CELLS)
    assert (document["exit_code"], document["run"], document["engine"]["name"]) == (0, "r1", "fake")
    assert report.exit_code is ExitCode.OK


def test_nothing_but_the_output_is_left(tmp_path: Path) -> None:
    """Containers, snapshots and working files are gone when the run is over, whatever became of its cells."""
    fake = run_of(tmp_path, values={BEFORE_ALL: ORDERED})
    fake.override = lambda call: FakeResult(status=1) if what(call) == "repair" else None
    with fake.engine() as engine:
        build(fake.request(engine))
        assert engine.host.containers == {}
    assert engine.host.snapshots == {}
    assert list((tmp_path / "scratch").iterdir()) == []


def test_the_start_tells_what_will_be_done(tmp_path: Path) -> None:
    """First of all come the cells in order, then the plan's warnings, what was swept, and what was not packed."""
    fake = run_of(tmp_path, CELLS[0])
    host = FakeHost(containers={1000: "dead"})
    with fake.engine() as engine:
        engine.host.containers.update(host.containers)
        request = fake.request(engine)
        os.mkfifo(request.inputs.project / "pipe")
        build(
            replace(
                request,
                inputs=replace(
                    request.inputs, plan=replace(request.inputs.plan, warnings=("a pattern matches nothing",))
                ),
            )
        )
    first = fake.recorder.events[0]
    assert isinstance(first, RunStarted)
    assert ([str(cell) for cell in first.cells], first.run, first.workers) == ([CELLS[0]], "r1", 2)
    assert fake.recorder.notices() == [
        "a pattern matches nothing",
        "removed what the dead run dead left behind",
        "pipe is no file, directory or link: left out",
    ]
    warnings = [e.is_warning for e in fake.recorder.events if isinstance(e, Notice)]
    assert warnings == [True, False, True]


def test_what_was_left_out_is_in_the_report(tmp_path: Path) -> None:
    """The report says of cells that were not in the plan why."""
    fake = run_of(tmp_path, CELLS[0])
    left = LeftOut(cell=Cell.parse("cp27m-manylinux_x86_64"), reason="it needs enable = eol")
    with fake.engine() as engine:
        request = fake.request(engine)
        build(replace(request, inputs=replace(request.inputs, plan=replace(request.inputs.plan, left_out=(left,)))))
    document = json.loads((fake.report_dir / "report.json").read_text())
    assert document["left_out"] == [{"cell": str(left.cell), "reason": left.reason}]


def test_the_last_runs_output_is_no_source(tmp_path: Path) -> None:
    """Wheels and logs below the project do not go into the containers of the next run."""
    fake = run_of(tmp_path, CELLS[0])
    seen: set[str] = set()

    def override(call: FakeCall) -> FakeResult | None:
        seen.update(path for path in call.files if path.startswith("/project/"))
        return None

    fake.override = override
    with fake.engine() as engine:
        request = fake.request(engine)
        for name in ("out/old.whl", "report/logs/old.log", "setup.py"):
            (request.inputs.project / name).parent.mkdir(parents=True, exist_ok=True)
            (request.inputs.project / name).write_text("x")
        project = request.inputs.project
        inputs = replace(request.inputs, output_dir=project / "out", report_dir=project / "report")
        build(replace(request, inputs=inputs))
    assert seen == {"/project/pyproject.toml", "/project/setup.py"}


def test_each_image_is_looked_into_once(tmp_path: Path) -> None:
    """However many cells share an image, it is probed once for each architecture, for all their interpreters."""
    fake = run_of(tmp_path)
    with fake.engine() as engine:
        build(fake.request(engine))
        probes = [call for call in engine.commands if what(call) == "probe"]
    assert sorted(call.spec.arch.tag for call in probes) == ["i686", "x86_64"]
    assert all(call.request.argv[-2:] == ("cp39-cp39", "cp311-cp311") for call in probes)


def test_images_take_turns(tmp_path: Path) -> None:
    """The first cells to start are of different images, so that their preparations run side by side."""
    fake = run_of(tmp_path, values={BEFORE_ALL: ORDERED})
    meeting = threading.Barrier(2)

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) == "before-all":
            meeting.wait(LONG)
        return None

    fake.override = override
    assert fake.run().exit_code is ExitCode.OK
    started = [e.cell.platform.arch for e in fake.recorder.events if isinstance(e, CellStarted)]
    assert set(started[:2]) == {Arch.X86_64, Arch.I686}


@pytest.mark.parametrize(
    ("host", "first"), [(None, "i686"), (Host(machine=Arch.I686), "x86_64"), (Host(machine=Arch.AARCH64), "i686")]
)
def test_slow_architectures_come_first(tmp_path: Path, host: Host | None, first: str) -> None:
    """While nobody knows how long cells take, emulated ones start first, then 32-bit ones in each turn."""
    fake = run_of(tmp_path, values={REBUILD: ("*",), OVERWRITE: True})
    fake.workers = 1
    fake.host = host
    fake.cache = tmp_path / "cache"
    assert fake.run().exit_code is ExitCode.OK
    # Now all images are known: none is later than another.
    fake.recorder.events.clear()
    assert fake.run().exit_code is ExitCode.OK
    started = [e.cell.platform.arch.tag for e in fake.recorder.events if isinstance(e, CellStarted)]
    (other,) = {"i686", "x86_64"} - {first}
    is_one_emulated = host is not None and host.emulates(Arch.parse(first)) != host.emulates(Arch.parse(other))
    assert started == ([first, first, other, other] if is_one_emulated else [first, other] * 2)


def test_an_output_directory_in_use_stops_the_run_before_it_starts(tmp_path: Path) -> None:
    """A second run in the same directory is refused before any container is opened."""
    first, second = run_of(tmp_path, CELLS[0]), run_of(tmp_path, CELLS[1])
    met: list[RunnerError] = []

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) == "build":
            with second.engine() as engine:
                request = replace(second.request(engine), run="r2")
                with pytest.raises(OutputError) as caught:
                    build(request)
                met.append(caught.value)
                assert engine.commands == []
        return None

    first.override = override
    assert first.run().exit_code is ExitCode.OK
    assert len(met) == 1
    assert second.recorder.events == []


def test_a_project_that_cannot_be_packed_stops_the_run_before_it_starts(tmp_path: Path) -> None:
    """A mistake in SOURCE_DATE_EPOCH is told before any image is fetched; listeners are closed all the same."""
    fake = run_of(tmp_path, CELLS[0])
    asked: list[str] = []
    fake.faults = FakeFaults(on_resolve=asked.append)
    fake.environ = {"SOURCE_DATE_EPOCH": "soon"}
    with fake.engine() as engine, pytest.raises(UsageError, match="SOURCE_DATE_EPOCH"):
        build(fake.request(engine))
    assert asked == []
    assert fake.recorder.is_closed


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)]
)
def test_an_interrupt_keeps_what_is_finished(tmp_path: Path, number: signal.Signals, code: ExitCode) -> None:
    """Running cells are killed and cancelled, waiting ones not begun, finished wheels stay, and the report says so."""
    cells = (*CELLS[:2], "cp313-manylinux_x86_64", "cp314-manylinux_x86_64")
    fake = run_of(tmp_path, *cells, values={STEP_TIMEOUT: 0, SILENCE_TIMEOUT: 0})
    fake.workers = 1
    built: list[str] = []

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) == "build":
            built.append(str(cell_of(call)))
            if len(built) == 2:
                os.kill(os.getpid(), number)
                return FakeResult(hangs=True)
        return None

    fake.override = override
    before = signal.getsignal(number)
    with fake.engine() as engine:
        report = build(fake.request(engine))
        assert engine.host.containers == {}
    assert report.exit_code is code
    assert [str(each.cell) for each in report.outcomes if each.status is Status.PASSED] == built[:1]
    assert [each.status for each in report.outcomes].count(Status.CANCELLED) == 3
    assert all(each.failure is None for each in report.outcomes)
    assert len(list(fake.wheelhouse.glob("*.whl"))) == 1
    assert json.loads((fake.report_dir / "report.json").read_text())["exit_code"] == int(code)
    assert (fake.report_dir / "SHA256SUMS").exists()
    assert len(built) == 2
    assert signal.getsignal(number) is before


def test_an_interrupt_while_images_are_fetched_cancels_all(tmp_path: Path) -> None:
    """Nothing has been built then: every cell is cancelled, none is laid to the image."""
    fake = run_of(tmp_path)
    aborted = threading.Event()

    class Told(FakeEngine):
        """An engine that tells when it is aborted."""

        def abort(self) -> None:
            """Kill all containers, and tell."""
            super().abort()
            aborted.set()

    def resolve(_: str) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        assert aborted.wait(LONG)

    with closing(Told(fake.usual, faults=FakeFaults(on_resolve=resolve))) as engine:
        report = build(fake.request(engine))
    assert report.exit_code is ExitCode.INTERRUPTED
    assert {each.status for each in report.outcomes} == {Status.CANCELLED}
    assert not [e for e in fake.recorder.events if isinstance(e, CellStarted)]


def test_an_engine_that_stops_answering_is_the_machines_fault(tmp_path: Path) -> None:
    """When the daemon dies after the images were looked into every cell says so, and the exit code is the machine's."""
    fake = run_of(tmp_path)
    gone = EngineError("the daemon does not answer", hint="start it")
    looked_into: set[Arch] = set()

    def open_once(spec: ContainerSpec) -> EngineError | None:
        is_first = spec.arch not in looked_into
        looked_into.add(spec.arch)
        return None if is_first else gone

    fake.faults = FakeFaults(on_open=open_once, on_put=lambda *_: gone)
    report = fake.run()
    assert report.exit_code is ExitCode.ENVIRONMENT
    assert {each.failure.message for each in report.outcomes if each.failure} == {gone.message}


class _Broken(Recorder):
    """A listener with a bug."""

    def handle(self, event: Event) -> None:
        """Fail at the first cell."""
        if isinstance(event, CellStarted):
            raise ZeroDivisionError("a bug in a listener")


def test_a_bug_in_a_listener_leaves_no_container(tmp_path: Path) -> None:
    """Even when the main thread itself fails, the engine's closing removes what is open, and listeners are closed."""
    fake = run_of(tmp_path)
    broken = _Broken()
    fake.listeners = (broken,)
    with fake.engine() as engine:
        with pytest.raises(ZeroDivisionError):
            build(fake.request(engine))
        assert fake.recorder.is_closed
    for thread in threading.enumerate():
        if thread.name.startswith("worker-"):
            thread.join(LONG)
    assert engine.host.containers == {}
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
