"""A fake engine whose commands build, repair and test a small wheel: cells run whole, without a container or compiler.

What each command of a cell does can be changed by a test: `FakeRun.override`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from planning import elf_header, job_for
from sdist_making import write_tar
from wheel_builder import build_wheel

from matrix_runner import catalog
from matrix_runner.catalog import Catalog
from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.test_options import TEST_ON
from matrix_runner.engine.api import EngineInfo
from matrix_runner.engine.fake.fake_engine import ANY_IMAGE, FakeCall, FakeEngine, FakeFaults, FakeHost, FakeResult
from matrix_runner.engine.node import Node
from matrix_runner.locking.lock_values import Lock
from matrix_runner.matrix import Host, Job, Plan
from matrix_runner.model.cells import Cell
from matrix_runner.model.events import Event, Listener, Notice, Output, StepStarted
from matrix_runner.model.outcomes import Outcome, Report, StepKind
from matrix_runner.model.platforms import Libc
from matrix_runner.recipe.frontends.own_frontend import PROGRAMS
from matrix_runner.request import BuildInputs, BuildRequest
from matrix_runner.run import build

ORDERED = "echo prepare the image"
TESTED = "echo run the tests"
AUDITED = "abi3audit --strict"
Override = Callable[[FakeCall], FakeResult | None]
"""Does something else for a command, or returns None for what it usually does."""


@dataclass(kw_only=True, slots=True)
class Recorder:
    """A listener that keeps all it hears."""

    events: list[Event] = field(default_factory=list)
    is_closed: bool = False

    def handle(self, event: Event) -> None:
        """Keep it."""
        self.events.append(event)

    def close(self) -> None:
        """Note it."""
        self.is_closed = True

    def log(self, cell: Cell) -> str:
        """Return what a cell printed."""
        return b"".join(e.data for e in self.events if isinstance(e, Output) and e.cell == cell).decode()

    def notices(self) -> list[str]:
        """Return the notices of the run."""
        return [event.text for event in self.events if isinstance(event, Notice)]

    def steps(self, cell: Cell) -> list[StepKind]:
        """Return the steps that a cell began, each once for a row of the same kind."""
        kinds = [event.kind for event in self.events if isinstance(event, StepStarted) and event.cell == cell]
        return [kind for number, kind in enumerate(kinds) if number == 0 or kinds[number - 1] is not kind]


@dataclass(kw_only=True, slots=True)
class FakeRun:
    """A run on the fake engine. `override`: what a test wants done differently. `is_abi3`: what the wheels are."""

    directory: Path
    identifiers: Sequence[str]
    settings: Settings
    override: Override = lambda _: None
    faults: FakeFaults = field(default_factory=FakeFaults)
    is_abi3: bool = False
    workers: int = 2
    pace: float = 0.0
    known: Catalog = field(default_factory=catalog.load)
    recorder: Recorder = field(default_factory=Recorder)
    listeners: tuple[Listener, ...] = ()
    images: tuple[str, ...] = (ANY_IMAGE,)
    own: Mapping[str, Settings] = field(default_factory=dict)
    """What overrides make of the settings, for some of the cells."""
    host: Host | None = None
    cache: Path | None = None
    """The directory of finished cells."""
    environ: Mapping[str, str] = field(default_factory=dict)
    lock: Lock | None = None

    def jobs(self) -> tuple[Job, ...]:
        """Return the jobs, in the order of their identifiers, each with its place of the images in turn."""
        return tuple(
            job_for(
                identifier,
                self.known,
                self.own.get(identifier, self.settings),
                image=self.images[number % len(self.images)],
                host=self.host,
            )
            for number, identifier in enumerate(self.identifiers)
        )

    def run(self) -> Report:
        """Run all cells; return the report."""
        with self.engine() as engine:
            return build(self.request(engine))

    @contextmanager
    def engine(self, host: FakeHost | None = None, run: str = "fake") -> Iterator[FakeEngine]:
        """Give a fake engine that cooks, on a host that may be other runs' too."""
        engine = FakeEngine(self._answer, faults=self.faults, pace=self.pace, host=host, run=run)
        for image in self.images:
            if image != ANY_IMAGE:
                engine.host.add_image(image)
        for rung in dict.fromkeys(rung for job in self.jobs() for rung in job.settings[TEST_ON]):
            if engine.find(rung) is None:
                engine.host.add_image(rung)
        try:
            yield engine
        finally:
            engine.close()

    def request(self, engine: FakeEngine) -> BuildRequest:
        """Return what is to be built on an engine."""
        project = self.directory / "project"
        project.mkdir(exist_ok=True)
        hint = "[tool.setuptools]\npy_limited_api = true\n" if self.is_abi3 else ""
        (project / "pyproject.toml").write_text(f'[project]\nname = "demo"\nversion = "1.0"\n{hint}')
        return BuildRequest(
            run="r1",
            inputs=BuildInputs(
                project=project,
                settings=self.settings,
                plan=Plan(jobs=self.jobs(), left_out=()),
                environ=self.environ,
                output_dir=self.wheelhouse,
                report_dir=self.report_dir,
                build_files=BuildFiles(project),
                cache=self.cache,
                lock=self.lock,
            ),
            catalog=self.known,
            nodes=(self.node(engine),),
            scratch=self.directory / "scratch",
            log_path=lambda job: f"logs/{job.cell}.log",
            listeners=(self.recorder, *self.listeners),
        )

    def node(self, engine: FakeEngine, name: str = "") -> Node:
        """Return an engine as the node of a run."""
        info = EngineInfo(name="fake", version="1", machine="x86_64", endpoint="fake://")
        return Node(name=name, engine=engine, info=info, slots=self.workers, host=self.host)

    @property
    def wheelhouse(self) -> Path:
        """Where wheels go."""
        return self.directory / "wheelhouse"

    @property
    def report_dir(self) -> Path:
        """Where the report goes."""
        return self.directory / "wheelhouse-report"

    def _answer(self, call: FakeCall) -> FakeResult:
        return self.override(call) or self.usual(call)

    def usual(self, call: FakeCall) -> FakeResult:
        """Do what a container would: answer the probe, build, list, repair; succeed in silence at anything else."""
        if what(call) == "probe":
            return FakeResult(output=(probe_answer(call).encode(),))
        if what(call) == "list":
            names = [path.rpartition("/")[2] for path in call.files if path.startswith("/matrix/built/")]
            return FakeResult(output=("".join(f"{name}\n" for name in sorted(names)).encode(),))
        if what(call) in {"build", "repair"}:
            return self.delivery(call)
        if what(call) == "sdist":
            return self.sdist(call)
        if what(call) == "pack":
            return FakeResult(files=((f"{call.request.argv[4]}/1.tar", b"packed"),))
        is_read = call.request.argv[:1] == ("cat",)
        return FakeResult(output=(call.files.get(call.request.argv[1], b""),) if is_read else ())

    def sdist(self, call: FakeCall, name: str = "demo-1.0", files: Mapping[str, bytes] | None = None) -> FakeResult:
        """Leave an sdist where the frontend leaves it: of the project's files in the container, and others."""
        project, version = name.rsplit("-", 1)
        own = {
            path.removeprefix("/project/"): data for path, data in call.files.items() if path.startswith("/project/")
        }
        pkg_info = f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n".encode()
        members = {f"{name}/{path}": data for path, data in {**own, "PKG-INFO": pkg_info, **(files or {})}.items()}
        place = self.directory / "cooking" / "sdist"
        place.mkdir(parents=True, exist_ok=True)
        made = write_tar(place / f"{name}.tar.gz", files=members)
        return FakeResult(output=(b"sdist ok\n",), files=((f"/matrix/built/{made.name}", made.read_bytes()),))

    def delivery(self, call: FakeCall, filename: str | None = None, member: bytes | None = None) -> FakeResult:
        """Leave a wheel where the build, or the repair, leaves it: of another name or code if a test says so."""
        cell = cell_of(call)
        is_built = what(call) == "build"
        libc = "linux" if is_built else "manylinux_2_31"
        interpreter, _, abi = self.known.known(cell.interpreter).directories[0].partition("-")
        is_stable = self.is_abi3 and cell.interpreter.supports_stable_abi
        abi = "abi3" if is_stable else abi
        project = cell.package.replace("-", "_") or "demo"
        name = filename or f"{project}-1.0-{interpreter}-{abi}-{libc}_{cell.platform.arch}.whl"
        files = {
            "demo/_fast.cpython-311-x86_64-linux-gnu.so": None,
            f"demo/_fast{'.abi3' if is_stable else ''}.so": member or elf_header(cell.platform.arch) + bytes(44),
        }
        place = self.directory / "cooking" / f"{cell}-{what(call)}"
        place.mkdir(parents=True, exist_ok=True)
        wheel = build_wheel(place, name, files=files)
        where = "/matrix/built" if is_built else "/matrix/repaired"
        return FakeResult(
            output=(f"{what(call)} ok\n".encode(),), seconds=1.0, files=((f"{where}/{name}", wheel.read_bytes()),)
        )


