"""Recorder of the runs in tests/recordings: six that end each in its own way, on a real engine.

`scripts/engine-rig docker-28-containerd .venv/bin/python tests/support/run_recorder.py [NAME ...]` records them anew.
Each leaves its events with all output, from which everything that a run shows can be rendered.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from rig import Rig
from runner_process import Ended
from sample_projects import extension_project, write_project

RECORDINGS = Path(__file__).parents[1] / "recordings"
CELLS = "cp39-manylinux_x86_64 cp311-manylinux_* cp313*-manylinux_*"
TOLD = ("--progress", "json")
"""The events with the output of commands, which events.jsonl has not."""

NARROW = "cp311-manylinux_*"

TESTS = """
import sys
import time
import unittest
import answer


class TestAnswer(unittest.TestCase):
    def test_that_it_is_right(self):
        self.assertEqual(answer.answer(), {expected})

    def test_that_takes_its_time(self):
        time.sleep({seconds})
"""
SETTINGS = 'test-command = "python -m unittest discover -v -s {project}/tests"'
ERROR = "#if PY_VERSION_HEX >= 0x030D0000\n#include <lz4frame.h>\n#endif\n"


def _project(directory: Path, *, head: str = "", expected: str = "42", seconds: float = 0.2) -> Path:
    files = extension_project(settings=SETTINGS)
    files["answer.c"] = files["answer.c"].replace("#include <Python.h>\n", f"#include <Python.h>\n{head}")
    files["tests/test_answer.py"] = TESTS.format(expected=expected, seconds=seconds)
    return write_project(directory, files)


def _passed(rig: Rig, work: Path) -> Ended:
    return rig.build(_project(work / "answer"), work / "wheelhouse", *TOLD, "--only", CELLS)


def _compiler_error(rig: Rig, work: Path) -> Ended:
    """Newer Pythons lack a header: the same failure in several cells."""
    return rig.build(_project(work / "answer", head=ERROR), work / "wheelhouse", *TOLD, "--only", CELLS)


def _failing_test(rig: Rig, work: Path) -> Ended:
    """A test that is wrong on 32 bits."""
    project = _project(work / "answer", expected="42 if sys.maxsize > 2**32 else 43")
    return rig.build(project, work / "wheelhouse", *TOLD, "--only", CELLS)


def _interrupted(rig: Rig, work: Path) -> Ended:
    """Ctrl-C, as soon as one cell's test runs."""
    project = _project(work / "answer", seconds=60)
    with rig.started(project, work / "wheelhouse", *TOLD, "--only", CELLS) as run:
        run.reached("test_that_takes_its_time")
        run.process.send_signal(signal.SIGINT)
        return run.ended()


def _half_cached(rig: Rig, work: Path) -> Ended:
    """A second run, of more cells than the first had."""
    project = _project(work / "answer")
    keeping = {"MATRIX_RUNNER_NO_CACHE": "0", "MATRIX_RUNNER_CACHE_DIR": str(work / "cache")}
    rig.build(project, work / "wheelhouse", "--only", NARROW, **keeping)
    return rig.build(project, work / "wheelhouse", *TOLD, "--only", CELLS, **keeping)


def _restarted(rig: Rig, work: Path) -> Ended:
    """The engine restarts while cells run in it; they begin anew."""
    with rig.started(_project(work / "answer", seconds=8), work / "wheelhouse", *TOLD, "--only", CELLS) as run:
        run.reached("test_that_takes_its_time")
        rig.restart()
        return run.ended()


SCENARIOS: dict[str, Callable[[Rig, Path], Ended]] = {
    "passed": _passed,
    "compiler-error": _compiler_error,
    "failing-test": _failing_test,
    "interrupted": _interrupted,
    "half-cached": _half_cached,
    "restarted": _restarted,
}


def record(name: str, rig: Rig) -> None:
    """Make the run of a name, and keep its events; nothing in them is this machine's."""
    with TemporaryDirectory(prefix="recorded-") as directory:
        lines = SCENARIOS[name](rig, Path(directory)).output.replace(directory, "/work").splitlines()
    RECORDINGS.mkdir(exist_ok=True)
    text = "".join(f"{line}\n" for line in lines if line.startswith('{"event"'))
    (RECORDINGS / f"{name}.jsonl").write_text(text, "utf-8")


if __name__ == "__main__":
    for each in sys.argv[1:] or SCENARIOS:
        record(each, Rig(name=os.environ["ENGINE_RIG"]))
    shutil.rmtree(RECORDINGS / "__pycache__", ignore_errors=True)
