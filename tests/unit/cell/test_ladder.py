"""The test of wheels in clean images, on the fake engine: what runs where, what fails a cell, what is left behind."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fake_run import TESTED, FakeRun, outcome, probe_answer, rung_of, what
from planning import settings_with

from matrix_runner.config.kinds.values import Network
from matrix_runner.config.options.build_options import BEFORE_ALL, ENVIRONMENT
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.run_options import DEBUG_KEEP_CONTAINER, MEMORY, NETWORK
from matrix_runner.config.options.test_options import BEFORE_TEST, TEST_COMMAND, TEST_ON, TEST_REQUIRES
from matrix_runner.engine.api import Ending
from matrix_runner.engine.fake.fake_engine import FakeCall, FakeFaults, FakeHost, FakeResult
from matrix_runner.errors import ImageError
from matrix_runner.model.outcomes import Outcome, Reason, Status, StepKind
from matrix_runner.model.platforms import Libc
from matrix_runner.model.rung_outcomes import RungStatus
from matrix_runner.run import build

CELL, OTHER = "cp311-manylinux_x86_64", "cp312-manylinux_x86_64"
OLD, NEW = "debian:bullseye", "debian:trixie"
OWN_311 = ("/usr/bin/python3.11", "3.11.2", "", ".cpython-311-x86_64-linux-gnu.so", "")

LACKS = b"ImportError: liblz4.so.1: cannot open shared object file: No such file or directory\n"


def clean_answer(
    call: FakeCall, version: str = "2.41", libc: Libc = Libc.GLIBC, own: tuple[str, ...] = ()
) -> FakeResult:
    """Answer the probe as a clean image does: no interpreter for builds, no tool, a name, perhaps its own Python."""
    rows = [line for line in probe_answer(call, libc).splitlines() if not line.startswith(("tool", "libc-version"))]
    rows += [f"libc-version\t{version}", f"system\tSystem of {rung_of(call)}"]
    rows += ["\t".join(("system-python", *own))] if own else []
    return FakeResult(output=("".join(f"{row}\n" for row in rows).encode(),))


def ladder_run(directory: Path, answer: Callable[[FakeCall], FakeResult | None], **values: object) -> FakeRun:
    """Return a run with two rungs. `answer`: what a test wants done differently, before what clean images do."""
    more = values.pop("options", {})
    assert isinstance(more, dict)
    options: dict[Option[object], object] = {TEST_ON: (OLD, NEW), TEST_COMMAND: TESTED, **more}

    def override(call: FakeCall) -> FakeResult | None:
        given = answer(call)
        if given is None and rung_of(call) and what(call) == "probe":
            return clean_answer(call, "2.31" if rung_of(call) == OLD else "2.41")
        return given

    arguments = {"identifiers": (CELL,), "settings": settings_with(options), **values}
    return FakeRun(directory=directory, override=override, **arguments)  # type: ignore[arg-type]


def recorded(calls: list[FakeCall]) -> Callable[[FakeCall], FakeResult | None]:
    """Return an answer that only keeps the calls."""

    def keep(call: FakeCall) -> None:
        calls.append(call)

    return keep


def statuses(found: Outcome) -> list[tuple[str, RungStatus]]:
    """Return what became of the wheel on each rung."""
    return [(rung.name, rung.status) for rung in found.rungs]


def test_a_wheel_is_tested_on_every_rung_in_order(tmp_path: Path) -> None:
    """After its own test and before it is published, each in a container of its own, of that image."""
    calls: list[FakeCall] = []
    run = ladder_run(tmp_path, recorded(calls))
    found = outcome(run.run(), CELL)
    assert statuses(found) == [(OLD, RungStatus.PASSED), (NEW, RungStatus.PASSED)]
    assert [rung_of(call) for call in calls if what(call) == "test"] == ["", OLD, NEW]
    assert [rung.system for rung in found.rungs] == [f"System of {OLD}", f"System of {NEW}"]
    assert [rung.libc for rung in found.rungs] == ["glibc 2.31", "glibc 2.41"]
    assert run.recorder.steps(found.cell)[-3:] == [StepKind.TEST, StepKind.TEST_ON, StepKind.PUBLISH]
    assert [step.kind for step in found.steps][-2:] == [StepKind.TEST_ON, StepKind.PUBLISH]
    assert {call.spec.image for call in calls if rung_of(call) == OLD} != {
        call.spec.image for call in calls if rung_of(call) == NEW
    }
    log = run.recorder.log(found.cell)
    assert f"--- {OLD} (System of {OLD}, glibc 2.31): tested by Python 3.0.0, of the cell" in log


def test_without_the_option_nothing_is_opened(tmp_path: Path) -> None:
    """No further container, no step, no word in the outcome."""
    calls: list[FakeCall] = []
    run = ladder_run(tmp_path, recorded(calls), options={TEST_ON: ()})
    found = outcome(run.run(), CELL)
    assert {call.spec.name for call in calls} == {CELL}
    assert found.rungs == ()
    assert StepKind.TEST_ON not in run.recorder.steps(found.cell)


def test_without_a_test_there_is_none_on_rungs(tmp_path: Path) -> None:
    """The same steps, and these are none."""
    found = outcome(ladder_run(tmp_path, lambda _: None, options={TEST_COMMAND: ""}).run(), CELL)
    assert (found.status, found.rungs) == (Status.PASSED, ())


def test_a_rung_that_fails_fails_the_cell_and_the_others_are_tried(tmp_path: Path) -> None:
    """Its name, the system and the lacking library are in the message; nothing is published."""

    def answer(call: FakeCall) -> FakeResult | None:
        return FakeResult(status=1, output=(LACKS,)) if rung_of(call) == OLD and what(call) == "test" else None

    run = ladder_run(tmp_path, answer)
    found = outcome(run.run(), CELL)
    assert found.status is Status.FAILED
    assert statuses(found) == [(OLD, RungStatus.FAILED), (NEW, RungStatus.PASSED)]
    assert found.failure is not None
    assert (found.failure.step, found.failure.reason) == (StepKind.TEST_ON, Reason.COMMAND)
    assert found.failure.message.startswith(f"on {OLD} (System of {OLD}, glibc 2.31): ")
    assert "liblz4.so.1" in found.failure.message
    assert "let repair graft it" in (found.failure.hint or "")
    assert not list(run.wheelhouse.glob("*.whl"))


def test_all_rungs_that_fail_are_named(tmp_path: Path) -> None:
    """One failure ends the cell, and names the others."""

    def answer(call: FakeCall) -> FakeResult | None:
        return FakeResult(status=1) if rung_of(call) and what(call) == "test" else None

    found = outcome(ladder_run(tmp_path, answer).run(), CELL)
    assert found.failure is not None
    assert found.failure.message.endswith(f"it failed on {NEW} too")


@pytest.mark.parametrize(
    ("version", "libc", "why"),
    [
        ("2.30", Libc.GLIBC, "the wheel is for glibc 2.31 and newer"),
        ("1.2", Libc.MUSL, "its C library is musl"),
    ],
)
def test_a_rung_that_the_wheel_is_not_for_is_no_failure(tmp_path: Path, version: str, libc: Libc, why: str) -> None:
    """It is told in the outcome, and no container is opened for it besides the look into the image."""
    calls: list[FakeCall] = []

    def answer(call: FakeCall) -> FakeResult | None:
        calls.append(call)
        return clean_answer(call, version, libc) if rung_of(call) == OLD and what(call) == "probe" else None

    found = outcome(ladder_run(tmp_path, answer).run(), CELL)
    assert found.status is Status.PASSED
    assert statuses(found) == [(OLD, RungStatus.NOT_APPLICABLE), (NEW, RungStatus.PASSED)]
    assert found.rungs[0].reason == why
    assert [what(call) for call in calls if rung_of(call) == OLD] == ["probe"]


def test_an_interpreter_that_needs_a_newer_system_does_not_test_there(tmp_path: Path) -> None:
    """The wheel may be for an older system than the image that its interpreter is of; elsewhere it is a failure."""

    def answer(call: FakeCall) -> FakeResult | None:
        if rung_of(call) and call.request.argv[-2:] == ("-c", "import sys"):
            return FakeResult(status=1, output=(b"version `GLIBC_2.31' not found\n",))
        if rung_of(call) == OLD and what(call) == "probe":
            return clean_answer(call, "2.28")
        if what(call) == "repair":
            return run.delivery(call, "demo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl")
        return None

    run = ladder_run(tmp_path, answer)
    found = outcome(run.run(), CELL)
    assert statuses(found) == [(OLD, RungStatus.NOT_APPLICABLE), (NEW, RungStatus.FAILED)]
    assert found.rungs[0].reason == "the cell's interpreter does not start there: version `GLIBC_2.31' not found"
    assert found.failure is not None
    assert found.failure.reason is Reason.MISSING_TOOL


def test_an_environment_of_another_interpreter_is_not_brought(tmp_path: Path) -> None:
    """As PyPy's is in an image that is made here: only a part of it is in its directory."""

    def answer(call: FakeCall) -> FakeResult | None:
        if "readlink -f" in " ".join(call.request.argv[2:3]) and call.request.argv[-1:] == ("/opt/python/cp311-cp311",):
            return FakeResult(status=3, output=(b"/usr/bin/pypy3\n",))
        return None

    found = outcome(ladder_run(tmp_path, answer).run(), CELL)
    assert found.status is Status.PASSED
    assert statuses(found) == [(OLD, RungStatus.NOT_APPLICABLE), (NEW, RungStatus.NOT_APPLICABLE)]
    assert found.rungs[0].reason == (
        "the cell's interpreter is an environment of /usr/bin/pypy3, which cannot be brought there"
    )


