"""Reading a wheel, and refusing one that does not agree with itself."""

import os
import stat
import tracemalloc
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest
from packaging.tags import Tag
from packaging.version import Version
from wheel_builder import DIST_INFO, SUFFIX_X86_64, X86_64, build_wheel, default_files, elf, record_line

from matrix_runner.errors import WheelRejected
from matrix_runner.model.elf_files import ElfFile
from matrix_runner.model.platforms import Arch
from matrix_runner.wheelhouse.inspection import inspect

FILES = default_files()
OBJECT = elf()[:16] + b"\1\0" + elf()[18:]
"""An object file: ET_REL."""

LINES = [record_line(path, data) for path, data in FILES.items()]


def test_a_good_wheel_is_read_whole(tmp_path: Path) -> None:
    """Name, version, tags, ELF files, grafted libraries, suffixes, size and hash are those of the file."""
    files = {"demo.libs/liblz4-1a2b3c4d.so.1.9.3": elf(), "demo/_stable.abi3.so": elf(), "demo/_plain.so": elf()}
    wheel = build_wheel(tmp_path, files=files)
    contents = inspect(wheel)
    assert (contents.filename, contents.name, contents.version) == (X86_64, "demo", Version("1.0"))
    assert contents.tags == {
        Tag("cp311", "cp311", "manylinux_2_17_x86_64"),
        Tag("cp311", "cp311", "manylinux2014_x86_64"),
    }
    assert contents.build_tag == ()
    assert contents.grafted == ("liblz4-1a2b3c4d.so.1.9.3",)
    assert contents.extension_suffixes == (".abi3.so", SUFFIX_X86_64, ".so")
    assert len(contents.elf_files) == 4
    assert not contents.is_pure
    assert contents.size == wheel.stat().st_size
    assert contents.sha256 == sha256(wheel.read_bytes()).hexdigest()


@pytest.mark.parametrize("arch", Arch)
def test_the_machine_of_an_elf_file_is_read(tmp_path: Path, arch: Arch) -> None:
    """Class, byte order and machine of every architecture come out of the file's first 20 bytes."""
    found = inspect(build_wheel(tmp_path, files={f"demo/_fast{SUFFIX_X86_64}": elf(arch)})).elf_files
    (one,) = found
    assert (one.bits, one.machine, one.byte_order) == (arch.bits, arch.elf_machine, arch.byte_order)


LARGE = {f"demo/part{number}.so": elf() + bytes((number + 1) * 1024**2) for number in range(5)}
"""Enough to be read in several threads."""


def test_a_large_wheel_is_read_in_its_order(tmp_path: Path) -> None:
    """However its files are shared out, all are checked, and ELF files are listed and examined as they lie in it."""
    seen: dict[str, int] = {}
    wheel = build_wheel(tmp_path, files=LARGE)
    contents = inspect(wheel, lambda each, file: seen.update({each.path: len(file.read())}))
    parts = [each.path for each in contents.elf_files if each.path in LARGE]
    assert parts == list(LARGE)
    assert {path: seen[path] for path in LARGE} == {path: len(data) for path, data in LARGE.items()}


@pytest.mark.parametrize("first", ["part0", "part3"])
def test_of_two_mistakes_in_a_large_wheel_the_first_is_told(tmp_path: Path, first: str) -> None:
    """Whichever thread meets its own before: the last file, the largest, is wrong too."""
    files = {**FILES, **LARGE}
    wrong = {f"demo/{first}.so", "demo/part4.so"}
    record = [record_line(path, b"another" if path in wrong else data) for path, data in files.items()]
    with pytest.raises(WheelRejected, match=f"{first}.so is not the file that RECORD"):
        inspect(build_wheel(tmp_path, files=LARGE, record=record))


def test_an_elf_file_is_known_by_its_content(tmp_path: Path) -> None:
    """A program without any suffix counts, a text named `.so` does not, nor does a header cut short."""
    files = {"demo-1.0.data/scripts/tool": elf(), "demo/linker.so": b"GROUP ( libc.so.6 )", "demo/cut": elf()[:19]}
    found = inspect(build_wheel(tmp_path, files={**files, f"demo/_fast{SUFFIX_X86_64}": None})).elf_files
    assert found == (ElfFile(path="demo-1.0.data/scripts/tool", bits=64, machine=62, byte_order="little"),)


