"""What the store says of one cell: whether it would be built again, and what has changed since it was built last."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from matrix_runner.cache.cache_key import RunInputs, StableAbiBuilder, cell_inputs, why_not_cached
from matrix_runner.cache.cell_cache import latest_key
from matrix_runner.matrix import Job
from matrix_runner.probe.image_probe import ProbedImage
from matrix_runner.store.cell_inputs import CellInputs, differences, key
from matrix_runner.store.entry_record import EntryRecord
from matrix_runner.store.store import Store


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheHistory:
    """`text`: a sentence. `changes`: what is not as it was, one thing each; also where nothing else speaks for a build.

    `is_cached`: whether a build would take the cell from the store.
    """

    is_cached: bool
    text: str
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryQuestion:
    """What is asked. `project`: as the runs called it. `leading`: the job whose wheel this one waits for.

    `place`: where a job runs, None if the engine does not say. `max_age` in seconds, 0 for any.
    """

    job: Job
    leading: Job | None
    project: str
    common: RunInputs
    place: Callable[[Job], ProbedImage | None]
    max_age: float


def cache_history(store: Store, question: HistoryQuestion) -> CacheHistory:
    """Answer it, by reading alone."""
    job = question.job
    reason = why_not_cached(job)
    if reason is not None:
        return CacheHistory(is_cached=False, text=f"it is built each time: {reason}")
    known = latest_key(store, question.project, str(job.cell))
    record = None if known is None else store.peek(known.key)
    before = None if known is None else store.ingredients(known.key)
    now = _now(store, question, before)
    found = None if now is None else store.peek(key(now))
    if found is not None and not _is_old(store, found, question.max_age):
        doubt = "" if question.place(job) else ", if its image is the one of then: the engine could not be asked"
        return CacheHistory(is_cached=True, text=f"it is taken from the cache, where it is since {_said(found)}{doubt}")
    if found is not None:
        return CacheHistory(is_cached=False, text=f"it is built: it is of {_said(found)}, older than cache-max-age")
    if record is None or before is None or now is None:
        what = "no run of this project has kept it" if known is None else "what was kept of it is there no more"
        return CacheHistory(is_cached=False, text=f"it is built: {what}")
    text = f"it is built: something has changed since {_said(record)}"
    return CacheHistory(is_cached=False, text=text, changes=differences(before, now))


def _now(store: Store, question: HistoryQuestion, before: CellInputs | None) -> CellInputs | None:
    """Return what the cell is made of now; what cannot be known of its place is taken from `before`."""
    job, leading = question.job, question.leading
    place = question.place(job) or before
    if place is None:
        return None
    leader = None
    if leading is not None:
        there = question.place(leading) or _before(store, question, leading)
        if there is not None:
            leader = StableAbiBuilder(
                cell=str(leading.cell), key=key(cell_inputs(leading, there, question.common, None))
            )
    return cell_inputs(job, place, question.common, leader)


def _before(store: Store, question: HistoryQuestion, job: Job) -> CellInputs | None:
    known = latest_key(store, question.project, str(job.cell))
    return None if known is None else store.ingredients(known.key)


def _is_old(store: Store, record: EntryRecord, max_age: float) -> bool:
    return bool(max_age) and store.clock() - record.created > max_age


def _said(record: EntryRecord) -> str:
    return datetime.fromtimestamp(record.created, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def shown_changes(changes: tuple[str, ...], most: int = 20) -> tuple[str, ...]:
    """Return what a person reads of many changes."""
    left = len(changes) - most
    return changes if left <= 0 else (*changes[:most], f"and {left} more")


def as_document(answer: CacheHistory | None) -> Mapping[str, object] | None:
    """Return it for machines."""
    if answer is None:
        return None
    return {"is_cached": answer.is_cached, "text": answer.text, "changes": list(answer.changes)}
