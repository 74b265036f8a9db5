"""Whatever happens to a wheel or a tar stream on its way, it is found out or did no harm."""

import tempfile
import zipfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from wheel_builder import X86_64, build_wheel, elf, in_chunks, tar_of

from matrix_runner.errors import WheelRejected
from matrix_runner.wheelhouse import receive
from matrix_runner.wheelhouse.inspection import WheelContents, inspect


def _make() -> tuple[bytes, WheelContents]:
    files = {"demo/data.bin": bytes(range(256)) * 4, "demo.libs/libz-1.so": elf(), "demo/empty": b""}
    with tempfile.TemporaryDirectory() as directory:
        wheel = build_wheel(Path(directory), files=files)
        return wheel.read_bytes(), inspect(wheel)


GOOD, CONTENTS = _make()
ARCHIVE = tar_of((f"out/{X86_64}", GOOD))
POSITIONS = st.integers(min_value=0, max_value=len(GOOD) - 1)
CHANGES = st.lists(st.tuples(POSITIONS, st.integers(min_value=1, max_value=255)), min_size=1, max_size=4)


def _files(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _assert_refused_or_harmless(data: bytes) -> None:
    """Either the wheel is refused, or it means exactly what the good one means."""
    with tempfile.TemporaryDirectory() as directory:
        good, wheel = Path(directory, "good.zip"), Path(directory, X86_64)
        good.write_bytes(GOOD)
        wheel.write_bytes(data)
        try:
            contents = inspect(wheel)
        except WheelRejected:
            return
        assert _files(wheel) == _files(good)
        for field in ("name", "version", "tags", "elf_files", "grafted", "extension_suffixes", "is_pure"):
            assert getattr(contents, field) == getattr(CONTENTS, field)


@given(CHANGES)
def test_flipped_bytes_are_found_or_harmless(changes: list[tuple[int, int]]) -> None:
    """Bytes changed anywhere in a wheel lead to its refusal, or change no file in it (a date, say)."""
    data = bytearray(GOOD)
    for position, difference in changes:
        data[position] ^= difference
    _assert_refused_or_harmless(bytes(data))


@given(POSITIONS, st.integers(min_value=0, max_value=200), st.binary(max_size=200))
def test_a_cut_or_a_splice_is_found_or_harmless(start: int, length: int, put: bytes) -> None:
    """A piece of the file taken out, put in or replaced is found, or changes no file in it (a comment, say)."""
    _assert_refused_or_harmless(GOOD[:start] + put + GOOD[start + length :])


@given(st.binary(max_size=2000))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    """No input gives anything but the one exception that has a message for the user."""
    _assert_refused_or_harmless(data)


@given(st.integers(min_value=0, max_value=len(ARCHIVE)), st.integers(min_value=1, max_value=5000))
def test_a_stream_cut_short_never_gives_another_wheel(length: int, chunk: int) -> None:
    """Of every prefix of a tar stream, either the whole wheel comes or none, and no file is left."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        try:
            wheel = receive(in_chunks(ARCHIVE[:length], chunk), directory)
        except WheelRejected:
            assert list(directory.iterdir()) == []
        else:
            assert wheel.read_bytes() == GOOD
            assert list(directory.iterdir()) == [wheel]


@given(st.lists(st.tuples(st.integers(0, 1535), st.integers(1, 255)), min_size=1, max_size=4))
def test_a_changed_header_never_leads_a_file_elsewhere(changes: list[tuple[int, int]]) -> None:
    """Whatever a tar header says, a file appears in the directory under a plain name, or none does."""
    data = bytearray(ARCHIVE)
    for position, difference in changes:
        data[position] ^= difference
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name, "in")
        directory.mkdir()
        try:
            wheels = [receive(in_chunks(bytes(data)), directory)]
        except WheelRejected:
            wheels = []
        assert list(Path(name).rglob("*")) == [directory, *wheels]


@given(st.binary(max_size=3000))
def test_an_arbitrary_stream_is_refused(data: bytes) -> None:
    """No stream of bytes gives anything but the one exception that has a message for the user."""
    with tempfile.TemporaryDirectory() as name:
        try:
            receive(in_chunks(data, 100), Path(name))
        except WheelRejected:
            assert list(Path(name).iterdir()) == []
        else:
            raise AssertionError("noise was taken for a wheel")