def test_a_pure_wheel_is_recognised(tmp_path: Path) -> None:
    """Root-Is-Purelib and no code make a wheel pure; with some it is not. An object file is data."""
    name = "demo-1.0-py3-none-any.whl"
    assert inspect(build_wheel(tmp_path, name, files={f"demo/_fast{SUFFIX_X86_64}": None, "demo/a.o": OBJECT})).is_pure
    assert not inspect(build_wheel(tmp_path, name)).is_pure
    assert inspect(build_wheel(tmp_path, name, files={f"demo/_fast{SUFFIX_X86_64}": None})).is_pure


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_every_hash_of_the_standard_is_checked(tmp_path: Path, algorithm: str) -> None:
    """RECORD may use sha256 or better, and a wrong one is found in each."""
    good = [record_line(path, data, algorithm) for path, data in FILES.items()]
    assert inspect(build_wheel(tmp_path, record=good)).name == "demo"
    bad = [(*record_line(path, data + b"!", algorithm)[:2], str(len(data))) for path, data in FILES.items()]
    with pytest.raises(WheelRejected, match=f"RECORD gives the {algorithm}"):
        inspect(build_wheel(tmp_path, record=bad))


def test_signatures_and_directories_need_no_line_in_record(tmp_path: Path) -> None:
    """RECORD.jws and RECORD.p7s cannot be in RECORD (PEP 427); directory members are no files."""
    extra = [(f"{DIST_INFO}/RECORD.jws", b"{}"), (f"{DIST_INFO}/RECORD.p7s", b"x"), ("demo/", b"")]
    assert inspect(build_wheel(tmp_path, extra=extra)).name == "demo"


def test_names_and_versions_are_compared_in_normal_form(tmp_path: Path) -> None:
    """`Demo_Pkg` 1.0.0 in METADATA is `demo_pkg` 1.0 in the file name."""
    name = "demo_pkg-1.0-cp311-cp311-manylinux2014_x86_64.whl"
    metadata = b"Metadata-Version: 2.1\nName: Demo.Pkg\nVersion: 1.0.0\n"
    assert inspect(build_wheel(tmp_path, name, files={"demo_pkg-1.0.dist-info/METADATA": metadata})).name == "demo-pkg"


def test_a_blank_line_before_the_tags_is_no_fault(tmp_path: Path) -> None:
    """Old scikit-build and auditwheel together made such WHEEL files, and every installer takes them."""
    text = default_files()[f"{DIST_INFO}/WHEEL"].replace(b"Tag", b"\r\nTag", 1)
    assert inspect(build_wheel(tmp_path, files={f"{DIST_INFO}/WHEEL": text})).name == "demo"


def test_a_build_tag_is_read(tmp_path: Path) -> None:
    """The optional third part of a file name is told apart from the tags."""
    assert inspect(build_wheel(tmp_path, X86_64.replace("1.0-", "1.0-7local-"))).build_tag == (7, "local")


def _metadata(text: str) -> dict[str, bytes | None]:
    return {f"{DIST_INFO}/METADATA": text.encode()}


def _wheel(text: str) -> dict[str, bytes | None]:
    return {f"{DIST_INFO}/WHEEL": text.encode()}


