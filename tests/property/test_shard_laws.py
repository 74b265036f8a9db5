"""Laws of shards, for any cells and times: each cell is in one, with those that it depends on, the same each time."""

from hypothesis import given, settings
from hypothesis import strategies as st
from planning import job_for, settings_with

from matrix_runner import catalog
from matrix_runner.cell.shared_wheels import SharedWheels
from matrix_runner.config.options.build_options import BEFORE_ALL
from matrix_runner.schedule import Durations
from matrix_runner.shards.ci_machines import MatrixForm, machines_of
from matrix_runner.shards.known_times import KnownTimes
from matrix_runner.shards.shard_plan import Units, one_shard, shards_of

CATALOG = catalog.load()
PLAIN, PREPARED = settings_with(), settings_with({BEFORE_ALL: "make install"})
JOBS = tuple(
    job_for(str(cell), CATALOG, PREPARED if cell.platform.arch.bits == 32 else PLAIN, image=str(cell.platform))
    for cell in CATALOG.cells
)
NUMBERS = st.integers(0, len(JOBS) - 1)
SECONDS = st.dictionaries(NUMBERS, st.floats(0, 4000), max_size=20)


@given(
    some=st.sets(NUMBERS, min_size=1, max_size=40),
    seconds=SECONDS,
    count=st.integers(1, 9),
    form=st.sampled_from([form.word for form in MatrixForm]),
    abi=st.sampled_from(["stable", "own"]),
)
@settings(max_examples=40)
def test_every_cell_is_in_one_shard_with_its_leaders(
    some: set[int], seconds: dict[int, float], count: int, form: str, abi: str
) -> None:
    """On one machine, in plan order, and not in more shards than were asked for."""
    jobs = tuple(JOBS[at] for at in sorted(some))
    waits = abi == "stable"
    times = KnownTimes(durations=Durations({JOBS[at].cell: took for at, took in seconds.items()}))
    machines = machines_of(next(each for each in MatrixForm if each.word == form), {})
    units = Units.of(jobs, times, machines, waits={""} if waits else ())
    wanted = max(count, len(units.by_machine()))
    shards = shards_of(units, wanted, wanted)
    assert shards == shards_of(units, wanted, wanted)
    assert len(shards) <= wanted
    order = [job.cell for job in jobs]
    assert sorted((cell for shard in shards for cell in shard.cells), key=order.index) == order
    leading = SharedWheels(jobs, waits=waits)
    for shard in shards:
        assert list(shard.cells) == sorted(shard.cells, key=order.index)
        assert {machines.of(cell.platform.arch).machine for cell in shard.cells} == {shard.machine}
        assert all(leading.leaders(cell) <= set(shard.cells) for cell in shard.cells)
    parts = [one_shard(units, number, count) for number in range(1, count + 1)]
    assert sorted((cell for part in parts for cell in part), key=order.index) == order
