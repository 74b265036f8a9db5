"""Interpreters that an image installs on demand, and machines that lack an emulator, on an engine that is a script."""

import json
from pathlib import Path

import pytest
from fake_run import FakeRun, outcome, what
from planning import settings_with

from matrix_runner.engine.fake.fake_engine import FakeCall, FakeFaults, FakeResult
from matrix_runner.errors import EngineError, ExitCode
from matrix_runner.matrix import Host
from matrix_runner.model.cells import Cell
from matrix_runner.model.events import CellStarted, RunStarted, WaitEnded, WaitStarted
from matrix_runner.model.outcomes import Reason, Status, StepKind
from matrix_runner.model.platforms import Arch
from matrix_runner.run import build

HERE = "cp39-manylinux_x86_64"
WANTED = "pp310-manylinux_x86_64"
TAG = "pp310-pypy310_pp73"
ENSURE = ("manylinux-interpreters", "ensure")
INSTALLED = "/opt/installed"


def image_with(fake: FakeRun, *, offers: str, ensure: FakeResult) -> None:
    """Let the image hold CPython 3.9 only, say that it can install what `offers` says, and answer `ensure` so."""

    def override(call: FakeCall) -> FakeResult | None:
        if call.request.argv[:2] == ENSURE:
            return ensure
        if what(call) != "probe":
            return None
        lines = fake.usual(call).output[0].splitlines(keepends=True)
        if INSTALLED not in call.files:
            lines = [line for line in lines if b"pp310" not in line]
        return FakeResult(output=(b"".join(lines), f"installable\t{offers}\n".encode()))

    fake.override = override


def run_of(directory: Path, *identifiers: str) -> FakeRun:
    """Return a run of these cells with default settings."""
    return FakeRun(directory=directory, identifiers=identifiers, settings=settings_with())


def test_an_interpreter_is_installed_in_its_cells_own_container(tmp_path: Path) -> None:
    """A cell whose interpreter is missing and can be had first installs it, asks it anew, and builds with it."""
    fake = run_of(tmp_path, HERE, WANTED)
    image_with(
        fake, offers=f'[{{"identifier": "{TAG}", "installed": false}}]', ensure=FakeResult(files=((INSTALLED, b""),))
    )
    with fake.engine() as engine:
        report = build(fake.request(engine))
        ensured = [call.spec.name for call in engine.commands if call.request.argv == (*ENSURE, TAG)]
    assert [each.status for each in report.outcomes] == [Status.PASSED, Status.PASSED], report
    assert ensured == [WANTED]
    assert outcome(report, WANTED).python_version == "3.0.0"
    wheel = outcome(report, WANTED).wheel
    assert wheel is not None
    assert "pp310-pypy310_pp73" in wheel.name


def test_a_failed_installation_fails_its_cell_alone(tmp_path: Path) -> None:
    """A download that fails is told as the command's own failure, in the step before everything else."""
    fake = run_of(tmp_path, HERE, WANTED)
    failed = FakeResult(status=1, output=(b"curl: (6) Could not resolve host: downloads.python.org\n",))
    image_with(fake, offers=f'[{{"identifier":"{TAG}"}}]', ensure=failed)
    report = fake.run()
    assert outcome(report, HERE).status is Status.PASSED
    failure = outcome(report, WANTED).failure
    assert failure is not None
    assert (failure.step, failure.reason) == (StepKind.PREPARE, Reason.COMMAND)
    assert "Could not resolve host" in failure.message


def test_an_installation_that_installs_nothing_is_noticed(tmp_path: Path) -> None:
    """`ensure` ends well for what its architecture cannot have; the interpreter is looked for all the same."""
    fake = run_of(tmp_path, WANTED)
    image_with(fake, offers=f'[{{"identifier":"{TAG}"}}]', ensure=FakeResult(output=(b"skipping\n",)))
    failure = outcome(fake.run(), WANTED).failure
    assert failure is not None
    assert failure.reason is Reason.MISSING_TOOL
    assert f"has no /opt/python/{TAG}" in failure.message


