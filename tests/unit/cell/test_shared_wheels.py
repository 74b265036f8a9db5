"""Which cell builds for the others: a wheel of the stable ABI serves later interpreters."""

from pathlib import Path

from msgspec.structs import replace
from planning import job_for
from wheel_builder import build_wheel

from matrix_runner import catalog
from matrix_runner.cell.shared_wheels import SharedWheel, SharedWheels
from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell

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


def test_the_free_threaded_stable_abi() -> None:
    """PEP 803: it begins with 3.15; its first interpreter leads later ones of its kind, and older ones never wait."""
    gil, t13, t15 = jobs("cp310-manylinux_x86_64", "cp313t-manylinux_x86_64", "cp315t-manylinux_x86_64")
    # One that no catalog has yet.
    t16 = replace(t15, cell=Cell.parse("cp316t-manylinux_x86_64"))
    run = (gil, t13, t15, t16)
    wheels = SharedWheels(run, waits=True)
    assert [wheels.leader(job.cell) for job in run] == [None, None, None, t15.cell]
    # The cells that the wheel of cp315t serves beside it test that of cp310: it gives way to none.
    assert wheels.give_way(t15.cell, "demo-1.0-cp315-abi3.abi3t-manylinux_2_17_x86_64.whl") is None
    assert wheels.may_start(t13)
    assert not wheels.may_start(t16)
    wheels.finish(gil.cell)
    wheels.finish(t15.cell)
    assert wheels.may_start(t16)


def test_one_wheel_with_and_without_the_gil(tmp_path: Path) -> None:
    """If the first cell is of 3.15, its wheel may be for both: free-threaded cells wait for it, and test it."""
    both, free, later = run = jobs("cp315-manylinux_x86_64", "cp315t-manylinux_x86_64", "cp314t-manylinux_x86_64")
    name = "demo-1.0-cp315-abi3.abi3t-manylinux_2_17_x86_64.whl"
    for order in (run, run[::-1]):
        wheels = SharedWheels(order, waits=True)
        assert [wheels.leader(job.cell) for job in run] == [None, both.cell, None]
        # Without a hint the names tell.
        wheels = SharedWheels(order, waits=False)
        assert wheels.give_way(free.cell, name) == both.cell
        assert wheels.give_way(both.cell, name) is None
    wheels.add(SharedWheel(builder=both.cell, path=build_wheel(tmp_path, name)))
    assert wheels.find(free.cell) is not None
    assert wheels.find(later.cell) is None


def test_the_wheel_that_installers_would_take_is_tested(tmp_path: Path) -> None:
    """The wheels of cp310 and cp315t serve cp315: it waits for both, and tests the newer one, as `packaging` ranks."""
    first, middle, free = run = jobs("cp310-manylinux_x86_64", "cp315-manylinux_x86_64", "cp315t-manylinux_x86_64")
    old, new = "demo-1.0-cp310-abi3-manylinux_2_17_x86_64.whl", "demo-1.0-cp315-abi3.abi3t-manylinux_2_17_x86_64.whl"
    wheels = SharedWheels(run, waits=True)
    assert [wheels.may_start(job) for job in run] == [True, False, True]
    wheels.add(SharedWheel(builder=first.cell, path=build_wheel(tmp_path, old)))
    assert not wheels.may_start(middle)
    assert wheels.give_way(free.cell, new) is None
    wheels.add(SharedWheel(builder=free.cell, path=build_wheel(tmp_path, new)))
    assert wheels.may_start(middle)
    found = wheels.find(middle.cell)
    assert found is not None
    assert found.builder == free.cell
    # Whichever was published first.
    wheels = SharedWheels(run, waits=False)
    for builder, name in ((free, new), (first, old)):
        wheels.add(SharedWheel(builder=builder.cell, path=tmp_path / name))
    found = wheels.find(middle.cell)
    assert found is not None
    assert found.builder == free.cell


def test_a_cell_that_is_served_already_builds_for_nobody(tmp_path: Path) -> None:
    """The wheel of 3.10 serves cp315: that of cp315t, which could serve it too, is built by cp315t itself."""
    first, middle, free = run = jobs("cp310-manylinux_x86_64", "cp315-manylinux_x86_64", "cp315t-manylinux_x86_64")
    name = "demo-1.0-cp315-abi3.abi3t-manylinux_2_17_x86_64.whl"
    for waits in (True, False):
        wheels = SharedWheels(run, waits=waits)
        assert wheels.give_way(free.cell, name) == (None if waits else middle.cell)
        path = build_wheel(tmp_path, "demo-1.0-cp310-abi3-manylinux_2_17_x86_64.whl")
        wheels.add(SharedWheel(builder=first.cell, path=path))
        assert wheels.give_way(free.cell, name) is None
