"""Hints in build files."""

from pathlib import Path

import pytest

from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.project.build_hints import hints_at_stable_abi


@pytest.mark.parametrize(
    ("file", "text", "hint"),
    [
        ("pyproject.toml", '[tool.distutils.bdist_wheel]\npy-limited-api = "cp39"\n', True),
        ("setup.py", 'Extension("a", define_macros=[("Py_LIMITED_API", "0x03090000")])', True),
        ("Cargo.toml", 'pyo3 = { features = ["abi3-py39"] }', True),
        ("CMakeLists.txt", "Python_add_library(a USE_SABI)  # abi3", True),
        ("meson.build", "limited_api: '3.9'", True),
        ("setup.py", "setup()", False),
        ("README.md", "abi3", False),
    ],
)
def test_a_build_file_that_speaks_of_the_limited_api_is_a_hint(
    tmp_path: Path, file: str, text: str, *, hint: bool
) -> None:
    """Only a project that may make abi3 wheels lets cells wait for the first; unreadable files are no hint."""
    (tmp_path / file).write_text(text)
    (tmp_path / "setup.cfg").mkdir()
    assert hints_at_stable_abi(BuildFiles(tmp_path)) is hint
