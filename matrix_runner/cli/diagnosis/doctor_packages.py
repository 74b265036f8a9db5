"""The packages of a workspace, or those that were named, each for itself: one with mistakes hides no other."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from matrix_runner.cli.wiring.opened_project import OpenedProject, open_project
from matrix_runner.cli.workspaces.opened_packages import named_paths, workspace_of
from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.doctor.subject import ExaminedPackage
from matrix_runner.errors import RunnerError

if TYPE_CHECKING:
    from matrix_runner.config.loading.workspace_table import Workspace


def packages_of(opened: OpenedProject) -> tuple[ExaminedPackage, ...]:
    """Return the packages of a run that has several; none for a single one."""
    return tuple(
        ExaminedPackage(
            name=member.opened.settings.package, directory=member.opened.place, files=member.opened.build_files
        )
        for member in opened.members
    )


def mistaken_packages(
    named: Sequence[Path], project: Path | None, config_file: str | None, flags: dict[str, object]
) -> tuple[ExaminedPackage, ...]:
    """Return the packages of a run that cannot begin, each with its own mistake; none for a single one."""
    workspace = None
    with suppress(RunnerError):
        workspace = workspace_of(named)
    if workspace is None and len(named) == 1:
        return ()
    return tuple(_each(named, workspace, project, config_file, flags))


def _each(
    named: Sequence[Path],
    workspace: "Workspace | None",
    project: Path | None,
    config_file: str | None,
    flags: dict[str, object],
) -> Iterator[ExaminedPackage]:
    for path, _ in named_paths(named, workspace):
        mistake, name = None, path.as_posix()
        try:
            with open_project(path, project, config_file, flags, workspace) as opened:
                name = opened.settings.package or name
        except RunnerError as error:
            mistake = error
        yield ExaminedPackage(name=name, directory=path, files=BuildFiles(path), mistake=mistake)
