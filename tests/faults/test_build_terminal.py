"""The terminal goes away in mid-build, as when its window is closed: real pseudo-terminals."""

import os
import pty
import select
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from runner_process import report_dir, runner_environ
from stub_project import Stub, stub_project


def on_a_terminal(stub: Stub, is_time: Callable[[], bool], *, nohup: bool) -> int:
    """Build on a terminal of its own, close that when it is time to, and return the exit code."""
    ours, theirs = pty.openpty()
    # A session of its own, of which this is the terminal: else there is no SIGHUP.
    takes = "import fcntl, os, signal, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    takes += "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" if nohup else ""
    argv = [stub.argv[0], "-c", f"{takes}os.execv(sys.argv[1], sys.argv[1:])", *stub.argv]
    environ = {**runner_environ(TERM="xterm"), "COLUMNS": "80"}
    with subprocess.Popen(
        argv, env=environ, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        os.close(theirs)
        deadline = time.monotonic() + 60
        while not is_time():
            assert time.monotonic() < deadline
            if select.select([ours], [], [], 0.05)[0]:
                os.read(ours, 65536)
        os.close(ours)
        return process.wait(timeout=60)


def test_a_closed_terminal_ends_a_run_in_order(tmp_path: Path) -> None:
    """The run stops as by SIGTERM, with a report that says so, though nothing can be drawn any more."""
    begun = tmp_path / "begun"
    stub = stub_project(tmp_path, f'before-build = "touch {begun}; sleep 100"\n')
    assert on_a_terminal(stub, begun.exists, nohup=False) == 143
    assert '"exit_code": 143' in (report_dir(stub.output) / "report.json").read_text("utf-8")


def test_under_nohup_a_closed_terminal_does_not_matter(tmp_path: Path) -> None:
    """The run goes on without a place to draw, and delivers."""
    begun = tmp_path / "begun"
    stub = stub_project(tmp_path, f'before-build = "touch {begun}; sleep 3"\n')
    assert on_a_terminal(stub, begun.exists, nohup=True) == 0
    assert stub.wheels == 1
