"""Wheels as the world makes them: what we refuse must not be what everybody publishes."""

import subprocess
import sys
from pathlib import Path

import pytest
from wheel_checks import verify

from matrix_runner.errors import WheelRejected
from matrix_runner.model.cells import Cell, Interpreter
from matrix_runner.model.platforms import Libc, Platform
from matrix_runner.wheelhouse import Promise, is_compatible
from matrix_runner.wheelhouse.inspection import WheelContents, inspect

pytestmark = pytest.mark.network


def _download(directory: Path, requirement: str, python: str, *platforms: str, abi: str | None = None) -> WheelContents:
    """Fetch one wheel of a project, of exactly that version, for a Python and platforms."""
    options = [word for platform in platforms for word in ("--platform", platform)]
    options += [] if abi is None else ["--implementation", "cp", "--abi", abi]
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    wanted = ("--no-deps", "--only-binary", ":all:", "--python-version", python, *options, requirement)
    subprocess.run([*pip, "download", "--dest", directory, *wanted], check=True)
    (wheel,) = directory.glob("*.whl")
    return inspect(wheel)


def _promise(cell: str, directory: str, project: str, suffix: str) -> Promise:
    python_tag, abi_tag = directory.split("-")
    parsed = Cell.parse(cell)
    return Promise(cell=parsed, python_tag=python_tag, abi_tag=abi_tag, project_name=project, ext_suffix=suffix)


def test_a_64_bit_wheel(tmp_path: Path) -> None:
    """An ordinary extension passes for its own cell and for no other."""
    contents = _download(tmp_path, "MarkupSafe==3.0.2", "3.11", "manylinux2014_x86_64")
    suffix = ".cpython-311-x86_64-linux-gnu.so"
    assert contents.extension_suffixes == (suffix,)
    verify(contents, _promise("cp311-manylinux_x86_64", "cp311-cp311", "markupsafe", suffix))
    for cell in ("cp311-manylinux_i686", "cp311-musllinux_x86_64", "cp312-manylinux_x86_64"):
        tag = cell.partition("-")[0]
        with pytest.raises(WheelRejected):
            verify(contents, _promise(cell, f"{tag}-{tag}", "markupsafe", suffix))


def test_a_32_bit_wheel(tmp_path: Path) -> None:
    """An i686 wheel with 32-bit code passes, with the suffix that a 32-bit Python gives."""
    contents = _download(tmp_path, "cffi==1.15.1", "3.9", "manylinux2014_i686", "manylinux_2_17_i686")
    assert [elf.bits for elf in contents.elf_files] == [32]
    verify(contents, _promise("cp39-manylinux_i686", "cp39-cp39", "cffi", ".cpython-39-i386-linux-gnu.so"))


@pytest.mark.parametrize(
    ("requirement", "name"), [("hypothesis==6.170.17", "hypothesis"), ("ast-serialize==0.13.1", "ast-serialize")]
)
def test_a_wheel_for_both_stable_abis(tmp_path: Path, requirement: str, name: str) -> None:
    """`cp315-abi3.abi3t`, of maturin and of setuptools-rust: right with and without the GIL, from 3.15 on (PEP 803)."""
    contents = _download(tmp_path, requirement, "3.15", "manylinux2014_x86_64", abi="abi3t")
    for cell in ("cp315", "cp315t"):
        suffix = f".cpython-{cell.removeprefix('cp')}-x86_64-linux-gnu.so"
        verify(contents, _promise(f"{cell}-manylinux_x86_64", f"cp315-{cell}", name, suffix))
        with pytest.raises(WheelRejected):
            verify(contents, _promise(f"{cell}-manylinux_i686", f"cp315-{cell}", name, suffix))
    assert not is_compatible(contents.filename, Interpreter.parse("cp314t"), Platform.parse("manylinux_x86_64"))


def test_a_stable_abi_wheel(tmp_path: Path) -> None:
    """An abi3 wheel passes on a Python much later than the one it names, but not without the GIL."""
    contents = _download(tmp_path, "psutil==6.1.1", "3.11", "manylinux2014_x86_64")
    assert contents.extension_suffixes == (".abi3.so",)
    verify(contents, _promise("cp313-manylinux_x86_64", "cp313-cp313", "psutil", ".cpython-313-x86_64-linux-gnu.so"))
    platform = Platform.parse("manylinux_x86_64")
    assert is_compatible(contents.filename, Interpreter.parse("cp314"), platform)
    assert not is_compatible(contents.filename, Interpreter.parse("cp314t"), platform)


def test_grafted_libraries_are_listed(tmp_path: Path) -> None:
    """What repair put into a real wheel is told by name."""
    contents = _download(tmp_path, "lxml==5.3.0", "3.11", "musllinux_1_2_x86_64")
    grafting = _download(tmp_path / "grafting", "psycopg2-binary==2.9.10", "3.11", "manylinux2014_x86_64")
    assert contents.grafted == ()
    assert any(name.startswith("libpq-") for name in grafting.grafted)
    assert {tag.platform.partition("_")[0] for tag in contents.tags} == {str(Libc.MUSL)}


def test_a_pure_wheel(tmp_path: Path) -> None:
    """A pure wheel is read without complaint, and refused as a cell's with the advice to build it once."""
    contents = _download(tmp_path, "packaging==24.1", "3.11")
    assert contents.is_pure
    with pytest.raises(WheelRejected) as caught:
        verify(contents, _promise("cp311-manylinux_x86_64", "cp311-cp311", "packaging", ".so"))
    assert "Build it once" in (caught.value.hint or "")


def test_a_program_in_a_wheel(tmp_path: Path) -> None:
    """A py3-none wheel that carries a program, and no module, serves every Python of its platform."""
    contents = _download(tmp_path, "ninja==1.11.1.1", "3.11", "manylinux2014_x86_64", "manylinux1_x86_64")
    assert contents.extension_suffixes == ()
    assert contents.elf_files
    verify(contents, _promise("cp313t-manylinux_x86_64", "cp313-cp313t", "ninja", ".cpython-313t-x86_64-linux-gnu.so"))
