"""Whole cells on the fake engine: what each way of ending makes of the outcome, the events and the other cells."""

import threading
from pathlib import Path

import pytest
from elf_builder import SharedObject
from fake_run import ORDERED, TESTED, FakeRun, Override, cell_of, outcome, what
from msgspec.structs import replace
from planning import elf_header, settings_with

from matrix_runner.before_all.prepared_images import LABEL_SOURCE
from matrix_runner.config.options.build_options import ACCEPT, AUDIT_COMMAND, BEFORE_ALL, BEFORE_BUILD
from matrix_runner.config.options.cache_options import NO_CACHE
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.test_options import TEST_COMMAND
from matrix_runner.engine.api import ContainerSpec, Ending
from matrix_runner.engine.fake.fake_engine import FakeCall, FakeFaults, FakeResult
from matrix_runner.errors import EngineError, ExitCode, ImageError
from matrix_runner.model.cells import Cell
from matrix_runner.model.events import CellFinished, CellStarted, StepFinished, StepStarted
from matrix_runner.model.outcomes import Reason, Status, StepKind
from matrix_runner.model.platforms import Arch
from matrix_runner.run import build

A, B, C = "cp39-manylinux_x86_64", "cp311-manylinux_x86_64", "cp313-manylinux_x86_64"
A32 = "cp39-manylinux_i686"


def run_of(directory: Path, *identifiers: str, **values: object) -> FakeRun:
    """Return a fake run for these cells, with `before_all`, `test_command` and the like set."""
    options: dict[str, Option[object]] = {"before_all": BEFORE_ALL, "tests": TEST_COMMAND, "before_build": BEFORE_BUILD}
    settings = settings_with({options[name]: value for name, value in values.items()}, project_name="demo")
    return FakeRun(directory=directory, identifiers=identifiers, settings=settings)


def instead(kind: str, result: FakeResult, *, of: str | None = None, times: int = 1000) -> Override:
    """Do something else for a kind of command, so many times, in one cell or in all."""
    left = [times]
    lock = threading.Lock()

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) != kind or (of is not None and str(cell_of(call)) != of):
            return None
        with lock:
            left[0] -= 1
            return result if left[0] >= 0 else None

    return override


def test_a_cell_that_passes(tmp_path: Path) -> None:
    """The wheel is published, the outcome names it and all that made it, and the steps were taken in request."""
    fake = run_of(tmp_path, B, tests=TESTED)
    report = fake.run()
    ended = outcome(report, B)
    assert (report.exit_code, ended.status, ended.failure) == (ExitCode.OK, Status.PASSED, None)
    assert ended.wheel is not None
    assert [path.name for path in fake.wheelhouse.glob("*.whl")] == [ended.wheel.name]
    assert ended.wheel.name == "demo-1.0-cp311-cp311-manylinux_2_31_x86_64.whl"
    assert (ended.image, ended.python_version, ended.log) == ("fake:latest", "3.0.0", f"logs/{B}.log")
    assert ended.image_id is not None
    assert fake.recorder.steps(ended.cell) == [
        StepKind.PREPARE,
        StepKind.BUILD,
        StepKind.REPAIR,
        StepKind.VERIFY,
        StepKind.TEST_ENVIRONMENT,
        StepKind.INSTALL,
        StepKind.TEST,
        StepKind.PUBLISH,
    ]
    assert [time.kind for time in ended.steps] == fake.recorder.steps(ended.cell)
    assert fake.recorder.is_closed


def test_events_of_a_cell_are_a_story(tmp_path: Path) -> None:
    """A cell starts once and finishes once; between, each step starts and ends before the next, and time goes on."""
    fake = run_of(tmp_path, A, B, C, A32, tests=TESTED)
    fake.run()
    for identifier in (A, B, C, A32):
        mine = [
            event
            for event in fake.recorder.events
            if isinstance(event, CellStarted | StepStarted | StepFinished) and str(event.cell) == identifier
        ]
        assert isinstance(mine[0], CellStarted)
        steps = mine[1:]
        for began, ended in zip(steps[::2], steps[1::2], strict=True):
            assert isinstance(began, StepStarted)
            assert isinstance(ended, StepFinished)
            assert began.kind is ended.kind
            assert began.at <= ended.at
    finished = [e.outcome.cell for e in fake.recorder.events if isinstance(e, CellFinished)]
    assert sorted(map(str, finished)) == sorted((A, B, C, A32))


