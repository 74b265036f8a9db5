"""`nohup runner build`: a terminal that goes away does not matter."""

import subprocess
import sys

_PROCESS = """
import signal, sys
from matrix_runner.schedule import Interrupt
with Interrupt(on_first=lambda: None) as interrupt:
    signal.raise_signal(signal.SIGHUP)
    print(interrupt.is_requested)
print(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)
"""


def test_an_ignored_hangup_stays_ignored() -> None:
    """A run that was started with SIGHUP ignored goes on when its terminal is closed."""
    done = subprocess.run(
        ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh", sys.executable, "-c", _PROCESS],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["False", "True"], "")


def test_a_hangup_stops_a_run_in_the_foreground() -> None:
    """Without nohup the terminal's end asks the run to stop."""
    # The test itself may run under nohup.
    process = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL)\n{_PROCESS}"
    done = subprocess.run([sys.executable, "-c", process], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["True", "False"], "")