TAG = "Tag: cp311-cp311-manylinux_2_17_x86_64\n"
FILE_FAULTS: dict[str, tuple[dict[str, bytes | None], str]] = {
    "no METADATA": ({f"{DIST_INFO}/METADATA": None}, "has no demo-1.0.dist-info/METADATA"),
    "no WHEEL": ({f"{DIST_INFO}/WHEEL": None}, "has no demo-1.0.dist-info/WHEEL"),
    "no RECORD": ({f"{DIST_INFO}/RECORD": None}, "has no demo-1.0.dist-info/RECORD"),
    "two dist-infos": ({"other-1.0.dist-info/METADATA": b""}, "found: demo-1.0.dist-info, other-1.0.dist-info"),
    "another project": (_metadata("Name: other\nVersion: 1.0\n"), "METADATA says it is other 1.0"),
    "another version": (_metadata("Name: demo\nVersion: 1.0.1\n"), "METADATA says it is demo 1.0.1"),
    "no version": (_metadata("Name: demo\nVersion: ?\n"), "METADATA says it is"),
    "nameless": (_metadata("Version: 1.0\n"), "does not give one Name"),
    "two names": (_metadata("Name: demo\nName: other\nVersion: 1.0\n"), "does not give one Name"),
    "no tags": (_wheel("Wheel-Version: 1.0\n"), "others than those in its name: none"),
    "one tag missing": (_wheel(f"Wheel-Version: 1.0\n{TAG}"), "others than those in its name"),
    "malformed tag": (_wheel(f"Wheel-Version: 1.0\n{TAG}Tag: cp311\n"), "malformed tag 'cp311'"),
    "endless tag": (_wheel(f"Wheel-Version: 1.0\nTag: {'a.' * 9999}a-{'b.' * 9999}b-c\n"), "malformed tag 'a"),
    "a later format": (_wheel(f"Wheel-Version: 2.0\n{TAG}"), "Wheel-Version 1.x"),
    "upwards": ({"../evil.py": b""}, "leads out"),
    "upwards inside": ({"demo/../../evil.py": b""}, "leads out"),
    "absolute": ({"/etc/passwd": b""}, "leads out"),
    "drive": ({"c:/evil.py": b""}, "leads out"),
    "backslash": ({"demo\\evil.py": b""}, "not every installer reads alike"),
    "newline": ({"demo/a\nb.py": b""}, "not every installer reads alike"),
    "detour": ({"demo/./a.py": b""}, "simplest form"),
}


@pytest.mark.parametrize(("files", "message"), FILE_FAULTS.values(), ids=FILE_FAULTS.keys())
def test_a_wheel_that_disagrees_with_itself_is_refused(
    tmp_path: Path, files: dict[str, bytes | None], message: str
) -> None:
    """Missing, doubled, foreign or dangerous members are refused, and the message says which."""
    with pytest.raises(WheelRejected, match=message):
        inspect(build_wheel(tmp_path, files=files))


RECORD_FAULTS = {
    "hash of something else": ([(LINES[0][0], LINES[1][1], LINES[0][2]), *LINES[1:]], "not the file that RECORD"),
    "wrong size": ([(LINES[0][0], LINES[0][1], "1"), *LINES[1:]], "RECORD says 1"),
    "no number": ([(LINES[0][0], LINES[0][1], "-1"), *LINES[1:]], "the size '-1'"),
    "no hash": ([(LINES[0][0], "", LINES[0][2]), *LINES[1:]], "no hash of demo/__init__.py"),
    "weak hash": ([record_line(LINES[0][0], FILES[LINES[0][0]], "md5"), *LINES[1:]], "none of sha256 or better"),
    "file without a line": (LINES[1:], "demo/__init__.py is not in RECORD"),
    "line without a file": ([*LINES, record_line("demo/gone.py", b"")], "demo/gone.py is in RECORD but not"),
    "two lines": ([*LINES, record_line(LINES[0][0], b"other")], "two different lines"),
}


@pytest.mark.parametrize(("record", "message"), RECORD_FAULTS.values(), ids=RECORD_FAULTS.keys())
def test_a_wrong_record_is_refused(tmp_path: Path, record: list[tuple[str, str, str]], message: str) -> None:
    """RECORD must list every file once, with its hash and size; some installers do not look (pip 23, measured)."""
    with pytest.raises(WheelRejected, match=message):
        inspect(build_wheel(tmp_path, record=record))


def _symlink(path: str, mode: int = stat.S_IFLNK | 0o777) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(path)
    info.create_system, info.external_attr = 3, mode << 16
    return info


@pytest.mark.parametrize(
    ("member", "message"),
    [(_symlink("demo/link"), "symbolic link"), (_symlink("demo/fifo", stat.S_IFIFO), "neither a file nor")],
    ids=["symlink", "fifo"],
)
def test_a_special_file_is_refused(tmp_path: Path, member: zipfile.ZipInfo, message: str) -> None:
    """A link could lead an unpacker out of its directory."""
    with pytest.raises(WheelRejected, match=message):
        inspect(build_wheel(tmp_path, extra=[(member, b"/etc/shadow")]))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    """Of two members of one name, one installer takes the first and another the last."""
    with pytest.raises(WheelRejected, match=r"'demo/__init__\.py' is there twice"):
        inspect(build_wheel(tmp_path, extra=[("demo/__init__.py", b"evil")]))


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    """What unpacks to more than 200 times its size is refused by what its headers say."""
    with pytest.raises(WheelRejected, match="zip bomb"):
        inspect(build_wheel(tmp_path, files={"demo/zeros": bytes(100 * 1024**2)}))


