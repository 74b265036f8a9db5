"""Cells of one run with settings of their own, on the fake engine: what they share, and what becomes of failures."""

from pathlib import Path

import pytest
from fake_run import ORDERED, TESTED, FakeRun, cell_of, outcome, what
from msgspec.structs import replace
from planning import engine_with, settings_with

from matrix_runner.config.create_args.container_rights import restricted
from matrix_runner.config.create_args.create_args import parse_create_args
from matrix_runner.config.kinds.values import EngineChoice, Sandbox
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.build_options import BEFORE_ALL, CONFIG_SETTINGS, ENVIRONMENT, ENVIRONMENT_PASS
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.run_options import CONTAINER_ENGINE, DEBUG_KEEP_CONTAINER, SANDBOX
from matrix_runner.config.options.test_options import TEST_COMMAND, TEST_GROUPS
from matrix_runner.engine.api import Ending
from matrix_runner.engine.fake.fake_engine import FakeFaults, FakeResult
from matrix_runner.errors import ConfigError, EngineError, ExitCode
from matrix_runner.model.outcomes import Reason, Status, StepKind
from matrix_runner.run import build

A, B, C = "cp39-manylinux_x86_64", "cp311-manylinux_x86_64", "cp313-manylinux_x86_64"
BASE: dict[Option[object], object] = {BEFORE_ALL: ORDERED}


def settings_of(values: dict[Option[object], object]) -> Settings:
    """Return settings of the project that the fake_run's wheels are of."""
    return settings_with(values, project_name="demo")


def run_of(directory: Path, *identifiers: str, values: dict[Option[object], object], **own: Settings) -> FakeRun:
    """Return a fake run; `own`: the settings of single cells, by the tag of their interpreter."""
    cells = {identifier: own[tag] for identifier in identifiers if (tag := identifier.partition("-")[0]) in own}
    return FakeRun(directory=directory, identifiers=identifiers, settings=settings_of(values), own=cells)


DIFFERENCES: list[dict[Option[object], object]] = [
    {BEFORE_ALL: f"{ORDERED} again"},
    {ENVIRONMENT: (("A", "1"),)},
    {ENVIRONMENT_PASS: ("CI",)},
    {CONTAINER_ENGINE: engine_with("--network=host", name=EngineChoice.AUTO)},
    {SANDBOX: Sandbox.OFF},
]


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda values: next(iter(values)).name)
def test_cells_share_a_preparation_only_if_it_would_be_the_same(
    tmp_path: Path, difference: dict[Option[object], object]
) -> None:
    """Another command, environment, passed variable or container: prepared anew; all else is shared as ever."""
    fake = run_of(tmp_path, A, B, C, values=BASE, cp313=settings_of(BASE | difference))
    with fake.engine() as engine:
        report = build(fake.request(engine))
        preparers = [str(cell_of(call)) for call in engine.commands if what(call) == "before-all"]
    assert report.exit_code is ExitCode.OK
    assert len(preparers) == 2
    assert C in preparers


def test_a_cell_without_before_all_waits_for_nobody(tmp_path: Path) -> None:
    """An override can take it away: that cell starts from the image as it is."""
    fake = run_of(tmp_path, A, B, values=BASE, cp39=settings_of({}))
    fake.workers = 1
    with fake.engine() as engine:
        report = build(fake.request(engine))
        preparers = [str(cell_of(call)) for call in engine.commands if what(call) == "before-all"]
        images = {str(cell_of(call)): call.spec.image for call in engine.commands if what(call) == "build"}
        snapshots = set(engine.host.snapshots)
    assert report.exit_code is ExitCode.OK
    assert preparers == [B]
    assert not snapshots & set(images.values())


def test_a_snapshot_that_fails_is_told_to_all(tmp_path: Path) -> None:
    """A full disk when the image is kept: the others are told that, not that the command failed; exit code 4."""
    fake = run_of(tmp_path, A, B, C, values=BASE)
    full = EngineError("no space left on device")
    fake.faults = FakeFaults(on_snapshot=lambda _: full)
    report = fake.run()
    assert report.exit_code is ExitCode.ENVIRONMENT
    failures = [each.failure for each in report.outcomes if each.failure]
    assert {(failure.step, failure.reason) for failure in failures} == {(StepKind.BEFORE_ALL, Reason.ENGINE)}
    messages = sorted(failure.message for failure in failures)
    assert messages[-1] == full.message
    assert all(message.endswith(f": {full.message}") for message in messages[:2])


def test_create_args_reach_every_container_of_a_cell(tmp_path: Path) -> None:
    """What the engine is asked for is what the words mean, for the cells that have them."""
    words = ("--cpus=1",)
    engine_option = engine_with(*words, name=EngineChoice.AUTO)
    fake = run_of(tmp_path, A, B, values={}, cp311=settings_of({CONTAINER_ENGINE: engine_option}))
    with fake.engine() as engine:
        build(fake.request(engine))
        found = {call.spec.name: call.spec.arguments for call in engine.commands}
    # Beside them is only what cells are given by themselves.
    assert replace(found[B], tmpfs=()) == restricted(parse_create_args(words))
    assert replace(found[A], tmpfs=()) == restricted(parse_create_args(())) != replace(found[B], tmpfs=())


REPORT = (
    b'{"specs": {"x": {"kind": "wheel", "wheel": [{"name": "_fast.abi3.so", "result": {"is_abi3": false, '
    b'"is_abi3_baseline_compatible": true, "baseline": "3.9", "computed": "3.9", "non_abi3_symbols": ["_PyX"], '
    b'"future_abi3_objects": {}}}]}}}\n1 violation found\n'
)