BROKEN = FakeResult(status=2, output=(b"gcc: no\nerror: it broke\n\n----\n",))
FAILURES = [
    ("build", BROKEN, StepKind.BUILD, Reason.COMMAND, "exit status 2: error: it broke"),
    ("build", FakeResult(status=1), StepKind.BUILD, Reason.COMMAND, "exit status 1"),
    ("build", FakeResult(seconds=1e6), StepKind.BUILD, Reason.TIMEOUT, "stopped after 7200 s"),
    ("build", FakeResult(silence=1e6), StepKind.BUILD, Reason.SILENCE, "stopped after 1800 s without a word"),
    ("build", FakeResult(ending=Ending.OUT_OF_MEMORY), StepKind.BUILD, Reason.OUT_OF_MEMORY, "lack of memory"),
    ("build", FakeResult(), StepKind.BUILD, Reason.REJECTED, "the build ended with success and left no wheel"),
    ("repair", BROKEN, StepKind.REPAIR, Reason.COMMAND, "error: it broke"),
    ("repair", FakeResult(), StepKind.VERIFY, Reason.ENGINE, "/matrix/repaired cannot be copied out"),
    ("test", FakeResult(status=5, output=(b"1 failed\n",)), StepKind.TEST, Reason.COMMAND, "exit status 5: 1 failed"),
    ("before-all", FakeResult(status=100), StepKind.BEFORE_ALL, Reason.COMMAND, "exit status 100"),
]


@pytest.mark.parametrize(("kind", "result", "step", "reason", "words"), FAILURES)
def test_a_failure_names_its_step_and_cause(
    tmp_path: Path, *, kind: str, result: FakeResult, step: StepKind, reason: Reason, words: str
) -> None:
    """Wherever a cell fails: the outcome says at which step, why, in words of the tool; no wheel is published."""
    fake = run_of(tmp_path, B, tests=TESTED, before_all=ORDERED)
    fake.override = instead(kind, result)
    report = fake.run()
    ended = outcome(report, B)
    assert ended.failure is not None
    assert (ended.status, ended.failure.step, ended.failure.reason) == (Status.FAILED, step, reason)
    assert words in ended.failure.message
    assert ended.wheel is None
    assert not list(fake.wheelhouse.glob("*.whl"))
    assert report.exit_code is reason.exit_code
    assert (fake.report_dir / "report.json").exists()


def test_one_failure_loses_nothing(tmp_path: Path) -> None:
    """The other cells are built, tested and published, and the run says that one failed."""
    fake = run_of(tmp_path, A, B, C, tests=TESTED)
    fake.override = instead("test", FakeResult(status=1), of=B)
    report = fake.run()
    assert [each.status for each in report.outcomes] == [Status.PASSED, Status.FAILED, Status.PASSED]
    assert len(list(fake.wheelhouse.glob("*.whl"))) == 2
    assert report.exit_code is ExitCode.CELL_FAILED


def delivering(fake: FakeRun, module: bytes) -> Override:
    """Let the repaired wheel have this module."""
    return lambda call: fake.delivery(call, member=module) if what(call) == "repair" else None


NEW = SharedObject(versions=(("libc.so.6", (("GLIBC_2.39", ("f",)),)),))
LOST = SharedObject(needed=("libc.so.6", "demo.so"))
CHECKED = [
    ("broken-promise", NEW, "promises to work from glibc 2.31 on"),
    ("foreign-elf", SharedObject(arch=Arch.AARCH64), "holds code for another machine: demo/_fast.so"),
    ("missing-library", LOST, "demo.so, needed by demo/_fast.so"),
]


@pytest.mark.parametrize(("check", "module", "words"), CHECKED)
def test_a_finding_refuses_or_warns_or_is_meant(tmp_path: Path, check: str, module: SharedObject, words: str) -> None:
    """With our table it refuses, if no test could show it; with cibuildwheel's it warns; accepted, it is silent."""
    accepted = ACCEPT.kind.read([check])
    own, drop_in, silent = (
        FakeRun(directory=tmp_path / name, identifiers=(B,), settings=settings)
        for name, settings in (
            ("own", settings_with(project_name="demo")),
            ("drop-in", replace(settings_with(project_name="demo"), is_drop_in=True)),
            ("silent", settings_with({ACCEPT: accepted}, project_name="demo")),
        )
    )
    for fake in (own, drop_in, silent):
        fake.directory.mkdir(exist_ok=True)
        fake.override = delivering(fake, module.build())
    refused = outcome(own.run(), B)
    if check == "missing-library":
        assert refused.failure is None
        assert [each for each in own.recorder.notices() if words in each]
    else:
        assert refused.failure is not None
        assert refused.failure.reason is Reason.REJECTED
        assert words in refused.failure.message
        assert f'accept = ["{check}' in (refused.failure.hint or "")
    assert outcome(drop_in.run(), B).failure is None
    assert [each for each in drop_in.recorder.notices() if words in each]
    assert outcome(silent.run(), B).failure is None
    assert not [each for each in silent.recorder.notices() if words in each]


