"""Probes one image at a time: fetches it if need be, in the container of the first cell that will run in it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from matrix_runner.container.container_spec import container_spec
from matrix_runner.container.project_volumes import ProjectVolumes
from matrix_runner.container.warm_containers import WarmContainers
from matrix_runner.engine.api import Container, ResolvedImage
from matrix_runner.errors import MachineError, OutputError
from matrix_runner.matrix import Job
from matrix_runner.probe.image_probe import ImageKey, ProbedImage, missing_emulator, probe_image
from matrix_runner.probe.probe_cache import ProbeCache
from matrix_runner.request import BuildRequest

_FIRST = 2
"""How many cells of an image are tried for a container to probe it in. A third would find the same fault."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageProber:
    """The means of a probe. `cache`: where results are remembered, None for nowhere.

    `notify`: is told of downloads. `on_trouble`: is told if a result cannot be remembered.
    """

    request: BuildRequest
    volumes: ProjectVolumes
    containers: WarmContainers
    cache: ProbeCache | None
    notify: Callable[[str], None]
    on_trouble: Callable[[OutputError], None]

    def probe(self, key: ImageKey, jobs: Sequence[Job], waiting: Sequence[Job]) -> ProbedImage | MachineError:
        """Probe an image; the error of one that cannot be had fails its own cells only, so it is returned.

        `jobs`: all jobs of the image; `waiting`: those of them that must run.
        """
        request = self.request
        if request.host is not None and request.host.lacks_emulator(key.arch):
            return missing_emulator(key, request.host.machine)

        def open_container(image: ResolvedImage) -> AbstractContextManager[Container]:
            return self.containers.probe([container_spec(job, image, self.volumes) for job in waiting[:_FIRST]])

        try:
            image = probe_image(request, key, jobs, open_container, self.notify)
        except MachineError as error:
            return error
        if self.cache is not None:
            try:
                self.cache.keep(key, image, jobs)
            except OutputError as error:
                self.on_trouble(error)
        return image
