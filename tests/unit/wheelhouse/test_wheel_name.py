"""Names and suffixes of the wheels of every cell there is: each is its own cell's, and no other interpreter's."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from wheel_builder import SUFFIX_X86_64, build_wheel, elf
from wheel_checks import verify

from matrix_runner import catalog
from matrix_runner.errors import WheelRejected
from matrix_runner.model.cells import Cell, Implementation
from matrix_runner.model.platforms import Arch, Libc, Platform
from matrix_runner.wheelhouse import Promise, is_compatible
from matrix_runner.wheelhouse.inspection import WheelContents, inspect

KNOWN = catalog.load()
PLATFORM_TAGS = {Libc.GLIBC: ("manylinux_2_28", "manylinux2014", "manylinux_2_17"), Libc.MUSL: ("musllinux_1_2",)}
OLD_NAMES = {Arch.X86_64: "x86_64-linux-gnu", Arch.I686: "i386-linux-gnu", Arch.ARMV7L: "arm-linux-gnueabihf"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Spelling:
    """A cell with one of the names of its interpreter's directory."""

    cell: Cell
    directory: str

    @property
    def promise(self) -> Promise:
        """What the cell promises, as the runner makes it of the directory."""
        python_tag, _, abi_tag = self.directory.partition("-")
        return Promise(cell=self.cell, python_tag=python_tag, abi_tag=abi_tag, ext_suffix=self.suffix)

    @property
    def suffix(self) -> str:
        """What the interpreter says of EXT_SUFFIX."""
        _, _, abi = self.directory.partition("-")
        arch = self.cell.platform.arch
        triplet = OLD_NAMES.get(arch, f"{arch}-linux-gnu")
        if self.cell.platform.libc is Libc.MUSL:
            triplet = triplet.replace("-gnu", "-musl")
        match self.cell.interpreter.implementation:
            case Implementation.CPYTHON if self.cell.interpreter.major == 2:
                return ".so"
            case Implementation.CPYTHON:
                return f".cpython-{abi.removeprefix('cp')}-{triplet}.so"
            case Implementation.PYPY:
                return f".{abi.replace('_', '-')}-{triplet}.so"
            case Implementation.GRAALPY:
                return f".{abi.replace('_', '-')}-{arch}-linux.so"


def spellings(platform: Platform) -> tuple[Spelling, ...]:
    """Return every cell of a platform, with every name of its directory."""
    return tuple(
        Spelling(cell=cell, directory=directory)
        for cell in KNOWN.cells
        if cell.platform == platform
        for directory in KNOWN.known(cell.interpreter).directories
    )


def wheel_of(spelling: Spelling, directory: Path, module: str | None = None) -> WheelContents:
    """Return the wheel that a cell gives after repair, with one module: of its own suffix, or of that name."""
    platform = spelling.cell.platform
    tags = ".".join(f"{tag}_{platform.arch}" for tag in PLATFORM_TAGS[platform.libc])
    member = f"demo/{module or '_fast' + spelling.suffix}"
    files = {f"demo/_fast{SUFFIX_X86_64}": None, member: elf(platform.arch)}
    return inspect(build_wheel(directory, f"demo-1.0-{spelling.directory}-{tags}.whl", files=files))


PLATFORMS = [pytest.param(platform, id=str(platform)) for platform in catalog.platforms()]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_cells_own_wheel_is_its_own_and_no_others(platform: Platform, tmp_path: Path) -> None:
    """On each platform, the wheel of each interpreter keeps its promise, and is refused by every other's cell.

    That holds for free-threaded and usual, narrow and wide, and for the several ABIs of one PyPy or GraalPy.
    """
    every = spellings(platform)
    assert len(every) >= 9
    for builder in every:
        contents = wheel_of(builder, tmp_path)
        for other in every:
            if other == builder:
                verify(contents, other.promise)
                continue
            with pytest.raises(WheelRejected, match="the cell's interpreter is"):
                verify(contents, other.promise)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_wheel_is_of_one_platform(platform: Platform, tmp_path: Path) -> None:
    """The same interpreter's wheel is refused by every other platform, be it another machine or another C library."""
    (builder,) = (each for each in spellings(platform) if str(each.cell.interpreter) == "cp314t")
    contents = wheel_of(builder, tmp_path)
    for other in catalog.platforms():
        cell = Cell(interpreter=builder.cell.interpreter, platform=other)
        assert is_compatible(contents.filename, cell.interpreter, other) == (other == platform)
        if other != platform:
            promise = Spelling(cell=cell, directory=builder.directory).promise
            with pytest.raises(WheelRejected, match=f"makes wheels for {other}"):
                verify(contents, promise)


@pytest.mark.parametrize("interpreter", ["cp313t", "cp314t", "cp315t"])
def test_a_free_threaded_python_takes_no_stable_abi_wheel(interpreter: str, tmp_path: Path) -> None:
    """An abi3 wheel is refused there, by its tag and, under the right tag, by the suffix of its module (PEP 703)."""
    platform = Platform.parse("manylinux_x86_64")
    (cell,) = (each for each in spellings(platform) if str(each.cell.interpreter) == interpreter)
    stable = inspect(build_wheel(tmp_path, "demo-1.0-cp39-abi3-manylinux2014_x86_64.whl"))
    with pytest.raises(WheelRejected, match="is for cp39-abi3"):
        verify(stable, cell.promise)
    assert not is_compatible(stable.filename, cell.cell.interpreter, platform)
    with pytest.raises(WheelRejected, match=r"ending in \.abi3\.so"):
        verify(wheel_of(cell, tmp_path, "_fast.abi3.so"), cell.promise)


def test_another_abi_of_the_same_pypy_is_refused_whatever_its_modules_are_called(tmp_path: Path) -> None:
    """A wheel for `pypy311_pp73` is none for `pypy311_pp80`, even if its module's name says nothing."""
    old, new = (Spelling(cell=Cell.parse("pp311-manylinux_x86_64"), directory=f"pp311-pypy311_pp{n}") for n in (73, 80))
    for builder, other in ((old, new), (new, old)):
        contents = wheel_of(builder, tmp_path, "_fast.so")
        verify(contents, builder.promise)
        with pytest.raises(WheelRejected, match=f"the cell's interpreter is {other.directory}"):
            verify(contents, other.promise)