def test_a_wheel_that_is_not_what_was_promised_is_rejected(tmp_path: Path) -> None:
    """64-bit code in a 32-bit cell's wheel is refused with the exit code of a rejected wheel."""
    fake = run_of(tmp_path, A32)

    def override(call: FakeCall) -> FakeResult | None:
        member = elf_header(Cell.parse(A).platform.arch) + bytes(44)
        return fake.delivery(call, member=member) if what(call) == "repair" else None

    fake.override = override
    report = fake.run()
    failure = outcome(report, A32).failure
    assert failure is not None
    assert (failure.step, failure.reason) == (StepKind.VERIFY, Reason.REJECTED)
    assert "code for another machine" in failure.message
    assert report.exit_code is ExitCode.WHEEL_REJECTED


def test_a_pure_wheel_is_rejected_before_it_is_repaired(tmp_path: Path) -> None:
    """A build that made a wheel for every machine is told so, with what to do instead."""
    fake = run_of(tmp_path, B)
    fake.override = lambda call: fake.delivery(call, "demo-1.0-py3-none-any.whl") if what(call) == "build" else None
    failure = outcome(fake.run(), B).failure
    assert failure is not None
    assert (failure.step, failure.reason) == (StepKind.BUILD, Reason.REJECTED)
    assert failure.hint is not None


@pytest.mark.parametrize("kind", ["build", "list", "test"])
def test_a_container_that_vanishes_once_costs_a_second_attempt(tmp_path: Path, kind: str) -> None:
    """Somebody removed the container: the cell is run once more, and says so; its wheel is there in the end."""
    fake = run_of(tmp_path, B, tests=TESTED)
    fake.override = instead(kind, FakeResult(ending=Ending.LOST), times=1)
    report = fake.run()
    assert outcome(report, B).status is Status.PASSED
    (notice,) = fake.recorder.notices()
    assert "the container went away" in notice
    assert "beginning anew" in notice
    assert len(list(fake.wheelhouse.glob("*.whl"))) == 1


@pytest.mark.parametrize("kind", ["build", "list"])
def test_a_container_that_vanishes_twice_is_a_failure_of_the_machine(tmp_path: Path, kind: str) -> None:
    """Twice is no accident: the cell fails with the engine as the reason, after exactly two attempts."""
    fake = run_of(tmp_path, B)
    fake.override = instead(kind, FakeResult(ending=Ending.LOST))
    with fake.engine() as engine:
        report = build(fake.request(engine))
        attempts = [call for call in engine.commands if what(call) == kind]
    failure = outcome(report, B).failure
    assert failure is not None
    assert (failure.step, failure.reason) == (StepKind.BUILD, Reason.ENGINE)
    assert len(attempts) == 2
    assert report.exit_code is ExitCode.ENVIRONMENT


def test_an_image_that_cannot_be_had_fails_its_own_cells(tmp_path: Path) -> None:
    """Cells of one image fail with the reason at their first step; those of another image are built."""
    missing = ImageError("no such image: gone:1", hint="pull it")
    fake = run_of(tmp_path, A, B, C)
    fake.images = ("fake:latest", "gone:1", "fake:latest")
    fake.faults = FakeFaults(on_resolve=lambda reference: missing if reference == "gone:1" else None)
    report = fake.run()
    assert [each.status for each in report.outcomes] == [Status.PASSED, Status.FAILED, Status.PASSED]
    failure = outcome(report, B).failure
    assert failure is not None
    assert (failure.reason, failure.message, failure.hint) == (Reason.ENGINE, missing.message, missing.hint)
    assert report.exit_code is ExitCode.ENVIRONMENT


def test_an_engine_that_refuses_to_open_fails_the_cell(tmp_path: Path) -> None:
    """No container, no cell: the engine's own words are the failure, and the other cells go on."""
    refused = EngineError("no space left on device", hint="make room")
    fake = run_of(tmp_path, A, B)
    fake.faults = FakeFaults(on_open=lambda spec: refused if spec.name == B else None)
    report = fake.run()
    failure = outcome(report, B).failure
    assert failure is not None
    assert (failure.step, failure.message) == (StepKind.PREPARE, "no space left on device")
    assert outcome(report, A).status is Status.PASSED