_PROLOGUES = (
    # The cell's variables come first, then the command.
    (". /matrix/", 5),
    # Wheels of other packages of the workspace.
    ("UV_CONSTRAINT=", 6),
    # What the build requires is looked at.
    ("watch=$1", 6),
    # The constraints of the build.
    ("file=$1; shift", 5),
)
"""How the scripts begin that may stand before a command, in their order, and how many words each has."""


def what(call: FakeCall) -> str:
    """Say what a command of a cell is for: probe, list, build, repair, audit, before-all, test, pack, or other."""
    argv = call.request.argv
    for beginning, words in _PROLOGUES:
        if argv[2:3] and argv[2].startswith(beginning):
            argv = argv[words:]
    if "build_frontend.py" in " ".join(argv[2:3]):
        # The frontend's programs come first.
        argv = argv[5 + len(PROGRAMS) :]
    if argv[:2] in {("uv", "build"), ("python", "-I")} or "pip wheel" in " ".join(argv):
        return "sdist" if "--sdist" in argv else "build"
    if argv[:2] != ("sh", "-c"):
        return "other"
    if "probe" in argv[3:4]:
        return "probe"
    if argv[2].startswith("to=$1") and "/matrix/brought-" in " ".join(argv[4:5]):
        return "pack"
    if "/matrix/built" in argv[4:]:
        return "list"
    scripts = {"auditwheel repair": "repair", AUDITED: "audit", ORDERED: "before-all", TESTED: "test"}
    return next((word for text, word in scripts.items() if text in argv[2]), "other")


