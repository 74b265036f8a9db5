"""Drift between a lock and a plan: told before anything is built, with name, both sides, and the cells."""

import pytest
from msgspec.structs import replace
from planning import job_for
from sample_locks import ONE, OTHER, TWO, answer, image, resolved

from matrix_runner import catalog
from matrix_runner.engine.api import ResolvedImage
from matrix_runner.locking.cell_lock import cell_lock, with_locked_images
from matrix_runner.locking.lock_drift import drift, still_satisfying, uncovered, without_tag, wrong_image
from matrix_runner.locking.lock_merge import merge
from matrix_runner.locking.lock_values import Group, Lock, LockedGroup, LockedImage
from matrix_runner.matrix import Plan
from matrix_runner.model.cells import Cell

CATALOG = catalog.load()
CELL = Cell.parse(ONE)
JOB = job_for(ONE, CATALOG)
GROUP = LockedGroup(requires=("cython>=3",), pins=("cython==3.1", "numpy==2.1", "zope-interface==7rc1"))
GROUPS = {
    Group.BUILD: (resolved("cython", "3.1"), resolved("old")),
    Group.TEST: (resolved("pytest", "9"),),
}
LOCK = merge(Lock(), [answer(ONE, GROUPS, requires=("cython>=3",))], upgraded=(), everything=False)


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("cython", ""),
        ("Cython>=3,<4", ""),
        ("Zope.Interface>=7.0rc1", ""),
        ("cython>=3.2", "the lock has 3.1"),
        ("ninja", "the lock has no ninja"),
        ("ninja; sys_platform == 'win32'", ""),
        ("ninja; python_version >= '3.12'", ""),
        ("ninja; python_version < '3.12' and platform_machine == 'x86_64'", "the lock has no ninja"),
        ("ninja; implementation_name == 'pypy'", ""),
        ("numpy[extra]", "the lock was made without it"),
        ("numpy @ https://example.com/numpy-2.1.zip", "the lock has 2.1"),
        ("-r tests/requirements.txt", "the lock was made without it"),
        ("./plugin", "the lock was made without it"),
    ],
)
def test_requirements_that_are_covered(word: str, why: str) -> None:
    """By name and version, where their marker holds in the cell; other words only if the lock was made with them."""
    assert uncovered(word, GROUP, CELL) == why


def test_a_lock_that_a_plan_agrees_with() -> None:
    """No line."""
    asked = {CELL: {Group.BUILD: ("cython>=3", "cython"), Group.TEST: ("pytest>=8",)}}
    assert drift(LOCK, [JOB], asked) == ()


def test_each_disagreement_has_a_line() -> None:
    """Cells of one disagreement share it."""
    jobs = [JOB, job_for(TWO, CATALOG), job_for(OTHER, CATALOG), job_for("cp39-manylinux_x86_64", CATALOG)]
    asked = {job.cell: {Group.BUILD: ("cython>=4",), Group.AUDIT: ("abi3audit",)} for job in jobs}
    assert drift(LOCK, jobs, asked) == (
        "matrix-runner.lock: build requires cython>=4, and the lock has 3.1 (cp311-manylinux_x86_64)",
        "matrix-runner.lock: it has nothing for audit (cp311-manylinux_x86_64)",
        f"matrix-runner.lock: it does not have the cell ({TWO}, {OTHER}, cp39-manylinux_x86_64)",
    )
    another = job_for(ONE, CATALOG, image="registry/other")
    assert drift(LOCK, [another], {CELL: {}}) == (f"matrix-runner.lock: it does not have image registry/other ({ONE})",)


def test_the_images_of_the_lock_are_those_of_the_plan() -> None:
    """By the digest of a registry; one that only this engine has is held to its id when it is there."""
    plan = with_locked_images(Plan(jobs=(JOB,), left_out=()), LOCK)
    chosen = plan.jobs[0].image
    assert chosen is not None
    assert chosen.reference == f"registry/image:1@{image('x86_64').digest}"
    local = LockedImage(name="registry/image:1", arch="x86_64", reference="registry/image:1", image_id="sha256:a")
    lock = replace(LOCK, images=(local,))
    assert with_locked_images(Plan(jobs=(JOB,), left_out=()), lock).jobs == (JOB,)
    here = ResolvedImage(reference="registry/image:1", id="sha256:b")
    said = wrong_image(JOB, here, lock)
    assert said == "matrix-runner.lock: image registry/image:1 has id sha256:b here, and the lock has sha256:a"
    assert wrong_image(JOB, replace(here, id="sha256:a"), lock) is None
    assert wrong_image(JOB, here, LOCK) is None
    assert wrong_image(JOB, here, None) is None
    moved = replace(lock, images=(replace(local, reference="registry/elsewhere"),))
    assert "the lock has registry/elsewhere" in drift(moved, [JOB], {CELL: {}})[0]


@pytest.mark.parametrize(
    ("reference", "repository"),
    [
        ("quay.io/pypa/manylinux_2_28_x86_64:2026.11.20-1", "quay.io/pypa/manylinux_2_28_x86_64"),
        ("localhost:5000/image", "localhost:5000/image"),
        ("localhost:5000/image:1", "localhost:5000/image"),
        ("image", "image"),
    ],
)
def test_the_repository_of_a_reference(reference: str, repository: str) -> None:
    """Without its tag; a port is none."""
    assert without_tag(reference) == repository


def test_what_stays_when_a_lock_is_made_anew() -> None:
    """What nothing contradicts."""
    asked = ("cython>=3.2", "numpy", "numpy<2; python_version < '3.9'", "-r x.txt", "other")
    assert still_satisfying(GROUP.pins, asked, CELL) == ("numpy==2.1", "zope-interface==7rc1")


def test_the_lines_of_a_cell() -> None:
    """A requirement with the hashes of all of its files that are locked, of whichever cell."""
    other = merge(
        LOCK, [answer(TWO, {Group.BUILD: (resolved("cython", "3.1", tag="i"),)})], upgraded=(), everything=False
    )
    one, two = cell_lock(other, JOB), cell_lock(other, job_for(TWO, CATALOG))
    assert one is not None
    assert two is not None
    any_, other_one = resolved("cython", "3.1").file.sha256, resolved("cython", "3.1", tag="i").file.sha256
    line, old = f"cython==3.1 --hash=sha256:{any_} --hash=sha256:{other_one}\n", resolved("old").file.sha256
    assert dict(one.texts)[Group.BUILD] == f"{line}old==1 --hash=sha256:{old}\n"
    assert dict(two.texts) == {Group.BUILD: line}
    assert (one.has(Group.TEST), two.has(Group.TEST)) == (True, False)
    assert cell_lock(LOCK, job_for(OTHER, CATALOG)) is None


def test_a_cells_digest_is_of_all_that_it_is_held_to() -> None:
    """Another version, another file, another image: another digest. Other cells do not count."""

    def digest(lock: Lock) -> str:
        found = cell_lock(lock, JOB)
        assert found is not None
        return found.digest

    more = merge(LOCK, [answer(OTHER, {Group.BUILD: (resolved("x"),)})], upgraded=(), everything=False)
    version = {**GROUPS, Group.TEST: (resolved("pytest", "10"),)}
    file = {**GROUPS, Group.TEST: (resolved("pytest", "9", seed="evil"),)}
    changed = [merge(Lock(), [answer(ONE, each)], upgraded=(), everything=False) for each in (version, file)]
    assert digest(more) == digest(LOCK)
    assert len({digest(each) for each in (LOCK, *changed, replace(LOCK, images=(image("x86_64", "new"),)))}) == 4
