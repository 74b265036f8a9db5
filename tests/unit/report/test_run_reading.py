"""Reports and recordings of others: how much of them is read."""

from pathlib import Path

import pytest

from matrix_runner.errors import UsageError
from matrix_runner.report import event_records, run_reading
from matrix_runner.report.run_reading import read_run

STARTED = b'{"event":"run-started","at":0,"run":"a","cells":[],"workers":1}\n'


def filled(data: bytes, size: int) -> bytes:
    """Return a line of so many bytes, its end among them."""
    return data + b" " * (size - len(data) - 1) + b"\n"


def test_a_report_has_so_many_bytes(tmp_path: Path) -> None:
    """What is larger is not parsed; what is as large is."""
    path = tmp_path / "report.json"
    path.write_bytes(bytes(run_reading._LARGEST))
    with pytest.raises(UsageError, match=r"this is no report\.json"):
        read_run(path)
    path.write_bytes(bytes(run_reading._LARGEST + 1))
    with pytest.raises(UsageError, match=f"it has more than {run_reading._LARGEST} bytes"):
        read_run(path)


def test_an_event_has_so_many_bytes(tmp_path: Path) -> None:
    """A recording is as long as its run; a line of it is not."""
    path = tmp_path / "events.jsonl"
    tick = b'{"event":"tick","at":7}'
    path.write_bytes(STARTED + filled(tick, event_records._LONGEST_LINE - 1))
    assert read_run(path).report.seconds == 7
    path.write_bytes(STARTED + filled(tick, event_records._LONGEST_LINE))
    with pytest.raises(UsageError, match=r"events\.jsonl:2: this is no event of matrix-runner: it has no end"):
        read_run(path)


@pytest.mark.parametrize(("at", "is_read"), [("316224000", True), ("316224001", False), ("1e300", False)])
def test_a_run_lasts_so_long(tmp_path: Path, at: str, is_read: bool) -> None:  # noqa: FBT001  a row
    """Ten years: the page of a run has a mark for each day."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(STARTED + b'{"event":"tick","at":' + at.encode() + b"}\n")
    if is_read:
        assert read_run(path).report.seconds == float(at)
        return
    with pytest.raises(UsageError, match="this is no event of matrix-runner: Expected `float`"):
        read_run(path)


def test_an_exit_code_of_a_later_release_is_read(tmp_path: Path) -> None:
    """It is none that says that the run was interrupted."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(STARTED + b'{"event":"run-finished","at":1,"exit_code":77}\n')
    assert read_run(path).report.interrupted_by is None
