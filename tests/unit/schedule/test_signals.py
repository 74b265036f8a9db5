"""Real signals to a real process that runs a pool: the first asks, the second does not wait, the third is final."""

import queue
import signal
import subprocess
import sys
import threading

import pytest

from matrix_runner.schedule import Interrupt, StopRequest

_PROCESS = """
import sys, threading, time
from matrix_runner.schedule import Capacity, Interrupt, Pool, Task
released = threading.Event()
def say(word):
    print(word, flush=True)
def first():
    say("asked")
    if sys.argv[1] == "polite":
        released.set()
def work():
    say("working")
    released.wait(120)
    return "kept"
with Interrupt(on_first=first) as interrupt:
    results = Pool([Capacity(slots=1)], ()).run([Task(run=work), Task(run=lambda: say("never"))], interrupt)
    say(f"results {results}")
    if sys.argv[1] == "stubborn":
        time.sleep(120)
sys.exit(interrupt.exit_code)
"""


class Running:
    """A process with a pool at work."""

    def __init__(self, manner: str) -> None:
        """`manner`: polite (ends when asked), deaf (hangs), or stubborn (hangs even after the pool)."""
        self.process = subprocess.Popen(
            [sys.executable, "-c", _PROCESS, manner], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.expect("working")

    def __enter__(self) -> "Running":  # noqa: PYI034  Self is in typing from 3.11 on
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def expect(self, line: str) -> None:
        """Read the next line that it prints."""
        assert self.process.stdout is not None
        assert self.process.stdout.readline().rstrip("\n") == line

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def end(self) -> tuple[int, str, str]:
        """Wait for its end; return its exit code and what else it printed."""
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        # Not `communicate`: it reads past what `readline` has buffered, and loses that.
        output, errors = self.process.stdout.read(), self.process.stderr.read()
        return self.process.wait(60), output, errors


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_the_first_signal_asks(number: signal.Signals, code: int) -> None:
    """What runs may end and its result is kept; nothing more is begun; the process ends with the signal's code."""
    with Running("polite") as run:
        run.send(number)
        run.expect("asked")
        assert run.end() == (code, "results ('kept', None)\n", "")


def test_the_second_signal_does_not_wait() -> None:
    """A worker that does not end is left behind: the process goes on to its end, with the first signal's code."""
    with Running("deaf") as run:
        run.send(signal.SIGINT)
        run.expect("asked")
        run.send(signal.SIGTERM)
        assert run.end() == (130, "results (None, None)\n", "")


def test_the_third_signal_is_final() -> None:
    """Whatever the process is doing, the third signal ends it there and then, without a traceback."""
    with Running("stubborn") as run:
        run.send(signal.SIGTERM)
        run.expect("asked")
        run.send(signal.SIGINT)
        run.expect("results (None, None)")
        run.send(signal.SIGINT)
        assert run.end() == (143, "", "")


def test_a_request_of_the_program_stops_like_a_first_signal() -> None:
    """From any thread, before the run begins or in the middle; with the code of an interrupt, and no signal's."""
    for is_before in (True, False):
        stop, called = StopRequest(), threading.Event()
        if is_before:
            stop.request()
        with Interrupt(on_first=called.set, stop=stop) as interrupt:
            if not is_before:
                assert not interrupt.is_requested
                threading.Thread(target=stop.request).start()
            assert called.wait(20)
            assert (interrupt.is_requested, interrupt.is_urgent) == (True, False)
        assert (interrupt.exit_code, stop.code, stop.is_alone) == (130, None, True)


def test_a_signal_besides_a_request() -> None:
    """It is a person's wish, and not urgent by that; later requests have nothing to stop."""
    stop, calls = StopRequest(), queue.SimpleQueue[str]()
    with Interrupt(on_first=lambda: calls.put("called"), stop=stop) as interrupt:
        stop.request()
        signal.raise_signal(signal.SIGTERM)
        assert (interrupt.exit_code, stop.code, interrupt.is_urgent, stop.is_alone) == (143, 143, False, False)
        for _ in range(2):
            assert calls.get(timeout=20) == "called"
    late = StopRequest()
    with Interrupt(on_first=lambda: calls.put("too late"), stop=late):
        pass
    late.request()
    assert calls.empty()
