"""The images of a run as far as they are known: those of cached probes first, others as they arrive."""

from collections.abc import Iterable, Mapping

from matrix_runner.errors import MachineError
from matrix_runner.matrix import Job
from matrix_runner.probe.image_probe import ImageKey, ProbedImage, image_key


class ProbedImages:
    """The known images of a run: each with its facts, or the error that makes it unavailable. Thread-safe.

    It grows as images arrive; what is known of an image stays.
    """

    def __init__(self, found: Mapping[ImageKey, ProbedImage] | None = None, absent: Iterable[ImageKey] = ()) -> None:
        """`found`: of cached probes. `absent`: those of them that are pinned by digest, but not in the engine.

        Absent ones allow delivering cached cells, not running cells.
        """
        self._found: dict[ImageKey, ProbedImage | MachineError] = dict(found or {})
        self._absent = set(absent)

    def image(self, job: Job) -> ProbedImage | None:
        """Return a job's image; None if it is unknown or unavailable."""
        found = self._found.get(image_key(job))
        return None if isinstance(found, MachineError) else found

    def of(self, job: Job) -> ProbedImage | MachineError:
        """Return a runnable job's image, or its error. Raise KeyError if it is unknown."""
        return self._found[image_key(job)]

    def unprobed(self, jobs: Iterable[Job]) -> dict[ImageKey, list[Job]]:
        """Return the images to pull or probe before these jobs can run, each with the jobs that wait for it."""
        by_image = jobs_by_image(jobs)
        return {key: own for key, own in by_image.items() if key not in self._found or key in self._absent}

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
