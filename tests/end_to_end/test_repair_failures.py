"""Repairs that fail in real containers: what a person is told who would otherwise read auditwheel's source."""

from pathlib import Path

from image_source import ImageSource
from runner_process import run_build
from sample_projects import SETUP, extension_project, write_project

CELL = "cp311-manylinux_x86_64"

USES = """
#include <unistd.h>
ssize_t use(void) { return copy_file_range(0, NULL, 1, NULL, 1, 0); }
"""


def failure_of(cell: dict[str, object]) -> tuple[str, str]:
    """Return message and hint of a cell that failed in repair."""
    failure = cell["failure"]
    assert isinstance(failure, dict)
    assert (failure["step"], failure["reason"]) == ("repair", "command")
    return str(failure["message"]), str(failure["hint"])


def test_a_symbol_that_is_too_new_is_named(images: ImageSource, tmp_path: Path) -> None:
    """`copy_file_range` came with glibc 2.27: for a platform of 2.17 the failure names it, and where it is."""
    command = 'repair-wheel-command = "auditwheel repair --plat manylinux_2_17_x86_64 -w {dest_dir} {wheel}"'
    files = extension_project(settings=command)
    files["answer.c"] += USES
    ended = run_build(write_project(tmp_path / "project", files), tmp_path / "out", *images.only(CELL))
    assert ended.code == 1, ended.output
    message, hint = failure_of(ended.cells[CELL])
    module = "answer.cpython-311-x86_64-linux-gnu.so"
    assert f"too new for manylinux_2_17_x86_64: GLIBC_2.27 of libc.so.6 (copy_file_range), in {module}" in message
    assert "the lowest platform that fits is manylinux_2_27_x86_64" in message
    assert "for manylinux_2_27_x86_64, which this image has, name it in repair-wheel-command" in hint
    assert 'manylinux-x86_64-image = "manylinux2014"' in hint
    assert "GLIBC_2.27 of libc.so.6 (copy_file_range)" in ended.output
    assert ended.wheels == ()


def test_a_library_that_is_not_found_is_named(images: ImageSource, tmp_path: Path) -> None:
    """A library that the linker found and the loader will not: which file needs it, and what can be done."""
    make = "mkdir -p /opt/hidden && cd /opt/hidden && echo 'int hidden;' | gcc -shared -o libhidden.so -x c -"
    files = extension_project(settings=f'before-build = "{make}"')
    files["answer.c"] += "\nextern int hidden;\nint *use(void) { return &hidden; }\n"
    extra = ", libraries=['hidden'], library_dirs=['/opt/hidden']"
    files["setup.py"] = SETUP.format(name="answer", extra=extra, options="")
    ended = run_build(write_project(tmp_path / "project", files), tmp_path / "out", *images.only(CELL))
    assert ended.code == 1, ended.output
    message, hint = failure_of(ended.cells[CELL])
    assert "libhidden.so, needed by answer.cpython-311-x86_64-linux-gnu.so, was not found in the image" in message
    assert "AUDITWHEEL_LD_LIBRARY_PATH" in hint
    # And that remedy is one.
    remedy = {"MATRIX_RUNNER_ENVIRONMENT": "AUDITWHEEL_LD_LIBRARY_PATH=/opt/hidden"}
    mended = run_build(tmp_path / "project", tmp_path / "mended", *images.only(CELL), **remedy)
    assert mended.code == 0, mended.output