def test_other_compressions_are_refused(tmp_path: Path) -> None:
    """LZMA would be read here, and by not every installer."""
    info = zipfile.ZipInfo("demo/x")
    wheel = build_wheel(tmp_path)
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr(info, b"x", zipfile.ZIP_LZMA)
    with pytest.raises(WheelRejected, match="compressed in a way"):
        inspect(wheel)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_wheel_is_refused(tmp_path: Path, share: float) -> None:
    """A build that stopped while writing leaves no traceback but a sentence."""
    wheel = build_wheel(tmp_path)
    os.truncate(wheel, int(wheel.stat().st_size * share))
    with pytest.raises(WheelRejected, match=r"not a zip archive|is broken") as caught:
        inspect(wheel)
    assert caught.value.hint


def test_a_false_crc_is_refused(tmp_path: Path) -> None:
    """The CRC is checked too: installers stop at it."""
    wheel = build_wheel(tmp_path)
    data = wheel.read_bytes()
    with zipfile.ZipFile(wheel) as archive:
        crc = archive.getinfo("demo/__init__.py").CRC.to_bytes(4, "little")
    wheel.write_bytes(data.replace(crc, bytes(byte ^ 1 for byte in crc)))
    with pytest.raises(WheelRejected, match="CRC"):
        inspect(wheel)


def test_a_huge_list_of_members_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A zip64 directory may claim any number of members, all of which `zipfile` would hold in memory."""
    wheel = tmp_path / X86_64
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    build_wheel(tmp_path)
    data = bytearray(wheel.read_bytes())
    record = data.rindex(b"PK\x06\x06")
    for field, told in ((32, 10**12), (40, 10**15)):
        changed = bytearray(data)
        changed[record + field : record + field + 8] = told.to_bytes(8, "little")
        changed[-14:-6] = b"\xff" * 8  # the short record leaves counts and sizes to the long one
        wheel.write_bytes(changed)
        with pytest.raises(WheelRejected, match=f"{told} .*matrix-runner itself takes"):
            inspect(wheel)


@pytest.mark.parametrize("many", [4, 70_000])
def test_a_zip64_wheel_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many: int) -> None:
    """More than 65,535 members need zip64, which installers read; a writer may use it for fewer."""
    if many < 65_536:
        monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    wheel = build_wheel(tmp_path, files={f"demo/data/{number}": b"" for number in range(many)})
    data = wheel.read_bytes()
    assert b"PK\x06\x06" in data[-100:]
    assert len(inspect(wheel).elf_files) == 1
    # Readers that look for the record elsewhere would find another directory.
    wheel.write_bytes(data[:-34] + b"\0" * 8 + data[-26:])
    with pytest.raises(WheelRejected, match="contradict"):
        inspect(wheel)


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    """A wheel that is gone is named."""
    with pytest.raises(WheelRejected, match="cannot be read"):
        inspect(tmp_path / X86_64)


@pytest.mark.parametrize(
    "name",
    [
        "demo.whl",
        "demo-1.0-cp311-cp311.whl",
        "demo-x-cp311-cp311-linux_x86_64.whl",
        # With the label of a variant, which `packaging` 26.4 does not know either (PEP 825 is a draft).
        "demo-1.0-cp311-cp311-manylinux_2_17_x86_64-x86_64_v3.whl",
    ],
)
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    """A file name that the standard does not know is refused, with the form it should have."""
    (tmp_path / name).write_bytes(build_wheel(tmp_path).read_bytes())
    with pytest.raises(WheelRejected, match="not named as wheels are"):
        inspect(tmp_path / name)


def test_memory_is_flat(tmp_path: Path) -> None:
    """A member of 50 MB is read in pieces."""
    wheel = build_wheel(tmp_path, files={"demo/data": os.urandom(1024**2) * 50})
    tracemalloc.start()
    try:
        assert inspect(wheel).name == "demo"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * 1024**2
