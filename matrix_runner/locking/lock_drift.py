"""Drift: where a lock and the plan of a build disagree, told before anything is built. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from matrix_runner.engine.api import ResolvedImage
from matrix_runner.locking.lock_values import LOCK, Group, Lock, LockedGroup
from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell, Implementation
from matrix_runner.wording import first_of

_NAMES: Final = {
    Implementation.CPYTHON: ("cpython", "CPython"),
    Implementation.PYPY: ("pypy", "PyPy"),
    Implementation.GRAALPY: ("graalpy", "GraalVM"),
}
"""`implementation_name` and `platform_python_implementation` (PEP 508)."""

UPDATE: Final = "`runner lock` brings the lock up to date; look at its difference before it is committed"
"""What to do about drift."""

Questions = Mapping[Cell, Mapping[Group, tuple[str, ...]]]
"""What project and options ask for, by cell and group."""


def drift(lock: Lock, jobs: Sequence[Job], asked: Questions) -> tuple[str, ...]:
    """Return a line for each thing in which the lock is not what a plan needs, with the cells; empty if it is."""
    found: dict[str, list[str]] = {}
    for job in jobs:
        for text in _of_cell(lock, job, asked[job.cell]):
            found.setdefault(text, []).append(str(job.cell))
    return tuple(f"{LOCK}: {text} ({first_of(cells, 3)})" for text, cells in found.items())


def _of_cell(lock: Lock, job: Job, asked: Mapping[Group, tuple[str, ...]]) -> Iterator[str]:
    groups = lock.groups(job.cell)
    if groups is None:
        yield "it does not have the cell"
        return
    yield from _of_image(lock, job)
    for group, words in asked.items():
        locked = groups.get(group)
        if locked is None:
            yield f"it has nothing for {group}"
            continue
        for word in words:
            if word not in locked.requires:
                why = uncovered(word, locked, job.cell)
                if why:
                    yield f"{group} requires {word}, and {why}"


def _of_image(lock: Lock, job: Job) -> Iterator[str]:
    if job.image is None:
        return
    locked = lock.image(job.image.name, job.cell.platform.arch.tag)
    if locked is None:
        yield f"it does not have image {job.image.name}"
    elif not locked.digest and locked.reference != plain_reference(job.image.reference):
        yield f"image {job.image.name} is {job.image.reference}, and the lock has {locked.reference}"


def wrong_image(job: Job, image: ResolvedImage, lock: Lock | None) -> str | None:
    """Return a sentence on an image that an engine has under the name, and that is not the lock's; None if it is."""
    locked = None if lock is None or job.image is None else lock.image(job.image.name, job.cell.platform.arch.tag)
    if locked is None or not locked.image_id or locked.image_id == image.id:
        return None
    return f"{LOCK}: image {locked.reference} has id {image.id} here, and the lock has {locked.image_id}"


def uncovered(word: str, locked: LockedGroup, cell: Cell) -> str:
    """Return why a group does not have what a word asks for; "" if it does, or if it is not for the cell."""
    wanted = parsed(word)
    if wanted is None:
        return "the lock was made without it"
    if not applies(wanted, cell):
        return ""
    versions = dict(pin.split("==", 1) for pin in locked.pins)
    version = versions.get(canonicalize_name(wanted.name))
    if version is None:
        return f"the lock has no {wanted.name}"
    if wanted.url or not wanted.specifier.contains(version, prereleases=True):
        return f"the lock has {version}"
    return "" if not wanted.extras else "the lock was made without it"


def parsed(word: str) -> Requirement | None:
    """Return a word as a requirement, None if it is something else, such as a flag or a path."""
    try:
        return Requirement(word)
    except InvalidRequirement:
        return None


def applies(wanted: Requirement, cell: Cell) -> bool:
    """Whether a requirement's marker holds in a cell, as far as its identifier tells."""
    if wanted.marker is None:
        return True
    version = ".".join(map(str, cell.interpreter.version))
    name, platform_name = _NAMES[cell.interpreter.implementation]
    return wanted.marker.evaluate(
        {
            "implementation_name": name,
            "implementation_version": f"{version}.0",
            "os_name": "posix",
            "platform_machine": cell.platform.arch.tag,
            "platform_python_implementation": platform_name,
            "platform_system": "Linux",
            "python_full_version": f"{version}.0",
            "python_version": version,
            "sys_platform": "linux",
            "extra": "",
        }
    )


def still_satisfying(pins: Iterable[str], asked: Iterable[str], cell: Cell) -> tuple[str, ...]:
    """Return the pins that nothing which is asked for contradicts directly."""
    wishes = [one for one in map(parsed, asked) if one is not None and applies(one, cell)]
    wanted: dict[str, list[Requirement]] = {}
    for one in wishes:
        wanted.setdefault(canonicalize_name(one.name), []).append(one)

    def fits(pin: str) -> bool:
        name, version = pin.split("==", 1)
        return all(one.specifier.contains(version, prereleases=True) for one in wanted.get(name, ()))

    return tuple(filter(fits, pins))


def without_tag(reference: str) -> str:
    """Return the repository of an image's reference that has no digest; a registry may have a port."""
    place, slash, name = reference.rpartition("/")
    return f"{place}{slash}{name.partition(':')[0]}"


def plain_reference(reference: str) -> str:
    """Return an image's reference without a digest."""
    return reference.partition("@")[0]
