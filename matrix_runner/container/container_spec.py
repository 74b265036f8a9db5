"""The specification of a job's container: image, volumes, limits, create-args. Pure."""

from matrix_runner.config.options.run_options import CONTAINER_ENGINE, MEMORY
from matrix_runner.container.project_volumes import ProjectVolumes
from matrix_runner.engine.api import ContainerSpec, ResolvedImage
from matrix_runner.matrix import Job


def container_spec(
    job: Job, image: ResolvedImage, volumes: ProjectVolumes, prepared: str | None = None
) -> ContainerSpec:
    """Return the specification of a job's container.

    `image`: the job's own; `prepared`: id of the prepared image, once `before-all` has run.
    """
    return ContainerSpec(
        image=prepared or image.id,
        arch=job.cell.platform.arch,
        name=str(job.cell),
        project=volumes.identity,
        memory=job.settings[MEMORY] or None,
        arguments=job.settings[CONTAINER_ENGINE].arguments,
        volumes=volumes.of(job, image),
    )
