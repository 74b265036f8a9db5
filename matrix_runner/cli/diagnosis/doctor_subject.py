"""What `runner doctor` examines: the machines as a build here would use them, with the project here if there is one."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from matrix_runner.cli.clusters.spread_settings import check_spread, is_spread
from matrix_runner.cli.diagnosis.doctor_packages import mistaken_packages, packages_of
from matrix_runner.cli.wiring.directories import cache_dir, processors, scratch_dir, state_dir, surroundings
from matrix_runner.cli.wiring.given_flags import given_flags
from matrix_runner.cli.wiring.opened_project import OpenedProject
from matrix_runner.cli.workspaces.opened_packages import open_packages
from matrix_runner.config.kinds.values import Variables
from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.config.loading.loading import load_outside
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.loading.workspace_table import PROJECT_FILES
from matrix_runner.config.options.build_options import ENVIRONMENT
from matrix_runner.config.options.engine_options import CLUSTER, ENGINES
from matrix_runner.config.options.output_options import OUTPUT_DIR
from matrix_runner.config.options.run_options import CONTAINER_ENGINE, JOBS
from matrix_runner.config.options.test_options import TEST_ENVIRONMENT
from matrix_runner.doctor.subject import ExaminedProject, Purpose, Subject
from matrix_runner.errors import RunnerError
from matrix_runner.redaction.run_secrets import redactor_of

if TYPE_CHECKING:
    from matrix_runner.catalog import Catalog
    from matrix_runner.matrix import Host, Plan

_OF_THE_NETWORK = ("PIP_", "UV_", "SSL_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@contextmanager
def doctor_subject(
    packages: Sequence[Path], project: Path | None, config_file: str | None, flags: dict[str, object]
) -> Iterator[Subject]:
    """Yield what is examined; an sdist is unpacked for as long. Raise UsageError for a mistake in flags or variables.

    A directory that is no project is none; a project with mistakes is examined without its plan, and so is a workspace
    in which a package has some.
    """
    named = tuple(dict.fromkeys(packages)) or (Path(),)
    is_project = config_file is not None or any(map(_is_project, named))
    if not is_project and named == (Path(),):
        yield _outside(flags)
        return
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(open_packages(packages, project, config_file, flags))
        except RunnerError as error:
            if not all(package.exists() for package in named):
                raise
            subject = _without_project(named, flags)
            found = mistaken_packages(named, project, config_file, flags)
            # One that none of the packages has by itself is of all together.
            is_of_all = not any(package.mistake for package in found)
            subject = replace(subject, packages=found, mistake=error if is_of_all else None)
        else:
            subject = _of_project(opened)
        yield subject


def _is_project(package: Path) -> bool:
    is_sdist = package.exists() and not package.is_dir()
    return is_sdist or any(map(BuildFiles(package).has, PROJECT_FILES))


def _outside(flags: dict[str, object]) -> Subject:
    return _subject(load_outside(environ=os.environ, flags=given_flags(flags)))


def _without_project(named: Sequence[Path], flags: dict[str, object]) -> Subject:
    """Return the machine as the settings of the run have it, as far as these can be read."""
    from matrix_runner.config.loading.loading import load
    from matrix_runner.config.loading.workspace_table import find_workspace

    try:
        workspace = find_workspace(named[0], Path.cwd()) if named[0].is_dir() else None
        if workspace is not None:
            return _subject(load(workspace.directory, environ=os.environ, flags=given_flags(flags)))
    except RunnerError:
        pass
    return _outside(flags)


def _of_project(opened: OpenedProject) -> Subject:
    subject = _subject(opened.settings, (Purpose.OUTPUT, Path(opened.settings[OUTPUT_DIR]).absolute()))
    subject = replace(
        subject,
        places=(*subject.places, (Purpose.REPORT, opened.report_dir.absolute())),
        packages=packages_of(opened),
    )
    try:
        check_spread(opened.settings, is_from_sdist=opened.origin != opened.project)
    except RunnerError as error:
        # Which of the two is meant is not known, so neither is asked.
        return replace(subject, mistake=error, engines=(), cluster="")
    try:
        return replace(subject, project=_examined(opened, subject))
    except RunnerError as error:
        return replace(subject, mistake=error)


def _subject(settings: Settings, *more: tuple[Purpose, Path]) -> Subject:
    from matrix_runner.cli.clusters.worker_place import OwnPlace
    from matrix_runner.engine.likely_engine import likely_engine
    from matrix_runner.engine.selection import local_engine

    engine = settings[CONTAINER_ENGINE]
    places = ((Purpose.CACHE, cache_dir(settings)), (Purpose.SCRATCH, scratch_dir()), (Purpose.STATE, state_dir()))
    return Subject(
        environ=os.environ,
        surroundings=surroundings(),
        local=local_engine("doctor", surroundings()),
        choice=engine.name,
        wants_containers=is_spread(settings) or not likely_engine(engine.name, os.environ).is_local,
        places=(*more, *places),
        workers=settings[JOBS] or processors(),
        arguments=engine.arguments,
        variables=_of_the_network(settings),
        # Not of the settings: an address that comes from outside is no secret, but what the doctor is about.
        redactor=redactor_of((), os.environ, sees_environment=True),
        engines=settings[ENGINES],
        cluster=settings[CLUSTER],
        place=OwnPlace(choice=engine.name),
        jobs=settings[JOBS],
    )


def _examined(opened: OpenedProject, subject: Subject) -> ExaminedProject:
    from matrix_runner import catalog

    plan_for = partial(_plan, opened, catalog.load())
    return ExaminedProject(
        directory=opened.project,
        plan=plan_for(_host(subject)),
        files=opened.build_files,
        wheel_bytes=_size_of_last_wheels(opened.report_dir),
        plan_for=plan_for,
    )


def _plan(opened: OpenedProject, known: "Catalog", host: "Host") -> "Plan":
    from matrix_runner.cli.workspaces.packages_plan import plan_packages
    from matrix_runner.nodes.opened_run import no_sdist_by_clusters

    found = plan_packages(opened, known, host)
    if opened.settings[CLUSTER]:
        makers = (each.opened.inputs(each.plan).sdist_maker(host) for each in found.packages if each.plan.jobs)
        if any(maker is not None for maker in makers):
            raise no_sdist_by_clusters()
    return found.plan


def _host(subject: Subject) -> "Host":
    from matrix_runner.engine.likely_engine import likely_engine
    from matrix_runner.engine.planning_host import container_host, local_host
    from matrix_runner.engine.remote.node_selection import foreseen_host

    if not subject.wants_containers:
        return local_host(subject.local)
    own = container_host(machine=None, endpoint=likely_engine(subject.choice, subject.environ).endpoint)
    return foreseen_host(subject.engines, own) if subject.engines else own


def _size_of_last_wheels(report_dir: Path) -> int | None:
    from matrix_runner.report.summary.report_json import wheels_of
    from matrix_runner.report.summary.report_writers import REPORT

    try:
        wheels = wheels_of((report_dir / REPORT).read_bytes())
    except OSError:
        return None
    return sum({wheel.name: wheel.size for wheel in wheels.values()}.values()) or None


def _of_the_network(settings: Settings) -> Variables:
    """Return the variables of cells by which pip and uv are told of indexes, proxies and certificates, if literal."""
    from matrix_runner.recipe.commands import passed_variables

    pairs = (*passed_variables(settings, os.environ), *settings[ENVIRONMENT], *settings[TEST_ENVIRONMENT])
    return tuple(
        (name, value)
        for name, value in pairs
        if (name.startswith(_OF_THE_NETWORK) or name.lower().endswith("_proxy")) and not set("$`\\") & set(value)
    )
