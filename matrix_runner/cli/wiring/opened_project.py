"""The package, project and settings that a command works on; unpacks sdists; the host that plans are for."""

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click
import msgspec

from matrix_runner.cli.wiring.directories import cache_dir, private_directories, scratch_dir, surroundings
from matrix_runner.cli.wiring.given_flags import given_flags, words_again
from matrix_runner.config.kinds.placeholders import fill
from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.config.loading.loading import load
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.loading.workspace_table import find_workspace
from matrix_runner.config.options.output_options import OUTPUT_DIR, REPORT_DIR
from matrix_runner.config.options.run_options import DEBUG_TRACEBACK
from matrix_runner.config.options.source_options import PROJECT_DIR
from matrix_runner.errors import RunnerError, UsageError
from matrix_runner.wording import first_of

if TYPE_CHECKING:
    from matrix_runner.config.loading.workspace_table import Workspace
    from matrix_runner.engine.likely_engine import LikelyEngine
    from matrix_runner.matrix import Host, Plan
    from matrix_runner.project.source_files import SourceSelection
    from matrix_runner.request import BuildInputs

P = ParamSpec("P")
R = TypeVar("R")

_PACKAGE = click.argument("package", default=".", type=click.Path(path_type=Path))
_PROJECT = click.option(
    "--project",
    type=click.Path(path_type=Path),
    metavar="DIRECTORY",
    help="Directory to copy into the containers, {project} in commands; default: project-dir, else PACKAGE.",
)
_CONFIG_FILE = click.option(
    "--config-file",
    metavar="FILE",
    help="TOML file in place of PACKAGE/pyproject.toml; may hold {package}.",
)
_PLATFORM = click.option("--platform", type=click.Choice(["auto", "linux"]), hidden=True, expose_value=False)


def project_parameters(command: Callable[P, R]) -> Callable[P, R]:
    """Add the parameters for package, project and configuration file to a command."""
    return _PACKAGE(project_options(command))


def project_options(command: Callable[P, R]) -> Callable[P, R]:
    """Add the same to a command that takes the package among other arguments."""
    return _PROJECT(_CONFIG_FILE(_PLATFORM(command)))


class OpenedProject(msgspec.Struct, frozen=True, kw_only=True):
    """An existing project. `package`: the directory to build, relative to the project with `/`; "" for itself.

    `origin`: the sdist, if the project was unpacked from one, else the project: stable from run to run. `build_files`:
    the package's. `again`: the words by which another command is about the same package and cells. `heeds_lock`: False
    for the command that makes the lock. `members`: the packages of a workspace; the project is then its top, and the
    settings are those of the run. `neighbours`: the directories of all packages of the workspace that the package is
    of.
    """

    project: Path
    origin: Path
    package: str
    settings: Settings
    build_files: BuildFiles
    again: tuple[str, ...] = ()
    heeds_lock: bool = True
    members: tuple["MemberProject", ...] = ()
    neighbours: tuple[Path, ...] = ()

    @property
    def named_packages(self) -> frozenset[str]:
        """The packages that a command line names, as cells have them; "" for a single one."""
        if not self.members:
            return frozenset((self.settings.package,))
        return frozenset(member.opened.settings.package for member in self.members if member.is_named)

    @property
    def place(self) -> Path:
        """The package's directory, or its sdist."""
        return (self.project / self.package) if self.origin == self.project else self.origin

    @property
    def report_dir(self) -> Path:
        """The report directory, as the user would name it."""
        from matrix_runner.wheelhouse.report_directory import report_directory_for

        if self.settings[REPORT_DIR]:
            return Path(self.settings[REPORT_DIR])
        output_dir = Path(self.settings[OUTPUT_DIR])
        # Beside the name that was given, also if that is a link.
        chosen = report_directory_for(Path(os.path.abspath(output_dir)), self.project)  # noqa: PTH100
        # In the words of the user: a relative path stays one.
        is_below = not output_dir.is_absolute() and chosen.is_relative_to(Path.cwd())
        return chosen.relative_to(Path.cwd()) if is_below else chosen

    def repository_prefix(self) -> str | None:
        """Return the project's directory in its repository, "" for the top; None outside of one, as for an sdist."""
        from matrix_runner.project.git import Git

        return Git(self.project, os.environ).prefix if self.origin == self.project else None

    @property
    def source(self) -> "SourceSelection":
        """The project's files that go into the cells."""
        from matrix_runner.matrix import Plan

        return self.inputs(Plan(jobs=(), left_out=())).source

    def inputs(self, plan: "Plan") -> "BuildInputs":
        """Return the inputs of a build of the plan."""
        from matrix_runner.cli.locked.locked_plan import lock_of
        from matrix_runner.request import BuildInputs

        return BuildInputs(
            project=self.project,
            settings=self.settings,
            plan=plan,
            environ=os.environ,
            output_dir=Path(self.settings[OUTPUT_DIR]).absolute(),
            report_dir=self.report_dir.absolute(),
            build_files=self.build_files,
            package=self.package,
            origin=self.origin,
            cache=cache_dir(self.settings),
            private=private_directories(),
            lock=lock_of(self),
        )


class MemberProject(msgspec.Struct, frozen=True, kw_only=True):
    """A package of a workspace. `is_named`: whether a command line names it, by its directory or the workspace's.

    `whole`: its settings without the choice of cells on the command line, as others may need more of them.
    """

    opened: OpenedProject
    whole: Settings
    is_named: bool


