"""What cells share: which of them builds for the others, and which prepares an image."""

import threading
from pathlib import Path

import pytest
from planning import job_for
from wheel_builder import build_wheel

from matrix_runner import catalog
from matrix_runner.before_all.registry import (
    BeforeAllRuns,
    FailedBeforeAll,
    PreparedImage,
    SharedWheel,
    SharedWheels,
    hints_at_stable_abi,
)
from matrix_runner.matrix import Job
from matrix_runner.model.outcomes import Failure, Reason, StepKind

CATALOG = catalog.load()
SNAPSHOT = PreparedImage(image="snapshot", source="digest")
FAILURE = Failure(step=StepKind.BEFORE_ALL, reason=Reason.COMMAND, message="no such package")


def jobs(*identifiers: str) -> tuple[Job, ...]:
    """Return jobs, in this order."""
    return tuple(job_for(identifier, CATALOG) for identifier in identifiers)


def platform_of(job: Job) -> str | None:
    """Let jobs of a platform share a preparation; those of i686 need none."""
    return None if job.cell.platform.arch.bits == 32 else str(job.cell.platform)


@pytest.mark.parametrize(
    ("file", "text", "hint"),
    [
        ("pyproject.toml", '[tool.distutils.bdist_wheel]\npy-limited-api = "cp39"\n', True),
        ("setup.py", 'Extension("a", define_macros=[("Py_LIMITED_API", "0x03090000")])', True),
        ("Cargo.toml", 'pyo3 = { features = ["abi3-py39"] }', True),
        ("CMakeLists.txt", "Python_add_library(a USE_SABI)  # abi3", True),
        ("meson.build", "limited_api: '3.9'", True),
        ("setup.py", "setup()", False),
        ("README.md", "abi3", False),
    ],
)
def test_a_build_file_that_speaks_of_the_limited_api_is_a_hint(
    tmp_path: Path, file: str, text: str, *, hint: bool
) -> None:
    """Only a project that may make abi3 wheels lets cells wait for the first; unreadable files are no hint."""
    (tmp_path / file).write_text(text)
    (tmp_path / "setup.cfg").mkdir()
    assert hints_at_stable_abi(tmp_path) is hint


def test_the_earliest_interpreter_of_each_platform_leads() -> None:
    """Whatever the order: the oldest that can build for all starts; later ones wait for it; others never wait."""
    leader, later, free, other, musl, old = run = jobs(
        "cp38-manylinux_x86_64",
        "cp312-manylinux_x86_64",
        "cp314t-manylinux_x86_64",
        "pp311-manylinux_x86_64",
        "cp311-musllinux_x86_64",
        "cp27mu-manylinux_x86_64",
    )
    for order in (run, run[::-1]):
        shelf = SharedWheels(order, waits=True)
        assert [shelf.may_start(job) for job in (leader, free, other, musl, old)] == [True] * 5
        assert not shelf.may_start(later)
        shelf.finish(free.cell)
        assert not shelf.may_start(later)
        shelf.finish(leader.cell)
        assert shelf.may_start(later)


def test_without_a_hint_nobody_waits() -> None:
    """Cells of a project with plain extensions all start at once."""
    run = jobs("cp39-manylinux_x86_64", "cp312-manylinux_x86_64")
    shelf = SharedWheels(run, waits=False)
    assert all(shelf.may_start(job) for job in run)


def test_a_wheel_is_found_by_the_cells_it_installs_on(tmp_path: Path) -> None:
    """An abi3 wheel serves later interpreters of its platform, never earlier, free-threaded or others."""
    earlier, builder, later, free, musl = jobs(
        "cp39-manylinux_x86_64",
        "cp311-manylinux_x86_64",
        "cp313-manylinux_x86_64",
        "cp314t-manylinux_x86_64",
        "cp313-musllinux_x86_64",
    )
    path = build_wheel(tmp_path, "demo-1.0-cp311-abi3-manylinux_2_17_x86_64.whl")
    shelf = SharedWheels((), waits=False)
    assert shelf.find(later.cell) is None
    wheel = SharedWheel(builder=builder.cell, path=path)
    shelf.add(wheel)
    found = [shelf.find(job.cell) for job in (earlier, builder, later, free, musl)]
    assert found == [None, wheel, wheel, None, None]


