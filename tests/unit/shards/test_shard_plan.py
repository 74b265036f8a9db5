"""The shards of a plan: which cells stay together, how long each takes, on which machine it is."""

import pytest
from msgspec.structs import replace
from planning import job_for, settings_with

from matrix_runner import catalog
from matrix_runner.config.options.build_options import BEFORE_ALL
from matrix_runner.errors import UsageError
from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Failure, Outcome, Reason, Status, StepKind, StepTime
from matrix_runner.model.platforms import Arch
from matrix_runner.schedule import Durations
from matrix_runner.shards.ci_machines import MatrixForm, machines_of
from matrix_runner.shards.known_times import KnownTimes, times_of
from matrix_runner.shards.shard_plan import Shard, Units, one_shard, shards_of

CATALOG = catalog.load()
PYTHONS = ("cp310", "cp311", "cp312", "cp313")


def jobs(*platforms: str, before_all: str = "") -> tuple[Job, ...]:
    """Return the jobs of four Pythons on each platform."""
    settings = settings_with({BEFORE_ALL: before_all} if before_all else {})
    each = [f"{python}-{platform}" for platform in platforms for python in PYTHONS]
    return tuple(job_for(cell, CATALOG, settings, image=f"image/{cell.partition('-')[2]}") for cell in each)


def packed(
    run: tuple[Job, ...],
    count: int | None,
    times: KnownTimes | None = None,
    *,
    form: MatrixForm = MatrixForm.GITHUB,
    own: dict[Arch, str] | None = None,
    waits: bool = False,
) -> tuple[Shard, ...]:
    """Return the shards of jobs."""
    return shards_of(
        Units.of(run, times or KnownTimes(), machines_of(form, own or {}), waits={""} if waits else ()),
        count,
        form.most,
    )


def passed(cell: str, seconds: float) -> Outcome:
    """Return the outcome of a cell that passed."""
    return Outcome(cell=Cell.parse(cell), status=Status.PASSED, seconds=seconds)


def names(shard: Shard) -> list[str]:
    """Return the identifiers of a shard's cells."""
    return [str(cell) for cell in shard.cells]


def archs(shard: Shard) -> tuple[str, ...]:
    """Return the architectures of a shard's cells."""
    return tuple(dict.fromkeys(cell.platform.arch.tag for cell in shard.cells))


def test_without_times_cells_count_the_same() -> None:
    """Every cell is in one shard, in plan order, and none has two more than another."""
    run = jobs("manylinux_x86_64", "manylinux_i686", "musllinux_x86_64")
    shards = packed(run, 5)
    assert sorted(len(shard.cells) for shard in shards) == [2, 2, 2, 3, 3]
    assert sorted(cell for shard in shards for cell in names(shard)) == sorted(str(job.cell) for job in run)
    assert [(shard.number, shard.count) for shard in shards] == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]
    place = [str(job.cell) for job in run]
    assert all(names(shard) == sorted(names(shard), key=place.index) for shard in shards)


def test_one_job_a_cell_without_a_number() -> None:
    """As many as there are, up to what the CI system takes."""
    run = jobs("manylinux_x86_64", "manylinux_aarch64")
    assert [len(shard.cells) for shard in packed(run, None)] == [1] * 8
    units = Units.of(run, KnownTimes(), machines_of(MatrixForm.GITHUB, {}), waits=())
    assert len(shards_of(units, None, 3)) == 3


def test_each_architecture_has_its_machine() -> None:
    """Native ARM; 32-bit cells with the 64-bit ones; of others, an emulator, and seven times the time."""
    run = jobs("manylinux_x86_64", "manylinux_i686", "manylinux_aarch64", "manylinux_armv7l", "manylinux_s390x")
    shards = packed(run, 4)
    machines = {
        shard.machine: {arch for one in shards if one.machine == shard.machine for arch in archs(one)}
        for shard in shards
    }
    assert machines == {"ubuntu-24.04": {"x86_64", "i686", "s390x"}, "ubuntu-24.04-arm": {"aarch64", "armv7l"}}
    emulated = {arch: shard.emulators for shard in shards for arch in archs(shard)}
    assert "s390x" in emulated["s390x"]
    assert emulated["armv7l"] == ("arm",)
    seconds = {shard.machine: shard.seconds for shard in packed(run, 2)}
    assert seconds == {"ubuntu-24.04": 3 * (4 + 4 + 7 * 4), "ubuntu-24.04-arm": 3 * (4 + 7 * 4)}
    of_travis = {arch: shard for shard in packed(run, 5, form=MatrixForm.TRAVIS) for arch in archs(shard)}
    assert (of_travis["s390x"].machine, of_travis["s390x"].emulators) == ("s390x", ())


def test_own_machines() -> None:
    """Those that a user names run natively; i686 follows x86_64, and what is emulated on ARM follows aarch64."""
    run = jobs("manylinux_i686", "manylinux_armv7l", "manylinux_s390x")
    own = {Arch.X86_64: "big", Arch.AARCH64: "self-hosted,arm", Arch.S390X: "z16"}
    found = {archs(shard): (shard.machine, shard.emulators) for shard in packed(run, 3, own=own)}
    assert found == {("i686",): ("big", ()), ("armv7l",): ("self-hosted,arm", ("arm",)), ("s390x",): ("z16", ())}


def test_too_few_shards_for_the_kinds_of_machine() -> None:
    """It is said which there are."""
    with pytest.raises(UsageError, match="2 kinds of machine, ubuntu") as caught:
        packed(jobs("manylinux_x86_64", "manylinux_aarch64"), 1)
    assert "--shards 2" in str(caught.value.hint)


