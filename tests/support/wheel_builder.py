"""Wheels and tar streams for tests: right in every respect, but for what a test asks to be wrong."""

import base64
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from matrix_runner.model.platforms import Arch

X86_64 = "demo-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
I686 = "demo-1.0-cp311-cp311-manylinux_2_17_i686.manylinux2014_i686.whl"
SUFFIX_X86_64 = ".cpython-311-x86_64-linux-gnu.so"
DIST_INFO = "demo-1.0.dist-info"

RecordLine = tuple[str, str, str]


def elf(arch: Arch = Arch.X86_64) -> bytes:
    """The header of a shared object, as a linker writes it, and a few bytes more."""
    byte_order: Literal["little", "big"] = "little" if arch.byte_order == "little" else "big"
    ident = b"\x7fELF" + bytes([arch.bits // 32, 1 if byte_order == "little" else 2, 1]) + bytes(9)
    flags = 0x05000400 if arch is Arch.ARMV7L else 0  # EABI 5, hard-float
    head = ident + (3).to_bytes(2, byte_order) + arch.elf_machine.to_bytes(2, byte_order)
    place = 48 if arch.bits == 64 else 36
    return head + bytes(place - len(head)) + flags.to_bytes(4, byte_order) + bytes(60 - place)


def record_line(path: str, data: bytes, algorithm: str = "sha256") -> RecordLine:
    """One line of RECORD, as the wheel specification has it."""
    digest = base64.urlsafe_b64encode(hashlib.new(algorithm, data).digest()).rstrip(b"=").decode()
    return (path, f"{algorithm}={digest}", str(len(data)))


def default_files(filename: str = X86_64) -> dict[str, bytes]:
    """The files of a wheel of that name, without RECORD: a package with one x86-64 module and the metadata."""
    name, version, *_, interpreter, abi, platform = filename.removesuffix(".whl").split("-")
    tags = [f"Tag: {interpreter}-{abi}-{one}" for one in platform.split(".")]
    head = f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: {'true' if platform == 'any' else 'false'}\n"
    return {
        "demo/__init__.py": b"from demo._fast import answer\n",
        f"demo/_fast{SUFFIX_X86_64}": elf(),
        f"{name}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{name}-{version}.dist-info/WHEEL": (head + "\n".join(tags) + "\n").encode(),
    }


def build_wheel(
    directory: Path,
    filename: str = X86_64,
    *,
    files: Mapping[str, bytes | None] | None = None,
    record: Sequence[RecordLine] | None = None,
    extra: Sequence[tuple[zipfile.ZipInfo | str, bytes]] = (),
) -> Path:
    """Write a wheel and return its path.

    `files` are added to the default ones, or replace them, or (None) remove them, before RECORD is made; `record`
    stands for the lines of RECORD; `extra` members are written behind RECORD and are not in it.
    """
    merged: dict[str, bytes | None] = {**default_files(filename), **(files or {})}
    members = {path: data for path, data in merged.items() if data is not None}
    name, version = filename.split("-")[:2]
    record_path = f"{name}-{version}.dist-info/RECORD"
    lines = list(record) if record is not None else [record_line(path, data) for path, data in members.items()]
    rows = "".join(f"{','.join(line)}\n" for line in [*lines, (record_path, "", "")])
    wheel = directory / filename
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in members.items():
            archive.writestr(zipfile.ZipInfo(path), data, zipfile.ZIP_DEFLATED)
        if (files or {}).get(record_path, b"") is not None:
            archive.writestr(zipfile.ZipInfo(record_path), rows, zipfile.ZIP_DEFLATED)
        for member, data in extra:
            archive.writestr(member, data, zipfile.ZIP_DEFLATED)
    return wheel


def member(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    """The header of a tar member."""
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, link
    return info


def tar_of(*members: tuple[tarfile.TarInfo | str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    """A whole tar archive; a name alone stands for a regular file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for info, data in members:
            archive.addfile(member(info, len(data)) if isinstance(info, str) else info, io.BytesIO(data))
    return buffer.getvalue()


def in_chunks(data: bytes, size: int = 1000) -> Iterator[bytes]:
    """What an engine's stream is like: pieces cut anywhere."""
    return (data[start : start + size] for start in range(0, len(data), size))
