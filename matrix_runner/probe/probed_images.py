"""The images of a run as far as they are known: from earlier runs, then from probes of this one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from matrix_runner.errors import MachineError
from matrix_runner.matrix import Job
from matrix_runner.probe.image_probe import ImageKey, ProbedImage, image_key


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbedImages:
    """What is known of each image: its facts, or the error of one that cannot be had.

    `absent`: images pinned by digest, so that they are known although the engine does not have them: cells can be
    taken from the cache by them, and none can run.
    """

    found: Mapping[ImageKey, ProbedImage | MachineError] = field(default_factory=lambda: MappingProxyType({}))
    absent: frozenset[ImageKey] = frozenset()

    def image(self, job: Job) -> ProbedImage | None:
        """Return the image of a job, None if it is unknown or cannot be had."""
        found = self.found.get(image_key(job))
        return None if isinstance(found, MachineError) else found

    def of(self, job: Job) -> ProbedImage | MachineError:
        """Return the image of a job that is to run, or the error for which it cannot. Raise KeyError if unknown."""
        return self.found[image_key(job)]

    def unprobed(self, jobs: Iterable[Job]) -> tuple[ImageKey, ...]:
        """Return the images that must be fetched or probed before these jobs can run."""
        keys = dict.fromkeys(image_key(job) for job in jobs)
        return tuple(key for key in keys if key not in self.found or key in self.absent)

    def with_found(self, found: Mapping[ImageKey, ProbedImage | MachineError]) -> "ProbedImages":
        """Return these and the results of further probes."""
        return ProbedImages(
            found=MappingProxyType({**self.found, **found}), absent=self.absent.difference(found.keys())
        )


def jobs_by_image(jobs: Iterable[Job]) -> dict[ImageKey, list[Job]]:
    """Group jobs by the image they run in, in the order in which the images first come."""
    groups: dict[ImageKey, list[Job]] = {}
    for job in jobs:
        groups.setdefault(image_key(job), []).append(job)
    return groups