@pytest.mark.parametrize("offers", ["[]", "", "usage: manylinux-interpreters", '[{"name": 1}]', '{"identifier": "x"}'])
def test_what_cannot_be_installed_is_missing(tmp_path: Path, offers: str) -> None:
    """An offer without the interpreter, or an answer that is no list, changes nothing: the cell lacks its Python."""
    fake = run_of(tmp_path, WANTED)
    image_with(fake, offers=offers, ensure=FakeResult())
    failure = outcome(fake.run(), WANTED).failure
    assert failure is not None
    assert failure.reason is Reason.MISSING_TOOL


ARM = "cp39-manylinux_aarch64"
EMULATING = Host(machine=Arch.X86_64, emulated=frozenset({Arch.AARCH64}))


def test_without_an_emulator_only_its_own_cells_fail_and_first(tmp_path: Path) -> None:
    """Where the machine is known to lack one, no image is fetched for it; the message has the remedy."""
    fake = run_of(tmp_path, HERE, ARM)
    fake.host = Host(machine=Arch.X86_64, emulated=frozenset())
    resolved: list[str] = []
    fake.faults = FakeFaults(on_resolve=resolved.append)
    report = fake.run()
    failure = outcome(report, ARM).failure
    assert failure is not None
    assert (failure.step, failure.reason) == (StepKind.PREPARE, Reason.ENGINE)
    assert "needs aarch64; this machine is x86_64 and has no emulator" in failure.message
    assert failure.hint is not None
    assert "tonistiigi/binfmt --install arm64" in failure.hint
    assert len(resolved) == 1
    assert outcome(report, HERE).status is Status.PASSED
    assert report.exit_code is ExitCode.ENVIRONMENT
    started = [event.cell for event in fake.recorder.events if isinstance(event, CellStarted)]
    assert started[0] == Cell.parse(ARM)


@pytest.mark.parametrize(
    ("identifier", "host", "reason", "words"),
    [
        (
            ARM,
            None,
            Reason.ENGINE,
            ("needs aarch64; this engine's machine is x86_64 and has no emulator", "docker/setup-qemu-action"),
        ),
        (
            "cp39-manylinux_i686",
            None,
            Reason.ENGINE,
            ("do not run on this x86_64: exec format error", "this machine has no 32-bit mode"),
        ),
        (
            "cp310-manylinux_x86_64",
            None,
            Reason.WRONG_IMAGE,
            ("holds programs that are not x86_64", "choose one for x86_64"),
        ),
        (ARM, EMULATING, Reason.WRONG_IMAGE, ("holds programs that are not aarch64", "choose one for aarch64")),
    ],
)
def test_an_exec_format_error_is_explained(
    tmp_path: Path, identifier: str, host: Host | None, reason: Reason, words: tuple[str, str]
) -> None:
    """Where only the try can tell, it is the preflight's, and the words of the kernel become a remedy."""
    fake = run_of(tmp_path, identifier)
    fake.host = host
    said = EngineError("the container was started, but its shell does not answer: exec /bin/sh: exec format error")
    fake.faults = FakeFaults(on_open=lambda _: said)
    report = fake.run()
    failure = outcome(report, identifier).failure
    assert failure is not None
    assert failure.reason is reason
    assert words[0] in failure.message
    assert failure.hint is not None
    assert words[1] in failure.hint


def test_an_emulated_machine_is_no_problem(tmp_path: Path) -> None:
    """With an emulator the cells of another architecture are built like any other."""
    fake = run_of(tmp_path, ARM)
    fake.host = EMULATING
    limits: list[float | None] = []

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) == "probe":
            limits.append(call.request.timeout)
        return None

    fake.override = override
    assert outcome(fake.run(), ARM).status is Status.PASSED
    assert limits == [900]
    assert [text for text in fake.recorder.notices() if "under emulation, which takes a while" in text]
    events = fake.recorder.events
    started = next(event for event in events if isinstance(event, RunStarted))
    assert started.emulated == (Cell.parse(ARM),)
    waits = [event for event in events if isinstance(event, WaitStarted | WaitEnded)]
    assert [type(event) for event in waits] == [WaitStarted, WaitEnded]
    assert {event.text for event in waits} == {"image fake:latest is looked into, under emulation"}
    report = json.loads((fake.report_dir / "report.json").read_text("utf-8"))
    assert report["engine"]["emulated"] == ["aarch64"]
