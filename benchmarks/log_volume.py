"""A cell that prints a gigabyte: how much slower than writing it to a file, and how much memory.

python benchmarks/log_volume.py [--mebibytes 1024] [--image matrix-runner/manylinux_2_31_x86_64] [--json]

The same command runs in the same image twice: by `docker run`, whose output goes into a file, and as the `before-build`
of a cell, whose log keeps the beginning and the end. The cell's step is what is compared; memory is the runner's.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

HERE = Path(__file__).resolve().parent
IMAGE = "matrix-runner/manylinux_2_31_x86_64"
CELL = "cp311-manylinux_x86_64"

_PROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "talkative"
version = "1"
"""

# Watches the memory of one run from within: the maximum that getrusage knows has the time before the output in it.
_WATCHED = """
import resource, sys, threading, time
from pathlib import Path
page = resource.getpagesize()
peak = [0]
first = []
project, wheels, out = sys.argv[1:]
def watch():
    while True:
        now = int(Path("/proc/self/statm").read_text().split()[1]) * page
        if list(Path(wheels).glob("logs/*.log")):
            first or first.append(now)
            peak[0] = max(peak[0], now)
        time.sleep(0.02)
threading.Thread(target=watch, daemon=True).start()
from matrix_runner.cli import main
sys.argv = ["runner", "build", "--engine", "docker", "--no-cache", "--output-dir", wheels, project]
try:
    main()
except SystemExit:
    pass
Path(out).write_text(f"{first[0]} {peak[0]}")
"""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds of the command, with its output into a file and in a cell; bytes by which the runner's memory grew."""

    mebibytes: int
    file: float
    cell: float
    growth: int


def command(mebibytes: int) -> str:
    """Return the command that prints so much, in lines as long as those of compilers."""
    line = "cc -O2 -Wall -fPIC -I/opt/python/cp311-cp311/include/python3.11 -c src/module.c -o build/module.o"
    return f"yes '{line}' | head -c {mebibytes * 1024 * 1024}"


def into_file(mebibytes: int, image: str, place: Path) -> float:
    """Return the seconds that the command takes when its output goes into a file."""
    script = f"s=$(date +%s.%N); {command(mebibytes)}; echo; echo $s $(date +%s.%N)"
    output = place / "output"
    with output.open("wb") as stream:
        subprocess.run(("docker", "run", "--rm", image, "sh", "-c", script), check=True, stdout=stream)
    with output.open("rb") as stream:
        stream.seek(-200, 2)
        began, ended = stream.read().splitlines()[-1].split()
    output.unlink()
    return float(ended) - float(began)


def in_cell(mebibytes: int, image: str, place: Path) -> tuple[float, int]:
    """Return the seconds that the command takes as a cell's `before-build`, and the bytes that memory grows by."""
    project, output, memory = place / "project", place / "wheels", place / "memory"
    project.mkdir()
    settings = (
        f'[tool.matrix-runner]\nbuild = "{CELL}"\nbefore-build = """{command(mebibytes)}"""\n'
        f'[tool.matrix-runner.linux]\nmanylinux-x86_64-image = "{image}"\n'
    )
    (project / "pyproject.toml").write_text(_PROJECT + settings)
    argv = (sys.executable, "-c", _WATCHED, str(project), str(output), str(memory))
    started = time.monotonic()
    subprocess.run(argv, check=True, capture_output=True, cwd=HERE.parent)
    report = msgspec.json.decode((output / "report.json").read_bytes())
    (cell,) = report["cells"]
    steps = {step["step"]: step["seconds"] for step in cell["steps"]}
    first, most = map(int, memory.read_text().split())
    if "before-build" not in steps:
        raise SystemExit(f"the cell did not come so far in {time.monotonic() - started:.0f} s: {cell}")
    return float(steps["before-build"]), most - first


def measure(mebibytes: int, image: str) -> Figures:
    """Measure once."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        file = into_file(mebibytes, image, place)
        cell, growth = in_cell(mebibytes, image, place)
    return Figures(mebibytes=mebibytes, file=file, cell=cell, growth=growth)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mebibytes", type=int, default=1024)
    parser.add_argument("--image", default=IMAGE)
    parser.add_argument("--json", action="store_true")
    wishes = parser.parse_args()
    it = measure(wishes.mebibytes, wishes.image)
    if wishes.json:
        print(msgspec.json.encode(it).decode())
        return 0
    print(
        f"{it.mebibytes} MiB: {it.file:.2f} s into a file, {it.cell:.2f} s in a cell: {it.cell / it.file:.2f} x;"
        f" memory grew by {it.growth / 1024 / 1024:.1f} MiB"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
