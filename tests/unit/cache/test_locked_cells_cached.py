"""The cell cache with a lock: what is locked is part of the key, and a finished cell has no age."""

from pathlib import Path

import msgspec
import pytest
from fake_run import FakeRun, cell_of, what
from msgspec.structs import replace
from planning import settings_with
from sample_locks import ONE, TWO, answer, resolved

from matrix_runner.config.options.cache_options import CACHE_MAX_AGE
from matrix_runner.config.options.output_options import OVERWRITE
from matrix_runner.engine.fake.fake_engine import ANY_IMAGE
from matrix_runner.errors import ExitCode
from matrix_runner.locking.lock_merge import ResolvedCell, merge
from matrix_runner.locking.lock_values import Group, Lock, LockedImage
from matrix_runner.matrix import Job
from matrix_runner.model.outcomes import Reason, Report
from matrix_runner.report.cell_logs import CellLogs
from matrix_runner.request import LockQuestion
from matrix_runner.run import build
from matrix_runner.store.entry_record import EntryRecord
from matrix_runner.store.sealed import seal, unseal


def locked(version: str = "1", other: str = "1", seed: str = "") -> Lock:
    """Return a lock of two cells, with these versions in each."""
    answers = [
        answer(ONE, {Group.BUILD: (resolved("a", version, seed=seed),)}),
        answer(TWO, {Group.BUILD: (resolved("b", other),)}),
    ]
    return merge(Lock(), answers, upgraded=(), everything=False)


class Runs:
    """Runs of a project that share a store."""

    def __init__(self, directory: Path) -> None:
        """Run nothing yet."""
        self.directory = directory

    def run(self, lock: Lock | None, max_age: int = 0) -> set[str]:
        """Run once; return the cells that were built."""
        settings = settings_with({OVERWRITE: True, CACHE_MAX_AGE: max_age}, project_name="demo")
        cache = self.directory / "cache"
        fake = FakeRun(directory=self.directory, identifiers=(ONE, TWO), settings=settings, cache=cache, lock=lock)
        logs = CellLogs(fake.report_dir / "logs")
        with fake.engine() as engine:
            request = fake.request(engine)
            report = build(replace(request, listeners=(logs, *request.listeners)))
            assert report.exit_code is ExitCode.OK
            return {str(cell_of(call)) for call in engine.commands if what(call) == "build"}

    def grow_old(self, seconds: float) -> None:
        """Let every finished cell be older by so much."""
        for record in (self.directory / "cache").glob("entries/*/*/entry.json"):
            content = unseal(record.read_bytes())
            assert content is not None
            entry = msgspec.json.decode(content, type=EntryRecord)
            record.write_bytes(seal(msgspec.json.encode(replace(entry, created=entry.created - seconds))))


@pytest.fixture(name="runs")
def _runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def test_what_is_locked_is_part_of_the_key(runs: Runs) -> None:
    """Another version or file builds the cells that have it, and no others; so does the lock itself."""
    assert runs.run(None) == {ONE, TWO}
    assert runs.run(locked()) == {ONE, TWO}
    assert runs.run(locked()) == set()
    assert runs.run(locked("2")) == {ONE}
    assert runs.run(locked("2", "2")) == {TWO}
    assert runs.run(locked("2", "2", seed="evil")) == {ONE}
    assert runs.run(locked()) == set()
    assert runs.run(None) == set()


def test_a_locked_cell_has_no_age(runs: Runs) -> None:
    """`cache-max-age` is for what is not pinned."""
    runs.run(locked())
    runs.run(None)
    runs.grow_old(100)
    assert runs.run(locked(), max_age=60) == set()
    assert runs.run(None, max_age=60) == {ONE, TWO}


def test_another_image_of_the_name_is_refused(tmp_path: Path) -> None:
    """Of an image that no registry has the id is known; the cells of another one fail, with both, before any step."""
    settings = settings_with({}, project_name="demo")
    local = LockedImage(name=ANY_IMAGE, arch="x86_64", reference=ANY_IMAGE, image_id=f"sha256:{'0' * 64}")
    lock = replace(locked(), images=(local,))
    report = FakeRun(directory=tmp_path, identifiers=(ONE,), settings=settings, lock=lock).run()
    failure = report.outcomes[0].failure
    assert report.exit_code is ExitCode.ENVIRONMENT
    assert failure is not None
    assert failure.reason is Reason.WRONG_IMAGE
    assert "0" * 64 in failure.message
    assert report.outcomes[0].image_id in failure.message.split()
    assert "runner lock" in (failure.hint or "")


class Nothing:
    """`request.Locking`, whose cells are asked for nothing."""

    def __init__(self) -> None:
        """Nothing is answered yet."""
        self.taken: list[ResolvedCell] = []

    def question(self, job: Job) -> LockQuestion:
        """Ask for the build's requirements."""
        del job
        return LockQuestion(asked={Group.BUILD: ("setuptools",)}, kept={})

    def take(self, resolved: ResolvedCell) -> None:
        """Take an answer."""
        self.taken.append(resolved)


def test_a_cell_that_leaves_no_note_is_no_answer(tmp_path: Path) -> None:
    """It has failed, and nothing is taken of it: neither built nor published."""
    settings = settings_with({}, project_name="demo")
    fake, asked = FakeRun(directory=tmp_path, identifiers=(ONE,), settings=settings), Nothing()
    with fake.engine() as engine:
        report: Report = build(replace(fake.request(engine), locking=asked))
        assert not [call for call in engine.commands if what(call) in {"repair", "test"}]
    assert report.exit_code is ExitCode.CELL_FAILED
    assert asked.taken == []
    assert not list(fake.wheelhouse.glob("*"))
