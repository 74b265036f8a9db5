"""Wheels that are built once more, in a place of their own, and held against the ones that are there."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec

from matrix_runner.cli.wiring.opened_project import OpenedProject, open_project
from matrix_runner.errors import UsageError, WheelRejected

if TYPE_CHECKING:
    from matrix_runner.model.cells import Cell
    from matrix_runner.model.outcomes import Report


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """The project that wheels are built of: the words of the command line that name it and its plan."""

    package: Path
    project: Path | None
    config_file: str | None
    flags: Mapping[str, object]


class HeldWheel(msgspec.Struct, frozen=True, kw_only=True):
    """A wheel that was built once more. `difference`: a clause, "" for the same bytes.

    `is_missing`: its cell has left no wheel of that name, as it failed, or as the name has changed: `difference` says.
    """

    name: str
    difference: str = ""
    is_missing: bool = False


class Rebuild(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome. `report`: of the run."""

    report: "Report"
    wheels: tuple[HeldWheel, ...]


def rebuild(project: Project, wheels: Sequence[Path]) -> Rebuild:
    """Build the cells of wheels once more, with nothing of earlier runs, and compare. `wheels`: none for all there are.

    Raise UsageError if there are none, or for one of no cell; WheelRejected for a file that is no wheel.
    """
    with open_project(project.package, project.project, project.config_file, dict(project.flags)) as opened:
        chosen = tuple(wheels) or _delivered(opened)
        cells = _cells(opened, chosen)
    names = tuple(dict.fromkeys(map(str, cells.values())))
    with TemporaryDirectory(prefix="matrix-runner-verify-") as scratch:
        place = {"output_dir": f"{scratch}/wheelhouse", "report_dir": f"{scratch}/report"}
        flags = {**project.flags, "build": names, "no_cache": True, **place}
        with open_project(project.package, project.project, project.config_file, flags) as opened:
            report = _build(opened)
        held = [_held(wheel, report, cell, Path(scratch, "wheelhouse")) for wheel, cell in cells.items()]
    return Rebuild(report=report, wheels=tuple(held))


def _delivered(opened: OpenedProject) -> tuple[Path, ...]:
    from matrix_runner.config.options.output_options import OUTPUT_DIR

    directory = Path(opened.settings[OUTPUT_DIR])
    found = tuple(sorted(directory.glob("*.whl")))
    if not found:
        raise UsageError(
            f"{directory} has no wheel to be verified",
            hint="`runner build` makes them; or name wheels of another place.",
        )
    return found


def _cells(opened: OpenedProject, wheels: Sequence[Path]) -> "dict[Path, Cell]":
    """Return the cell of each wheel: as the last report says, else by its name."""
    from matrix_runner.report.summary.report_json import wheels_of
    from matrix_runner.report.summary.report_writers import REPORT
    from matrix_runner.wheelhouse.wheel_cells import cell_of
    from matrix_runner.wheelhouse.wheel_name import parse_name

    report = opened.report_dir / REPORT
    reported = {record.name: cell for cell, record in wheels_of(_content(report)).items()}
    found: dict[Path, Cell] = {}
    for wheel in wheels:
        if not wheel.is_file():
            raise WheelRejected(f"{wheel}: no such file")
        cell = reported.get(wheel.name) or cell_of(parse_name(wheel.name))
        if cell is None:
            raise UsageError(
                f"{wheel.name} is of no cell: its name is that of a wheel for any Python, or another system"
            )
        found[wheel] = cell
    return found


def _content(report: Path) -> bytes:
    try:
        return report.read_bytes()
    except OSError:
        # Wheels from elsewhere have none here.
        return b""


def _build(opened: OpenedProject) -> "Report":
    from msgspec.structs import replace

    from matrix_runner.cli.wiring.performed_build import usual_show
    from matrix_runner.cli.wiring.planned_build import planned_build, standard_streams
    from matrix_runner.config.options.output_options import LOG_FOLDS, PROGRESS
    from matrix_runner.report.cell_logs import CellLogs
    from matrix_runner.report.ci.detection import ci_system
    from matrix_runner.report.console.console_choice import choose_progress
    from matrix_runner.run import build
    from matrix_runner.wheelhouse.report_directory import LOGS

    settings, streams = opened.settings, standard_streams()
    progress = choose_progress(settings[PROGRESS], os.environ, is_terminal=sys.stdout.isatty(), verbose=False)
    shown = usual_show(progress, streams, verbose=False)
    logs, system = CellLogs(opened.report_dir / LOGS), ci_system(os.environ, settings[LOG_FOLDS])
    with planned_build(opened, streams, progress) as planned:
        if planned is None:
            raise UsageError("the plan has none of the cells of these wheels")
        with shown.console_of(opened, logs, system) as console:
            # What it takes without a cache says nothing of the next build.
            return build(replace(planned.request(opened, logs, (console,)), durations=None))


def _held(wheel: Path, report: "Report", cell: "Cell", rebuilt: Path) -> HeldWheel:
    """Hold a wheel against what its cell has left in a directory."""
    from matrix_runner.files import sha256_of
    from matrix_runner.wheelhouse.wheel_difference import difference

    outcome = next((each for each in report.outcomes if each.cell == cell), None)
    other = None if outcome is None else outcome.wheel
    if other is None:
        said = "its cell was not built" if outcome is None or outcome.failure is None else outcome.failure.message
        return HeldWheel(name=wheel.name, difference=said, is_missing=True)
    if other.name != wheel.name:
        text = f"its cell makes {other.name} now"
        return HeldWheel(name=wheel.name, difference=text, is_missing=True)
    if other.sha256 == sha256_of(wheel):
        return HeldWheel(name=wheel.name)
    return HeldWheel(name=wheel.name, difference=difference(wheel, rebuilt / other.name))
