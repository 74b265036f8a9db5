"""The statement of a cell's wheel, made of all that its build was given and has used. Pure but for a file's digest."""

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import msgspec

from matrix_runner import __version__
from matrix_runner.config.kinds.values import Frontend
from matrix_runner.config.options.option import Source
from matrix_runner.config.options.run_options import CONTAINER_ENGINE
from matrix_runner.container.sandbox import rights_of
from matrix_runner.engine.api import EngineInfo
from matrix_runner.files import sha256_of
from matrix_runner.matrix import Job
from matrix_runner.model.outcomes import WheelRecord
from matrix_runner.probe.image_probe import ProbedImage
from matrix_runner.project.source_archive import SourceArchive
from matrix_runner.provenance.statement import (
    BUILD_TYPE,
    BUILDER_ID,
    CELL,
    BuildDefinition,
    Builder,
    Metadata,
    Predicate,
    Resource,
    RunDetails,
    Statement,
    Subject,
)
from matrix_runner.provenance.used_resources import (
    given_sdist,
    image_resource,
    made_sdist,
    requirement_resources,
    source_resource,
    tool_resources,
)
from matrix_runner.recipe.cell_recipe import CellRecipe
from matrix_runner.recipe.frontends.installed_requirements import Requirements
from matrix_runner.redaction.readable_values import readable
from matrix_runner.redaction.redactor import Redactor
from matrix_runner.request import BuildInputs
from matrix_runner.toml import loads

if TYPE_CHECKING:
    # A run without an sdist needs nothing of it.
    from matrix_runner.project.made_sdist import MadeSdist


class CellBuild(msgspec.Struct, frozen=True, kw_only=True):
    """A finished build of a cell. `run`: the run's id. `source`: what was packed; `sdist`: what the run made of it.

    `image`: what the cell ran in, also where an earlier cell's `before-all` has prepared it (`is_prepared`).
    `requirements`: what the build's environment had.
    """

    run: str
    inputs: BuildInputs
    engine: EngineInfo
    source: SourceArchive
    sdist: "MadeSdist | None"
    image: ProbedImage
    recipe: CellRecipe
    requirements: Requirements
    is_prepared: bool
    started: datetime
    redactor: Redactor

    @property
    def job(self) -> Job:
        """The cell with its settings."""
        return self.recipe.job


def state(build: CellBuild, wheel: WheelRecord) -> Statement:
    """Return the statement of a published wheel, without secrets. The build ends now. Raise OSError."""
    definition = BuildDefinition(
        build_type=BUILD_TYPE,
        external_parameters={
            CELL: build.job.cell.local,
            "package": build.inputs.package or ".",
            "settings": dict(_settings(build.job, build.redactor)),
        },
        internal_parameters=dict(_internal(build)),
        resolved_dependencies=(
            *_sources(build),
            *(() if build.job.image is None else (image_resource(build.image.reference, build.image.image),)),
            *tool_resources(build.recipe.tools, "this machine" if build.job.image is None else "the image"),
            *requirement_resources(build.requirements.installed),
        ),
    )
    details = RunDetails(
        builder=Builder(id=BUILDER_ID, version={"matrix-runner": __version__}),
        metadata=Metadata(
            invocation_id=f"{build.run}/{build.job.cell}",
            started_on=_written(build.started),
            finished_on=_written(datetime.now(timezone.utc)),
        ),
    )
    statement = Statement(
        subject=(Subject(name=wheel.name, digest={"sha256": wheel.sha256}),),
        predicate=Predicate(build_definition=definition, run_details=details),
    )
    return statement.masked(build.redactor.text)


def _sources(build: CellBuild) -> Iterator[Resource]:
    origin = build.inputs.origin
    if build.inputs.is_sdist and origin is not None:
        yield given_sdist(origin.name, sha256_of(origin))
    else:
        yield source_resource(build.source)
    if build.sdist is not None:
        yield made_sdist(build.sdist)


def _settings(job: Job, redactor: Redactor) -> Iterator[tuple[str, object]]:
    """Yield the options that somebody has set and that can change the wheel or its verdict, with their values.

    The defaults of the others follow from this program's version.
    """
    for option, value in job.settings.items():
        if option.affects_wheel and job.settings.origin(option).source is not Source.DEFAULT:
            # JSON can express these TOML values too: no value of an option is a date.
            yield option.name, loads(f"value = {option.kind.write(readable(option, value, redactor))}")["value"]


def _internal(build: CellBuild) -> Iterator[tuple[str, object]]:
    job, tools, engine = build.job, build.recipe.tools, build.engine
    yield "engine", {"name": engine.name, "version": engine.version, "machine": engine.machine}
    yield "containerArguments", list(job.settings[CONTAINER_ENGINE].arguments.words)
    if job.image is not None:
        yield "rights", rights_of(job.settings).document()
    yield "isEmulated", job.is_emulated
    yield "isPreparedByBeforeAll", build.is_prepared
    yield "platformTag", tools.facts.plat or ""
    yield "interpreter", {"directory": tools.interpreter.directory, "version": tools.interpreter.version}
    yield "frontend", "matrix-runner" if tools.frontend is Frontend.AUTO else str(tools.frontend)
    yield "sourceDateEpoch", build.recipe.epoch
    if build.recipe.exclude_newer:
        yield "excludeNewer", build.recipe.exclude_newer
    if build.requirements.unknown:
        yield "buildRequirements", f"unknown: {build.requirements.unknown}"


def _written(moment: datetime) -> str:
    """Return a time in RFC 3339, to the second."""
    return moment.astimezone(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
