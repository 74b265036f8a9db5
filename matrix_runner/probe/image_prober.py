"""Arrival of a run's images: pulls an image if necessary, and probes it in its first cell's container."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from matrix_runner.container.container_spec import container_spec, rung_spec
from matrix_runner.container.engine_loss import EngineWatch
from matrix_runner.container.project_volumes import ProjectVolumes
from matrix_runner.container.warm_containers import WarmContainers
from matrix_runner.engine.api import Container, ResolvedImage
from matrix_runner.engine.hearing import Hearing
from matrix_runner.errors import MachineError, OutputError
from matrix_runner.matrix import Job
from matrix_runner.model.events import OnTransfer
from matrix_runner.probe.image_probe import ImageKey, ProbedImage, display_name, missing_emulator, probe_image
from matrix_runner.probe.probe_cache import ProbeCache
from matrix_runner.probe.probed_images import ProbedImages
from matrix_runner.request import BuildRequest

_FIRST = 2
"""The number of an image's cells tried for a container to probe it in. A third would meet the same error."""


class Prober(Protocol):
    """Whoever has images looked into."""

    def bring(self, key: ImageKey, waiting: Sequence[Job]) -> None:
        """Have an image looked into, and add it to those that are known; see `ImageProber.bring`."""
        ...


class ImageProber(msgspec.Struct, frozen=True, kw_only=True):
    """The means of a probe. `images`: what is known, which grows. `jobs`: all of the run, by image.

    `engine_watch`: tells whether the engine has gone, and waits for it. `cache`: stores results; None: they are not
    stored. `notify`: called for downloads. `waiting`: tells that cells wait for what is done in its context.
    `on_trouble`: called if a result cannot be stored.
    """

    request: BuildRequest
    images: ProbedImages
    jobs: Mapping[ImageKey, Sequence[Job]]
    volumes: ProjectVolumes
    containers: WarmContainers
    engine_watch: EngineWatch
    cache: ProbeCache | None
    notify: Callable[[str], None]
    waiting: Callable[[str], AbstractContextManager[OnTransfer]]
    on_trouble: Callable[[OutputError], None]

    def bring(self, key: ImageKey, waiting: Sequence[Job]) -> None:
        """Probe an image, and add it to those that are known. `waiting`: the jobs of it that must run.

        An error is added in its place: it fails the image's own cells only.
        """
        with self.images.arriving(key):
            if self.images.lacks(key):
                self.images.add(key, self._probe(key, self.jobs[key], waiting))

    def _probe(self, key: ImageKey, jobs: Sequence[Job], waiting: Sequence[Job]) -> ProbedImage | MachineError:
        request = self.request
        if request.host is not None and request.host.lacks_emulator(key.arch):
            return missing_emulator(key, request.host.machine)

        def open_container(image: ResolvedImage) -> AbstractContextManager[Container]:
            if key.is_rung:
                # Each cell opens its own, long after this one.
                job = waiting[0]
                rung = next(rung for rung in job.rungs if rung.reference == key.reference)
                return request.engine.open(rung_spec(job, rung, image, self.volumes))
            return self.containers.probe([container_spec(job, image, self.volumes) for job in waiting[:_FIRST]])

        emulated = ", under emulation" if jobs[0].is_emulated else ""
        try:
            with self.waiting(f"{display_name(key.reference)} is looked into{emulated}") as on_transfer:
                hearing = Hearing(on_notice=self.notify, on_transfer=on_transfer)
                image = self._outlasting(lambda: probe_image(request, key, jobs, open_container, hearing))
        except MachineError as error:
            return error
        if self.cache is not None:
            try:
                self.cache.keep(key, image, jobs)
            except OutputError as error:
                self.on_trouble(error)
        return image

    def _outlasting(self, probe: Callable[[], ProbedImage]) -> ProbedImage:
        """Probe, and once more after each time that the engine went away meanwhile. Raise MachineError."""
        losses = 0
        while True:
            try:
                return probe()
            except MachineError as error:  # noqa: PERF203  a few iterations
                losses += 1
                if not self.engine_watch.has_come_back(error, losses, self.notify):
                    raise
