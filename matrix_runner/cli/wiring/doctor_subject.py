"""What `runner doctor` examines: the machine as a build here would use it, with the project here if there is one."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from matrix_runner.cli.wiring.directories import cache_dir, processors, scratch_dir, state_dir, surroundings
from matrix_runner.cli.wiring.given_flags import given_flags
from matrix_runner.cli.wiring.opened_project import OpenedProject, open_project
from matrix_runner.config.kinds.values import Variables
from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.config.loading.loading import load_outside
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.loading.workspace_table import PROJECT_FILES
from matrix_runner.config.options.build_options import ENVIRONMENT
from matrix_runner.config.options.output_options import OUTPUT_DIR
from matrix_runner.config.options.run_options import CONTAINER_ENGINE, JOBS
from matrix_runner.config.options.test_options import TEST_ENVIRONMENT
from matrix_runner.doctor.subject import ExaminedProject, Purpose, Subject
from matrix_runner.errors import RunnerError
from matrix_runner.redaction.run_secrets import redactor_of

if TYPE_CHECKING:
    from matrix_runner.matrix import Host

_OF_THE_NETWORK = ("PIP_", "UV_", "SSL_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@contextmanager
def doctor_subject(
    package: Path, project: Path | None, config_file: str | None, flags: dict[str, object]
) -> Iterator[Subject]:
    """Yield what is examined; an sdist is unpacked for as long. Raise UsageError for a mistake in flags or variables.

    A directory that is no project is none; a project with mistakes is examined without its plan.
    """
    is_sdist = package.exists() and not package.is_dir()
    is_project = is_sdist or config_file is not None or any(map(BuildFiles(package).has, PROJECT_FILES))
    if not is_project and package == Path():
        yield _outside(flags)
        return
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(open_project(package, project, config_file, flags))
        except RunnerError as error:
            if not package.exists():
                raise
            subject = replace(_outside(flags), mistake=error)
        else:
            subject = _of_project(opened)
        yield subject


def _outside(flags: dict[str, object]) -> Subject:
    return _subject(load_outside(environ=os.environ, flags=given_flags(flags)))


def _of_project(opened: OpenedProject) -> Subject:
    subject = _subject(opened.settings, (Purpose.OUTPUT, Path(opened.settings[OUTPUT_DIR]).absolute()))
    subject = replace(subject, places=(*subject.places, (Purpose.REPORT, opened.report_dir.absolute())))
    try:
        return replace(subject, project=_examined(opened, subject))
    except RunnerError as error:
        return replace(subject, mistake=error)


def _subject(settings: Settings, *more: tuple[Purpose, Path]) -> Subject:
    from matrix_runner.engine.likely_engine import likely_engine
    from matrix_runner.engine.selection import local_engine

    engine = settings[CONTAINER_ENGINE]
    places = ((Purpose.CACHE, cache_dir(settings)), (Purpose.SCRATCH, scratch_dir()), (Purpose.STATE, state_dir()))
    return Subject(
        environ=os.environ,
        surroundings=surroundings(),
        local=local_engine("doctor", surroundings()),
        choice=engine.name,
        wants_containers=not likely_engine(engine.name, os.environ).is_local,
        places=(*more, *places),
        workers=settings[JOBS] or processors(),
        arguments=engine.arguments,
        variables=_of_the_network(settings),
        # Not of the settings: an address that comes from outside is no secret, but what the doctor is about.
        redactor=redactor_of((), os.environ, sees_environment=True),
    )


def _examined(opened: OpenedProject, subject: Subject) -> ExaminedProject:
    from matrix_runner import catalog
    from matrix_runner.matrix import make_plan

    plan = make_plan(opened.settings, catalog.load(), _host(subject))
    return ExaminedProject(
        directory=opened.project,
        plan=plan,
        files=opened.build_files,
        wheel_bytes=_size_of_last_wheels(opened.report_dir),
    )


def _host(subject: Subject) -> "Host":
    from matrix_runner.engine.likely_engine import likely_engine
    from matrix_runner.engine.planning_host import container_host, local_host

    if not subject.wants_containers:
        return local_host(subject.local)
    return container_host(machine=None, endpoint=likely_engine(subject.choice, subject.environ).endpoint)


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
