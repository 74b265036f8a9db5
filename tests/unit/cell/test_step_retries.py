"""Steps that have failed for want of the network: which are tried again, where, how often; and which never are."""

from pathlib import Path

import pytest
from fake_run import ORDERED, TESTED, FakeRun, outcome, what
from planning import settings_with

from matrix_runner.cell.step_retries import StepRetries
from matrix_runner.config.options.build_options import BEFORE_ALL
from matrix_runner.config.options.run_options import RETRIES
from matrix_runner.config.options.test_options import TEST_COMMAND
from matrix_runner.engine.fake.fake_engine import FakeCall, FakeResult
from matrix_runner.model.outcomes import Outcome, Reason, Status, StepKind

CELL = "cp311-manylinux_x86_64"
LEFT = "/left/by/the/first/try"
RECORDED = Path(__file__).parent / "failed_commands"


def log(name: str) -> bytes:
    """Return the recorded output of a command that failed."""
    return (RECORDED / f"{name}.log").read_bytes()


def failing(
    directory: Path, step: str, said: bytes, *, times: int = 1, retries: int = 1
) -> tuple[FakeRun, Outcome, list[FakeCall]]:
    """Let a step fail so many times with these words; return the run, its outcome, and the calls of that step."""
    calls: list[FakeCall] = []

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) != step:
            return None
        calls.append(call)
        return FakeResult(status=1, output=(said,), files=((LEFT, b""),)) if len(calls) <= times else None

    settings = settings_with({BEFORE_ALL: ORDERED, TEST_COMMAND: TESTED, RETRIES: retries}, project_name="demo")
    fake = FakeRun(directory=directory, identifiers=(CELL,), settings=settings, override=override)
    return fake, outcome(fake.run(), CELL), calls


def test_a_build_is_tried_again_in_its_container(tmp_path: Path) -> None:
    """An index that was away for a moment costs seconds, not the cell; the log and a warning say so."""
    fake, ended, calls = failing(tmp_path, "build", log("net-uv-refused"))
    assert ended.status is Status.PASSED
    assert len(calls) == 2
    assert LEFT in calls[1].files
    (told,) = [text for text in fake.recorder.notices() if "trying it again" in text]
    assert told == "build: exit status 1: 127.0.0.1:9 cannot be reached: Connection refused; trying it again in 2 s"
    assert told in fake.recorder.log(ended.cell)


def test_a_before_all_begins_anew(tmp_path: Path) -> None:
    """The user's command may have left half of its work: it gets another container, and the cells need not know."""
    _, ended, calls = failing(tmp_path, "before-all", log("cut-curl"))
    assert ended.status is Status.PASSED
    assert len(calls) == 2
    assert LEFT not in calls[1].files


def test_the_last_try_fails_for_good(tmp_path: Path) -> None:
    """By its cause, with the number of tries; the reason is that of any command."""
    _, ended, calls = failing(tmp_path, "build", log("busy-uv"), times=9)
    assert len(calls) == 2
    assert ended.failure is not None
    assert ended.failure.reason is Reason.COMMAND
    assert ended.failure.message == (
        "exit status 1: 127.0.0.1:8443 answered with 503 Service Unavailable (at the last of 2 tries)"
    )


@pytest.mark.parametrize(
    ("step", "said", "retries"),
    [
        ("build", "c-error", 1),
        ("build", "net-uv-tls", 1),
        ("before-all", "curl-404", 1),
        ("test", "urllib-dns", 1),
        ("build", "net-uv-refused", 0),
    ],
)
def test_nothing_else_is_tried_again(step: str, said: str, retries: int, tmp_path: Path) -> None:
    """A compiler's error, an untrusted certificate, a file that is not there, a test: and all, if it is not wanted."""
    fake, ended, calls = failing(tmp_path, step, log(said), retries=retries)
    assert ended.status is Status.FAILED
    assert len(calls) == 1
    assert not [text for text in fake.recorder.notices() if "trying it again" in text]


def test_each_kind_of_step_has_its_tries() -> None:
    """And pauses that grow, as long as the run is to go on."""
    is_over = False
    retries = StepRetries(4, is_cancelled=lambda: is_over)
    pauses = []
    while (pause := retries.pause_before(StepKind.INSTALL)) is not None:
        pauses.append(pause)
        assert retries.wait(StepKind.INSTALL, 0)
    assert pauses == [2, 8, 30, 30]
    assert retries.pause_before(StepKind.BUILD) == 2
    assert retries.pause_before(StepKind.TEST) is None
    is_over = True
    assert retries.pause_before(StepKind.BUILD) is None
    assert not retries.wait(StepKind.BUILD, 60)
