"""The probed images of a run: cached results first, completed by this run's probes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from matrix_runner.errors import MachineError
from matrix_runner.matrix import Job
from matrix_runner.probe.image_probe import ImageKey, ProbedImage, image_key


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbedImages:
    """The known images of a run: each with its facts, or the error that makes it unavailable.

    `absent`: images pinned by digest and known, but not present in the engine: they allow delivering cached cells, not
    running cells.
    """

    found: Mapping[ImageKey, ProbedImage | MachineError] = field(default_factory=lambda: MappingProxyType({}))
    absent: frozenset[ImageKey] = frozenset()

    def image(self, job: Job) -> ProbedImage | None:
        """Return a job's image; None if it is unknown or unavailable."""
        found = self.found.get(image_key(job))
        return None if isinstance(found, MachineError) else found

    def of(self, job: Job) -> ProbedImage | MachineError:
        """Return a runnable job's image, or its error. Raise KeyError if it is unknown."""
        return self.found[image_key(job)]

    def unprobed(self, jobs: Iterable[Job]) -> tuple[ImageKey, ...]:
        """Return the images to pull or probe before these jobs can run."""
        keys = dict.fromkeys(image_key(job) for job in jobs)
        return tuple(key for key in keys if key not in self.found or key in self.absent)

    def with_found(self, found: Mapping[ImageKey, ProbedImage | MachineError]) -> "ProbedImages":
        """Return a copy with the results of further probes."""
        return ProbedImages(
            found=MappingProxyType({**self.found, **found}), absent=self.absent.difference(found.keys())
        )


def jobs_by_image(jobs: Iterable[Job]) -> dict[ImageKey, list[Job]]:
    """Group jobs by image, in order of first appearance."""
    groups: dict[ImageKey, list[Job]] = {}
    for job in jobs:
        groups.setdefault(image_key(job), []).append(job)
    return groups
