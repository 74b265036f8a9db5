"""The cells of a run on several engines: which goes where, and what becomes of those of an engine that is lost."""

import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fake_run import ORDERED, FakeRun, cell_of, what
from msgspec.structs import replace
from planning import settings_with

from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.build_options import BEFORE_ALL
from matrix_runner.config.options.run_options import ENGINE_TIMEOUT
from matrix_runner.container import engine_loss
from matrix_runner.engine.api import Ending
from matrix_runner.engine.fake.fake_engine import (
    ANY_IMAGE,
    FakeCall,
    FakeEngine,
    FakeFaults,
    FakeHost,
    FakeResult,
    Script,
)
from matrix_runner.errors import EngineError, EngineNotReady, ExitCode
from matrix_runner.matrix import Host
from matrix_runner.model.events import CellStarted
from matrix_runner.model.outcomes import Report, Status
from matrix_runner.model.platforms import Arch
from matrix_runner.nodes import lost_nodes
from matrix_runner.run import build

WIDE = tuple(f"cp3{minor}-manylinux_x86_64" for minor in (9, 10, 11, 12, 13))
GONE = EngineNotReady("nothing listens at tcp://b.example", is_busy=False)
X86, ARM = (Host(machine=arch, emulated=frozenset()) for arch in (Arch.X86_64, Arch.AARCH64))


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask a silent engine again at once."""
    monkeypatch.setattr(engine_loss, "_PAUSE", 0.0)


@dataclass(kw_only=True)
class Machine:
    """One of the engines. `host`: what is there; `machine`: its architecture. `ran`: the cells built on it."""

    name: str
    machine: Host = X86
    slots: int = 1
    host: FakeHost = field(default_factory=FakeHost)
    is_gone: threading.Event = field(default_factory=threading.Event)
    ran: list[str] = field(default_factory=list)
    prepared: list[str] = field(default_factory=list)
    says_so: bool = True
    """Whether connections to it end when it is gone."""

    def faults(self) -> FakeFaults:
        """Return what the engine answers when it does not listen."""
        return FakeFaults(on_open=lambda _: self._error(), on_check=self._error)

    def _error(self) -> EngineError | None:
        return GONE if self.is_gone.is_set() else None


def settings(*, before_all: str = "", timeout: int = 60) -> Settings:
    """Return the settings of a run."""
    return settings_with({BEFORE_ALL: before_all, ENGINE_TIMEOUT: timeout}, project_name="demo")


def spread(fake: FakeRun, machines: list[Machine]) -> Report:
    """Run on several engines."""
    with ExitStack() as stack:
        nodes = []
        for machine in machines:
            fake.faults = machine.faults()
            engine = stack.enter_context(fake.engine(machine.host, run=f"run-{machine.name}"))
            engine.script = noted(machine, engine)
            fake.host, fake.workers = machine.machine, machine.slots
            nodes.append(fake.node(engine, machine.name))
        fake.host = replace(machines[0].machine, others=tuple(machine.machine for machine in machines[1:]))
        return build(replace(fake.request(engine), nodes=tuple(nodes)))


def noted(machine: Machine, engine: FakeEngine) -> Script:
    """Return the engine's script with a note of what is run where."""
    script = engine.script

    def answer(call: FakeCall) -> FakeResult:
        if machine.is_gone.is_set():
            return FakeResult(ending=Ending.LOST) if machine.says_so else FakeResult(hangs=True)
        if what(call) == "build":
            machine.ran.append(str(cell_of(call)))
        if what(call) == "before-all":
            machine.prepared.append(machine.name)
        return script(call)

    return answer


def run_of(directory: Path, *cells: str, own: Settings | None = None) -> FakeRun:
    """Return a fake run whose builds take a moment, so that several engines are needed."""
    fake = FakeRun(directory=directory, identifiers=cells, settings=own or settings())

    def slowly(call: FakeCall) -> FakeResult | None:
        if what(call) == "build":
            time.sleep(0.05)
        return None

    fake.override = slowly
    return fake


def where(report: Report) -> dict[str, str | None]:
    """Return the engine of each cell, as the report has it."""
    return {str(outcome.cell): outcome.node for outcome in report.outcomes}


