"""Holding a wheel against its cell, and asking whom else it serves."""

from pathlib import Path

import pytest
from wheel_builder import DIST_INFO, I686, SUFFIX_X86_64, X86_64, build_wheel, elf
from wheel_checks import verify

from matrix_runner.errors import WheelRejected
from matrix_runner.model.cells import Cell, Interpreter
from matrix_runner.model.checks import Accepted, Check
from matrix_runner.model.platforms import Arch, Platform
from matrix_runner.wheelhouse import Promise, is_compatible, settle
from matrix_runner.wheelhouse import verify as findings_of
from matrix_runner.wheelhouse.inspection import WheelContents, inspect

NO_MODULE: dict[str, bytes | None] = {f"demo/_fast{SUFFIX_X86_64}": None}


def _promise(
    cell: str = "cp311-manylinux_x86_64", directory: str = "cp311-cp311", *, suffix: str | None = None
) -> Promise:
    python_tag, abi_tag = directory.split("-")
    return Promise(cell=Cell.parse(cell), python_tag=python_tag, abi_tag=abi_tag, ext_suffix=suffix)


def _wheel(directory: Path, tags: str, module: str = "_fast.so", data: bytes | None = None) -> WheelContents:
    """A wheel of those tags with one module."""
    files = {**NO_MODULE, f"demo/{module}": elf() if data is None else data}
    return inspect(build_wheel(directory, f"demo-1.0-{tags}.whl", files=files))


FITTING = [
    ("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", SUFFIX_X86_64, "cp311-manylinux_x86_64", "cp311-cp311"),
    ("cp311-cp311-manylinux1_x86_64", ".so", "cp311-manylinux_x86_64", "cp311-cp311"),
    ("cp311-cp311-manylinux2010_x86_64", ".abi3.so", "cp311-manylinux_x86_64", "cp311-cp311"),
    ("cp311-cp311-musllinux_1_2_x86_64", SUFFIX_X86_64, "cp311-musllinux_x86_64", "cp311-cp311"),
    ("cp37-cp37m-manylinux2014_x86_64", ".cpython-37m-x86_64-linux-gnu.so", "cp37-manylinux_x86_64", "cp37-cp37m"),
    ("cp27-cp27mu-manylinux2010_x86_64", ".so", "cp27mu-manylinux_x86_64", "cp27-cp27mu"),
    (
        "cp313-cp313t-manylinux_2_28_x86_64",
        ".cpython-313t-x86_64-linux-gnu.so",
        "cp313t-manylinux_x86_64",
        "cp313-cp313t",
    ),
    (
        "pp311-pypy311_pp73-manylinux_2_28_x86_64",
        ".pypy311-pp73-x86_64-linux-gnu.so",
        "pp311-manylinux_x86_64",
        "pp311-pypy311_pp73",
    ),
    (
        "graalpy312-graalpy250_312_native-manylinux_2_28_x86_64",
        ".graalpy250-312-native-x86_64-linux.so",
        "gp312_250-manylinux_x86_64",
        "graalpy312-graalpy250_312_native",
    ),
    ("cp36-abi3-manylinux2014_x86_64", ".abi3.so", "cp311-manylinux_x86_64", "cp311-cp311"),
    ("cp311-abi3-manylinux2014_x86_64", ".so", "cp311-manylinux_x86_64", "cp311-cp311"),
    *(
        # What setuptools, meson-python and maturin write on 3.15, with the GIL and without.
        (f"cp315-{abi}-manylinux_2_28_x86_64", suffix, f"{cell}-manylinux_x86_64", f"cp315-{cell}")
        for abi, suffix, cell in (
            ("abi3", ".abi3.so", "cp315"),
            ("abi3", ".abi3-x86_64-linux-gnu.so", "cp315"),
            ("abi3", ".abi3t.so", "cp315"),
            ("abi3", ".abi3t-x86_64-linux-gnu.so", "cp315"),
            ("abi3t", ".abi3t.so", "cp315t"),
            ("abi3.abi3t", ".abi3t.so", "cp315"),
            ("abi3.abi3t", ".abi3t.so", "cp315t"),
            ("abi3.abi3t", ".abi3t-x86_64-linux-gnu.so", "cp315"),
            ("abi3.abi3t", ".abi3t-x86_64-linux-gnu.so", "cp315t"),
        )
    ),
    ("cp310-abi3-manylinux_2_28_x86_64", ".abi3.so", "cp315-manylinux_x86_64", "cp315-cp315"),
    ("cp315-cp315-manylinux_2_28_x86_64", ".abi3t-x86_64-linux-gnu.so", "cp315-manylinux_x86_64", "cp315-cp315"),
    ("py3-none-manylinux2014_x86_64", ".so", "cp311-manylinux_x86_64", "cp311-cp311"),
    ("py2.py3-none-manylinux2014_x86_64", ".so", "cp311-manylinux_x86_64", "cp311-cp311"),
    ("py2.py3-none-manylinux2010_x86_64", ".so", "cp27m-manylinux_x86_64", "cp27-cp27m"),
]


