"""The files of a run on a cluster's worker: those that orders bring, and those that deliveries take along."""

from functools import partial
from pathlib import Path

from matrix_runner import catalog
from matrix_runner.cluster.orders import CellDelivery, CellOrder, RunOrder
from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.engine.node import Node
from matrix_runner.matrix import Plan
from matrix_runner.model.outcomes import Outcome
from matrix_runner.request import BuildInputs, BuildRequest
from matrix_runner.workspace.needed_wheels import NeededWheels
from matrix_runner.workspace.needs import Needs


def inputs_of(order: RunOrder, scratch: Path) -> BuildInputs:
    """Return the inputs of a run on a worker: of the project's files those that are read outside of cells."""
    project = scratch / "project"
    project.mkdir()
    for file in order.constraints:
        written(project, file.name, file.data)
    origin = None if order.sdist is None else written(scratch, order.sdist.name, order.sdist.data)
    return BuildInputs(
        project=project,
        settings=order.settings,
        plan=Plan(jobs=(), left_out=()),
        environ=order.environ,
        output_dir=scratch,
        report_dir=scratch,
        build_files=BuildFiles(project),
        package=order.package,
        origin=origin,
        lock=order.lock,
    )


def request_of(order: RunOrder, inputs: BuildInputs, node: Node, scratch: Path) -> BuildRequest:
    """Return the request of a run on a worker. `node`: its engine."""
    return BuildRequest(
        run=order.run,
        inputs=inputs,
        catalog=catalog.load(),
        nodes=(node,),
        scratch=scratch,
        log_path=lambda _: "",
        listeners=(),
    )


def needed_of(order: CellOrder, room: Path) -> NeededWheels:
    """Return the wheels that a cell needs of others, written to files."""
    needed = NeededWheels(Needs(of_cells={order.cell: order.needs}))
    for builder, file in order.needed:
        needed.end(builder, partial(Path, written(room / "needed", file.name, file.data)))
    return needed


def written(directory: Path, name: str, data: bytes) -> Path:
    """Write a file of an order; return its path."""
    target = directory / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    return target


def delivery_of(outcome: Outcome, room: Path, inputs: BuildInputs) -> CellDelivery:
    """Return a cell's outcome with its files."""
    wheel = outcome.wheel
    statement = None if wheel is None or wheel.provenance is None else inputs.statement_of(wheel.name)
    results = inputs.tests_dir / f"{outcome.cell.stem}.xml"
    return CellDelivery(
        outcome=outcome,
        wheel=None if wheel is None else (room / "wheels" / wheel.name).read_bytes(),
        statement=None if statement is None else statement.read_bytes(),
        results=results.read_bytes() if results.is_file() else None,
    )
