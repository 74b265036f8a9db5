"""Cells of other architectures, run by an emulator in the kernel (`scripts/ensure-engine --emulators` registers them).

On a machine of such an architecture itself the same cells run natively, and must give the same wheels.
"""

import json
import platform
import signal
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from image_source import EMULATED
from packaging.utils import parse_wheel_filename
from runner_process import EXAMPLE, REPOSITORY, Ended, report_dir, run_build, run_command
from sample_projects import extension_project, write_project
from started_build import containers, processes, run_id, start, wait_for

from matrix_runner.model.cells import Cell
from matrix_runner.model.platforms import Arch

pytestmark = pytest.mark.own_images

CELLS = [
    *EMULATED.cells,
    *(pytest.param(cell, marks=pytest.mark.ground) for cell in ("cp311-manylinux_ppc64le", "cp313-manylinux_riscv64")),
]

# The child has a session of its own, so that it is not ended with the step's process group.
WAIT = "setsid sleep {mark} & echo waiting; sleep {mark}\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """The example project, built in an emulated cell."""

    cell: Cell
    ended: Ended

    @property
    def wheel(self) -> Path:
        """The only wheel."""
        assert self.ended.code == 0, self.ended.output
        (wheel,) = self.ended.wheels
        return wheel


@pytest.fixture(name="built", scope="module", params=CELLS)
def _built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    identifier = str(request.param)
    output = tmp_path_factory.mktemp("emulated") / "out"
    return Built(cell=Cell.parse(identifier), ended=run_build(EXAMPLE, output, *EMULATED.only(identifier)))


def is_foreign(cell: Cell) -> bool:
    """Whether the cell is for another machine than this one."""
    machine = Arch.of_machine(platform.machine())
    return cell.platform.arch is not machine and cell.platform.arch.wider is not machine


@pytest.mark.parametrize("identifier", CELLS)
def test_the_plan_says_which_cells_are_emulated(identifier: str) -> None:
    """Before anything runs, for scripts and for people, with the cost; and the doctor knows the emulator."""
    cell = Cell.parse(identifier)
    done = run_command("plan", EXAMPLE, *EMULATED.only(identifier), "--json")
    (job,) = json.loads(done.stdout)["jobs"]
    assert job["execution"] == ("emulated" if is_foreign(cell) else "native")
    text = run_command("plan", EXAMPLE, *EMULATED.only(identifier))
    assert ("(emulated)" in text.stdout) == is_foreign(cell)
    assert (f"1 cell of {cell.platform.arch} under emulation" in text.stderr) == is_foreign(cell)
    (line,) = [one for one in run_command("doctor").stdout.splitlines() if one.split()[:1] == [str(cell.platform.arch)]]
    assert ("emulated by /" in line) == is_foreign(cell), line


def test_a_wheel_is_built_repaired_and_tested(built: Built) -> None:
    """The wheel has the cell's tags, and its own tests passed on it; the report says what was emulated."""
    name, version, _, tags = parse_wheel_filename(built.wheel.name)
    assert (name, str(version)) == ("example-lz4", "1.0.0")
    assert {(tag.interpreter, tag.abi) for tag in tags} == {(str(built.cell.interpreter),) * 2}
    policy = f"_{built.cell.platform.arch}"
    assert all(tag.platform.startswith("manylinux") and tag.platform.endswith(policy) for tag in tags)
    record = built.ended.cells[str(built.cell)]
    steps = [step["step"] for step in record["steps"]]  # type: ignore[attr-defined]
    assert [step for step in steps if step in {"build", "repair", "test", "publish"}] == [
        "build",
        "repair",
        "test",
        "publish",
    ]
    log = Path(str(record["log"])).read_text("utf-8")
    assert "\nOK" in log
    report = built.ended.report
    assert report["engine"]["emulated"] == ([str(built.cell.platform.arch)] * is_foreign(built.cell))  # type: ignore[index]