@pytest.mark.parametrize(("tags", "suffix", "cell", "directory"), FITTING, ids=[one[0] for one in FITTING])
def test_what_the_cell_promised_passes(tmp_path: Path, tags: str, suffix: str, cell: str, directory: str) -> None:
    """Exact, stable-ABI and interpreter-independent wheels of the cell's platform pass."""
    verify(_wheel(tmp_path, tags, f"_fast{suffix}"), _promise(cell, directory))


MISFITS = [
    ("cp310-cp310-manylinux2014_x86_64", "is for cp310-cp310"),
    ("cp311-cp311d-manylinux2014_x86_64", "is for cp311-cp311d"),
    ("cp312-abi3-manylinux2014_x86_64", "is for cp312-abi3"),
    ("cp311.cp312-cp311-manylinux2014_x86_64", "is for cp311-cp311, cp312-cp311"),
    ("py2-none-manylinux2014_x86_64", "is for py2-none"),
    ("py312-none-manylinux2014_x86_64", "is for py312-none"),
    ("pp311-pypy311_pp73-manylinux2014_x86_64", "is for pp311-pypy311_pp73"),
    ("cp311-cp311-linux_x86_64", "was not repaired"),
    ("cp311-cp311-linux_x86_64.manylinux2014_x86_64", "was not repaired"),
    ("cp311-cp311-manylinux2014_i686", "is for manylinux2014_i686"),
    ("cp311-cp311-manylinux2014_x86_64.manylinux2014_i686", "is for manylinux2014_i686"),
    ("cp311-cp311-musllinux_1_2_x86_64", "is for musllinux_1_2_x86_64"),
    ("cp311-cp311-macosx_11_0_arm64", "is for macosx_11_0_arm64"),
    ("cp311-cp311-win_amd64", "is for win_amd64"),
    ("cp311-cp311-manylinux2014_x86_64_v2", "is for manylinux2014_x86_64_v2"),
    ("cp311-cp311-manylinux3_x86_64", "is for manylinux3_x86_64"),
]


@pytest.mark.parametrize(("tags", "message"), MISFITS, ids=[one[0] for one in MISFITS])
def test_a_tag_of_another_cell_is_refused(tmp_path: Path, tags: str, message: str) -> None:
    """A wheel for another interpreter or platform is refused, says for which, and what to do."""
    with pytest.raises(WheelRejected, match=message) as caught:
        verify(_wheel(tmp_path, tags), _promise())
    assert caught.value.hint


@pytest.mark.parametrize("tags", ["cp36-abi3-manylinux2014_x86_64", "cp313-cp313-manylinux2014_x86_64"])
def test_nothing_built_with_the_gil_fits_a_free_threaded_python(tmp_path: Path, tags: str) -> None:
    """abi3 and plain cp313 have another object layout than cp313t (PEP 703)."""
    with pytest.raises(WheelRejected, match="interpreter is cp313-cp313t"):
        verify(_wheel(tmp_path, tags), _promise("cp313t-manylinux_x86_64", "cp313-cp313t"))


