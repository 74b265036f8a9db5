"""Which cell runs the `before-all` that several share, and what becomes of the others meanwhile."""

import threading

from planning import job_for

from matrix_runner import catalog
from matrix_runner.before_all.registry import BeforeAllRegistry, FailedBeforeAll, PreparedImage
from matrix_runner.matrix import Job
from matrix_runner.model.outcomes import Failure, Reason, StepKind

CATALOG = catalog.load()
SNAPSHOT = PreparedImage(image="snapshot", source="digest")
FAILURE = Failure(step=StepKind.BEFORE_ALL, reason=Reason.COMMAND, message="no such package")
KEYS = {cell: str(cell.platform) for cell in CATALOG.cells if cell.platform.arch.bits == 64}
"""Jobs of a platform share a `before-all`; those of i686 have none."""


def registry() -> BeforeAllRegistry:
    """Return one that knows the keys of all cells."""
    made = BeforeAllRegistry()
    made.expect(KEYS)
    return made


def jobs(*identifiers: str) -> tuple[Job, ...]:
    """Return jobs, in this order."""
    return tuple(job_for(identifier, CATALOG) for identifier in identifiers)


def test_the_first_to_claim_prepares_and_the_others_wait() -> None:
    """Until it is settled only the preparer may start; then all may, from the image that it made."""
    first, second, needless = jobs("cp39-manylinux_x86_64", "cp311-manylinux_x86_64", "cp39-manylinux_i686")
    shared = registry()
    assert [shared.claim(job) for job in (first, second, needless, first)] == [True, False, True, True]
    assert [shared.part(job).is_runner for job in (first, second, needless)] == [True, False, False]
    shared.settle(second, prepared=PreparedImage(image="not mine to say", source=""))
    assert not shared.claim(second)
    shared.settle(first, prepared=SNAPSHOT)
    assert shared.claim(second)
    assert [shared.part(job).image for job in (first, second, needless)] == [SNAPSHOT, SNAPSHOT, None]
    assert not shared.part(first).is_runner
    assert shared.part(second).failed is None
    shared.release(first)
    shared.settle(first, failure=FAILURE)
    assert shared.part(second).image == SNAPSHOT


def test_a_failed_preparation_is_known_by_its_cell() -> None:
    """After a failure nobody waits or tries again; each learns whose it was, and why."""
    first, second, needless = jobs("cp39-manylinux_x86_64", "cp311-manylinux_x86_64", "cp39-manylinux_i686")
    shared = registry()
    shared.claim(first)
    shared.settle(first, failure=FAILURE)
    shared.release(first)
    assert shared.claim(second)
    assert not shared.part(second).is_runner
    assert shared.part(second).failed == FailedBeforeAll(by=first.cell, failure=FAILURE)
    assert shared.part(needless).failed is None


def test_a_preparation_that_was_not_begun_goes_to_the_next() -> None:
    """A cell that ended before its turn to prepare leaves no mark: the next to ask is the preparer."""
    first, second = jobs("cp39-manylinux_x86_64", "cp311-manylinux_x86_64")
    shared = registry()
    assert shared.claim(first)
    shared.release(first)
    assert shared.claim(second)
    assert shared.part(second).is_runner
    assert not shared.claim(first)


def test_many_threads_find_one_preparer() -> None:
    """However many workers ask at once, exactly one is told to prepare."""
    shared = registry()
    run = jobs(*(f"cp3{minor}-manylinux_x86_64" for minor in (9, 10, 11, 12, 13, 14)))
    start = threading.Barrier(len(run))
    claimed: list[Job] = []

    def ask(job: Job) -> None:
        start.wait()
        if shared.claim(job):
            claimed.append(job)

    threads = [threading.Thread(target=ask, args=(job,)) for job in run]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (preparer,) = claimed
    assert [job for job in run if shared.part(job).is_runner] == [preparer]


def test_what_an_earlier_run_prepared_serves_all_at_once() -> None:
    """Nobody waits and nobody prepares; a cell that need not be prepared is not concerned."""
    run = jobs("cp39-manylinux_x86_64", "cp311-manylinux_x86_64", "cp39-manylinux_i686")
    shared = registry()
    shared.adopt("manylinux_x86_64", SNAPSHOT)
    assert [shared.claim(job) for job in run] == [True] * 3
    assert not any(shared.part(job).is_runner for job in run)
    assert [shared.part(job).image for job in run] == [SNAPSHOT, SNAPSHOT, None]
    assert [shared.part(job).failed for job in run] == [None] * 3


def test_an_image_that_cannot_be_used_is_prepared_anew_by_one() -> None:
    """Of the cells that find out, the first prepares; the others wait for it and start from what it made."""
    first, second = jobs("cp39-manylinux_x86_64", "cp311-manylinux_x86_64")
    shared = registry()
    shared.adopt("manylinux_x86_64", SNAPSHOT)
    shared.reject(first, SNAPSHOT)
    shared.reject(second, SNAPSHOT)
    assert [shared.part(job).is_runner for job in (first, second)] == [True, False]
    waiting = threading.Thread(target=shared.wait, args=(second, lambda: False))
    waiting.start()
    anew = PreparedImage(image="another", source="digest")
    assert shared.part(first).image is None
    shared.settle(first, prepared=anew)
    waiting.join(10)
    assert not waiting.is_alive()
    assert shared.part(second).image == anew


def test_waiting_for_another_cell_ends_with_the_run() -> None:
    """One that waits for an image to be prepared anew is let go when the run is cancelled."""
    first, second = jobs("cp39-manylinux_x86_64", "cp311-manylinux_x86_64")
    shared = registry()
    shared.claim(first)
    shared.wait(second, lambda: True)
    assert not shared.part(second).is_runner