def test_the_distributions_own_python_is_taken_if_the_wheel_is_for_it(tmp_path: Path) -> None:
    """Then no interpreter is brought; uv is, which makes the environment for either."""
    calls: list[FakeCall] = []

    def answer(call: FakeCall) -> FakeResult | None:
        calls.append(call)
        return clean_answer(call, own=OWN_311) if rung_of(call) == NEW and what(call) == "probe" else None

    found = outcome(ladder_run(tmp_path, answer, identifiers=(CELL, OTHER)).run(), CELL)
    assert [rung.python for rung in found.rungs] == ["3.0.0, of the cell", "3.11.2, of the distribution"]
    packed = [call.request.argv[4] for call in calls if what(call) == "pack" and call.spec.name == CELL]
    assert packed == ["/matrix/brought-uv", "/matrix/brought-python"]
    linked = [call for call in calls if call.request.argv[-1:] == ("/usr/bin/python3.11",)]
    assert [call.spec.name for call in linked] == [f"{CELL}-on-{NEW}"]


def test_rungs_have_the_rights_and_limits_of_the_cell(tmp_path: Path) -> None:
    """Capabilities, memory, variables of the user; no before-all, no volume of builds."""
    calls: list[FakeCall] = []
    options = {MEMORY: 10**9, BEFORE_ALL: "echo prepare", BEFORE_TEST: "echo before the test"}
    ladder_run(tmp_path, recorded(calls), options=options).run()
    own = next(call.spec for call in calls if what(call) == "test" and not rung_of(call))
    for call in (call for call in calls if rung_of(call)):
        assert call.spec.memory == own.memory
        assert (call.spec.arguments.cap_add, call.spec.arguments.cap_drop) == (
            own.arguments.cap_add,
            own.arguments.cap_drop,
        )
        assert {volume.target for volume in call.spec.volumes} == {"/matrix/downloads"}
        assert "echo prepare" not in " ".join(call.request.argv)
    assert sum("echo before the test" in " ".join(call.request.argv) for call in calls) == 3