def test_a_pure_wheel_says_what_to_do(tmp_path: Path) -> None:
    """A pure wheel is no failure of the project but the wrong tool: the hint names the right one."""
    contents = inspect(build_wheel(tmp_path, "demo-1.0-py3-none-any.whl", files=NO_MODULE))
    with pytest.raises(WheelRejected, match="holds no compiled code") as caught:
        verify(contents, _promise())
    assert "python -m build" in (caught.value.hint or "")


def test_a_wheel_that_calls_itself_pure_and_is_not_says_which_file(tmp_path: Path) -> None:
    """`none-any` with a shared object inside would be installed on every machine there is."""
    with pytest.raises(WheelRejected, match=r"holds compiled code: demo/_fast\.so \(64-bit"):
        verify(_wheel(tmp_path, "py3-none-any"), _promise())


@pytest.mark.parametrize("repaired", [True, False])
def test_an_unrepaired_wheel_names_the_option(tmp_path: Path, *, repaired: bool) -> None:
    """Whether the repair command is empty or does not do its work, the hint names it."""
    promise = Promise(cell=_promise().cell, python_tag="cp311", abi_tag="cp311", repaired=repaired)
    with pytest.raises(WheelRejected) as caught:
        verify(_wheel(tmp_path, "cp311-cp311-linux_x86_64"), promise)
    hint = caught.value.hint or ""
    assert "repair-wheel-command" in hint
    assert ("is empty" in hint) is not repaired


@pytest.mark.parametrize("arch", [arch for arch in Arch if arch is not Arch.I686])
def test_foreign_code_under_the_right_name_is_refused(tmp_path: Path, arch: Arch) -> None:
    """A 64-bit object in an i686 wheel, from a build directory shared by both (measured), is found and named."""
    files = {**NO_MODULE, "demo/_fast.so": elf(Arch.I686), "demo/_old.so": elf(arch)}
    contents = inspect(build_wheel(tmp_path, I686, files=files))
    with pytest.raises(WheelRejected, match=rf"another machine: demo/_old\.so \({arch.bits}-bit"):
        verify(contents, _promise("cp311-manylinux_i686"))


@pytest.mark.parametrize(
    ("offset", "value"), [(4, 1), (5, 2)], ids=["x32: 32-bit code of x86-64", "big endian, as old ppc64"]
)
def test_the_right_machine_in_another_form_is_refused(tmp_path: Path, offset: int, value: int) -> None:
    """Class and byte order count too: the machine's number is the same for ppc64 and ppc64le, x86-64 and x32."""
    arch = Arch.X86_64 if offset == 4 else Arch.PPC64LE
    data = bytearray(elf(arch))
    data[offset] = value
    if offset == 5:
        data[16:18] = reversed(data[16:18])
        data[18:20] = reversed(data[18:20])
    contents = _wheel(tmp_path, f"cp311-cp311-manylinux2014_{arch}", data=bytes(data))
    assert contents.elf_files[0].machine == arch.elf_machine
    with pytest.raises(WheelRejected, match="another machine"):
        verify(contents, _promise(f"cp311-manylinux_{arch}"))


def _header(machine: int, kind: int, bits: int = 64, flags: int = 0) -> bytes:
    """Return an ELF file of a header alone."""
    data = bytearray(elf() if bits == 64 else elf(Arch.I686))
    data[16:20] = kind.to_bytes(2, "little") + machine.to_bytes(2, "little")
    place = 48 if bits == 64 else 36
    data[place : place + 4] = flags.to_bytes(4, "little")
    return bytes(data)


DATA = {
    "an eBPF program": _header(247, 1),
    "an object file of another machine": _header(183, 1),
    "a core dump": _header(40, 4, bits=32),
    "a CUDA kernel": _header(190, 2),
    "an AMD GPU's kernel": _header(224, 3),
    "firmware of an AVR": _header(83, 2, bits=32),
    "firmware of an Xtensa": _header(94, 2, bits=32),
}


