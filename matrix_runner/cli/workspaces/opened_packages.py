"""The packages that a command works on: one, or several in one run, with the settings that they have in common."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from matrix_runner.cli.wiring.given_flags import given_flags, words_again
from matrix_runner.cli.wiring.opened_project import (
    MemberProject,
    OpenedProject,
    mask_secrets,
    open_project,
    project_options,
)
from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.config.loading.loading import load, load_outside, package_name
from matrix_runner.config.loading.metadata import read_metadata
from matrix_runner.config.loading.toml_file import Unreadable
from matrix_runner.config.loading.workspace_table import find_workspace
from matrix_runner.config.options.selection_options import BUILD
from matrix_runner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from matrix_runner.cli.wiring.opened_project import P, R
    from matrix_runner.config.loading.workspace_table import Workspace

_PACKAGES = click.argument("packages", nargs=-1, metavar="[PACKAGE]...", type=click.Path(path_type=Path))


def packages_parameters(command: "Callable[P, R]") -> "Callable[P, R]":
    """Add the parameters for packages, project and configuration file to a command."""
    return _PACKAGES(project_options(command))


@contextmanager
def open_packages(
    packages: Sequence[Path], project: Path | None, config_file: str | None, flags: dict[str, object]
) -> Iterator[OpenedProject]:
    """Load the settings of the packages that a command line names; without any, of the one in this directory.

    The directory of a workspace means all of its packages; one of them means that one, and whatever it needs of the
    others. The result has `members` if a run is about a workspace, or about several packages that are none.

    Raise ConfigError with every mistake, UsageError for an unbuildable package.
    """
    named = tuple(dict.fromkeys(packages)) or (Path(),)
    workspace = workspace_of(named)
    if workspace is None and len(named) == 1:
        with open_project(named[0], project, config_file, flags) as opened:
            yield opened
        return
    with ExitStack() as stack:
        members = []
        for path, is_named in named_paths(named, workspace):
            opened = stack.enter_context(open_project(path, project, config_file, flags, workspace or _none(path)))
            whole = opened.settings
            if "build" in given_flags(flags) or not is_named:
                others = {name: value for name, value in flags.items() if name != BUILD.name}
                whole = stack.enter_context(
                    open_project(path, project, config_file, others, workspace or _none(path))
                ).settings
            members.append(MemberProject(opened=opened, whole=whole, is_named=is_named))
        _check_names(members)
        top = Path.cwd() if workspace is None else workspace.directory
        given = given_flags(flags)
        settings = (
            load_outside(environ=os.environ, flags=given)
            if workspace is None
            else load(top, environ=os.environ, flags=given)
        )
        again = words_again(Path(), project, config_file, flags)
        run = OpenedProject(
            project=top,
            origin=top,
            again=(*(str(path) for path in named if path != Path()), *again),
            package="",
            settings=settings,
            build_files=BuildFiles(top),
            members=tuple(members),
        )
        try:
            yield run
        except Exception as error:
            mask_secrets(error, settings)
            raise


def package_of_cell(cell: str, package: Path) -> Path:
    """Return the directory of the package that a cell's identifier names, where a workspace is named; else the same."""
    name, colon, _ = cell.rpartition(":")
    workspace = find_workspace(package, Path.cwd()) if colon and package.is_dir() else None
    if workspace is None or workspace.directory != package.resolve():
        return package
    for directory in workspace.packages:
        files = BuildFiles(directory)
        with suppress(Unreadable):
            found = files.pyproject()
            if package_name(read_metadata(files, {} if found is None else found.content).name, directory) == name:
                return directory
    return package


def full_identifier(cell: str, opened: OpenedProject) -> str:
    """Return an identifier with the package in front, if that is of a workspace and was left out."""
    package = opened.settings.package
    return f"{package}:{cell}" if package and ":" not in cell else cell


def _none(path: Path) -> "Workspace":
    """Return the workspace of a package that was named beside others, none of which has one."""
    from matrix_runner.config.loading.diagnostics import Document
    from matrix_runner.config.loading.workspace_table import Workspace

    nowhere = Document(label="", content={}, lines={})
    return Workspace(directory=Path.cwd(), packages=(path.resolve(),), document=nowhere)


def workspace_of(named: Sequence[Path]) -> "Workspace | None":
    """Return the workspace of named packages. Raise UsageError for those of different ones."""
    found = [find_workspace(path, Path.cwd()) if path.is_dir() else None for path in named]
    first = found[0]
    for path, other in zip(named, found, strict=True):
        if (None if other is None else other.directory) != (None if first is None else first.directory):
            place = next(each for each in (first, other) if each is not None)
            one = named[0] if other is not None else path
            raise UsageError(
                f"{one} is not of the workspace in {place.directory}",
                hint="Name packages of one workspace, or several of none.",
            )
    return first


def named_paths(named: Sequence[Path], workspace: "Workspace | None") -> Iterator[tuple[Path, bool]]:
    """Yield the path of each package, as the user would name it, and whether the command line names it."""
    if workspace is None:
        yield from ((path, True) for path in named)
        return
    wanted, here = {path.resolve() for path in named}, Path.cwd().resolve()
    for directory in workspace.packages:
        shown = directory.relative_to(here) if directory.is_relative_to(here) else directory
        yield shown, not wanted.isdisjoint({directory, workspace.directory})


def _check_names(members: Sequence[MemberProject]) -> None:
    """Raise UsageError if two packages have one name, by which their cells are told apart."""
    seen: dict[str, OpenedProject] = {}
    for member in members:
        name = member.opened.settings.package
        if name in seen:
            places = f"{seen[name].place} and {member.opened.place}"
            raise UsageError(f"two packages are called {name}: {places}", hint="Names tell their cells apart.")
        seen[name] = member.opened