@contextmanager
def open_project(
    package: Path,
    project: Path | None,
    config_file: str | None,
    flags: dict[str, object],
    workspace: "Workspace | None" = None,
) -> Iterator[OpenedProject]:
    """Load the settings of a package; an sdist is unpacked for as long as the context is open.

    `workspace`: the one that it is of; None: the one that is found. Raise ConfigError with every mistake, UsageError
    for an unbuildable package, or a workspace, which is several.
    """
    again = words_again(package, project, config_file, flags)
    with ExitStack() as stack:
        sdist = None
        if not package.is_dir():
            # Most packages are directories, and start a little sooner without this import.
            from matrix_runner.project.sdist import is_sdist, open_sdist

            if is_sdist(package):
                sdist = package.resolve()
                if project is not None:
                    raise UsageError("--project is for directories: an sdist is its own project")
                package = project = stack.enter_context(open_sdist(package, scratch_dir()))
        elif workspace is None:
            workspace = find_workspace(package, Path.cwd())
            if workspace is not None and package.resolve() not in workspace.packages:
                raise UsageError(
                    f"{package.resolve()} is a workspace, and this command is about one package",
                    hint=f"Name one: {first_of([str(each) for each in workspace.packages], 3)}.",
                )
        configuration = None if config_file is None else Path(fill(config_file, {"package": str(package)}))
        files = BuildFiles(package)
        settings = load(
            package,
            environ=os.environ,
            flags=given_flags(flags),
            config_file=configuration,
            files=files,
            workspace=workspace,
        )
        root = _root(package.resolve(), project, settings)
        below = package.resolve().relative_to(root).as_posix()
        try:
            yield OpenedProject(
                project=root,
                origin=sdist or root,
                again=again,
                package="" if below == "." else below,
                settings=settings,
                build_files=files,
                neighbours=() if workspace is None else workspace.packages,
            )
        except Exception as error:
            mask_secrets(error, settings)
            if isinstance(error, RunnerError) and settings[DEBUG_TRACEBACK]:
                traceback.print_exc(file=sys.stderr)
            raise


def mask_secrets(error: Exception, settings: Settings) -> None:
    """Mask secrets in an error's message and traceback, such as a password in the URL of `cache-remote`."""
    from matrix_runner.redaction.run_secrets import redactor_of

    redactor_of((settings,), os.environ, sees_environment=True).mask_error(error)


def _root(package: Path, project: Path | None, settings: Settings) -> Path:
    """Return the directory to copy: the given project, else that of `project-dir`, else the package.

    cibuildwheel takes the current directory if the package is below it; its projects get the same here.
    """
    if project is not None or settings[PROJECT_DIR]:
        root = (package / settings[PROJECT_DIR] if project is None else project).resolve()
        if not root.is_dir() or not package.is_relative_to(root):
            origin = settings.origin(PROJECT_DIR) if project is None else "--project"
            raise UsageError(
                f"{package} is not in the project {root} ({origin})",
                hint="--project, or project-dir in the table, names a directory around it",
            )
        return root
    here = Path.cwd().resolve()
    return here if settings.is_drop_in and package.is_relative_to(here) else package


class PlannedPlace(msgspec.Struct, frozen=True, kw_only=True):
    """The engine that a build would choose, and the host of its cells."""

    engine: "LikelyEngine"
    host: "Host"


def planned_place(settings: Settings) -> PlannedPlace:
    """Return the engine and host for a plan; print the reason for an engine that was not named. No engine is asked.

    This machine itself only if it is named: a plan is also made where nothing is built, as on a laptop without an
    engine, or in the CI job that distributes the others.
    """
    from matrix_runner.config.kinds.values import EngineChoice
    from matrix_runner.config.options.engine_options import ENGINES
    from matrix_runner.config.options.run_options import CONTAINER_ENGINE
    from matrix_runner.engine.likely_engine import LikelyEngine, likely_engine
    from matrix_runner.engine.planning_host import container_host, local_host

    choice = settings[CONTAINER_ENGINE].name
    engine = likely_engine(choice, os.environ)
    if engine.is_local and choice is EngineChoice.AUTO:
        click.echo(f"planned for containers, although a build here would have {engine.remark}", err=True)
        engine = LikelyEngine(choice=EngineChoice.DOCKER)
    elif engine.remark:
        click.echo(engine.remark, err=True)
    if engine.is_local:
        from matrix_runner.engine.selection import local_engine

        return PlannedPlace(engine=engine, host=local_host(local_engine("plan", surroundings())))
    own = container_host(machine=None, endpoint=engine.endpoint)
    if settings[ENGINES]:
        from matrix_runner.engine.remote.node_selection import foreseen_host

        return PlannedPlace(engine=engine, host=foreseen_host(settings[ENGINES], own))
    return PlannedPlace(engine=engine, host=own)


def tell(settings: Settings) -> None:
    """Print the notices on the configuration."""
    for notice in settings.notices:
        click.echo(f"note: {notice}", err=True)


def notices_of(opened: OpenedProject) -> tuple[str, ...]:
    """Return the notices on the configuration, of a workspace with the package that each is about."""
    own = [
        f"{member.opened.settings.package}: {notice}"
        for member in opened.members
        for notice in member.opened.settings.notices
    ]
    return (*opened.settings.notices, *own)