def test_a_bug_in_one_cell_is_its_own(tmp_path: Path) -> None:
    """An exception nobody expected fails one cell as internal, with the traceback in its log; others are delivered."""
    fake = run_of(tmp_path, A, B)

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) == "repair" and str(cell_of(call)) == B:
            raise ZeroDivisionError("a bug")
        return None

    fake.override = override
    report = fake.run()
    failure = outcome(report, B).failure
    assert failure is not None
    assert (failure.step, failure.reason) == (StepKind.REPAIR, Reason.INTERNAL)
    assert failure.message == "ZeroDivisionError: a bug"
    assert "Traceback (most recent call last)" in fake.recorder.log(Cell.parse(B))
    assert outcome(report, A).status is Status.PASSED
    assert report.exit_code is ExitCode.CELL_FAILED


def test_an_abi3_wheel_is_built_once_and_tested_by_all(tmp_path: Path) -> None:
    """The earliest interpreter of a platform builds; later ones only test its wheel, and say whose it was."""
    fake = run_of(tmp_path, C, B, A, A32, "cp314t-manylinux_x86_64", tests=TESTED)
    fake.is_abi3 = True
    fake.workers = 4
    with fake.engine() as engine:
        report = build(fake.request(engine))
        builders = {str(cell_of(call)) for call in engine.commands if what(call) == "build"}
        testers = {str(cell_of(call)) for call in engine.commands if what(call) == "test"}
    assert builders == {A, A32, "cp314t-manylinux_x86_64"}
    assert testers == {A, B, C, A32, "cp314t-manylinux_x86_64"}
    assert all(each.status is Status.PASSED for each in report.outcomes)
    assert {str(outcome(report, each).reused_from) for each in (B, C)} == {A}
    assert outcome(report, B).wheel is None
    assert len(list(fake.wheelhouse.glob("*.whl"))) == 3


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("quickest", [A, B, C])
def test_one_file_is_delivered_for_one_name_and_every_cell_has_tested_it(
    tmp_path: Path, workers: int, quickest: str
) -> None:
    """No build file hints at it: each builds another; the oldest Python's is delivered, not the quickest one's."""
    fake = run_of(tmp_path, C, A, B, A32, tests=TESTED)
    fake.workers = workers
    fake.pace = 0.02
    name = "demo-1.0-py3-none-{}.whl"
    tested: dict[str, bytes] = {}

    def override(call: FakeCall) -> FakeResult | None:
        cell = cell_of(call)
        if what(call) in {"build", "repair"}:
            tag = f"{'linux' if what(call) == 'build' else 'manylinux_2_31'}_{cell.platform.arch}"
            code = elf_header(cell.platform.arch) + str(cell).encode().ljust(44)
            made = fake.delivery(call, name.format(tag), code)
            return replace(made, seconds=1.0 if str(cell) == quickest else 5.0)
        if what(call) == "test":
            tested[str(cell)] = call.files[f"/matrix/repaired/{name.format(f'manylinux_2_31_{cell.platform.arch}')}"]
        return None

    fake.override = override
    report = fake.run()
    assert [each.status for each in report.outcomes] == [Status.PASSED] * 4
    assert [str(each.reused_from) for each in report.outcomes] == [A, "None", A, "None"]
    delivered = {path.name: path.read_bytes() for path in fake.wheelhouse.glob("*.whl")}
    x86_64, i686 = (delivered[name.format(f"manylinux_2_31_{arch}")] for arch in ("x86_64", "i686"))
    assert tested == {C: x86_64, A: x86_64, B: x86_64, A32: i686}


def test_a_shared_wheel_that_fails_a_later_cell_is_told(tmp_path: Path) -> None:
    """A cell whose own wheel would pass fails with the one that is delivered: that is what its users would get."""
    fake = run_of(tmp_path, A, B, tests=TESTED)
    name = "demo-1.0-py3-none-{}_x86_64.whl"
    repaired: dict[str, bytes] = {}

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) in {"build", "repair"}:
            code = elf_header(Arch.X86_64) + str(cell_of(call)).encode().ljust(44)
            made = fake.delivery(call, name.format("linux" if what(call) == "build" else "manylinux_2_31"), code)
            repaired[str(cell_of(call))] = made.files[0][1]
            return made
        if what(call) == "test":
            # Each cell passes with its own wheel only.
            tested = call.files[f"/matrix/repaired/{name.format('manylinux_2_31')}"]
            return FakeResult(status=int(tested != repaired.get(str(cell_of(call)))))
        return None

    fake.override = override
    report = fake.run()
    assert [each.status for each in report.outcomes] == [Status.PASSED, Status.FAILED]
    assert report.exit_code is ExitCode.CELL_FAILED
    failure = outcome(report, B).failure
    assert failure is not None
    assert f"the tested wheel is that of {A}, " in str(failure.hint)


