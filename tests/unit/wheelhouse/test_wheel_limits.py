"""The limits of what is read of a wheel: at each it is read, beyond it is refused, and the message names the limit."""

import io
import struct
import zipfile
from pathlib import Path

import pytest
from wheel_builder import DIST_INFO, X86_64, build_wheel, default_files, record_line

from matrix_runner.errors import WheelRejected
from matrix_runner.wheelhouse import dist_info, wheel_archive
from matrix_runner.wheelhouse.inspection import inspect
from matrix_runner.wheelhouse.wheel_name import TAGS_LIMIT, parse_name

METADATA, WHEEL = f"{DIST_INFO}/METADATA", f"{DIST_INFO}/WHEEL"


def tags(*numbers: int) -> str:
    """Return compressed tags of so many interpreters, ABIs and platforms."""
    parts = (
        ".".join(f"{letter}{number:x}" for number in range(count)) for letter, count in zip("abc", numbers, strict=True)
    )
    return "-".join(parts)


def test_a_name_stands_for_so_many_tags() -> None:
    """Each part of a name is a set, and the tags are all combinations."""
    assert len(parse_name(f"demo-1.0-{tags(10, 10, 10)}.whl").tags) == TAGS_LIMIT
    with pytest.raises(WheelRejected, match=f"stands for more than {TAGS_LIMIT} tags"):
        parse_name(f"demo-1.0-{tags(7, 11, 13)}.whl")


def test_a_name_is_so_long() -> None:
    """A file system takes 255 characters, and the message about a longer one is short."""
    ending = "-1.0-py3-none-linux_x86_64.whl"
    assert parse_name("d" * (255 - len(ending)) + ending).project.startswith("ddd")
    with pytest.raises(WheelRejected, match="is not the plain name of a wheel") as caught:
        parse_name("d" * 100_000 + ending)
    assert len(caught.value.message) < 400


def test_a_file_of_tags_has_so_many(tmp_path: Path) -> None:
    """A line of 255 characters stands for tens of thousands, and a file can have any number of lines."""
    plain = default_files()[WHEEL].decode()
    more = "".join(f"Tag: {tags(10, 10, 9)}\n" for _ in range(2))
    with pytest.raises(WheelRejected, match=f"WHEEL has more than {TAGS_LIMIT} tags"):
        inspect(build_wheel(tmp_path, files={WHEEL: (plain + more).encode()}))


def padded(size: int) -> bytes:
    """Return METADATA whose headers have so many bytes, and a description of a megabyte."""
    head = default_files()[METADATA] + b"License: "
    return head + b"x" * (size - len(head)) + b"\n\n" + b"A description.\n" * 70_000


def test_the_headers_of_metadata_have_so_many_bytes(tmp_path: Path) -> None:
    """Of the description, which is not looked at, there may be more."""
    assert inspect(build_wheel(tmp_path, files={METADATA: padded(dist_info._HEADERS_LIMIT)})).name == "demo"
    with pytest.raises(WheelRejected, match=f"METADATA has headers of .* at most {dist_info._HEADERS_LIMIT} are read"):
        inspect(build_wheel(tmp_path, files={METADATA: padded(dist_info._HEADERS_LIMIT + 1)}))


@pytest.mark.parametrize("count", [dist_info._ROWS_LIMIT, dist_info._ROWS_LIMIT + 1])
def test_a_record_has_so_many_rows(tmp_path: Path, count: int) -> None:
    """One for each member; the same one may be there again."""
    files = default_files()
    lines = [record_line(path, data) for path, data in files.items()]
    # The last row is that of RECORD itself.
    wheel = build_wheel(tmp_path, record=lines + lines[:1] * (count - len(lines) - 1))
    if count <= dist_info._ROWS_LIMIT:
        assert inspect(wheel).name == "demo"
        return
    with pytest.raises(WheelRejected, match=f"RECORD has more than {dist_info._ROWS_LIMIT} rows"):
        inspect(wheel)


