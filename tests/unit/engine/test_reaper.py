"""The process that outlives a killed run, and its order."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from matrix_runner.engine.docker.endpoint import Endpoint, Product, Tls
from matrix_runner.engine.docker.sdk.reaping_order import ReapingOrder
from matrix_runner.engine.leasing.reaper import Reaper
from matrix_runner.json_values import NotJson

ROOT = Path(__file__).parents[3]
# A run with a lease, whose reaper writes a file.
RUN = """
import os, sys, time
from pathlib import Path
from matrix_runner.engine.leasing.leases import Leases
from matrix_runner.engine.leasing.reaper import Reaper
sign = Path(sys.argv[1], "reaped")
leases = Leases(Path(sys.argv[1]), "r")
leases.reaper = Reaper(("/bin/sh", "-c", 'pwd > "$0"', str(sign)), os.environ)
leases.hold()
print("held", flush=True)
if sys.stdin.readline():
    leases.release()
else:
    time.sleep(60)
"""


def run(directory: Path) -> subprocess.Popen[bytes]:
    """Start a process that holds a lease; return once it does."""
    process = subprocess.Popen(
        (sys.executable, "-c", RUN, str(directory)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def is_there(path: Path) -> bool:
    """Whether a file is there within five seconds."""
    for _ in range(250):
        if path.exists() and path.read_text():
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("is_group", [False, True], ids=["process", "group"])
def test_a_killed_run_is_reaped(tmp_path: Path, *, is_group: bool) -> None:
    """Also if its whole process group is killed; in no directory of the user's."""
    with run(tmp_path) as process:
        (os.killpg if is_group else os.kill)(process.pid, signal.SIGKILL)
        assert is_there(tmp_path / "reaped")
    assert (tmp_path / "reaped").read_text() == "/\n"


def test_a_run_that_ends_well_is_not_reaped(tmp_path: Path) -> None:
    """Its reaper has ended by the time that the lease is released."""
    with run(tmp_path) as process:
        process.communicate(b"end\n", timeout=10)
    assert process.returncode == 0
    assert not (tmp_path / "reaped").exists()
    everything = subprocess.run(("ps", "-e", "-o", "args"), capture_output=True, text=True, check=True).stdout
    assert str(tmp_path / "reaped") not in everything


def test_an_interrupt_of_the_group_is_not_for_the_reaper(tmp_path: Path) -> None:
    """Ctrl-C goes to all processes of the terminal: the run still needs its reaper."""
    with run(tmp_path) as process:
        os.killpg(process.pid, signal.SIGINT)
        assert is_there(tmp_path / "reaped")


def test_no_reaper_is_no_error() -> None:
    """Where no process can be started (here: an argument too long), the next run's sweep remains."""
    reaper = Reaper(("x" * 1_000_000,), {})
    reaper.dismiss()
    reaper.start()
    reaper.dismiss()
    reaper.dismiss()


def test_an_order_is_read_as_it_was_written() -> None:
    """Paths, certificates and product."""
    tls = Tls(ca=Path("/c/ca.pem"), cert=None, key=Path("/c/k ey.pem"), verify=True)
    endpoint = Endpoint(url="tcp://h:1", origin="o", tls=tls, product=Product.PODMAN, tunnel="ssh://u@h")
    order = ReapingOrder(run="r", state_dir=Path("/s"), endpoint=endpoint)
    assert ReapingOrder.of_text(order.text()) == order
    with pytest.raises(NotJson):
        ReapingOrder.of_text("{}")
