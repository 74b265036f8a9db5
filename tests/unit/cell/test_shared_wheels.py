"""Which cell builds for the others: a wheel of the stable ABI serves later interpreters."""

from pathlib import Path

from planning import job_for
from wheel_builder import build_wheel

from matrix_runner import catalog
from matrix_runner.cell.shared_wheels import SharedWheel, SharedWheels
from matrix_runner.matrix import Job

CATALOG = catalog.load()


def jobs(*identifiers: str) -> tuple[Job, ...]:
    """Return jobs, in this order."""
    return tuple(job_for(identifier, CATALOG) for identifier in identifiers)


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
        wheels = SharedWheels(order, waits=True)
        assert [wheels.may_start(job) for job in (leader, free, other, musl, old)] == [True] * 5
        assert not wheels.may_start(later)
        wheels.finish(free.cell)
        assert not wheels.may_start(later)
        wheels.finish(leader.cell)
        assert wheels.may_start(later)


def test_without_a_hint_nobody_waits() -> None:
    """Cells of a project with plain extensions all start at once."""
    run = jobs("cp39-manylinux_x86_64", "cp312-manylinux_x86_64")
    wheels = SharedWheels(run, waits=False)
    assert all(wheels.may_start(job) for job in run)


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
    wheels = SharedWheels((), waits=False)
    assert wheels.find(later.cell) is None
    wheel = SharedWheel(builder=builder.cell, path=path)
    wheels.add(wheel)
    found = [wheels.find(job.cell) for job in (earlier, builder, later, free, musl)]
    assert found == [None, wheel, wheel, None, None]


def test_a_wheels_name_tells_who_builds_it() -> None:
    """The oldest Python that the wheel serves builds it; cells that have built it too wait, and then test that one."""
    first, other, second, free, musl = run = jobs(
        "cp39-manylinux_x86_64",
        "cp310-manylinux_i686",
        "cp311-manylinux_x86_64",
        "cp314t-manylinux_x86_64",
        "cp311-musllinux_x86_64",
    )
    generic = "demo-1.0-py3-none-manylinux_2_17_x86_64.whl"
    wheels = SharedWheels(run, waits=False)
    assert wheels.give_way(first.cell, generic) is None
    assert wheels.give_way(second.cell, generic) == first.cell
    assert not wheels.may_start(second)
    assert wheels.give_way(free.cell, generic) == first.cell
    assert wheels.give_way(other.cell, generic.replace("x86_64", "i686")) is None
    assert wheels.give_way(musl.cell, generic.replace("many", "musl").replace("2_17", "1_2")) is None
    # A wheel of its own interpreter concerns nobody else.
    assert wheels.give_way(second.cell, "demo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl") is None
    wheels.finish(first.cell)
    assert wheels.may_start(second)
    # The first one failed, or made another wheel: the next one builds.
    assert wheels.give_way(second.cell, generic) is None
    assert wheels.give_way(free.cell, generic) == second.cell


def test_a_stable_abi_from_the_middle_of_the_range() -> None:
    """Cells before the tag's own Python build theirs; the first that it serves builds for the rest."""
    old, leader, later = run = jobs("cp39-manylinux_x86_64", "cp311-manylinux_x86_64", "cp313-manylinux_x86_64")
    name = "demo-1.0-cp311-abi3-manylinux_2_17_x86_64.whl"
    for waits in (True, False):
        wheels = SharedWheels(run, waits=waits)
        assert wheels.give_way(old.cell, "demo-1.0-cp39-cp39-manylinux_2_17_x86_64.whl") is None
        wheels.finish(old.cell)
        assert wheels.give_way(later.cell, name) == leader.cell
        assert wheels.give_way(leader.cell, name) is None
