"""Making the clean systems of `test-on` on fakes: what they are made of, when they are made again."""

from pathlib import Path

import pytest
from image_machine import FakeMachine, serving
from msgspec.structs import replace
from planning import job_for, settings_with

from matrix_runner.catalog import load
from matrix_runner.config.options.test_options import TEST_COMMAND
from matrix_runner.engine.fake.fake_engine import FakeEngine, FakeHost
from matrix_runner.errors import MachineError, UsageError
from matrix_runner.image.build_progress import BuildProgress, Stage
from matrix_runner.image.clean_systems import LABEL, SystemRequest, asked_systems, ensure_systems, systems_of
from matrix_runner.image.image_builder import ImageBuilder
from matrix_runner.matrix.rungs import Rung
from matrix_runner.model.platforms import Arch

NAME = "matrix-runner/on_debian_trixie_i686"


def request_for(name: str = "debian:trixie", arch: Arch = Arch.I686) -> SystemRequest:
    """Return the request for a system of the data file."""
    system = load().system(name, arch)
    assert system is not None
    return SystemRequest(system=system, arch=arch)


class Bench:
    """A daemon that stays, with a machine that makes empty root filesystems."""

    def __init__(self, cache: Path, machine: FakeMachine | None = None) -> None:
        self.cache = cache
        self.host = FakeHost()
        self.machine = machine or serving({})
        self.told: list[str] = []
        self.progress: list[BuildProgress] = []

    def ensure(self, *requests: SystemRequest, rebuild: bool = False) -> tuple[str, ...]:
        """Make them; return their names."""
        engine = FakeEngine(host=self.host)
        builder = ImageBuilder(
            engine=engine,
            host=self.machine,
            cache=self.cache,
            on_progress=self.progress.append,
            workers=2,
            mirror="http://mirror.example/debian",
        )
        made = ensure_systems(requests, builder, self.told.append, rebuild=rebuild)
        return tuple(image.reference for image in made)

    @property
    def made(self) -> list[tuple[str, ...]]:
        """The commands that have made a root filesystem."""
        return [argv for argv in self.machine.commands if argv[0] == "mmdebstrap"]


def test_a_system_is_minimal_and_has_a_python(tmp_path: Path) -> None:
    """Of the release and architecture that were asked for; nothing to compile with is asked of Debian."""
    bench = Bench(tmp_path)
    assert bench.ensure(request_for()) == (f"{NAME}:latest",)
    (argv,) = bench.made
    assert "--variant=minbase" in argv
    assert "--architectures=i386" in argv
    assert "trixie" in argv
    (include,) = (word for word in argv if word.startswith("--include="))
    assert include == "--include=python3"
    assert [progress.stage for progress in bench.progress] == [Stage.FETCHED]


def test_no_system_has_anything_to_build_with() -> None:
    """A wheel would find there what its users do not have."""
    packages = {package for system in load().systems for package in system.packages}
    assert packages <= {"python3", "python3-distutils"}


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    """Unless it is asked for, or its recipe is another; then the former one goes."""
    bench = Bench(tmp_path)
    bench.ensure(request_for(), request_for())
    bench.ensure(request_for())
    assert len(bench.made) == 1
    bench.ensure(request_for(), rebuild=True)
    other = request_for()
    bench.ensure(replace(other, system=replace(other.system, packages=("python3", "tzdata"))))
    assert len(bench.made) == 3
    images = FakeEngine(host=bench.host).images(LABEL)
    assert [image.reference for image in images] == [f"{NAME}:latest"]


def test_several_are_made_in_one_go(tmp_path: Path) -> None:
    """And one line tells of it before it takes its time."""
    bench = Bench(tmp_path)
    names = bench.ensure(request_for(), request_for("debian:bookworm", Arch.X86_64))
    assert names == (f"{NAME}:latest", "matrix-runner/on_debian_bookworm_x86_64:latest")
    (told,) = bench.told
    assert "debian:trixie i686 and debian:bookworm x86_64" in told


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    """No image, and no half of a root filesystem on the disk."""

    def fail(_argv: tuple[str, ...], _cwd: str | None) -> str:
        raise MachineError("the mirror does not answer")

    bench = Bench(tmp_path, FakeMachine(fail))
    with pytest.raises(MachineError, match="does not answer"):
        bench.ensure(request_for(), request_for("debian:bookworm"))
    assert not FakeEngine(host=bench.host).images(LABEL)
    assert not list(tmp_path.glob("root-*"))


def test_a_machine_without_the_programs_says_so(tmp_path: Path) -> None:
    """As for images to build in."""
    bench = Bench(tmp_path, FakeMachine(lambda _argv, _cwd: "", lacks=("mmdebstrap",)))
    with pytest.raises(MachineError, match="mmdebstrap"):
        bench.ensure(request_for())


def test_systems_of_a_plan_are_each_made_once() -> None:
    """Those that are pulled are not made; nor is any for a cell without a test."""
    rungs = (Rung(name="debian:trixie", reference=NAME, is_made_here=True), Rung(name="alpine", reference="alpine"))
    tested, untested = settings_with({TEST_COMMAND: "pytest"}), settings_with()
    jobs = [
        replace(job_for(f"{python}-manylinux_{arch}", load(), settings), ladder=rungs)
        for python, arch, settings in (
            ("cp311", "i686", tested),
            ("cp313", "i686", tested),
            ("cp313", "x86_64", untested),
        )
    ]
    assert systems_of(jobs, load()) == (request_for(),)


def test_a_user_names_systems_or_cells() -> None:
    """Not both in one command; any other name is none of a system."""
    archs = (Arch.X86_64, Arch.I686)
    assert asked_systems(("cp311-manylinux_i686",), archs) == ()
    assert [each.arch for each in asked_systems(("debian:trixie",), archs)] == list(archs)
    with pytest.raises(UsageError, match="by a command each"):
        asked_systems(("debian:trixie", "cp311-manylinux_i686"), archs)
    with pytest.raises(UsageError, match="cannot be made for s390x"):
        asked_systems(("debian:trixie",), (Arch.S390X,))