@pytest.mark.parametrize("kind", ["build", "repair"])
def test_a_failed_build_is_told_of_compiled_files_in_the_project(tmp_path: Path, kind: str) -> None:
    """An in-place build of another Python is the likeliest reason, and nothing else shows it."""
    fake = run_of(tmp_path, A)
    fake.override = instead(kind, FakeResult(status=1))
    with fake.engine() as engine:
        request = fake.request(engine)
        (request.inputs.project / "vendor").mkdir()
        (request.inputs.project / "vendor" / "libthing.so.2").write_bytes(b"")
        failure = outcome(build(request), A).failure
    assert failure is not None
    assert "vendor/libthing.so.2" in str(failure.hint)


def test_a_failed_builder_leaves_the_others_to_build(tmp_path: Path) -> None:
    """If the cell that should build for all fails, the next ones do not wait for ever but build themselves."""
    fake = run_of(tmp_path, A, B, C, tests=TESTED)
    fake.is_abi3 = True
    fake.override = instead("build", FakeResult(status=1), of=A)
    report = fake.run()
    assert [each.status for each in report.outcomes] == [Status.FAILED, Status.PASSED, Status.PASSED]


def test_before_all_runs_once_for_an_image(tmp_path: Path) -> None:
    """One cell prepares, the others start from its snapshot; another image is prepared for itself."""
    fake = run_of(tmp_path, A, B, C, A32, before_all=ORDERED)
    fake.workers = 4
    with fake.engine() as engine:
        report = build(fake.request(engine))
        prepared = [call for call in engine.commands if what(call) == "before-all"]
        images = {str(cell_of(call)): call.spec.image for call in engine.commands if what(call) == "build"}
        snapshots = {image.id for image in engine.images(LABEL_SOURCE)}
    assert all(each.status is Status.PASSED for each in report.outcomes)
    assert sorted(call.spec.arch.tag for call in prepared) == ["i686", "x86_64"]
    preparer = next(str(cell_of(call)) for call in prepared if call.spec.arch.tag == "x86_64")
    assert {cell: images[cell] in snapshots for cell in (A, B, C)} == {cell: cell != preparer for cell in (A, B, C)}


@pytest.mark.parametrize(
    ("cells", "settings", "snapshots"), [((A,), {}, 1), ((A,), {NO_CACHE: True}, 0), ((A, B), {NO_CACHE: True}, 1)]
)
def test_a_container_is_kept_as_an_image_only_for_others(
    tmp_path: Path, cells: tuple[str, ...], settings: dict[Option[object], object], snapshots: int
) -> None:
    """For other cells, and for later runs: a snapshot takes seconds, where layers are compressed at once."""
    own = settings_with({BEFORE_ALL: ORDERED, **settings}, project_name="demo")
    fake = FakeRun(directory=tmp_path, identifiers=cells, settings=own)
    taken: list[str] = []

    def note(spec: ContainerSpec) -> None:
        taken.append(spec.name)

    fake.faults = FakeFaults(on_snapshot=note)
    assert fake.run().exit_code is ExitCode.OK
    assert len(taken) == snapshots


def test_a_before_all_that_fails_fails_the_cells_of_its_image(tmp_path: Path) -> None:
    """It is run once, not once a cell; the others name the cell whose log has it all, and the cause; others go on."""
    fake = run_of(tmp_path, A, B, C, A32, before_all=ORDERED)
    ran: list[str] = []

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) != "before-all" or str(cell_of(call)) == A32:
            return None
        ran.append(str(cell_of(call)))
        return FakeResult(status=1, output=(b"no such package\n",))

    fake.override = override
    report = fake.run()
    assert len(ran) == 1
    for identifier in (A, B, C):
        failure = outcome(report, identifier).failure
        assert failure is not None
        assert (failure.step, failure.reason) == (StepKind.BEFORE_ALL, Reason.COMMAND)
        reason = "exit status 1: no such package"
        told = reason if identifier == ran[0] else f"before-all failed for this image, in {ran[0]}: {reason}"
        assert failure.message == told
    assert outcome(report, A32).status is Status.PASSED


