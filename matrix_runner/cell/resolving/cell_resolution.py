"""The resolution of what a lock names of a cell, in the cell's open container."""

from typing import Final

from matrix_runner.cell.container_work import ContainerWork
from matrix_runner.engine.answer import Answer
from matrix_runner.engine.api import ResolvedImage
from matrix_runner.locking.lock_drift import plain_reference, without_tag
from matrix_runner.locking.lock_merge import ResolvedCell, ResolvedGroup, ResolvedPackage
from matrix_runner.locking.lock_values import Group, LockedFile, LockedImage
from matrix_runner.matrix import Job
from matrix_runner.model.outcomes import Reason, StepKind
from matrix_runner.provenance.used_resources import registry_digest
from matrix_runner.recipe.frontends.installed_requirements import InstalledRequirement
from matrix_runner.recipe.pinning.lock_resolution import LockResolution
from matrix_runner.request import LockQuestion
from matrix_runner.schedule import Slot

_NO_SDIST: Final = (
    "what the build of an sdist requires in its turn is checked by no installer; require a version that has a wheel for"
    " this cell, or leave the cell out by --skip"
)


class CellResolution(ContainerWork):
    """The resolution in one cell, at the place where its wheel would be built."""

    def resolve(self, question: LockQuestion, slot: Slot) -> ResolvedCell:
        """Install each group, and return what that took. Raise CellFailed, RetryCell."""
        self.begin(slot)
        self.hand_over()
        resolution = LockResolution(recipe=self.recipe, groups=tuple(question.asked), kept=question.kept)
        if resolution.obstacle is not None:
            raise self._steps.failed(Reason.MISSING_TOOL, resolution.obstacle[0], hint=resolution.obstacle[1])
        self.run_all(resolution.steps())
        with self._steps.step(StepKind.VERIFY, "read what was installed"):
            groups = {
                group: ResolvedGroup(requires=words, packages=self._packages(group, resolution))
                for group, words in question.asked.items()
            }
        return ResolvedCell(cell=self._job.cell, image=locked_image(self._job, self._image.image), groups=groups)

    def _packages(self, group: Group, resolution: LockResolution) -> tuple[ResolvedPackage, ...]:
        note, answer = resolution.note(group), Answer()
        self._container.exec(self.recipe.asking(note.ask), answer.hear)
        found = note.read(answer.text)
        if found.unknown:
            raise self._steps.failed(Reason.COMMAND, f"{group}: {found.unknown}")
        return tuple(map(self._package, sorted(found.installed, key=lambda each: each.name)))

    def _package(self, one: InstalledRequirement) -> ResolvedPackage:
        if not one.sha256:
            message = f"{one.name} {one.version} cannot be locked: it is from no index that tells its file and hash"
            raise self._steps.failed(Reason.COMMAND, message, hint="require a release of an index in its place")
        if one.is_from_sdist:
            message = f"{one.name} {one.version} cannot be locked: it was built from {one.file}"
            raise self._steps.failed(Reason.COMMAND, message, hint=_NO_SDIST)
        return ResolvedPackage(name=one.name, version=one.version, file=LockedFile(name=one.file, sha256=one.sha256))


def locked_image(job: Job, image: ResolvedImage) -> LockedImage | None:
    """Return a job's image as a lock names it: by a registry's digest, else by the engine's id."""
    if job.image is None:
        return None
    digest, reference = registry_digest(job.image.reference, image), plain_reference(job.image.reference)
    return LockedImage(
        name=job.image.name,
        arch=job.cell.platform.arch.tag,
        # Not every engine knows a reference with both a tag and a digest.
        reference=without_tag(reference) if digest else reference,
        digest=digest,
        image_id="" if digest else image.id,
    )
