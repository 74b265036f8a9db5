"""The cache history of a cell, for `runner explain`: whether it is cached, else changes since its last build."""

from collections.abc import Callable, Mapping
from datetime import datetime, timezone

import msgspec
from msgspec.structs import replace

from matrix_runner.cache.cache_key import NEEDED, SharedInputs, StableAbiBuilder, cell_inputs, why_not_cached
from matrix_runner.cache.cell_cache import latest_key
from matrix_runner.cache.freshness import is_fresh, pinned_since
from matrix_runner.cell.shared_wheels import SharedWheels
from matrix_runner.config.options.cache_options import CACHE_MAX_AGE
from matrix_runner.matrix import Job
from matrix_runner.probe.image_probe import ProbedImage
from matrix_runner.request import BuildInputs
from matrix_runner.store.cell_inputs import CellInputs, differences, key
from matrix_runner.store.entry_record import EntryRecord
from matrix_runner.store.store import Store


class CacheHistory(msgspec.Struct, frozen=True, kw_only=True):
    """A cell's cache history. `is_cached`: whether a build would deliver the cached cell. `text`: a sentence.

    `changes`: the inputs that differ from those of the last build, a line each.
    """

    is_cached: bool
    text: str
    changes: tuple[str, ...] = ()


class HistoryQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """The question whether a build would deliver a job's cell from the cache.

    `image_of`: the image of a job; None if the engine does not know it. `shared`: as in a build.
    """

    inputs: BuildInputs
    job: Job
    shared: SharedInputs
    image_of: Callable[[Job], ProbedImage | None]


def cache_history(store: Store, question: HistoryQuestion) -> CacheHistory:
    """Return the cell's cache history; read-only."""
    job, inputs = question.job, question.inputs
    reason = why_not_cached(job)
    if reason is not None:
        return CacheHistory(is_cached=False, text=f"it is built each time: {reason}")
    known = latest_key(store, inputs.identity, job.cell.local)
    record = None if known is None else store.peek(known.key)
    before = None if known is None else store.inputs(known.key)
    now = _inputs_now(store, question, before)
    found = None if now is None else store.peek(key(now))
    pinned = pinned_since(job, has_hashes=job.cell in question.shared.hashed)
    if found is not None and is_fresh(found.created, store.clock(), inputs.settings[CACHE_MAX_AGE], pinned):
        doubt = "" if question.image_of(job) else ", if its image is the one of then: the engine could not be asked"
        if now is not None and any(name.startswith(NEEDED) for name, _ in now.surroundings):
            doubt += ", if the wheels of other packages that it needs are those of then"
        return CacheHistory(
            is_cached=True, text=f"it is taken from the cache, where it is since {_made_at(found)}{doubt}"
        )
    if found is not None:
        return CacheHistory(is_cached=False, text=f"it is built: it is of {_made_at(found)}, older than cache-max-age")
    if record is None or before is None or now is None:
        what = "no run of this project has kept it" if known is None else "what was kept of it is there no more"
        return CacheHistory(is_cached=False, text=f"it is built: {what}")
    text = f"it is built: something has changed since {_made_at(record)}"
    return CacheHistory(is_cached=False, text=text, changes=differences(before, now))


def _inputs_now(store: Store, question: HistoryQuestion, before: CellInputs | None) -> CellInputs | None:
    """Return the cell's current inputs; those of an unknown image are taken from `before`."""
    job = question.job
    image = question.image_of(job) or before
    if image is None:
        return None
    jobs = {each.cell: each for each in question.inputs.plan.jobs}
    builder = SharedWheels.of(question.inputs).leader(job.cell)
    leader = None
    if builder is not None:
        leading = jobs[builder]
        there = question.image_of(leading) or _inputs_before(store, question, leading)
        if there is not None:
            own = key(cell_inputs(leading, there, question.shared, None))
            leader = StableAbiBuilder(cell=builder.local, key=own)
    inputs = cell_inputs(job, image, question.shared, leader)
    # Of other packages of a workspace only a build knows.
    needed = () if before is None else tuple(pair for pair in before.surroundings if pair[0].startswith(NEEDED))
    return replace(inputs, surroundings=tuple(sorted({*inputs.surroundings, *needed})))


def _inputs_before(store: Store, question: HistoryQuestion, job: Job) -> CellInputs | None:
    known = latest_key(store, question.inputs.identity, job.cell.local)
    return None if known is None else store.inputs(known.key)


def _made_at(record: EntryRecord) -> str:
    return datetime.fromtimestamp(record.created, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def shown_changes(changes: tuple[str, ...], most: int = 20) -> tuple[str, ...]:
    """Return the changes for display: of many, the first."""
    left = len(changes) - most
    return changes if left <= 0 else (*changes[:most], f"and {left} more")


def as_document(answer: CacheHistory | None) -> Mapping[str, object] | None:
    """Return the history as JSON data."""
    if answer is None:
        return None
    return {"is_cached": answer.is_cached, "text": answer.text, "changes": list(answer.changes)}
