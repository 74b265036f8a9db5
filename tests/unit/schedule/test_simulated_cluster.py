"""A small cluster on a clock of its own: what the scheduler makes of it, lost and slow hosts too."""

import math
from functools import cache
from statistics import NormalDist

import pytest
from late_cells import LEAST, TIMES, late_after
from msgspec.structs import replace
from rebuild import RebuiltCell, rebuild
from simulated_cluster import SimulatedCluster, SimulatedHost, least_makespan

from matrix_runner.model.platforms import Arch
from matrix_runner.nodes.spread import LOSSES

SHARES = {Arch.X86_64: 38, Arch.AARCH64: 38, Arch.PPC64LE: 12, Arch.S390X: 12}
HOSTS = tuple(SimulatedHost(machine=machine, slots=1) for machine, count in SHARES.items() for _ in range(count))
"""A hundred, in proportion to the platforms that they run."""


@cache
def cells() -> tuple[RebuiltCell, ...]:
    """Return five thousand cells, none of which takes longer than two minutes or so."""
    return rebuild(56, longest=120.0)


def played(
    hosts: tuple[SimulatedHost, ...], *, has_duplicates: bool = False, is_packed: bool = False
) -> SimulatedCluster:
    """Return a run that has ended."""
    cluster = SimulatedCluster(cells(), hosts, has_duplicates=has_duplicates, is_packed=is_packed)
    cluster.run.play()
    return cluster


def ratio(cluster: SimulatedCluster, hosts: tuple[SimulatedHost, ...]) -> float:
    """Return the makespan against the lower bound."""
    return cluster.totals.makespan / least_makespan(cells(), hosts)


def losing(*numbers: int) -> tuple[SimulatedHost, ...]:
    """Return the hosts, of which some vanish in the middle of the run, one after the other."""
    until = least_makespan(cells(), HOSTS)
    times = {number: until * (0.2 + 0.5 * at / len(numbers)) for at, number in enumerate(numbers)}
    return tuple(replace(host, lost=times.get(at, math.inf)) for at, host in enumerate(HOSTS))


def test_a_rebuild_is_planned_for_all_interpreters_and_platforms() -> None:
    """Twelve on eight; those that share a wheel wait for the one that builds it, and are quick."""
    assert len(cells()) == 56 * 96
    waiting = [cell for cell in cells() if cell.awaits is not None]
    assert waiting
    for cell in waiting:
        leader = cells()[cell.awaits or 0]
        assert (leader.package, leader.job.cell.platform) == (cell.package, cell.job.cell.platform)
        assert cell.expected < leader.expected


def test_a_cluster_is_used_to_nine_tenths_at_least() -> None:
    """The makespan is within a tenth of what no schedule is below, and each cell has run once."""
    cluster = played(HOSTS)
    assert 1.0 <= ratio(cluster, HOSTS) <= 1.1
    assert cluster.totals.begun == cluster.totals.ended == len(cells())


@pytest.mark.parametrize("lost", range(0, 100, 17))
def test_one_lost_host_in_a_hundred_costs_little(lost: int) -> None:
    """Its cells are given back and run elsewhere: at most 15 % above what no schedule is below."""
    hosts = losing(lost)
    cluster = played(hosts)
    assert ratio(cluster, hosts) <= 1.15
    assert cluster.totals.given_back > 0
    assert cluster.totals.failed == 0
    assert cluster.totals.ended == len(cells())


def test_a_tenth_of_the_hosts_lost_loses_no_cell() -> None:
    """All that was given back ends elsewhere; what they had begun is begun anew, and no more than that."""
    hosts = losing(*range(0, 38, 4))
    cluster = played(hosts)
    assert cluster.totals.ended == len(cells())
    assert cluster.totals.begun == len(cells()) + cluster.totals.given_back
    assert cluster.totals.given_back <= 10 * 4


def test_a_cell_does_not_go_through_all_hosts() -> None:
    """One under which hosts are lost again and again fails, rather than take the last one down."""
    few = tuple(SimulatedHost(machine=Arch.X86_64, slots=1, lost=1.0 + 200.0 * at) for at in range(LOSSES + 1))
    rest = tuple(SimulatedHost(machine=machine) for machine in SHARES)
    long = [replace(cell, seconds=1000.0, expected=1000.0) for cell in cells()[:1]]
    cluster = SimulatedCluster(long, (*few, *rest[1:]))
    cluster.run.play()
    assert cluster.totals.failed == 1
    assert cluster.totals.given_back == LOSSES


def test_late_cells_are_run_twice_where_nothing_waits() -> None:
    """With one host at a tenth of its speed the run ends long before that host does; no cell counts twice."""
    slow = (replace(HOSTS[0], speed=0.1), *HOSTS[1:])
    once, twice = played(slow), played(slow, has_duplicates=True)
    assert ratio(twice, slow) < 1.2 < ratio(once, slow)
    assert twice.totals.duplicates >= twice.totals.duplicates_won > 0
    assert twice.totals.ended == len(cells())


def test_no_cell_is_run_twice_where_all_hosts_are_as_fast_as_they_were() -> None:
    """What takes somewhat longer than expected is not late."""
    assert played(HOSTS, has_duplicates=True).totals.duplicates == 0


def test_what_is_packed_beforehand_takes_longer() -> None:
    """A host that has ended its own does not help others: that is what a common queue is for."""
    assert ratio(played(HOSTS, is_packed=True), HOSTS) > 1.1


def test_the_lower_bound_knows_what_is_lost() -> None:
    """Work is done until a host vanishes, and the longest cells need the fastest host."""
    x86 = [replace(cell, seconds=100.0, awaits=None) for cell in cells() if cell.job.cell.platform.arch is Arch.X86_64]
    hosts = (SimulatedHost(machine=Arch.X86_64, slots=1), SimulatedHost(machine=Arch.X86_64, slots=1, lost=150.0))
    assert least_makespan(x86[:4], hosts) == 250.0
    assert least_makespan(x86[:1], hosts) == 100.0
    assert least_makespan(x86[:1], tuple(replace(host, speed=0.5, lost=math.inf) for host in hosts)) == 200.0


def test_a_cell_is_late_between_the_two_times_that_its_rule_is_derived_from() -> None:
    """Where slow hosts and slow cells are alike, if one host in a thousand is slow; no short cell is late."""
    least, most = (math.exp(spread * NormalDist().inv_cdf(1 - 1 / 1000)) for spread in (0.15, 0.25))
    assert (round(least, 1), round(most, 1)) == (1.6, 2.2)
    assert least < TIMES < most
    assert late_after(100.0) == TIMES * 100.0
    assert late_after(1.0) == LEAST