def test_more_shards_go_where_it_takes_longest() -> None:
    """Of five, four for the twelve cells of x86_64 and one for the four of ARM."""
    run = jobs("manylinux_x86_64", "manylinux_i686", "musllinux_x86_64", "manylinux_aarch64")
    shards = packed(run, 4)
    assert [(shard.machine, shard.number, shard.count, len(shard.cells)) for shard in shards] == [
        ("ubuntu-24.04", 1, 3, 4),
        ("ubuntu-24.04", 2, 3, 4),
        ("ubuntu-24.04", 3, 3, 4),
        ("ubuntu-24.04-arm", 1, 1, 4),
    ]


def test_cells_of_the_stable_abi_stay_with_their_leader() -> None:
    """Where a build file hints at it: a shard for each platform at most, however many are asked for."""
    run = jobs("manylinux_x86_64", "musllinux_x86_64")
    shards = packed(run, 6, waits=True)
    assert [len(shard.cells) for shard in shards] == [4, 4]
    assert {str(cell.platform) for cell in shards[0].cells} == {"manylinux_x86_64"}


def test_cells_that_one_wheel_has_served_stay_together() -> None:
    """As a report of an earlier run tells, which no build file need."""
    run = jobs("manylinux_x86_64")
    builder = Cell.parse("cp310-manylinux_x86_64")
    reused = replace(passed("cp313-manylinux_x86_64", 1.0), reused_from=builder)
    times = times_of([((passed(str(builder), 9.0), reused), frozenset())], Durations({}), lambda _: 1)
    shards = packed(run, 4, times)
    assert ["cp310-manylinux_x86_64", "cp313-manylinux_x86_64"] in [names(shard) for shard in shards]
    assert len(shards) == 3


def test_a_shared_before_all_keeps_cells_together_where_that_is_shorter() -> None:
    """It is run once in each shard that has a cell of it."""
    run = jobs("manylinux_x86_64", "manylinux_i686", before_all="make -C libs install")
    before = StepTime(kind=StepKind.BEFORE_ALL, seconds=100.0)
    first = replace(passed("cp310-manylinux_x86_64", 110.0), steps=(before,))
    long = times_of([((first,), frozenset())], Durations({}), lambda _: 1)
    shards = packed(run, 2, long)
    assert [archs(shard) for shard in shards] == [("x86_64",), ("i686",)]
    assert [shard.seconds for shard in shards] == [140.0, 140.0]
    # A short one is run twice: six shards of the cells rather than two of the images.
    brief = times_of([((passed("cp310-manylinux_x86_64", 10.0),), frozenset())], Durations({}), lambda _: 1)
    assert len(packed(run, 8, brief)) == 8
    # One that took less than nothing, by a clock that was set back meanwhile, took nothing.
    back = replace(first, seconds=10.0, steps=(replace(before, seconds=-5.0),))
    known = times_of([((back,), frozenset())], Durations({}), lambda _: 1)
    assert (known.seconds(back.cell), known.before_all) == (10.0, {})


def test_times_come_from_reports_then_from_this_machine() -> None:
    """The last report counts most; `before-all` and failures do not; a cached cell tells how long it once took."""
    cells = [f"{python}-manylinux_x86_64" for python in PYTHONS]
    old = (passed(cells[0], 50.0), passed(cells[1], 5.0))
    failure = Failure(step=StepKind.BUILD, reason=Reason.COMMAND, message="no")
    new = (
        replace(passed(cells[0], 8.0), steps=(StepTime(kind=StepKind.BEFORE_ALL, seconds=2.0),)),
        replace(passed(cells[1], 1.0), status=Status.FAILED, failure=failure),
        replace(passed(cells[2], 0.1), status=Status.CACHED, spared=7.0),
    )
    machine = Durations({Cell.parse(cells[3]): 3.0, Cell.parse(cells[0]): 99.0})
    known = times_of([(old, frozenset()), (new, frozenset())], machine, lambda _: 1)
    assert [known.seconds(Cell.parse(cell)) for cell in cells] == [6.0, 5.0, 7.0, 3.0]
    assert known.before_all_of([Cell.parse(cells[3])]) == 2.0


def test_times_of_emulated_cells_are_those_of_native_ones_here() -> None:
    """Recorded under emulation, and run on native ARM: a seventh; the other way round seven times."""
    cell = "cp311-manylinux_aarch64"
    known = times_of([((passed(cell, 70.0),), frozenset({Arch.AARCH64}))], Durations({}), lambda _: 1)
    assert known.seconds(Cell.parse(cell)) == 10.0
    own = Durations({Cell.parse(cell): 70.0})
    assert times_of([], own, lambda _: 7).seconds(Cell.parse(cell)) == 10.0
    (shard,) = packed((job_for("cp311-manylinux_s390x", CATALOG),), 1, known)
    assert shard.seconds == 70.0


def test_a_shard_by_its_number_is_that_of_the_matrix() -> None:
    """`--shard K/N` of a machine's cells has what the matrix's entry names; beyond the last there is nothing."""
    run = jobs("manylinux_x86_64", "manylinux_i686")
    units = Units.of(run, KnownTimes(), machines_of(MatrixForm.JSON, {}), waits=())
    shards = packed(run, 3)
    assert [one_shard(units, number, 3) for number in (1, 2, 3)] == [shard.cells for shard in shards]
    assert one_shard(units, 9, 9) == ()