def cell_of(call: FakeCall) -> Cell:
    """Return the cell that a command is of."""
    package, dot, local = call.spec.name.partition("-on-")[0].rpartition(".")
    return Cell.parse(f"{package}:{local}" if dot else local)


def rung_of(call: FakeCall) -> str:
    """Return the clean image of `test-on` that a command runs in, "" for a cell's own."""
    return call.spec.name.partition("-on-")[2]


def outcome(report: Report, identifier: str) -> Outcome:
    """Return how a cell ended."""
    (found,) = (each for each in report.outcomes if str(each.cell) == identifier)
    return found


def probe_answer(call: FakeCall, libc: Libc = Libc.GLIBC) -> str:
    """Answer the probe as an image for wheels of this C library does."""
    version = "2.31" if libc is Libc.GLIBC else "1.2"
    arch = call.spec.arch
    rows = [
        ("machine", str(arch)),
        ("elf", elf_header(arch).hex()),
        ("path", "/usr/bin:/bin"),
        ("plat", f"{libc}_{version.replace('.', '_')}_{arch}"),
        ("libc", str(libc)),
        ("libc-version", version),
        *(("tool", tool, f"{tool} 1.0") for tool in ("auditwheel", "patchelf", "uv")),
        *(("directory", directory) for directory in call.request.argv[6:]),
        *(
            ("interpreter", directory, "3.0.0", "pip,venv,ensurepip", ".so", "26.3")
            for directory in call.request.argv[6:]
        ),
    ]
    return "".join("\t".join(row) + "\n" for row in rows)
