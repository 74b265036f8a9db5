"""The flags on shards: `--shard K/N` of a build, and `--times` of earlier runs; what follows from them for a plan."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import msgspec
from msgspec.structs import replace

if TYPE_CHECKING:
    from matrix_runner.cli.workspaces.packages_plan import PackagesPlan
    from matrix_runner.matrix import Host
    from matrix_runner.model.platforms import Arch
    from matrix_runner.shards.ci_machines import MatrixForm
    from matrix_runner.shards.known_times import KnownTimes
    from matrix_runner.shards.shard_plan import Units

_FORM: Final = re.compile(r"([1-9][0-9]{0,4})/([1-9][0-9]{0,4})", re.ASCII)

TIMES_FLAG = click.option(
    "--times",
    "times",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    metavar="REPORT",
    help="A report.json of an earlier run, or its directory, by whose times cells are packed; may be repeated.",
)


def _shard_number(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, int] | None:  # noqa: ARG001
    """Read `K/N`."""
    if value is None:
        return None
    found = _FORM.fullmatch(value)
    number, count = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 0 < number <= count:
        raise click.BadParameter(f"{value!r} is no shard: 2/3 is the second of three")
    return number, count


SHARD_FLAG = click.option(
    "--shard",
    callback=_shard_number,
    metavar="K/N",
    help="Build shard K of N only: the same part of the same plan on every machine.",
)


class WantedShard(msgspec.Struct, frozen=True, kw_only=True):
    """The shard of a plan that is to be built. `times`: reports of earlier runs, the same in all shards' jobs."""

    number: int
    count: int
    times: tuple[Path, ...] = ()

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def part_of(self, packages: "PackagesPlan") -> "PackagesPlan":
        """Return the plan with the shard's jobs alone; the others are left out. Raise UsageError for `times`."""
        from matrix_runner.matrix import LeftOut
        from matrix_runner.shards.ci_machines import MatrixForm
        from matrix_runner.shards.shard_plan import one_shard

        # Of this machine nothing counts: the other shards' machines do not know it.
        units = units_of(packages, read_times(self.times, None, None), MatrixForm.JSON, {})
        plan, own = packages.plan, frozenset(one_shard(units, self.number, self.count))
        others = (job.cell for job in plan.jobs if job.cell not in own)
        left_out = tuple(LeftOut(cell=cell, reason=f"--shard {self}: another shard has it") for cell in others)
        return packages.with_jobs(own, replace(plan, left_out=(*plan.left_out, *left_out)))


def units_of(
    packages: "PackagesPlan",
    times: "KnownTimes",
    form: "MatrixForm",
    own: "Mapping[Arch, str]",
) -> "Units":
    """Return what is packed into shards. `own`: machines that a user names, by architecture."""
    from matrix_runner.project.build_hints import hints_at_stable_abi
    from matrix_runner.shards.ci_machines import machines_of
    from matrix_runner.shards.shard_plan import Units

    hinting = {
        each.opened.settings.package for each in packages.packages if hints_at_stable_abi(each.opened.build_files)
    }
    return Units.of(packages.plan.jobs, times, machines_of(form, own), hinting, packages.needs)


def read_times(reports: Iterable[Path], durations: Path | None, host: "Host | None") -> "KnownTimes":
    """Return the times in reports of earlier runs. Raise UsageError for a file that is none.

    `durations`: the file in which this machine keeps its own, None if they must not count; `host`: of those.
    """
    from matrix_runner.model.platforms import Arch
    from matrix_runner.report.run_reading import read_run
    from matrix_runner.schedule import Durations
    from matrix_runner.shards.known_times import times_of

    runs = [read_run(path) for path in reports]
    return times_of(
        [(run.report.outcomes, frozenset(arch for arch in Arch if arch.tag in run.extra.emulated)) for run in runs],
        Durations({}) if durations is None else Durations.read(durations),
        (lambda _: 1) if host is None else host.slowness,
    )
