"""A cell that prints a gigabyte: how much slower than writing it to a file, and how much memory.

python benchmarks/log_volume.py [--mebibytes 1024] [--image matrix-runner/manylinux_2_31_x86_64] [--json]

The same command runs in the same image three times: with its output into a file in the container, which is what it is
held against; by `docker run`, whose client throws the output away, which is what the engine's own stream takes; and as
the `before-build` of a cell, whose log keeps the beginning and the end. Only the command is timed. Memory is the
runner's.
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
        if list(Path(f"{wheels}-report").glob("logs/*.log")):
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
    """Seconds of the command: with its output into a file, to the engine's client, and in a cell.

    `growth`: bytes by which the runner's memory grew.
    """

    mebibytes: int
    file: float
    stream: float
    cell: float
    growth: int


def command(mebibytes: int) -> str:
    """Return the command that prints so much, in lines as long as those of compilers."""
    line = "cc -O2 -Wall -fPIC -I/opt/python/cp311-cp311/include/python3.11 -c src/module.c -o build/module.o"
    return f"yes '{line}' | head -c {mebibytes * 1024 * 1024}"


def into_file(mebibytes: int, image: str) -> float:
    """Return the seconds that the command takes in a container when its output goes into a file there."""
    return _timed(f"{{ {command(mebibytes)}; }} >/tmp/output", image)


def into_stream(mebibytes: int, image: str) -> float:
    """Return the seconds that the command takes when its output is read by the engine's client, and not kept."""
    return _timed(command(mebibytes), image)


def _timed(script: str, image: str) -> float:
    # The times go to the other stream; and no driver writes a log of its own beside.
    timed = f"s=$(date +%s.%N); {script}; echo $s $(date +%s.%N) >&2"
    argv = ("docker", "run", "--rm", "--log-driver", "none", image, "sh", "-c", timed)
    done = subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    # Of `head`, which leaves, `yes` may complain in a line before.
    began, ended = done.stderr.splitlines()[-1].split()
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
    report = msgspec.json.decode((output.with_name("wheels-report") / "report.json").read_bytes())
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
        file, stream = into_file(mebibytes, image), into_stream(mebibytes, image)
        cell, growth = in_cell(mebibytes, image, place)
    return Figures(mebibytes=mebibytes, file=file, stream=stream, cell=cell, growth=growth)


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
        f"{it.mebibytes} MiB: {it.file:.2f} s into a file, {it.stream:.2f} s to the engine's client, {it.cell:.2f} s in"
        f" a cell: {it.cell / it.file:.2f} x and {it.cell / it.stream:.2f} x;"
        f" memory grew by {it.growth / 1024 / 1024:.1f} MiB"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