@pytest.mark.parametrize("data", DATA.values(), ids=DATA)
def test_elf_files_that_are_data_pass(tmp_path: Path, data: bytes) -> None:
    """What no processor of a Linux machine runs is nobody's stale build product; auditwheel leaves it alone too."""
    contents = inspect(build_wheel(tmp_path, files={"demo/data/count.o": data}))
    assert any(each.is_data for each in contents.elf_files)
    verify(contents, _promise())


FOREIGN = {
    "a shared library": _header(183, 3),
    "a program": _header(243, 2),
    "a 32-bit helper": _header(3, 3, bits=32),
    "a library for LoongArch": _header(258, 3),
    "a library for MIPS": _header(8, 3, bits=32),
}


@pytest.mark.parametrize("data", FOREIGN.values(), ids=FOREIGN)
def test_foreign_code_may_be_meant(tmp_path: Path, data: bytes) -> None:
    """It is refused, and the hint has the words that accept this file; cibuildwheel's configuration only warns."""
    contents = inspect(build_wheel(tmp_path, files={"demo/data/a.so": data, "demo/data/b.so": data}))
    found = tuple(findings_of(contents, _promise()))
    assert [each.path for each in found] == ["demo/data/a.so", "demo/data/b.so"]
    with pytest.raises(
        WheelRejected, match=r"another machine: demo/data/a\.so .* \(and 1 more such finding\)"
    ) as caught:
        settle(found, (), is_lenient=False)
    assert 'accept = ["foreign-elf"]' in (caught.value.hint or "")
    with pytest.raises(WheelRejected, match=r"another machine: demo/data/b\.so") as caught:
        settle(found, (Accepted(check=Check.FOREIGN_ELF, pattern="demo/*/a.so"),), is_lenient=False)
    assert 'accept = ["foreign-elf:demo/data/b.so"]' in (caught.value.hint or "")
    for accepted in (Accepted(check=Check.FOREIGN_ELF), Accepted(check=Check.FOREIGN_ELF, pattern="demo/data/*")):
        assert settle(found, (accepted,), is_lenient=False) == ()
    (warning,) = settle(found, (), is_lenient=True)
    assert "Delivered all the same" in warning
    assert "--accept foreign-elf" in warning


@pytest.mark.parametrize(("flags", "fits"), [(0x05000400, True), (0x05000200, False), (0x04000400, False), (0, False)])
def test_armv7l_is_hard_float(tmp_path: Path, flags: int, *, fits: bool) -> None:
    """PEP 599: EABI 5 with hard-float; the machine's number is the same for soft-float, which cannot be loaded."""
    data = _header(40, 3, bits=32, flags=flags)
    contents = _wheel(tmp_path, "cp311-cp311-manylinux2014_armv7l", data=data)
    assert [each.check for each in findings_of(contents, _promise("cp311-manylinux_armv7l"))] == (
        [] if fits else [Check.FOREIGN_ELF]
    )


@pytest.mark.parametrize("tags", [one[0] for one in MISFITS])
def test_cibuildwheels_configuration_only_warns(tmp_path: Path, tags: str) -> None:
    """It has no such checks and delivers these wheels; each finding is told, with the words that accept it."""
    warnings = settle(findings_of(_wheel(tmp_path, tags), _promise()), (), is_lenient=True)
    assert warnings
    assert all("--accept " in each for each in warnings)


def test_32_bit_code_in_an_i686_wheel_passes(tmp_path: Path) -> None:
    """The same wheel without the foreign object is fine."""
    files = {**NO_MODULE, "demo/_fast.cpython-311-i386-linux-gnu.so": elf(Arch.I686)}
    verify(inspect(build_wheel(tmp_path, I686, files=files)), _promise("cp311-manylinux_i686"))


