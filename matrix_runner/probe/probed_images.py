"""The images of a run as far as they are known: those of cached probes first, others as they arrive."""

import threading
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from matrix_runner.errors import MachineError, WrongImage
from matrix_runner.matrix import Job
from matrix_runner.matrix.rungs import Rung
from matrix_runner.probe.image_probe import ImageKey, ProbedImage, image_key, rung_key


class ProbedImages:
    """The known images of a run: each with its facts, or the error that makes it unavailable. Thread-safe.

    It grows as images arrive; what is known of an image stays.
    """

    def __init__(self, found: Mapping[ImageKey, ProbedImage] | None = None, absent: Iterable[ImageKey] = ()) -> None:
        """`found`: of cached probes. `absent`: those of them that are pinned by digest, but not in the engine.

        Absent ones allow delivering cached cells, not running cells.
        """
        self._lock = threading.Lock()
        self._arriving: dict[ImageKey, threading.Lock] = {}
        self._found: dict[ImageKey, ProbedImage | MachineError] = dict(found or {})
        self._absent = set(absent)

    def image(self, job: Job) -> ProbedImage | None:
        """Return a job's image; None if it is unknown or unavailable."""
        found = self._found.get(image_key(job))
        return None if isinstance(found, MachineError) else found

    def of(self, job: Job) -> ProbedImage | MachineError:
        """Return a runnable job's image, or its error. Raise KeyError if it is unknown."""
        return self._found[image_key(job)]

    def of_rung(self, job: Job, rung: Rung) -> ProbedImage | MachineError:
        """Return the image of a rung of a runnable job, or its error. Raise KeyError if it is unknown."""
        return self._found[rung_key(job, rung)]

    def with_rungs(self, job: Job) -> ProbedImage | None:
        """Return a job's image with the content of all that its wheel is tested in; None if any is not known."""
        image, rungs = self.image(job), {rung.name: self._found.get(rung_key(job, rung)) for rung in job.rungs}
        known = tuple((name, each.image.id) for name, each in rungs.items() if isinstance(each, ProbedImage))
        # One that is for another architecture stays so.
        known += tuple(
            (name, "of another architecture") for name, each in rungs.items() if isinstance(each, WrongImage)
        )
        return None if image is None or len(known) < len(rungs) else replace(image, rungs=known)

    def unprobed(self, jobs: Iterable[Job]) -> dict[ImageKey, list[Job]]:
        """Return the images to pull or probe before these jobs can run, each with the jobs that wait for it."""
        by_image = jobs_by_any_image(jobs)
        return {key: own for key, own in by_image.items() if self.lacks(key)}

    def lacks(self, key: ImageKey) -> bool:
        """Whether an image must be pulled or probed before cells can run in it."""
        return key not in self._found or key in self._absent

    def arriving(self, key: ImageKey) -> threading.Lock:
        """Return the lock under which an image is brought: cells of several packages may wait for the same."""
        with self._lock:
            return self._arriving.setdefault(key, threading.Lock())

    def add(self, key: ImageKey, image: ProbedImage | MachineError) -> None:
        """Add the result of a probe."""
        self._found[key] = image
        self._absent.discard(key)


def jobs_by_image(jobs: Iterable[Job]) -> dict[ImageKey, list[Job]]:
    """Group jobs by image, in order of first appearance."""
    groups: dict[ImageKey, list[Job]] = {}
    for job in jobs:
        groups.setdefault(image_key(job), []).append(job)
    return groups


def jobs_by_any_image(jobs: Iterable[Job]) -> dict[ImageKey, list[Job]]:
    """Group jobs by each image that they need: the one to build in, and those to test in."""
    several = tuple(jobs)
    groups = jobs_by_image(several)
    for job in several:
        for rung in job.rungs:
            groups.setdefault(rung_key(job, rung), []).append(job)
    return groups
