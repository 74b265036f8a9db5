"""What is read of an ELF file: for every architecture, whatever the file is."""

import io
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from elf_builder import SharedObject
from hypothesis import given
from hypothesis import strategies as st
from wheel_builder import build_wheel

from matrix_runner.errors import WheelRejected
from matrix_runner.model.elf_files import ElfFile
from matrix_runner.model.platforms import Arch
from matrix_runner.policy import read_wheel, wheel_reading
from matrix_runner.policy.elf_reading.elf import Binary, read_elf
from matrix_runner.policy.elf_reading.elf_headers import GNU_PROPERTY, NOTE, NOTES_LIMIT
from matrix_runner.policy.elf_reading.elf_tables import _UNDEFINED_LIMIT, Requirement

VERSIONS = (
    ("libc.so.6", (("GLIBC_2.2.5", ("free", "malloc")), ("GLIBC_2.34", ("__libc_start_main",)), ("GLIBC_2.36", ()))),
    ("libm.so.6", (("GLIBC_2.29", ("exp",)),)),
)


def read(data: bytes, arch: Arch = Arch.X86_64) -> Binary:
    """Read a file that is in memory."""
    order: Literal["little", "big"] = "little" if arch.byte_order == "little" else "big"
    flags = 0x05000400 if arch is Arch.ARMV7L else 0
    header = ElfFile(path="demo/_fast.so", bits=arch.bits, machine=arch.elf_machine, byte_order=order, flags=flags)
    return read_elf(io.BytesIO(data), header)


@pytest.mark.parametrize("arch", Arch)
def test_all_that_a_file_wants_is_read(arch: Arch) -> None:
    """Libraries and where they are looked for, versions with and without symbols; 32 and 64 bits, both byte orders."""
    wanted = SharedObject(
        arch=arch,
        needed=("libc.so.6", "libm.so.6", "libz.so.1"),
        versions=VERSIONS,
        plain=("PyLong_FromLong",),
        weak=("__gmon_start__",),
        soname="libdemo.so.1",
        rpath="/opt/old",
        runpath="$ORIGIN/../demo.libs:/opt/lib",
        defined=("PyInit__fast",),
        definitions=("DEMO_1", "DEMO_2"),
        interpreter="/lib/ld.so",
    )
    found = read(wanted.build(), arch)
    assert found.trouble is None
    assert found.arch is arch
    assert found.needed == ("libc.so.6", "libm.so.6", "libz.so.1")
    assert (found.soname, found.rpath) == ("libdemo.so.1", ("/opt/old",))
    assert (found.definitions, found.has_symbol_versions) == (frozenset({"DEMO_1", "DEMO_2"}), True)
    assert (found.interpreter, found.is_module, found.is_program) == ("/lib/ld.so", True, False)
    assert found.runpath == ("$ORIGIN/../demo.libs", "/opt/lib")
    assert found.requirements == (
        Requirement(library="libc.so.6", version="GLIBC_2.2.5", symbols=("free", "malloc")),
        Requirement(library="libc.so.6", version="GLIBC_2.34", symbols=("__libc_start_main",)),
        Requirement(library="libc.so.6", version="GLIBC_2.36", symbols=()),
        Requirement(library="libm.so.6", version="GLIBC_2.29", symbols=("exp",)),
    )
    assert found.undefined == {"free", "malloc", "__libc_start_main", "exp", "PyLong_FromLong"}


@pytest.mark.parametrize(
    ("level", "instructions"), [(0, None), (1, None), (3, "x86-64-v2"), (7, "x86-64-v3"), (15, "x86-64-v4")]
)
def test_the_note_of_the_instructions_is_read(level: int, instructions: str | None) -> None:
    """Code for newer processors says so in a note; the first level is what every x86-64 has."""
    assert read(SharedObject(level=level).build()).instructions == instructions


_NOTES = [kind.to_bytes(4, "little") for kind in (NOTE, GNU_PROPERTY)]


def with_note(size: int) -> bytes:
    """Return a library whose note segment has so many bytes, which lie behind all else."""
    data = bytearray(SharedObject(level=7).build())
    at = next(place for place in range(64, 64 + 4 * 56, 56) if data[place : place + 4] in _NOTES)
    offset, length = struct.unpack_from("<QQ", data, at + 8)[0], struct.unpack_from("<Q", data, at + 32)[0]
    note = data[offset : offset + length]
    struct.pack_into("<Q", data, at + 8, len(data))
    struct.pack_into("<Q", data, at + 32, size)
    return bytes(data) + note + bytes(size - len(note))


def test_notes_have_so_many_bytes() -> None:
    """A file has as many segments of notes as it says, all of the same bytes if it likes."""
    assert read(with_note(NOTES_LIMIT)).instructions == "x86-64-v3"
    trouble = read(with_note(NOTES_LIMIT + 1)).trouble
    assert trouble == f"notes of more than {NOTES_LIMIT} bytes are not looked through"