SUFFIXES = [
    ("cp39-cp39-manylinux2014_x86_64", ".cpython-36m-x86_64-linux-gnu.so", "cp39-manylinux_x86_64", "cp39-cp39"),
    ("cp313-cp313t-manylinux2014_x86_64", ".abi3.so", "cp313t-manylinux_x86_64", "cp313-cp313t"),
    (
        "cp313-cp313t-manylinux2014_x86_64",
        ".cpython-313-x86_64-linux-gnu.so",
        "cp313t-manylinux_x86_64",
        "cp313-cp313t",
    ),
    ("cp37-cp37m-manylinux2014_x86_64", ".cpython-37-x86_64-linux-gnu.so", "cp37-manylinux_x86_64", "cp37-cp37m"),
    ("cp36-abi3-manylinux2014_x86_64", SUFFIX_X86_64, "cp311-manylinux_x86_64", "cp311-cp311"),
    ("py3-none-manylinux2014_x86_64", SUFFIX_X86_64, "cp311-manylinux_x86_64", "cp311-cp311"),
    ("cp27-cp27mu-manylinux2010_x86_64", SUFFIX_X86_64, "cp27mu-manylinux_x86_64", "cp27-cp27mu"),
]


@pytest.mark.parametrize(("tags", "suffix", "cell", "directory"), SUFFIXES)
def test_a_module_that_could_not_be_imported_is_refused(
    tmp_path: Path, tags: str, suffix: str, cell: str, directory: str
) -> None:
    """A module left over from another interpreter's build is found by its suffix."""
    with pytest.raises(WheelRejected, match="cannot import its modules ending in"):
        verify(_wheel(tmp_path, tags, f"_fast{suffix}"), _promise(cell, directory))


@pytest.mark.parametrize(
    ("tags", "suffix", "cell", "message"),
    [
        (
            "cp310-abi3",
            ".abi3-x86_64-linux-gnu.so",
            "cp315",
            r"is for CPython 3\.10 and newer \(cp310-abi3\), and demo/_fast\..* 3\.15 and newer with the GIL import",
        ),
        (
            "cp310-abi3",
            ".abi3t.so",
            "cp315",
            r"CPython 3\.10 and newer .* which only CPython 3\.15 and newer import",
        ),
        (
            "cp315-abi3.abi3t",
            ".abi3.so",
            "cp315t",
            r"CPython 3\.15t and newer .* which only CPython 3\.2 and newer with the",
        ),
        ("cp315-abi3.abi3t", ".abi3-x86_64-linux-gnu.so", "cp315", r"CPython 3\.15t and newer \(cp315-abi3t\)"),
        ("cp314-abi3t", ".abi3t.so", "cp315t", r"CPython 3\.14t and newer \(cp314-abi3t\)"),
        # Of another platform.
        (
            "cp315-abi3",
            ".abi3-i386-linux-gnu.so",
            "cp315",
            r"is for cp315-cp315, which cannot import",
        ),
    ],
)
def test_a_promise_of_the_stable_abi_that_its_modules_do_not_keep(
    tmp_path: Path, tags: str, suffix: str, cell: str, message: str
) -> None:
    """The oldest Python of each tag must import every module: this cell's own may, and the users' does not."""
    contents = _wheel(tmp_path, f"{tags}-manylinux_2_28_x86_64", f"_fast{suffix}")
    own = f".cpython-{cell.removeprefix('cp')}-x86_64-linux-gnu.so"
    with pytest.raises(WheelRejected, match=message):
        verify(contents, _promise(f"{cell}-manylinux_x86_64", f"cp315-{cell}", suffix=own))


def test_the_interpreters_own_suffix_is_the_measure_if_known(tmp_path: Path) -> None:
    """What the cell's Python says of EXT_SUFFIX outranks what we derive from its version."""
    contents = _wheel(tmp_path, "cp311-cp311-manylinux2014_x86_64", f"_fast{SUFFIX_X86_64}")
    verify(contents, _promise(suffix=SUFFIX_X86_64))
    with pytest.raises(WheelRejected, match=r"ending in \.cpython-311-x86_64-linux-gnu\.so"):
        verify(contents, _promise(suffix=".cpython-311-x86_64-linux-musl.so"))