def test_the_wheels_files_are_of_its_architecture(built: Built) -> None:
    """Class, byte order and machine of each file, also where the most significant byte comes first."""
    arch = built.cell.platform.arch
    with zipfile.ZipFile(built.wheel) as archive:
        found = {name: archive.read(name)[:40] for name in archive.namelist() if ".so" in name}
    assert [name for name in found if name.startswith("example_lz4.libs/liblz4-")]
    # Debian 13's liblz4 needs a library of its own, which is grafted with it.
    assert [name for name in found if name.startswith("example_lz4/")]
    for name, header in found.items():
        assert header[:4] == b"\x7fELF", name
        assert (header[4] * 32, header[5]) == (arch.bits, 2 if arch.byte_order == "big" else 1), name
        machine = int.from_bytes(header[18:20], "big" if arch.byte_order == "big" else "little")
        assert machine == arch.elf_machine, name


def test_inspect_reads_the_wheel(built: Built) -> None:
    """Tags, files, their needs and run paths are read on this machine as on the wheel's own."""
    document = json.loads(run_command("inspect", "--json", built.wheel).stdout)
    (wheel,) = document["wheels"]
    (found,) = wheel["platforms"]
    assert found["platform"] == str(built.cell.platform)
    assert found["keeps_its_promise"] is True
    places = {library["name"].partition("-")[0].partition(".")[0]: library["place"] for library in found["libraries"]}
    assert places["liblz4"] == "grafted"
    assert places["libc"] == "system"
    text = run_command("inspect", "-v", built.wheel).stdout
    assert "RPATH $ORIGIN/../example_lz4.libs" in " ".join(text.split())


def waiting_project(directory: Path, settings: str) -> tuple[Path, str]:
    """Write a project whose first command waits, with a child; return it and a word of both command lines."""
    mark = f"9{uuid4().int % 10**8}"
    files = extension_project(settings=f'before-build = "sh {{project}}/wait.sh"\n{settings}')
    return write_project(directory, files | {"wait.sh": WAIT.format(mark=mark)}), mark


@pytest.mark.parametrize("identifier", CELLS)
def test_a_time_limit_ends_all_of_a_step(tmp_path: Path, identifier: str) -> None:
    """A step that exceeds `step-timeout` is ended with the child that left its session, though both are emulated."""
    project, mark = waiting_project(tmp_path / "project", 'step-timeout = "8s"')
    ended = run_build(project, tmp_path / "out", *EMULATED.only(identifier))
    assert ended.code == 1, ended.output
    failure = ended.cells[identifier]["failure"]
    assert isinstance(failure, dict)
    assert (failure["step"], failure["reason"]) == ("before-build", "timeout")
    log = (ended.report_directory / "logs" / f"{identifier}.log").read_text("utf-8")
    assert "\nwaiting" in log
    assert processes(mark) == ()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
@pytest.mark.parametrize("identifier", CELLS)
def test_nothing_outlives_the_driver(tmp_path: Path, identifier: str, number: signal.Signals) -> None:
    """After Ctrl-C, and after SIGKILL, neither a container nor a process of an emulated cell is left."""
    project, mark = waiting_project(tmp_path / "project", "")
    output = tmp_path / "out"
    process = start(project, output, *EMULATED.only(identifier))
    log = report_dir(output) / "logs" / f"{identifier}.log"
    try:
        run = run_id(process)
        wait_for(lambda: log.exists() and b"\nwaiting" in log.read_bytes(), 120, "the command never began")
        wait_for(lambda: len(processes(mark)) == 2, 20, "the command and its child do not run")
        assert containers(run)
        process.send_signal(number)
        assert process.wait(10) == (130 if number is signal.SIGINT else -signal.SIGKILL)
        wait_for(lambda: not containers(run), 5, "a container was left")
        wait_for(lambda: not processes(mark), 5, "a process was left")
    finally:
        process.kill()
        process.communicate()


def test_the_emulators_are_registered_by_the_script() -> None:
    """A second call changes nothing, and says that all are there."""
    done = subprocess.run(
        (REPOSITORY / "scripts" / "ensure-engine", "--emulators"), capture_output=True, text=True, check=True
    )
    assert "the kernel runs programs of aarch64, arm, ppc64le, riscv64 and s390x" in done.stdout
    assert "is registered for" not in done.stdout
