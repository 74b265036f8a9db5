"""A cell's part of a lock: the lines that its installers get, and the plan with the images of the lock. Pure."""

import hashlib

import msgspec
from msgspec.structs import replace

from matrix_runner.locking.lock_values import Group, Lock, LockedGroup
from matrix_runner.matrix import Job, Plan


class CellLock(msgspec.Struct, frozen=True, kw_only=True):
    """What a cell is held to. `texts`: the lines of each group, as a requirements file with a hash on each line.

    `digest`: of all that, and of the image, for the cache key.
    """

    texts: tuple[tuple[Group, str], ...]
    digest: str

    def has(self, group: Group) -> bool:
        """Whether the group is locked."""
        return any(each is group for each, _ in self.texts)


def cell_lock(lock: Lock, job: Job) -> CellLock | None:
    """Return the job's part of a lock; None if it does not have the cell."""
    groups = lock.groups(job.cell)
    if groups is None:
        return None
    texts = tuple((group, _lines(lock, each)) for group, each in groups.items())
    image = None if job.image is None else lock.image(job.image.name, job.cell.platform.arch.tag)
    parts = (*(f"{group}\n{text}" for group, text in texts), "" if image is None else f"{image.digest}{image.image_id}")
    return CellLock(texts=texts, digest=hashlib.sha256("\0".join(parts).encode()).hexdigest())


def with_locked_images(plan: Plan, lock: Lock) -> Plan:
    """Return the plan with the images that the lock names by the digest of a registry."""
    return replace(plan, jobs=tuple(_locked(job, lock) for job in plan.jobs))


def _locked(job: Job, lock: Lock) -> Job:
    if job.image is None:
        return job
    image = lock.image(job.image.name, job.cell.platform.arch.tag)
    return job if image is None or not image.digest else replace(job, image=replace(job.image, reference=image.pinned))


def _lines(lock: Lock, group: LockedGroup) -> str:
    return "".join(f"{pin}{_hashes(lock, pin)}\n" for pin in group.pins)


def _hashes(lock: Lock, pin: str) -> str:
    package = lock.package(pin)
    return "".join(f" --hash=sha256:{each.sha256}" for each in (() if package is None else package.files))
