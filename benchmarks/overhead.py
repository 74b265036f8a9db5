"""What the driver itself takes for each cell: whole runs on the fake engine, with logs, console, wheels and report.

python benchmarks/overhead.py [1000 5000 10000] [--profile] [--live]

A number of cells each, in a process of its own. What the fake engine does is no work of the driver's: its wheels are
made before, and the processor's time for its commands and files is measured and taken off.
"""

import argparse
import cProfile
import io
import os
import pstats
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec.structs import replace

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests" / "support")]

from fake_run import TESTED, FakeRun, what  # noqa: E402
from planning import elf_header, settings_with  # noqa: E402
from wheel_builder import build_wheel  # noqa: E402

from matrix_runner.config.options.test_options import TEST_COMMAND  # noqa: E402
from matrix_runner.engine.api import (  # noqa: E402
    Container,
    ContainerSpec,
    ExecRequest,
    ExecResult,
    ImageMetadata,
    OnOutput,
)
from matrix_runner.engine.fake.fake_engine import FakeCall, FakeEngine, FakeResult  # noqa: E402
from matrix_runner.engine.terminal_command import TerminalCommand  # noqa: E402
from matrix_runner.matrix import Job  # noqa: E402
from matrix_runner.matrix.image_choice import ImageChoice  # noqa: E402
from matrix_runner.model.cells import Cell, Interpreter  # noqa: E402
from matrix_runner.model.events import Listener  # noqa: E402
from matrix_runner.report.cell_logs import CellLogs  # noqa: E402
from matrix_runner.report.console.live_table import LiveTable, make_console  # noqa: E402
from matrix_runner.report.console.plain_console import PlainConsole  # noqa: E402
from matrix_runner.report.console.printed_log import PlainStyle  # noqa: E402
from matrix_runner.run import build  # noqa: E402

IN_AN_IMAGE = 40
"""Cells that share an image, as many as there are interpreters in a real one, for two architectures."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What a run took. Milliseconds a cell: of the processor, and by the clock; bytes of memory before and most.

    `engine`: milliseconds a cell that the processor spent on the fake engine; not in `processor`.
    """

    cells: int
    processor: float
    engine: float
    clock: float
    before: int
    most: int