@pytest.mark.parametrize(
    ("result", "reason", "message"),
    [
        (FakeResult(status=1, output=(REPORT,)), Reason.REJECTED, "_fast.abi3.so uses _PyX, not of the stable ABI"),
        (FakeResult(status=2, output=(b"no such option\n",)), Reason.REJECTED, "exit status 2: no such option"),
        (FakeResult(ending=Ending.OUT_OF_MEMORY), Reason.OUT_OF_MEMORY, "killed for lack of memory"),
    ],
)
def test_an_audit_that_fails_rejects_the_wheel(
    tmp_path: Path, result: FakeResult, reason: Reason, message: str
) -> None:
    """Nothing is published, the tests are not run, and the next cell builds and is audited for itself."""
    fake = run_of(tmp_path, A, B, values={TEST_COMMAND: TESTED})
    fake.is_abi3 = True
    fake.override = lambda call: result if what(call) == "audit" and str(cell_of(call)) == A else None
    with fake.engine() as engine:
        report = build(fake.request(engine))
        tested = [str(cell_of(call)) for call in engine.commands if what(call) == "test"]
        audited = [str(cell_of(call)) for call in engine.commands if what(call) == "audit"]
    failure = outcome(report, A).failure
    assert failure is not None
    assert (failure.step, failure.reason) == (StepKind.AUDIT, reason)
    assert message in failure.message
    assert (tested, audited) == ([B], [A, B])
    assert report.exit_code is reason.exit_code


def test_a_reused_wheel_is_not_audited_again(tmp_path: Path) -> None:
    """One audit serves all that test the wheel."""
    fake = run_of(tmp_path, A, B, C, values={TEST_COMMAND: TESTED})
    fake.is_abi3 = True
    with fake.engine() as engine:
        report = build(fake.request(engine))
        audited = [str(cell_of(call)) for call in engine.commands if what(call) == "audit"]
    assert report.exit_code is ExitCode.OK
    assert audited == [A]


def test_what_has_no_effect_is_told_of(tmp_path: Path) -> None:
    """Settings for the backend that an old Python's pip cannot pass on are a notice of that cell."""
    old = "cp36-manylinux_x86_64"
    fake = run_of(tmp_path, old, B, values={CONFIG_SETTINGS: (("a", ("b",)),)})
    assert fake.run().exit_code is ExitCode.OK
    (notice,) = fake.recorder.notices()
    assert notice.startswith("config-settings are left out")


def test_a_group_that_is_not_there_stops_the_run_before_it_starts(tmp_path: Path) -> None:
    """It is told before any container is opened, if any cell that is tested asks for it."""
    own = settings_of({TEST_COMMAND: TESTED, TEST_GROUPS: ("tset",)})
    fake = run_of(tmp_path, A, B, values={}, cp311=own)
    with fake.engine() as engine:
        request = fake.request(engine)
        with pytest.raises(ConfigError, match="group 'tset' not found"):
            build(request)
        assert engine.commands == []
    assert fake.recorder.is_closed
    assert run_of(tmp_path, A, values={TEST_GROUPS: ("tset",)}).run().exit_code is ExitCode.OK


@pytest.mark.parametrize("kind", ["build", "repair", "test"])
def test_the_container_of_a_failed_cell_is_kept(tmp_path: Path, kind: str) -> None:
    """Its image has the cell's name, outlives the run, holds what was there, and hint and report name it."""
    fake = run_of(tmp_path, A, B, values={DEBUG_KEEP_CONTAINER: True, TEST_COMMAND: TESTED})
    fake.override = lambda call: FakeResult(status=1) if what(call) == kind and str(cell_of(call)) == A else None
    with fake.engine() as engine:
        report = build(fake.request(engine))
    failure = outcome(report, A).failure
    assert failure is not None
    name = f"matrix-runner/debug:{A}"
    assert f"its container is kept as the image {name}: the project is in /project" in (failure.hint or "")
    assert (outcome(report, A).kept, outcome(report, B).kept) == (name, None)
    assert "/project/pyproject.toml" in engine.host.images[name][1]
    assert f"matrix-runner/debug:{B}" not in engine.host.images


def test_a_container_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    """The cell's own failure stays what it was; why there is no image is said with it."""
    fake = run_of(tmp_path, A, values={DEBUG_KEEP_CONTAINER: True})
    fake.override = lambda call: FakeResult(status=9) if what(call) == "build" else None
    fake.faults = FakeFaults(on_snapshot=lambda _: EngineError("no space left on device"))
    failure = outcome(fake.run(), A).failure
    assert failure is not None
    assert failure.message == "exit status 9"
    assert failure.hint == "its container could not be kept: no space left on device"


def test_nothing_is_kept_unasked(tmp_path: Path) -> None:
    """Without the option, and of a cell that passes with it, no image is left."""
    settings: tuple[dict[Option[object], object], ...] = ({}, {DEBUG_KEEP_CONTAINER: True})
    for values in settings:
        fake = run_of(tmp_path / str(len(values)), A, values=values)
        fake.directory.mkdir()
        if not values:
            fake.override = lambda call: FakeResult(status=1) if what(call) == "build" else None
        with fake.engine() as engine:
            report = build(fake.request(engine))
        assert outcome(report, A).status is (Status.PASSED if values else Status.FAILED)
        assert not [name for name in engine.host.images if "debug" in name]