def test_code_of_the_project_has_no_network_on_rungs_either(tmp_path: Path) -> None:
    """One container installs what the test requires, another tests; interpreter and uv are of the one that fetches."""
    calls: list[FakeCall] = []
    options = {NETWORK: Network.BUILD_REQUIRES, TEST_REQUIRES: ("pytest",)}
    found = outcome(ladder_run(tmp_path, recorded(calls), options=options).run(), CELL)
    assert [rung.status for rung in found.rungs] == [RungStatus.PASSED, RungStatus.PASSED]
    for call in (call for call in calls if rung_of(call)):
        is_closed = call.spec.arguments.network == "none"
        assert what(call) != "test" or is_closed
        assert not is_closed or "/matrix/downloads" not in {volume.target for volume in call.spec.volumes}
        fetches = "pip install" in call.request.argv[-1] and "--offline" not in call.request.argv[-1]
        assert not (fetches and is_closed)
    assert all(call.spec.arguments.network != "none" for call in calls if what(call) == "pack")


def test_variables_are_evaluated_anew_on_each_rung(tmp_path: Path) -> None:
    """What they ask the system is answered by the clean one."""
    calls: list[FakeCall] = []
    options = {ENVIRONMENT: (("ANSWER", "$(uname)"),)}
    ladder_run(tmp_path, recorded(calls), options=options).run()
    assert {rung_of(call) for call in calls if "uname" in " ".join(call.request.argv[2:4])} == {"", OLD, NEW}