def test_the_wheel_of_another_project_is_refused(tmp_path: Path) -> None:
    """A dependency's wheel in the same directory is not published for the project's; spelling does not matter."""
    contents = inspect(build_wheel(tmp_path))
    cell = Cell.parse("cp311-manylinux_x86_64")
    verify(contents, Promise(cell=cell, python_tag="cp311", abi_tag="cp311", project_name="Demo"))
    with pytest.raises(WheelRejected, match="is a wheel of demo, and that of other was built"):
        verify(contents, Promise(cell=cell, python_tag="cp311", abi_tag="cp311", project_name="other"))


def test_a_platform_wheel_without_any_elf_file_passes(tmp_path: Path) -> None:
    """What only carries data for one platform is what its name says, if not much use."""
    files: dict[str, bytes | None] = {**NO_MODULE, f"{DIST_INFO}/entry_points.txt": b""}
    verify(inspect(build_wheel(tmp_path, X86_64, files=files)), _promise())


COMPATIBLE = [
    ("cp36-abi3-manylinux2014_x86_64", "cp311", "manylinux_x86_64", True),
    ("cp311-abi3-manylinux2014_x86_64", "cp311", "manylinux_x86_64", True),
    ("cp312-abi3-manylinux2014_x86_64", "cp311", "manylinux_x86_64", False),
    ("cp36-abi3-manylinux2014_x86_64", "cp313t", "manylinux_x86_64", False),
    ("cp315-abi3t-manylinux2014_x86_64", "cp316t", "manylinux_x86_64", True),
    ("cp36-abi3-manylinux2014_x86_64", "pp311", "manylinux_x86_64", False),
    ("cp36-abi3-manylinux2014_x86_64", "cp311", "manylinux_i686", False),
    ("cp36-abi3-manylinux2014_x86_64", "cp311", "musllinux_x86_64", False),
    ("py3-none-manylinux2014_x86_64", "cp311", "manylinux_x86_64", True),
    ("py3-none-manylinux2014_x86_64", "pp311", "manylinux_x86_64", True),
    ("py3-none-manylinux2014_x86_64", "cp27mu", "manylinux_x86_64", False),
    ("py2.py3-none-manylinux2014_x86_64", "cp27mu", "manylinux_x86_64", True),
    ("py3-none-any", "cp311", "musllinux_x86_64", True),
    ("cp311-abi3-any", "cp311", "manylinux_x86_64", False),
    ("cp311-cp311-manylinux2014_x86_64", "cp311", "manylinux_x86_64", True),
    ("cp311-cp311-manylinux2014_x86_64", "cp312", "manylinux_x86_64", False),
    ("cp37-cp37m-manylinux2014_x86_64", "cp37", "manylinux_x86_64", True),
    ("cp27-cp27m-manylinux2014_x86_64", "cp27mu", "manylinux_x86_64", False),
    ("cp313-cp313t-manylinux2014_x86_64", "cp313", "manylinux_x86_64", False),
    ("cp311-cp311-linux_x86_64", "cp311", "manylinux_x86_64", False),
]


@pytest.mark.parametrize(("tags", "interpreter", "platform", "expected"), COMPATIBLE)
def test_a_wheel_is_reused_where_it_installs(tags: str, interpreter: str, platform: str, *, expected: bool) -> None:
    """One abi3 or py3-none wheel serves every later interpreter of its platform, an exact one only its own."""
    assert is_compatible(f"demo-1.0-{tags}.whl", Interpreter.parse(interpreter), Platform.parse(platform)) is expected


def test_compatibility_of_what_is_no_wheel(tmp_path: Path) -> None:
    """A name that is none is refused, not called incompatible."""
    with pytest.raises(WheelRejected):
        is_compatible(str(tmp_path), Interpreter.parse("cp311"), Platform.parse("manylinux_x86_64"))
