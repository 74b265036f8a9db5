"""Test commands that ran no test."""

import subprocess
import sys
from pathlib import Path

import pytest

from matrix_runner.cell.explanations.empty_tests import ran_no_test


@pytest.mark.parametrize(
    ("output", "is_empty"),
    [
        (b"\n----\nRan 0 tests in 0.000s\n\nOK\n", True),
        (b"Ran 0 tests in 0.0s\n\nOK\nRan 0 tests in 0.000s\n\nNO TESTS RAN\n", True),
        (b"Ran 1 test in 0.000s\n\nOK\n", False),
        (b"Ran 0 tests in 0.000s\n\nOK\n....\nRan 12 tests in 0.1s\n\nOK\n", False),
        (b"==== 3 passed in 0.01s ====\nRan 0 tests in 0.000s\n", False),
        (b"Ran away\n", False),
        (b"", False),
    ],
)
def test_what_the_test_runner_said(output: bytes, *, is_empty: bool) -> None:
    """Only where every count is zero."""
    assert ran_no_test(output) is is_empty


def test_what_unittest_really_says(tmp_path: Path) -> None:
    """The words of the standard library, with tests and without."""
    one = "import unittest\nclass T(unittest.TestCase):\n def test(self): pass\n"
    for text, is_empty in (("", True), (one, False)):
        (tmp_path / "test_it.py").write_text(text)
        done = subprocess.run([sys.executable, "-m", "unittest"], cwd=tmp_path, capture_output=True, check=False)
        assert ran_no_test(done.stderr) is is_empty
