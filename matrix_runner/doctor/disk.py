"""Verdicts on disks: free space and permission where a build writes, against what a run is likely to take. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

from matrix_runner.disks.disk_needs import (
    CELL,
    DOWNLOADS,
    Use,
    by_file_system,
    engine_bytes,
    places_of,
    total,
)
from matrix_runner.disks.disk_space import Space
from matrix_runner.doctor.container_engines import EngineFacts
from matrix_runner.doctor.subject import Purpose, Subject
from matrix_runner.doctor.verdict import Fact, Level, Verdict
from matrix_runner.wording import size_text

_MIB: Final = 1024**2
_UNKNOWN_IMAGES: Final = 2
"""Images that are missing where no plan tells: one for each width."""
_FLOORS: Final[Mapping[Purpose, int]] = {
    Purpose.OUTPUT: 100 * _MIB,
    Purpose.REPORT: 20 * _MIB,
    Purpose.CACHE: 200 * _MIB,
    Purpose.SCRATCH: 200 * _MIB,
    Purpose.STATE: _MIB,
}
_PART_WITHOUT_WHICH_NOTHING_RUNS: Final = 10
_FEW_FILES: Final = 5_000
"""A file system with fewer free inodes than an environment with setuptools has files."""


def engine_need(engine: EngineFacts, subject: Subject) -> int:
    """Return the bytes that a run takes where an engine keeps images and volumes."""
    plan = None if subject.project is None else subject.project.plan
    slots = engine.slots or subject.workers
    if plan is None:
        return engine_bytes(images=_UNKNOWN_IMAGES, cells=slots)
    return engine_bytes(images=len(engine.missing), cells=min(slots, len(plan.jobs)))


def own_need(purpose: Purpose, subject: Subject) -> int:
    """Return the bytes that a run takes in one of this program's directories, or the wheels' one."""
    if purpose is Purpose.SCRATCH and not subject.wants_containers:
        return subject.workers * CELL + DOWNLOADS
    known = None if subject.project is None else subject.project.wheel_bytes
    if purpose is Purpose.OUTPUT and known is not None:
        return 2 * known
    return _FLOORS[purpose]


def judge_disk(own: Mapping[Purpose, Space], serving: tuple[EngineFacts, ...], subject: Subject) -> Iterator[Verdict]:
    """Yield a verdict on each file system that is written to. `serving`: the engines that a build would take."""
    uses = [
        Use(
            text=str(purpose),
            path=str(path),
            needed=own_need(purpose, subject),
            space=own[purpose],
            is_spared=purpose is Purpose.CACHE,
        )
        for purpose, path in subject.places
        if purpose in own
    ]
    for engine in serving:
        if engine.info is None:
            continue
        needed, text = engine_need(engine, subject), f"images and volumes of {engine.name}"
        look = None if engine.look is None else engine.look.report
        # A path may mean another directory for the engine: its file system has another size then.
        if engine.space is not None and (look is None or look.size == engine.space.size):
            uses.insert(0, Use(text=text, path=engine.info.storage or "", needed=needed, space=engine.space))
        elif look is not None:
            yield _amount([Use(text=text, path="", needed=needed, space=_seen_inside(look.free, look.size))])
        else:
            yield Verdict(
                name="disk-unseen",
                level=Level.UNKNOWN,
                about=engine.name,
                text=f"how much room {engine.name} has for images and volumes cannot be seen from here; a run may"
                f" take {size_text(needed)}",
                facts={"needed": needed},
            )
    for use in uses:
        if use.space.error:
            yield _unusable(use)
    yield from map(_amount, by_file_system(uses))


def _seen_inside(free: int, size: int) -> Space:
    return Space(directory="", free=free, size=size)


def _unusable(use: Use) -> Verdict:
    return Verdict(
        name="directory-unusable",
        level=_worst([use]),
        about=use.path,
        text=f"{use.path} ({use.text}) cannot be written to: {use.space.error}",
        remedy="give this user the right to write there, or name another directory: output-dir, report-dir, cache-dir,"
        " XDG_CACHE_HOME, XDG_STATE_HOME",
    )


def _worst(uses: list[Use]) -> Level:
    """Return the level of a place without room: a run says of its cache once that it is of no use, and goes on."""
    return Level.WARNING if all(use.is_spared for use in uses) else Level.ERROR


def _amount(uses: list[Use]) -> Verdict:
    """Return the verdict on one file system with all that it is for."""
    space, needed, places = uses[0].space, total(uses), places_of(uses)
    about = uses[0].path or uses[0].text
    facts: dict[str, Fact] = {"free": space.free, "size": space.size, "needed": needed, "inodes": space.inodes}
    if space.inodes is not None and space.inodes < _FEW_FILES:
        return Verdict(
            name="disk-inodes",
            level=_worst(uses),
            about=about,
            text=f"room for {space.inodes} more files only, for {places}",
            remedy="remove files there: `runner cache prune`, and the engine's own `system prune`",
            facts=facts,
        )
    text = f"{size_text(space.free)} free, of which a run may take {size_text(needed)}: {places}"
    if space.free >= needed:
        return Verdict(name="disk", about=about, text=text, facts=facts)
    is_full = space.free < needed // _PART_WITHOUT_WHICH_NOTHING_RUNS
    return Verdict(
        name="disk-full" if is_full else "disk-low",
        level=_worst(uses) if is_full else Level.WARNING,
        about=about,
        text=f"{size_text(space.free)} free, and a run may take {size_text(needed)}: {places}",
        remedy="make room: `runner cache prune`, and the engine's own `system prune`; or let fewer cells run at once"
        " (`--jobs`)",
        facts=facts,
    )