@pytest.mark.parametrize("fault", ["open", "put", "interpreter"])
def test_a_cell_that_never_came_to_before_all_leaves_it_to_the_next(tmp_path: Path, fault: str) -> None:
    """Where the cell that should prepare fails for a cause of its own, another prepares and the rest are built."""
    fake = run_of(tmp_path, A, B, C, before_all=ORDERED)
    fake.workers = 1
    refused = EngineError("refused")
    if fault == "open":
        fake.faults = FakeFaults(on_open=lambda spec: refused if spec.name == A else None)
    elif fault == "put":
        fake.faults = FakeFaults(on_put=lambda spec, _: refused if spec.name == A else None)
    else:

        def override(call: FakeCall) -> FakeResult | None:
            if what(call) != "probe":
                return None
            lines = fake.usual(call).output[0].splitlines(keepends=True)
            return FakeResult(output=tuple(line for line in lines if b"cp39-cp39" not in line))

        fake.override = override
    with fake.engine() as engine:
        report = build(fake.request(engine))
        preparers = [str(cell_of(call)) for call in engine.commands if what(call) == "before-all"]
    assert [each.status for each in report.outcomes] == [Status.FAILED, Status.PASSED, Status.PASSED]
    assert preparers == [B]


def test_a_missing_interpreter_is_told_before_anything_is_built(tmp_path: Path) -> None:
    """The cell fails as a lack of the image, naming the directory; no container was opened for it."""
    fake = run_of(tmp_path, A, "cp38-manylinux_x86_64")

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) != "probe":
            return None
        lines = fake.usual(call).output[0].splitlines(keepends=True)
        return FakeResult(output=tuple(line for line in lines if b"cp38" not in line))

    opened: list[str] = []
    fake.override = override
    fake.faults = FakeFaults(on_open=lambda spec: opened.append(spec.name))
    report = fake.run()
    failure = outcome(report, "cp38-manylinux_x86_64").failure
    assert failure is not None
    assert (failure.step, failure.reason) == (StepKind.PREPARE, Reason.MISSING_TOOL)
    assert "/opt/python/cp38-cp38" in failure.message
    assert failure.hint is not None
    assert "manylinux_2_28_x86_64:2026.03.20-1 still holds it" in failure.hint
    assert "cp38-manylinux_x86_64" not in opened
    assert report.exit_code is ExitCode.ENVIRONMENT


def test_another_project_s_wheel_is_not_taken_for_ours(tmp_path: Path) -> None:
    """Two wheels in the build's directory are refused by name: which one was meant is not for us to guess."""
    fake = run_of(tmp_path, B)

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) != "build":
            return None
        files = (*fake.delivery(call).files, ("/matrix/built/other-1.0-cp311-cp311-linux_x86_64.whl", b"x"))
        return FakeResult(files=files)

    fake.override = override
    failure = outcome(fake.run(), B).failure
    assert failure is not None
    assert "2 wheels, not one" in failure.message
    assert "other-1.0" in failure.message


REFUSAL = (
    b'{"specs": {"demo.whl": {"kind": "wheel", "wheel": [{"name": "_fast.abi3.so", "result": {"is_abi3": false,'
    b' "is_abi3_baseline_compatible": true, "baseline": "3.15", "computed": "3.15", "non_abi3_symbols":'
    b' ["PyModExport__fast"], "future_abi3_objects": {}}}]}}}\n'
)


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("abi3audit --strict {abi3_wheel}", Status.PASSED),
        # The shell would not have run the second check.
        ("abi3audit --strict {abi3_wheel} && check {wheel}", Status.FAILED),
    ],
)
def test_an_audit_that_fails_for_what_the_auditor_does_not_know(tmp_path: Path, command: str, status: Status) -> None:
    """The wheel passes, and the cell says so, if that was the audit's last command."""
    settings = settings_with({AUDIT_COMMAND: command}, project_name="demo")
    fake = FakeRun(directory=tmp_path, identifiers=(B,), settings=settings, is_abi3=True)
    fake.override = instead("audit", FakeResult(status=1, output=(REFUSAL,)))
    ended = outcome(fake.run(), B)
    assert ended.status is status
    told = [text for text in fake.recorder.notices() if "abi3audit does not know PyModExport__fast" in text]
    assert len(told) == (status is Status.PASSED)
