"""Rows 47 and 48: the driver is stopped or killed, at every phase of a run and at random moments."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fault_trial import NARROW, WIDE, Trial
from rig import Running
from runner_process import Ended, report_dir

BOTH = f"{WIDE} {NARROW}"
# Each phase of a cell waits in the wide cell; the narrow one is quick, so that there is a finished wheel.
WAITS = 'case "$(uname -m)" in x86_64) echo waiting; sleep 30;; esac'
PHASES = {
    "before-all": f"before-all = '''{WAITS}'''",
    "build": f"before-build = '''{WAITS}'''",
    "repair": f"repair-wheel-command = '''{WAITS}; auditwheel repair -w {{dest_dir}} {{wheel}}'''",
    "test": f"test-command = '''{WAITS}'''",
}
INTERRUPTED = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL}


def reached(run: Running, trial: Trial, phase: str) -> None:
    """Wait until the wide cell waits in its phase, and the wheel of the other is there."""
    wait_for_step(run, trial, f"{phase} never began")
    trial.wait_for_wheels(1, run=run)


def wait_for_step(run: Running, trial: Trial, otherwise: str) -> None:
    """Wait until the wide cell's log says that it waits."""
    log = report_dir(trial.output) / "logs" / f"{WIDE}.log"
    run.wait_until(lambda: log.exists() and b"\nwaiting" in log.read_bytes(), otherwise)


def check_end(trial: Trial, run: Running, number: signal.Signals, *, wheels: int | None) -> Ended:
    """Hold the end of a run against what is promised: in less than five seconds, and nothing left."""
    began = time.monotonic()
    ended = run.ended(seconds=20)
    assert time.monotonic() - began < 5
    return trial.check(ended, code=INTERRUPTED[number], wheels=wheels)


@pytest.mark.row(47)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("phase", PHASES)
def test_a_signal(trial: Trial, phase: str, number: signal.Signals) -> None:
    """In each phase of a cell; the finished wheel is kept."""
    with trial.started(trial.project(PHASES[phase]), only=BOTH) as run:
        reached(run, trial, phase)
        run.process.send_signal(number)
        check_end(trial, run, number, wheels=1)


@pytest.mark.row(47)
@pytest.mark.parametrize("delay", [0.0, 0.15, 0.4, 0.8])
def test_a_signal_at_the_start(trial: Trial, delay: float) -> None:
    """While the interpreter starts, the table is read, the plan is made, the project is packed."""
    project = trial.project()
    with (project / "large").open("wb") as file:
        file.truncate(300 << 20)
    with trial.started(project, only=BOTH) as run:
        time.sleep(delay)
        run.process.send_signal(signal.SIGINT)
        ended = run.ended(seconds=20)
    # Before its first line Python itself is interrupted.
    assert ended.code in {130, -signal.SIGINT}
    assert trial.rig.is_clean(seconds=2)
    trial.saw(130)


@pytest.mark.row(47)
@pytest.mark.parametrize("times", [2, 3])
def test_signals_one_after_another(trial: Trial, times: int) -> None:
    """To the whole group, as a terminal sends them; what a step does about the first does not matter."""
    settings = "test-command = '''trap : INT TERM; echo waiting; while :; do sleep 1; done'''"
    with trial.started(trial.project(settings)) as run:
        wait_for_step(run, trial, "the test never began")
        for _ in range(times):
            os.killpg(run.process.pid, signal.SIGINT)
            time.sleep(0.1)
        check_end(trial, run, signal.SIGINT, wheels=0)


@pytest.mark.row(48)
@pytest.mark.parametrize("phase", PHASES)
def test_a_kill(trial: Trial, phase: str) -> None:
    """In each phase; the next run takes the finished cell from the cache, and builds the other."""
    project = trial.project(PHASES[phase])
    with trial.started(project, only=BOTH, variables=trial.kept) as run:
        reached(run, trial, phase)
        trial.wait_for_entries(1, run=run)
        run.process.send_signal(signal.SIGKILL)
        check_end(trial, run, signal.SIGKILL, wheels=1)
    ended = trial.build(project, only=NARROW, variables=trial.kept)
    trial.check(ended, code=0, wheels=1)
    assert ended.cells[NARROW]["status"] == "cached"


@pytest.mark.row(48)
@pytest.mark.parametrize("number", INTERRUPTED)
def test_random_moments(
    trial: Trial,
    number: signal.Signals,
    pytestconfig: pytest.Config,
    record_property: Callable[[str, object], None],
) -> None:
    """`--rounds` times: nothing is left, no wheel is in part, no finished cell is built again, the run converges.

    How long each run took to end, in seconds, is a property of the test (`--junitxml`).
    """
    project = trial.project("test-command = 'python -c \"import stub\"'")
    dice, usual = random.Random(number.value), seconds_of(trial, project)  # noqa: S311  no secret
    for _ in range(pytestconfig.getoption("--rounds")):
        clear(trial)
        with trial.started(project, only=BOTH, variables=trial.kept) as run:
            time.sleep(dice.uniform(0.3, usual))
            run.process.send_signal(number)
            began = time.monotonic()
            ended = run.ended(seconds=20)
            seconds = time.monotonic() - began
            record_property("seconds", f"{seconds:.3f}")
            assert seconds < 5
        assert ended.code in {0, INTERRUPTED[number], -number}, ended.output
        assert trial.rig.is_clean(seconds=2)
        trial.check_wheels(ended)
        finished = {path.name for path in (trial.place / "cache").glob("entries/*/*")}
        again = trial.build(project, only=BOTH, variables=trial.kept)
        assert again.code == 0, again.output
        statuses = [cell["status"] for cell in again.cells.values()]
        assert statuses.count("cached") >= len(finished)
        assert len(again.wheels) == 2
    trial.saw(INTERRUPTED[number])


def clear(trial: Trial) -> None:
    """Forget the wheels and cells of the last round."""
    for directory in (trial.output, trial.place / "cache"):
        for path in sorted(directory.rglob("*"), reverse=True):
            Path.rmdir(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def seconds_of(trial: Trial, project: Path) -> float:
    """Return how long a run takes in which nothing happens, in seconds."""
    began = time.monotonic()
    trial.check(trial.build(project, only=BOTH, variables=trial.kept), code=0, wheels=2)
    return time.monotonic() - began