def test_the_cells_are_spread_and_the_report_says_where(tmp_path: Path) -> None:
    """Each is built once, on one of the engines; both have some."""
    fake, machines = run_of(tmp_path, *WIDE), [Machine(name="a"), Machine(name="b")]
    report = spread(fake, machines)
    assert report.exit_code is ExitCode.OK
    assert sorted(machines[0].ran + machines[1].ran) == sorted(WIDE)
    assert machines[0].ran
    assert machines[1].ran
    assert where(report) == {cell: machine.name for machine in machines for cell in machine.ran}
    started = {str(e.cell): e.node for e in fake.recorder.events if isinstance(e, CellStarted)}
    assert started == where(report)
    assert not any(machine.host.containers for machine in machines)


def test_a_cell_goes_to_a_machine_of_its_architecture(tmp_path: Path) -> None:
    """Not to the first, which is another; by itself that one could not run it."""
    cells = ("cp311-manylinux_x86_64", "cp311-manylinux_aarch64", "cp313-manylinux_aarch64")
    fake, machines = run_of(tmp_path, *cells), [Machine(name="a"), Machine(name="b", machine=ARM)]
    report = spread(fake, machines)
    assert where(report) == {cells[0]: "a", cells[1]: "b", cells[2]: "b"}
    assert report.exit_code is ExitCode.OK


def test_native_before_emulated(tmp_path: Path) -> None:
    """A machine with an emulator gets nothing that another one runs without."""
    emulating = Host(machine=Arch.X86_64, emulated=frozenset({Arch.AARCH64}))
    machines = [Machine(name="a", machine=emulating, slots=4), Machine(name="b", machine=ARM)]
    cells = tuple(f"cp3{minor}-manylinux_aarch64" for minor in (9, 10, 11))
    assert set(where(spread(run_of(tmp_path, *cells), machines)).values()) == {"b"}


def test_an_architecture_that_nobody_has_fails_at_once(tmp_path: Path) -> None:
    """With the same words as on one machine."""
    cells = ("cp311-manylinux_x86_64", "cp311-manylinux_s390x")
    report = spread(run_of(tmp_path, *cells), [Machine(name="a"), Machine(name="b", machine=ARM)])
    failed = report.outcomes[1].failure
    assert failed is not None
    assert "emulator" in failed.message


def test_each_engine_prepares_its_image_once(tmp_path: Path) -> None:
    """`before-all` is run on each that builds, and what it left is there in the next run."""
    machines = [Machine(name="a"), Machine(name="b")]
    own = settings(before_all=ORDERED)
    assert spread(run_of(tmp_path, *WIDE, own=own), machines).exit_code is ExitCode.OK
    prepared = [each for machine in machines for each in machine.prepared]
    assert sorted(prepared) == ["a", "b"]
    assert spread(run_of(tmp_path, *WIDE, own=own), machines).exit_code is ExitCode.OK
    assert len(machines[0].prepared) == len(machines[1].prepared) == 1


def test_another_image_is_not_built_in(tmp_path: Path) -> None:
    """Of the same name, but not the same: that engine does not help, and it is said why."""
    other = FakeHost()
    other.images.clear()
    other.number()
    other.add_image(ANY_IMAGE)
    fake, machines = run_of(tmp_path, *WIDE), [Machine(name="a"), Machine(name="b", host=other)]
    report = spread(fake, machines)
    assert set(where(report).values()) == {"a"}
    assert report.exit_code is ExitCode.OK
    (warning,) = [text for text in fake.recorder.notices() if "does not help" in text]
    assert warning.startswith("b does not help with cells of manylinux_x86_64")
    assert "another image than that of a" in warning


def losing(fake: FakeRun, machine: Machine, *, comes_back: bool = False) -> None:
    """Have an engine vanish in the middle of the first build there."""
    usual, happened = fake.override, threading.Event()

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) == "build" and str(cell_of(call)) in machine.ran and not happened.is_set():
            happened.set()
            machine.is_gone.set()
            if comes_back:
                threading.Timer(0.2, machine.is_gone.clear).start()
            return FakeResult(ending=Ending.LOST)
        return usual(call)

    fake.override = override