def test_an_image_that_cannot_be_had_fails_the_cell_before_it_is_built(tmp_path: Path) -> None:
    """Half an hour of compiling would be for nothing."""
    calls: list[FakeCall] = []

    def refuse(reference: str) -> ImageError | None:
        return ImageError("the registry cannot be reached") if reference == NEW else None

    run = ladder_run(tmp_path, recorded(calls), faults=FakeFaults(on_resolve=refuse))
    found = outcome(run.run(), CELL)
    assert found.failure is not None
    assert (found.failure.reason, found.failure.message) == (Reason.ENGINE, "the registry cannot be reached")
    assert "build" not in {what(call) for call in calls}


def test_a_container_that_goes_away_begins_the_cell_anew(tmp_path: Path) -> None:
    """As any of a cell's does: by chance once is nobody's fault."""
    lost: list[str] = []

    def answer(call: FakeCall) -> FakeResult | None:
        if rung_of(call) == NEW and what(call) == "test" and not lost:
            lost.append(NEW)
            return FakeResult(ending=Ending.LOST)
        return None

    found = outcome(ladder_run(tmp_path, answer).run(), CELL)
    assert lost == [NEW]
    assert statuses(found) == [(OLD, RungStatus.PASSED), (NEW, RungStatus.PASSED)]


@pytest.mark.parametrize("ending", ["passed", "failed", "lost"])
def test_no_container_and_no_file_stays(tmp_path: Path, ending: str) -> None:
    """However a test on a rung ends."""

    def answer(call: FakeCall) -> FakeResult | None:
        if not rung_of(call) or what(call) != "test" or ending == "passed":
            return None
        return FakeResult(status=1) if ending == "failed" else FakeResult(ending=Ending.LOST)

    run, host = ladder_run(tmp_path, answer), FakeHost()
    with run.engine(host) as engine:
        build(run.request(engine))
        assert host.containers == {}
    assert not list((tmp_path / "scratch").rglob("brought*.tar"))


def test_a_finished_cell_is_one_that_was_tested_on_the_same_images(tmp_path: Path) -> None:
    """Another content of an image, or another list, and it is tested again; the report has the grid of then."""
    calls: list[FakeCall] = []

    def again(rungs: tuple[str, ...], host: FakeHost, name: str) -> Outcome:
        calls.clear()
        run = ladder_run(tmp_path, recorded(calls), options={TEST_ON: rungs}, cache=tmp_path / "cache")
        with run.engine(host, name) as engine:
            return outcome(build(run.request(engine)), CELL)

    host = FakeHost()
    first = again((OLD, NEW), host, "1")
    assert first.status is Status.PASSED
    second = again((OLD, NEW), host, "2")
    assert (second.status, second.rungs) == (Status.CACHED, first.rungs)
    assert calls == []
    assert again((NEW,), host, "3").status is Status.PASSED
    host.add_image(NEW)
    assert again((OLD, NEW), host, "4").status is Status.PASSED


def test_the_container_of_the_rung_is_kept_for_a_person(tmp_path: Path) -> None:
    """Not that of the build, in which the wheel has passed."""

    def answer(call: FakeCall) -> FakeResult | None:
        if rung_of(call) == OLD and what(call) == "test":
            return FakeResult(status=1, files=(("/matrix/test/here", b""),))
        return None

    run, host = ladder_run(tmp_path, answer, options={DEBUG_KEEP_CONTAINER: True}), FakeHost()
    with run.engine(host) as engine:
        found = outcome(build(run.request(engine)), CELL)
    assert found.kept is not None
    assert "/matrix/test/here" in host.images[found.kept][1]
