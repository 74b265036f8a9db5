"""An interrupt before the first cell, while the project is still being packed, and in the first."""

import os
import signal
import subprocess
from pathlib import Path

from runner_process import report_dir, runner_environ
from started_build import wait_for
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
        wait_for(begun.exists, 60, "it has not begun")
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(20) == 130
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    assert '"exit_code": 130' in (report_dir(stub.output) / "report.json").read_text("utf-8")


def test_a_cancelled_job_has_a_summary_and_outputs(tmp_path: Path) -> None:
    """GitHub's runner sends INT to a job that is cancelled: its page still says how far it came."""
    begun, page, outputs = tmp_path / "begun", tmp_path / "summary.md", tmp_path / "outputs"
    stub = stub_project(tmp_path, f'before-build = "touch {begun}; sleep 100"\n')
    environ = runner_environ(GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(page), GITHUB_OUTPUT=str(outputs))
    with subprocess.Popen(
        stub.argv, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        wait_for(begun.exists, 60, "it has not begun")
        process.send_signal(signal.SIGINT)
        try:
            printed = process.communicate(timeout=20)[0]
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    assert b"::error" not in printed
    assert "exit code 130: interrupted" in page.read_text("utf-8")
    assert "\nfalse\n" in outputs.read_text("utf-8").partition("\npassed<<")[2]