@pytest.mark.parametrize("count", [_UNDEFINED_LIMIT, _UNDEFINED_LIMIT + 1])
def test_so_many_undefined_symbols_are_looked_through(count: int) -> None:
    """Each has a name of its own in memory, whose bytes in the file can be those of others."""
    found = read(SharedObject(plain=[f"s{number}" for number in range(count)]).build())
    if count <= _UNDEFINED_LIMIT:
        assert len(found.undefined) == count
    else:
        assert found.trouble == f"more than {_UNDEFINED_LIMIT} undefined symbols are not looked through"


def test_the_files_of_a_wheel_have_so_many_names(tmp_path: Path) -> None:
    """Together: what is left out of one file is in the next."""
    data = SharedObject(plain=[f"s{number}" for number in range(_UNDEFINED_LIMIT)]).build()
    most = wheel_reading._NAMES_LIMIT // _UNDEFINED_LIMIT
    files = {f"demo/{number}.so": data for number in range(most)}
    # Each needs a library, too.
    with pytest.raises(WheelRejected, match=f"its libraries have more than {wheel_reading._NAMES_LIMIT} names"):
        read_wheel(build_wheel(tmp_path, files=files))
    del files["demo/0.so"]
    assert sum(one.name_count for one in read_wheel(build_wheel(tmp_path, files=files)).binaries) > most - 1


def test_a_real_program_is_read_as_the_loader_reads_it() -> None:
    """The Python that runs this, as a linker made it: all that it needs is what `ldd` lists, and symbols are wanted."""
    program = Path(sys.executable).resolve()
    data = program.read_bytes()
    machine = int.from_bytes(data[18:20], sys.byteorder)
    arch = next(arch for arch in Arch if (arch.elf_machine, arch.bits) == (machine, 32 * data[4]))
    found = read(data, arch)
    assert found.trouble is None
    assert any(name == "libc.so.6" or "musl" in name for name in found.needed)
    assert found.undefined
    listed = subprocess.run(("ldd", program), capture_output=True, text=True, check=True).stdout
    for name in found.needed:
        assert name in listed


def test_a_file_without_dynamic_segment_wants_nothing() -> None:
    """An object file, or a program that is linked statically, asks nothing of the loader."""
    header = SharedObject().build()[:64]
    found = read(header[:56] + bytes(8))
    assert (found.trouble, found.needed, found.requirements) == (None, (), ())


@pytest.mark.parametrize("length", [0, 3, 20, 63, 64, 100, 240, 400])
def test_a_file_that_was_cut_short_is_told_of(length: int) -> None:
    """It is no exception, for a wheel may hold such a file and work; but nothing is claimed to be known of it."""
    data = SharedObject(versions=VERSIONS).build()
    found = read(data[:length])
    assert found.trouble
    assert (found.needed, found.requirements) == ((), ())


def test_names_are_safe_to_print() -> None:
    """Control characters of a name are escaped, and one without end is cut: the file is not trusted."""
    found = read(SharedObject(needed=("lib\x1b[31m\n.so", "x" * 5000), plain=("ü",)).build())
    assert found.needed[0] == "lib\\u{1b}[31m\\u{a}.so"
    assert len(found.needed[1]) == 300
    assert "ü" in found.undefined


@given(st.data())
def test_whatever_is_in_a_file_reading_it_ends_well(data: st.DataObject) -> None:
    """With bytes changed anywhere, at random, something is returned; nothing is raised and nothing runs away."""
    arch = data.draw(st.sampled_from([Arch.X86_64, Arch.I686, Arch.S390X]))
    wanted = SharedObject(arch=arch, versions=VERSIONS, plain=("a", "b"), runpath="$ORIGIN", level=3)
    good = replace(wanted, defined=("c",), definitions=("V1", "V2"), interpreter="/lib/ld.so").build()
    changed = bytearray(good)
    places = st.one_of(st.integers(4, 64), st.integers(4, len(good) - 1))
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=12)):
        changed[place] = value
    found = read(bytes(changed), arch)
    assert found.trouble is None or found.trouble.isprintable()


@pytest.mark.parametrize("count", [0xFFFF, 0x7FFFFFFF])
def test_counts_that_a_file_claims_are_not_believed(count: int) -> None:
    """A file with four thousand million segments, by its own account, is refused before they are looked for."""
    data = bytearray(SharedObject().build())
    data[56:58] = (0xFFFF).to_bytes(2, "little")
    data[40:48] = (64).to_bytes(8, "little")
    data[58:60] = (64).to_bytes(2, "little")
    data[64 + 44 : 64 + 48] = count.to_bytes(4, "little")
    found = read(bytes(data))
    assert found.trouble