@dataclass(kw_only=True, slots=True)
class Many(FakeRun):
    """A fake run of more cells than any catalog has: interpreters that nobody ever released."""

    def jobs(self) -> tuple[Job, ...]:
        """Return the jobs."""
        return tuple(
            Job(
                cell=cell,
                directories=(_directory(cell.interpreter),),
                image=ImageChoice(reference=self.images[number // IN_AN_IMAGE], family=None, origin="benchmark"),
                settings=self.settings,
                remark=None,
            )
            for number, cell in enumerate(map(Cell.parse, self.identifiers))
        )


class PreparedWheels:
    """What the fake engine's commands do: hand out wheels that were made before anything is measured."""

    def __init__(
        self, directory: Path, identifiers: Iterable[str], kinds: tuple[str, ...] = ("build", "repair")
    ) -> None:
        """`directory`: for wheels in the making. `kinds`: the steps that hand out a wheel."""
        self._results = {
            (identifier, kind): _served(directory, Cell.parse(identifier), kind)
            for identifier in identifiers
            for kind in kinds
        }

    def repaired(self) -> Iterator[tuple[Cell, str, bytes]]:
        """Yield the repaired wheel of each cell, with its name."""
        for (identifier, kind), result in self._results.items():
            if kind == "repair":
                ((path, data),) = result.files
                yield Cell.parse(identifier), path.rpartition("/")[2], data

    def serve(self, call: FakeCall) -> FakeResult | None:
        """Hand out a wheel where one is asked for."""
        kind = "build" if call.request.argv[1:3] == ("-m", "build") else what(call)
        return self._results.get((call.spec.name, kind))


def _served(directory: Path, cell: Cell, kind: str) -> FakeResult:
    arch = cell.platform.arch
    libc, where = ("linux", "built") if kind == "build" else ("manylinux_2_31", "repaired")
    name = f"demo-1.0-{_directory(cell.interpreter)}-{libc}_{arch}.whl"
    files = {"demo/_fast.cpython-311-x86_64-linux-gnu.so": None, "demo/_fast.so": elf_header(arch) + bytes(44)}
    wheel = build_wheel(directory, name, files=files)
    # Not removed: ext4 looks for inodes that have not been free for long, and would do so for each new file of the run.
    return FakeResult(output=(b"compiling\n" * 20,), files=((f"/matrix/{where}/{name}", wheel.read_bytes()),))


class Timed:
    """A container of the fake engine. `seconds`: of the processor, for what a real engine would do elsewhere."""

    is_disposable = True

    def __init__(self, container: Container) -> None:
        """`container`: does the work."""
        self._container = container
        self.root = container.root
        self.seconds = 0.0

    def exec(self, request: ExecRequest, on_output: OnOutput) -> ExecResult:
        """Run a command; what the driver does with its output is not the engine's."""

        def hear(data: bytes) -> None:
            began = time.thread_time()
            on_output(data)
            self.seconds -= time.thread_time() - began

        with self._running():
            return self._container.exec(request, hear)

    def at_terminal(self, request: ExecRequest) -> TerminalCommand:
        """Return the command line of a terminal."""
        return self._container.at_terminal(request)

    def put(self, directory: str, archive: Iterable[bytes]) -> None:
        """Unpack a tar stream; reading it is not the engine's."""
        pieces = tuple(archive)
        with self._running():
            self._container.put(directory, pieces)

    @contextmanager
    def get(self, path: str) -> Iterator[Iterator[bytes]]:
        """Stream something out as tar; what is done with it is not the engine's."""
        with ExitStack() as stack:
            with self._running():
                stream = stack.enter_context(self._container.get(path))
            yield stream

    def snapshot(self, metadata: ImageMetadata) -> str:
        """Keep the files as an image."""
        with self._running():
            return self._container.snapshot(metadata)

    def kill(self) -> None:
        """Remove it."""
        self._container.kill()

    @contextmanager
    def _running(self) -> Iterator[None]:
        began = time.thread_time()
        try:
            yield
        finally:
            self.seconds += time.thread_time() - began


class Forgetful(FakeEngine):
    """A fake engine that does not remember what it was asked: of so many cells that would be most of the memory.

    `seconds`: what the processor spent on its work.
    """

    seconds = 0.0

    @contextmanager
    def open(self, spec: ContainerSpec) -> Iterator[Container]:
        """Open a container."""
        self.commands.clear()
        with super().open(spec) as container:
            timed = Timed(container)
            yield timed
        with self.host.guard:
            self.seconds += timed.seconds


def _directory(interpreter: Interpreter) -> str:
    return f"gp{interpreter.major}{interpreter.minor}-n{interpreter.variant.removeprefix('_')}"


def _identifiers(cells: int) -> tuple[str, ...]:
    numbers = range(cells)
    return tuple(f"gp3{10 + n // 2 % 80}_{n // 160}-manylinux_{('x86_64', 'i686')[n % 2]}" for n in numbers)


def _memory() -> int:
    """Return this process's memory in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@contextmanager
def _console(logs: CellLogs, *, live: bool) -> Iterator[Listener]:
    with Path(os.devnull).open("w", encoding="utf-8") as stream:
        if live:
            yield LiveTable(make_console(stream, {"FORCE_COLOR": "1", "COLUMNS": "120", "LINES": "50"}), logs)
        else:
            yield PlainConsole(stream, logs, PlainStyle())


def run(cells: int, directory: Path, *, live: bool = False) -> Figures:
    """Run so many cells, below a directory; return what it took."""
    wheels = PreparedWheels(directory, _identifiers(cells))
    settings = settings_with({TEST_COMMAND: TESTED}, project_name="demo")
    fake = Many(directory=directory, identifiers=_identifiers(cells), settings=settings, override=wheels.serve)
    fake.images = tuple(f"image:{number}" for number in range(cells // IN_AN_IMAGE + 1))
    engine = Forgetful(fake._answer)  # noqa: SLF001
    for image in fake.images:
        engine.host.add_image(image)
    request = fake.request(engine)
    logs = CellLogs(request.inputs.logs_dir)
    with _console(logs, live=live) as console, closing(engine):
        request = replace(request, listeners=(logs, console), durations=directory / "durations.json")
        before, began, processor = _memory(), time.monotonic(), time.process_time()
        report = build(request)
        clock, processor = time.monotonic() - began, time.process_time() - processor - engine.seconds
    if int(report.exit_code) or len(report.outcomes) != cells:
        raise SystemExit(f"the run failed: {report.exit_code}, {report.outcomes[0].failure}")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Figures(
        cells=cells,
        processor=processor / cells * 1000,
        engine=engine.seconds / cells * 1000,
        clock=clock / cells * 1000,
        before=before,
        most=most,
    )


def measure(cells: int, *, live: bool = False) -> Figures:
    """Run so many cells in a process of its own; return what it took."""
    argv = (sys.executable, str(Path(__file__).resolve()), str(cells), "--json", *(("--live",) if live else ()))
    done = subprocess.run(argv, check=True, capture_output=True)
    return msgspec.json.decode(done.stdout, type=Figures)


def main() -> int:
    """Measure what the command line names, and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cells", type=int, nargs="*", default=[1000, 5000, 10000])
    parser.add_argument("--profile", action="store_true", help="show where the time goes, in this process")
    parser.add_argument("--live", action="store_true", help="with the live table in place of the plain console")
    parser.add_argument("--json", action="store_true", help="one number of cells, in this process, as JSON")
    wishes = parser.parse_args()
    if wishes.json or wishes.profile:
        with tempfile.TemporaryDirectory() as directory, _profiled(is_wanted=wishes.profile):
            figures = run(wishes.cells[0], Path(directory), live=wishes.live)
        print(msgspec.json.encode(figures).decode())
        return 0
    print(" cells   ms a cell (processor)   the engine's   by the clock   memory before   most   growth a cell")
    for cells in wishes.cells:
        it = measure(cells, live=wishes.live)
        mib, growth = 1024 * 1024, (it.most - it.before) / cells / 1024
        print(
            f"{cells:6}   {it.processor:21.2f}   {it.engine:12.2f}   {it.clock:12.2f}   {it.before / mib:9.0f} MiB"
            f"   {it.most / mib:.0f} MiB   {growth:.1f} KiB"
        )
    return 0


@contextmanager
def _profiled(*, is_wanted: bool) -> Iterator[None]:
    if not is_wanted:
        yield
        return
    profiles: list[cProfile.Profile] = []
    lock = threading.Lock()

    class Profiled(threading.Thread):
        def run(self) -> None:
            profile = cProfile.Profile(time.thread_time)
            with lock:
                profiles.append(profile)
            profile.runcall(super().run)

    threading.Thread = Profiled  # type: ignore[misc]
    own = cProfile.Profile(time.thread_time)
    profiles.append(own)
    own.enable()
    yield
    own.disable()
    text = io.StringIO()
    stats = pstats.Stats(*profiles, stream=text)
    stats.sort_stats("tottime").print_stats(45)
    stats.sort_stats("cumulative").print_stats(70)
    print(text.getvalue())


if __name__ == "__main__":
    raise SystemExit(main())
