"""Builds on the machine itself, without a container: what its cells share, and what they do not."""

import os
import sys
from pathlib import Path

from engine_surroundings import surroundings
from fake_run import Recorder
from msgspec.structs import replace
from planning import job_for, settings_with
from runner_process import runner_environ
from stub_project import stub_project

from matrix_runner import catalog
from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.config.options.build_options import BEFORE_ALL, BEFORE_BUILD, REPAIR_WHEEL_COMMAND
from matrix_runner.engine.local.local_engine import LocalEngine
from matrix_runner.engine.local.python_discovery import FoundInterpreter
from matrix_runner.engine.node import Node
from matrix_runner.matrix import Plan
from matrix_runner.model.outcomes import Status
from matrix_runner.model.platforms import Arch
from matrix_runner.request import BuildInputs, BuildRequest
from matrix_runner.run import build

# The machine's architecture, or tests could not run there.
MACHINE = Arch.of_machine(os.uname().machine) or Arch.X86_64


def order(directory: Path, engine: LocalEngine, known: catalog.Catalog) -> BuildRequest:
    """Return an order of two cells, whose `before-build` needs what `before-all` left in the project."""
    settings = settings_with(
        {
            BEFORE_ALL: "echo made >> {project}/made",
            BEFORE_BUILD: 'test "$(cat {project}/made)" = made',
            REPAIR_WHEEL_COMMAND: "",
        },
        project_name="stub",
    )
    cells = (f"{interpreter}-manylinux_{MACHINE}" for interpreter in ("cp311", "cp312"))
    jobs = tuple(replace(job_for(cell, known, settings), image=None) for cell in cells)
    project = stub_project(directory).project
    return BuildRequest(
        run="r1",
        inputs=BuildInputs(
            project=project,
            settings=settings,
            plan=Plan(jobs=jobs, left_out=()),
            environ={},
            output_dir=directory / "wheelhouse",
            report_dir=directory / "wheelhouse-report",
            build_files=BuildFiles(project),
        ),
        catalog=known,
        nodes=(Node(engine=engine, info=engine.check(), slots=1),),
        scratch=directory / "scratch",
        log_path=lambda job: f"logs/{job.cell}.log",
        listeners=(Recorder(),),
    )


def test_every_cell_finds_what_before_all_left_in_the_project(tmp_path: Path) -> None:
    """What `before-all` makes in the project, such as a static library, is there for all cells, made once."""
    # One Python under two names: the backend names its wheels by the cell.
    interpreters = tuple(
        FoundInterpreter(
            directory=name, executable=Path(sys.executable), version="3", bits=MACHINE.bits, machine=MACHINE.tag
        )
        for name in ("cp311-cp311", "cp312-cp312")
    )
    engine = LocalEngine(
        run="r1",
        surroundings=surroundings(tmp_path, runner_environ()),
        interpreters=interpreters,
    )
    try:
        report = build(order(tmp_path, engine, catalog.load()))
    finally:
        engine.close()
    assert [(each.failure, each.status) for each in report.outcomes] == [(None, Status.PASSED)] * 2
    assert len(list((tmp_path / "wheelhouse").glob("*.whl"))) == 2
