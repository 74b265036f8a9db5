"""The specification of a job's container: image, volumes, limits, create-args. Pure."""

from typing import Final

from msgspec.structs import replace

from matrix_runner.config.create_args.container_arguments import ContainerArguments
from matrix_runner.config.kinds.values import Frontend
from matrix_runner.config.options.build_options import BUILD_FRONTEND
from matrix_runner.config.options.run_options import MEMORY
from matrix_runner.container.project_volumes import ProjectVolumes
from matrix_runner.container.sandbox import container_arguments, without_network
from matrix_runner.engine.api import ContainerSpec, ResolvedImage
from matrix_runner.matrix import Job
from matrix_runner.matrix.rungs import Rung
from matrix_runner.recipe.layout import Layout

_MOST_IN_MEMORY: Final = 256 * 1024**2
"""Bytes that the environment of a build may take of the memory: it holds setuptools (4 MB with its bytecode), numpy,
Cython (100 MB together), cmake. A larger one is put on disk by the frontend."""


def container_spec(
    job: Job, image: ResolvedImage, volumes: ProjectVolumes, prepared: str | None = None
) -> ContainerSpec:
    """Return the specification of a job's container.

    `image`: the job's own; `prepared`: id of the prepared image, once `before-all` has run.
    """
    return ContainerSpec(
        image=prepared or image.id,
        arch=job.cell.platform.arch,
        name=job.cell.stem,
        project=volumes.identity,
        memory=job.settings[MEMORY] or None,
        arguments=_arguments(job),
        volumes=volumes.of(job, image),
    )


def spec_without_network(
    job: Job, image: ResolvedImage, volumes: ProjectVolumes, start: str | None = None
) -> ContainerSpec:
    """Return the specification of the container for the project's own code, if that has no network.

    `image`: the job's own; `start`: id of the one to start from, if that is another.
    """
    spec = container_spec(job, image, volumes, start)
    return replace(spec, arguments=without_network(spec.arguments), volumes=volumes.without_network(job, image))


def rung_spec(job: Job, rung: Rung, image: ResolvedImage, volumes: ProjectVolumes) -> ContainerSpec:
    """Return the specification of a container in which a job's wheel is tested besides. `image`: the rung's."""
    return ContainerSpec(
        image=image.id,
        arch=job.cell.platform.arch,
        name=f"{job.cell.stem}-on-{rung.name}",
        project=volumes.identity,
        memory=job.settings[MEMORY] or None,
        arguments=container_arguments(job.settings),
        volumes=volumes.on_rung(job, image),
    )


def closed_rung_spec(
    job: Job, rung: Rung, image: ResolvedImage, volumes: ProjectVolumes, start: str | None
) -> ContainerSpec:
    """Return that of one without a network. `start`: id of the image to start from, if that is another."""
    spec = rung_spec(job, rung, image, volumes)
    closed, arguments = volumes.on_rung(job, image, has_network=False), without_network(spec.arguments)
    return replace(spec, image=start or image.id, arguments=arguments, volumes=closed)


def _arguments(job: Job) -> ContainerArguments:
    """Return the arguments by the sandbox; with our own frontend's environment in memory, unless that is limited.

    A new file in a container takes 0.4 ms on an overlay file system, and none in memory: 0.2 s of a processor for each
    small build (measured with the 350 files of setuptools and their bytecode).
    """
    given = container_arguments(job.settings)
    is_limited = job.settings[MEMORY] or given.memory is not None
    if job.settings[BUILD_FRONTEND].name is not Frontend.AUTO or is_limited:
        return given
    ours = (Layout(root="").isolated_environment, f"rw,exec,nosuid,nodev,size={_MOST_IN_MEMORY}")
    return replace(given, tmpfs=(ours, *given.tmpfs))