def test_the_cells_of_a_lost_engine_go_to_another(tmp_path: Path) -> None:
    """Every wheel is there, the cell that was lost too; it is said."""
    fake, machines = run_of(tmp_path, *WIDE, own=settings(timeout=1)), [Machine(name="a"), Machine(name="b")]
    losing(fake, machines[1])
    report = spread(fake, machines)
    assert report.exit_code is ExitCode.OK
    (lost,) = machines[1].ran
    assert set(where(report).values()) == {"a"}, fake.recorder.notices()
    assert machines[0].ran.count(lost) == 1
    assert any("another node takes the cell over" in text for text in fake.recorder.notices())


def test_the_first_engine_may_be_lost_too(tmp_path: Path) -> None:
    """It is in charge of the images, and the others know them by then."""
    fake, machines = run_of(tmp_path, *WIDE, own=settings(timeout=1)), [Machine(name="a"), Machine(name="b")]
    losing(fake, machines[0])
    report = spread(fake, machines)
    assert report.exit_code is ExitCode.OK
    assert set(where(report).values()) == {"b"}


def test_an_engine_that_comes_back_gets_cells_again(tmp_path: Path) -> None:
    """As after its restart."""
    cells = (*WIDE, *(f"{python}-manylinux_x86_64" for python in ("cp38", "cp313t", "cp314", "cp314t")))
    fake, machines = run_of(tmp_path, *cells), [Machine(name="a"), Machine(name="b")]
    losing(fake, machines[1], comes_back=True)
    report = spread(fake, machines)
    assert report.exit_code is ExitCode.OK, [outcome.failure for outcome in report.outcomes]
    assert "b answers again" in fake.recorder.notices()
    assert len(machines[1].ran) > 1


def test_a_cell_that_takes_engines_down_does_not_go_through_all_of_them(tmp_path: Path) -> None:
    """Two may be lost under it; then it fails, and the rest is built by those that are left."""
    machines = [Machine(name=name) for name in "abcd"]
    fake = run_of(tmp_path, *WIDE, own=settings(timeout=1))
    usual = fake.override

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) == "build" and str(cell_of(call)) == WIDE[0]:
            taken = next(machine for machine in machines if machine.ran.count(WIDE[0]) and not machine.is_gone.is_set())
            taken.is_gone.set()
            return FakeResult(ending=Ending.LOST)
        return usual(call)

    fake.override = override
    report = spread(fake, machines)
    assert [outcome.status for outcome in report.outcomes] == [Status.FAILED, *[Status.PASSED] * 4]
    assert sum(machine.is_gone.is_set() for machine in machines) == 3


def test_a_machine_that_vanishes_from_the_network_loses_its_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connections do not end by themselves: the command there would go on for ever."""
    monkeypatch.setattr(lost_nodes, "_PULSE", 0.05)
    fake = run_of(tmp_path, *WIDE, own=settings(timeout=1))
    fake.pace = 1.0
    machines, usual = [Machine(name="a"), Machine(name="b", says_so=False)], fake.override

    def override(call: FakeCall) -> FakeResult | None:
        cell = str(cell_of(call))
        if what(call) == "build" and cell in machines[1].ran and cell not in machines[0].ran:
            machines[1].is_gone.set()
            # As long as the container is there.
            return FakeResult(hangs=True)
        return usual(call)

    fake.override = override
    report = spread(fake, machines)
    assert report.exit_code is ExitCode.OK, [outcome.failure for outcome in report.outcomes]
    assert set(where(report).values()) == {"a"}


def test_all_engines_are_lost(tmp_path: Path) -> None:
    """Every cell waits for its own, as on one machine, and then says what is wrong."""
    machines = [Machine(name="a"), Machine(name="b")]
    fake = run_of(tmp_path, *WIDE, own=settings(timeout=1))

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) != "build":
            return None
        for machine in machines:
            machine.is_gone.set()
        return FakeResult(ending=Ending.LOST)

    fake.override = override
    report = spread(fake, machines)
    assert {outcome.status for outcome in report.outcomes} == {Status.FAILED}
    assert report.exit_code is ExitCode.ENVIRONMENT
