"""An interrupt before the first cell: while the project is still being packed."""

import os
import signal
import subprocess
import time
from pathlib import Path

from runner_process import report_dir, runner_environ
from stub_project import stub_project


def test_packing_does_not_delay_an_interrupt(tmp_path: Path) -> None:
    """Ctrl-C ends a run whose project takes long to pack, here because git hangs, with 130 and a report."""
    stub = stub_project(tmp_path)
    tools, begun = tmp_path / "tools", tmp_path / "begun"
    tools.mkdir()
    (tools / "git").write_text(f"#!/bin/sh\ntouch {begun}\nexec sleep 30\n")
    (tools / "git").chmod(0o755)
    environ = runner_environ(PATH=f"{tools}{os.pathsep}{os.environ['PATH']}")
    with subprocess.Popen(
        stub.argv, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        deadline = time.monotonic() + 60
        while not begun.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(20) == 130
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    assert '"exit_code": 130' in (report_dir(stub.output) / "report.json").read_text("utf-8")
