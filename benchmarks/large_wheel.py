"""A wheel of 500 MB with 1,000 ELF files: receive, inspect, verify, publish; and what reading it takes at least.

python benchmarks/large_wheel.py --modules WHEEL [--megabytes 500] [--files 1000] [--json]

`--modules`: a wheel whose shared objects are repeated, each with other bytes at its end, until there are so many. It is
made once, and kept beside that. The wheel comes as from a container: as a stream of a tar archive.
"""

import argparse
import base64
import hashlib
import itertools
import os
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from matrix_runner.catalog.policies import load_policies
from matrix_runner.model.cells import Cell
from matrix_runner.policy import analyse, code_findings, read_wheel
from matrix_runner.wheelhouse import Promise, Wheelhouse, receive, verify

NAME: Final = "demo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"
_CELL: Final = Cell.parse("cp312-manylinux_x86_64")
_SUFFIX: Final = ".cpython-312-x86_64-linux-gnu.so"
_CHUNK: Final = 1024 * 1024


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds of our steps together, and of `unzip -t` and `sha256sum`. `growth`: bytes of memory."""

    ours: float
    bare: float
    growth: int
    files: int
    size: int
    unpacked: int


def make(modules: Path, target: Path, *, megabytes: int, files: int) -> None:
    """Make the wheel: half of what is added to each module can be compressed, as code can."""
    each = megabytes * 1_000_000 // files
    with zipfile.ZipFile(modules) as source:
        fitting = [one for one in source.infolist() if one.filename.endswith(".so") and one.file_size < each]
        if not fitting:
            raise SystemExit(f"{modules} has no shared object of less than {each} bytes")
        contents = [source.read(one) for one in fitting]
    record: list[str] = []
    partial = target.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as wheel:

        def add(path: str, data: bytes) -> None:
            wheel.writestr(path, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{path},sha256={digest},{len(data)}")

        for number, content in enumerate(itertools.islice(itertools.cycle(contents), files)):
            rest = each - len(content)
            add(f"demo/m{number:04}{_SUFFIX}", content + os.urandom(rest // 2) + bytes(rest - rest // 2))
        info = "demo-1.0.dist-info"
        add(f"{info}/METADATA", b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")
        tag = NAME.removesuffix(".whl").split("-", 2)[2]
        add(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n".encode())
        wheel.writestr(f"{info}/RECORD", "\n".join((*record, f"{info}/RECORD,,", "")))
    partial.rename(target)


def bare(wheel: Path) -> float:
    """Return the seconds that it takes to test the archive and to compute its digest."""
    began = time.perf_counter()
    subprocess.run(("unzip", "-tqq", str(wheel)), check=True)
    subprocess.run(("sha256sum", str(wheel)), check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def ours(archive: Path, place: Path) -> float:
    """Return the seconds that it takes to receive, inspect, verify and publish it."""
    policies, platform = load_policies(), _CELL.platform
    with Wheelhouse(place / "wheelhouse", overwrite=False, staging=place / "staging") as wheelhouse:
        began = time.perf_counter()
        path = receive(_stream(archive), wheelhouse.staging_directory(str(_CELL)))
        analysis = analyse(read_wheel(path), policies)
        contents = analysis.wheel.contents
        promise = Promise(cell=_CELL, python_tag="cp312", abi_tag="cp312", project_name="demo", ext_suffix=_SUFFIX)
        list(verify(contents, promise))
        list(code_findings(analysis, platform, "auditwheel repair"))
        wheelhouse.publish(path, contents)
        return time.perf_counter() - began


def _stream(archive: Path) -> Iterator[bytes]:
    with archive.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def measure(modules: Path, *, megabytes: int, files: int) -> Figures:
    """Measure once."""
    wheel = modules.with_name(f"large-{megabytes}-{files}") / NAME
    wheel.parent.mkdir(exist_ok=True)
    if not wheel.exists():
        make(modules, wheel, megabytes=megabytes, files=files)
    with tempfile.TemporaryDirectory(dir=wheel.parent) as directory:
        archive = Path(directory) / "archive.tar"
        with tarfile.open(archive, "w") as tar:
            tar.add(wheel, NAME)
        least = bare(wheel)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        taken = ours(archive, Path(directory))
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    with zipfile.ZipFile(wheel) as made:
        unpacked = sum(one.file_size for one in made.infolist())
    return Figures(ours=taken, bare=least, growth=grown, files=files, size=wheel.stat().st_size, unpacked=unpacked)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modules", type=Path, required=True)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    wishes = parser.parse_args()
    it = measure(wishes.modules, megabytes=wishes.megabytes, files=wishes.files)
    if wishes.json:
        print(msgspec.json.encode(it).decode())
        return 0
    print(
        f"{it.size / 1e6:.0f} MB, {it.unpacked / 1e6:.0f} unpacked, {it.files} ELF files: {it.ours:.2f} s,"
        f" unzip -t and sha256sum {it.bare:.2f} s: {it.ours / it.bare:.2f} x; memory grew by {it.growth / 1e6:.1f} MB"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