@pytest.mark.parametrize("name", ["METADATA", "WHEEL", "RECORD"])
def test_a_text_has_so_many_bytes(tmp_path: Path, name: str) -> None:
    """What is larger is not even unpacked."""
    wheel = tmp_path / X86_64
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in {**default_files(), f"{DIST_INFO}/RECORD": b""}.items():
            archive.writestr(path, data if not path.endswith(name) else bytes(dist_info._TEXT_LIMIT + 1))
    with pytest.raises(WheelRejected, match=f"{name} has {dist_info._TEXT_LIMIT + 1} bytes; at most"):
        inspect(wheel)


@pytest.mark.parametrize(
    ("path", "is_taken"),
    [
        ("demo/" + "n" * wheel_archive._PART_LIMIT, True),
        ("demo/" + "n" * (wheel_archive._PART_LIMIT + 1), False),
        # Two bytes each.
        ("demo/" + "é" * (wheel_archive._PART_LIMIT // 2 + 1), False),
        ("d/" * (wheel_archive._PATH_LIMIT // 2 - 1) + "nn", True),
        ("d/" * (wheel_archive._PATH_LIMIT // 2 - 1) + "nnn", False),
    ],
    ids=["part", "longer part", "longer part in UTF-8", "path", "longer path"],
)
def test_a_member_has_a_name_so_long(tmp_path: Path, path: str, is_taken: bool) -> None:  # noqa: FBT001  a row
    """As long as file systems take it."""
    wheel = build_wheel(tmp_path, files={path: b""})
    if is_taken:
        assert inspect(wheel).name == "demo"
        return
    with pytest.raises(WheelRejected, match="has a name that is longer than file systems take") as caught:
        inspect(wheel)
    assert len(caught.value.message) < 2 * wheel_archive._PATH_LIMIT


def listed(sizes: list[int]) -> list[zipfile.ZipInfo]:
    """Return members that say that they unpack to so many bytes."""
    members = []
    for number, size in enumerate(sizes):
        info = zipfile.ZipInfo(f"demo/{number}.bin")
        info.file_size = size
        members.append(info)
    return members


@pytest.mark.parametrize(
    ("size", "packed"),
    [
        (wheel_archive._UNPACKED_LIMIT, wheel_archive._UNPACKED_LIMIT),
        (wheel_archive._RATIO_FREE, 1000),
        (1_000_000 * wheel_archive._RATIO_LIMIT, 1_000_000),
    ],
    ids=["size", "small", "ratio"],
)
def test_a_wheel_unpacks_to_so_many_bytes(size: int, packed: int) -> None:
    """Of all members together; a small one may have any ratio, as a table of zeros has."""
    wheel_archive._check_members(listed([size - 9, 9]), packed, X86_64)
    with pytest.raises(WheelRejected, match=f"unpacks from {packed} to {size + 1} bytes: a zip bomb"):
        wheel_archive._check_members(listed([size - 9, 10]), packed, X86_64)


@pytest.mark.parametrize(
    ("field", "limit"),
    [("count", wheel_archive.MEMBERS_LIMIT), ("size", wheel_archive._DIRECTORY_LIMIT)],
    ids=["members", "bytes"],
)
def test_a_directory_of_members_is_so_large(tmp_path: Path, field: str, limit: int) -> None:
    """As its end says, before any of it is read: numbers of members beyond 65,535 have 64 bits."""
    short = build_wheel(tmp_path).read_bytes()
    end = short.rfind(b"PK\5\6")
    count, size, start = struct.unpack_from("<HLL", short, end + 10)
    for told, message in ((limit, ""), (limit + 1, f"{limit + 1} ")):
        count, size = (told, size) if field == "count" else (count, told)
        record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, start)
        locator = struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
        full = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, start, 0)
        file = io.BytesIO(short[:end] + record + locator + full)
        if not message:
            assert wheel_archive.check_directory(file, X86_64) == end + len(record + locator + full)
            continue
        with pytest.raises(WheelRejected, match=f"{message}.*for the sake of memory"):
            wheel_archive.check_directory(file, X86_64)


def test_headers_are_as_many_as_there_are(tmp_path: Path) -> None:
    """Looking for two of a hundred thousand takes a pass over them, not one for each."""
    many = b"".join(b"X-%d: y\n" % number for number in range(80_000))
    assert inspect(build_wheel(tmp_path, files={METADATA: default_files()[METADATA] + many})).name == "demo"