def test_the_first_to_claim_prepares_and_the_others_wait() -> None:
    """Until it is settled only the preparer may start; then all may, from the image that it made."""
    first, second, needless = jobs("cp39-manylinux_x86_64", "cp311-manylinux_x86_64", "cp39-manylinux_i686")
    shared = BeforeAllRuns(platform_of)
    assert [shared.claim(job) for job in (first, second, needless, first)] == [True, False, True, True]
    assert [shared.is_preparer(job) for job in (first, second, needless)] == [True, False, False]
    shared.settle(second, prepared=PreparedImage(image="not mine to say", source=""))
    assert not shared.claim(second)
    shared.settle(first, prepared=SNAPSHOT)
    assert shared.claim(second)
    assert [shared.prepared(job) for job in (first, second, needless)] == [SNAPSHOT, SNAPSHOT, None]
    assert not shared.is_preparer(first)
    assert shared.failed_by(second) is None
    shared.release(first)
    shared.settle(first, failure=FAILURE)
    assert shared.prepared(second) == SNAPSHOT


def test_a_failed_preparation_is_known_by_its_cell() -> None:
    """After a failure nobody waits or tries again; each learns whose it was, and why."""
    first, second, needless = jobs("cp39-manylinux_x86_64", "cp311-manylinux_x86_64", "cp39-manylinux_i686")
    shared = BeforeAllRuns(platform_of)
    shared.claim(first)
    shared.settle(first, failure=FAILURE)
    shared.release(first)
    assert shared.claim(second)
    assert not shared.is_preparer(second)
    assert shared.failed_by(second) == FailedBeforeAll(by=first.cell, failure=FAILURE)
    assert shared.failed_by(needless) is None


def test_a_preparation_that_was_not_begun_goes_to_the_next() -> None:
    """A cell that ended before its turn to prepare leaves no mark: the next to ask is the preparer."""
    first, second = jobs("cp39-manylinux_x86_64", "cp311-manylinux_x86_64")
    shared = BeforeAllRuns(platform_of)
    assert shared.claim(first)
    shared.release(first)
    assert shared.claim(second)
    assert shared.is_preparer(second)
    assert not shared.claim(first)


def test_many_threads_find_one_preparer() -> None:
    """However many workers ask at once, exactly one is told to prepare."""
    shared = BeforeAllRuns(platform_of)
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
    assert [job for job in run if shared.is_preparer(job)] == [preparer]


def test_what_an_earlier_run_prepared_serves_all_at_once() -> None:
    """Nobody waits and nobody prepares; a cell that need not be prepared is not concerned."""
    run = jobs("cp39-manylinux_x86_64", "cp311-manylinux_x86_64", "cp39-manylinux_i686")
    shared = BeforeAllRuns(platform_of)
    shared.adopt("manylinux_x86_64", SNAPSHOT)
    assert [shared.claim(job) for job in run] == [True] * 3
    assert not any(shared.is_preparer(job) for job in run)
    assert [shared.prepared(job) for job in run] == [SNAPSHOT, SNAPSHOT, None]
    assert [shared.failed_by(job) for job in run] == [None] * 3


def test_an_image_that_cannot_be_used_is_prepared_anew_by_one() -> None:
    """Of the cells that find out, the first prepares; the others wait for it and start from what it made."""
    first, second = jobs("cp39-manylinux_x86_64", "cp311-manylinux_x86_64")
    shared = BeforeAllRuns(platform_of)
    shared.adopt("manylinux_x86_64", SNAPSHOT)
    shared.reject(first, SNAPSHOT)
    shared.reject(second, SNAPSHOT)
    assert [shared.is_preparer(job) for job in (first, second)] == [True, False]
    waiting = threading.Thread(target=shared.wait, args=(second, lambda: False))
    waiting.start()
    anew = PreparedImage(image="another", source="digest")
    assert shared.prepared(first) is None
    shared.settle(first, prepared=anew)
    waiting.join(10)
    assert not waiting.is_alive()
    assert shared.prepared(second) == anew


def test_waiting_for_another_cell_ends_with_the_run() -> None:
    """One that waits for an image to be prepared anew is let go when the run is cancelled."""
    first, second = jobs("cp39-manylinux_x86_64", "cp311-manylinux_x86_64")
    shared = BeforeAllRuns(platform_of)
    shared.claim(first)
    shared.wait(second, lambda: True)
    assert not shared.is_preparer(second)
