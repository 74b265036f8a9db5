"""The images of a run on a cluster's worker: looked into for the whole cluster, or had as another worker has them."""

import threading
import time
from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from matrix_runner.cell.run_context import Materials, OpenNode
from matrix_runner.cluster.orders import ProbeAnswer
from matrix_runner.cluster.relayed_pool import RelayedPool
from matrix_runner.engine.hearing import Hearing
from matrix_runner.errors import ImageError, MachineError
from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell
from matrix_runner.nodes.helping_node import is_same
from matrix_runner.probe.image_probe import ImageKey, ProbedImage
from matrix_runner.probe.image_prober import ImageProber
from matrix_runner.probe.probed_images import jobs_by_any_image
from matrix_runner.request import BuildRequest

_WARM_SECONDS: Final = 15.0
"""The time for which the container of a probe waits for its cell, which may be given to another worker."""


class SiteImages:
    """The images of a run, and which of its cells share a `before-all` in them. Thread-safe."""

    def __init__(self, request: BuildRequest, node: OpenNode, materials: Materials) -> None:
        """`request`, `node`, `materials`: the run's on this worker. Knows no cell yet."""
        self._request = request
        self._node = node
        self._materials = materials
        self._lock = threading.Lock()
        self._locks: dict[ImageKey, threading.Lock] = {}
        self._jobs: dict[Cell, Job] = {}
        self._expected: set[Cell] = set()
        self._probed: float | None = None

    def learn(self, jobs: Sequence[Job]) -> tuple[Job, ...]:
        """Count jobs among those that are known here; return them, of each cell the first."""
        with self._lock:
            return tuple(self._jobs.setdefault(job.cell, job) for job in jobs)

    def probe(self, key: ImageKey, jobs: Sequence[Job], pool: RelayedPool) -> ProbeAnswer:
        """Look into an image for known jobs that wait for it; a missing one is fetched."""
        images = self._materials.images
        with self._locked(key):
            if key in images.unprobed(jobs):
                self._prober(pool).bring(key, jobs)
                self._expect(jobs)
            # The container is the first of these cells', if that comes here soon.
            self._probed = time.monotonic()
        if key.is_rung:
            rung = next(rung for rung in jobs[0].rungs if rung.reference == key.reference)
            return ProbeAnswer(found=images.of_rung(jobs[0], rung))
        return ProbeAnswer(found=images.of(jobs[0]))

    def bring(self, key: ImageKey, chief: ProbedImage | MachineError, pool: RelayedPool) -> None:
        """Have an image here that is the chief's, whose facts are then known. Raise MachineError."""
        images, name = self._materials.images, self._request.nodes[0].name
        if isinstance(chief, MachineError):
            images.add(key, chief)
            return
        with self._locked(key):
            with self._lock:
                jobs = jobs_by_any_image(self._jobs.values()).get(key, [])
            if key in images.unprobed(jobs):
                with pool.waiting(f"{chief.display_name} is fetched on {name}") as on_transfer:
                    hearing = Hearing(on_notice=pool.notify, on_transfer=on_transfer)
                    own = self._request.engine.resolve(key.reference, key.arch, hearing)
                if not is_same(own, chief.image):
                    raise ImageError(
                        f"{chief.display_name} is another image on {name} than on the worker that tells of it",
                        hint="An image with a tag that moves may be another on each machine: pin it by digest.",
                    )
                images.add(key, replace(chief, image=own))
            self._expect(jobs)

    def tidy(self) -> None:
        """Remove the containers of probes whose cells have not come."""
        if self._probed is not None and time.monotonic() - self._probed > _WARM_SECONDS:
            self._probed = None
            self._node.containers.close()

    def _locked(self, key: ImageKey) -> threading.Lock:
        with self._lock:
            return self._locks.setdefault(key, threading.Lock())

    def _expect(self, jobs: Sequence[Job]) -> None:
        """Count jobs whose image is known among those that share a `before-all`, each once."""
        with self._lock:
            new = [job for job in jobs if job.cell not in self._expected]
            self._expected.update(job.cell for job in new)
        self._materials.prepared.expect(new)
        self._materials.prepared.adopt_existing(self._request.engine, [job.cell for job in new])

    def _prober(self, pool: RelayedPool) -> ImageProber:
        with self._lock:
            jobs = jobs_by_any_image(self._jobs.values())
        return ImageProber(
            request=self._request,
            images=self._materials.images,
            jobs=jobs,
            volumes=self._node.volumes,
            containers=self._node.containers,
            engine_watch=self._node.engine_watch,
            cache=None,
            notify=pool.notify,
            waiting=pool.waiting,
            on_trouble=_untold,
        )


def _untold(error: MachineError) -> None:
    """Say nothing of what could not be kept: no cache is given."""
    del error
