"""The one plan for all packages of a command: what is built of each, and what cells need of each other."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

import bracex
import msgspec
from msgspec.structs import replace

from matrix_runner.cli.wiring.opened_project import MemberProject, OpenedProject
from matrix_runner.config.options.engine_options import CLUSTER, ENGINES
from matrix_runner.config.options.option import Option, Source
from matrix_runner.config.options.output_options import LOG_FOLDS, OUTPUT_DIR, OVERWRITE, PROGRESS, REPORT_DIR
from matrix_runner.config.options.run_options import ENGINE_TIMEOUT, JOBS
from matrix_runner.config.options.selection_options import BUILD, SKIP
from matrix_runner.matrix import Host, Job, Plan, make_plan
from matrix_runner.workspace.needs import NO_NEEDS, Needs

if TYPE_CHECKING:
    from matrix_runner.catalog import Catalog
    from matrix_runner.model.cells import Cell


_OF_RUNS: Final[tuple[Option[object], ...]] = (
    *(OUTPUT_DIR, REPORT_DIR, OVERWRITE, PROGRESS, LOG_FOLDS),
    *(JOBS, ENGINES, CLUSTER, ENGINE_TIMEOUT),
)
"""The options that a run has once for all packages: those of the workspace's table."""


class PackagePlan(msgspec.Struct, frozen=True, kw_only=True):
    """A package, and what is built of it."""

    opened: OpenedProject
    plan: Plan


class PackagesPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is built of all packages. `plan`: of all together. `needs`: of their cells, of each other.

    `packages`: each after those that it needs; the only one is there too.
    """

    plan: Plan
    packages: tuple[PackagePlan, ...]
    needs: Needs = NO_NEEDS

    def of_jobs(self, packages: Iterable[PackagePlan], whole: Plan) -> "PackagesPlan":
        """Return the plan with other jobs. `whole`: with what is told of all together."""
        own = tuple(packages)
        jobs = tuple(job for each in own for job in each.plan.jobs)
        return replace(self, packages=own, plan=replace(whole, jobs=jobs))

    def with_jobs(self, cells: "frozenset[Cell]", whole: Plan) -> "PackagesPlan":
        """Return the plan with some cells alone. `whole`: with the others among those that are left out."""
        own = (replace(each, plan=replace(each.plan, jobs=_of(each.plan.jobs, cells))) for each in self.packages)
        return self.of_jobs(own, whole)


def plan_packages(opened: OpenedProject, known: "Catalog", host: Host) -> PackagesPlan:
    """Return the plan of a command for a host.

    Of a package that is not named only the cells are built that others need. Raise ConfigError for packages that need
    each other in a circle, UsageError for what cannot be done for cells that need others.
    """
    if not opened.members:
        plan = make_plan(opened.settings, known, host)
        if opened.neighbours:
            _require_alone(opened, plan)
        return PackagesPlan(plan=plan, packages=(PackagePlan(opened=opened, plan=plan),))
    # A single package needs nothing of it.
    from matrix_runner.workspace.asked_packages import AskedPackage
    from matrix_runner.workspace.package_needs import needs_of

    members = {member.opened.settings.package: member for member in opened.members}
    asked = [
        AskedPackage.of(name, member.opened.settings.project_name, member.opened.build_files)
        for name, member in members.items()
    ]
    plans = {name: _own_plan(member, known, host) for name, member in members.items()}
    wanted = frozenset(job.cell for plan in plans.values() for job in plan.jobs)
    if any(not member.is_named or member.whole is not member.opened.settings for member in opened.members):
        for name, member in members.items():
            plans[name] = _with_others(plans[name], make_plan(member.whole, known, host))
        every = [job for plan in plans.values() for job in plan.jobs]
        wanted = needs_of(asked, every).everything_for(tuple(wanted))
    plans = {name: _cut(plan, wanted) for name, plan in plans.items()}
    needs = needs_of(asked, [job for plan in plans.values() for job in plan.jobs])
    ordered = tuple(PackagePlan(opened=members[name].opened, plan=plans[name]) for name in needs.order)
    _check(ordered, needs)
    whole = _together(ordered, needs)
    whole = replace(
        whole,
        warnings=(*whole.warnings, *_of_no_package(opened)),
        notes=(*whole.notes, *_not_for_workspaces(opened)),
    )
    return PackagesPlan(plan=whole, packages=tuple(each for each in ordered if each.plan.jobs), needs=needs)


def _require_alone(opened: OpenedProject, plan: Plan) -> None:
    """Raise UsageError if a package of a workspace needs others of it: they are not built where it is alone."""
    from matrix_runner.config.loading.build_files import BuildFiles
    from matrix_runner.config.loading.metadata import read_metadata
    from matrix_runner.errors import UsageError
    from matrix_runner.workspace.asked_packages import AskedPackage
    from matrix_runner.workspace.package_needs import needs_of

    own = opened.settings.package
    asked = [AskedPackage.of(own, opened.settings.project_name, opened.build_files)]
    for directory in opened.neighbours:
        files = BuildFiles(directory)
        content = files.pyproject()
        name = read_metadata(files, {} if content is None else content.content).name or directory.name
        asked += [AskedPackage.of(str(directory), name, files)] if directory != opened.place.resolve() else []
    lacking = needs_of(asked, plan.jobs).lacking
    if lacking:
        raise UsageError(
            f"{own} needs others of its workspace, and this command builds one package alone",
            hint=f"`runner build {opened.place}` builds what it needs as well.",
        )


def _own_plan(member: MemberProject, known: "Catalog", host: Host) -> Plan:
    """Return what a package has of its own; nothing for one that is not named."""
    return make_plan(member.opened.settings, known, host) if member.is_named else Plan(jobs=(), left_out=())


def _with_others(plan: Plan, whole: Plan) -> Plan:
    """Return a plan with all other cells that its package could have, in their order."""
    own = {job.cell: job for job in plan.jobs}
    return replace(plan, jobs=(*(own.get(job.cell, job) for job in whole.jobs), *_beyond(own, whole)))


def _beyond(own: Mapping["Cell", Job], whole: Plan) -> Iterator[Job]:
    """Yield the jobs that only the command line asks for."""
    usual = {job.cell for job in whole.jobs}
    return (job for cell, job in own.items() if cell not in usual)


def _cut(plan: Plan, wanted: "frozenset[Cell]") -> Plan:
    return replace(
        plan,
        jobs=_of(plan.jobs, wanted),
        left_out=tuple(left for left in plan.left_out if left.cell not in wanted),
    )


def _of(jobs: Sequence[Job], cells: "frozenset[Cell]") -> tuple[Job, ...]:
    return tuple(job for job in jobs if job.cell in cells)


def _together(packages: Sequence[PackagePlan], needs: Needs) -> Plan:
    plans = {each.opened.settings.package: each.plan for each in packages}
    return Plan(
        jobs=tuple(job for plan in plans.values() for job in plan.jobs),
        left_out=tuple(left for plan in plans.values() for left in plan.left_out),
        warnings=(*_named({name: plan.warnings for name, plan in plans.items()}), *needs.lacking),
        notes=_named({name: plan.notes for name, plan in plans.items()}),
        unmet=_named({name: plan.unmet for name, plan in plans.items()}),
    )


def _of_no_package(opened: OpenedProject) -> Iterator[str]:
    """Yield a warning for each pattern whose package is none of the workspace."""
    names = [member.opened.settings.package for member in opened.members]
    for option in (BUILD, SKIP):
        for pattern in opened.settings[option]:
            globs = [glob.rpartition(":")[0] for glob in bracex.expand(pattern) if ":" in glob]
            if globs and not any(fnmatchcase(name, glob) for name in names for glob in globs):
                near = get_close_matches(globs[0], names, n=1)
                guess = f"; did you mean {near[0]}?" if near else ""
                origin = opened.settings.origin(option)
                yield f"{option}: {pattern} ({origin}) is of no package of the workspace{guess}"


def _not_for_workspaces(opened: OpenedProject) -> Iterator[str]:
    """Yield a note for each option of a package's own table that a run has once for all packages."""
    for member in opened.members:
        own = member.opened.settings
        for option in _OF_RUNS:
            is_own = own.origin(option).source is Source.FILE and own[option] != opened.settings[option]
            if is_own:
                yield f"{own.package}: {option} ({own.origin(option)}) is for a run of that package alone"


def _named(texts: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return the texts on packages, each once: with the package in front if it is about one alone."""
    about: dict[str, list[str]] = {}
    for name, several in texts.items():
        for text in several:
            about.setdefault(text, []).append(name)
    return tuple(f"{names[0]}: {text}" if len(names) == 1 else text for text, names in about.items())


def _check(packages: Sequence[PackagePlan], needs: Needs) -> None:
    """Raise UsageError for a package whose settings rule out what its cells need of others."""
    from matrix_runner.config.options.lock_options import LOCKED
    from matrix_runner.config.options.source_options import SDIST
    from matrix_runner.errors import UsageError
    from matrix_runner.workspace.need_obstacles import NeedyPackage, obstacles

    lines: list[str] = []
    for each in packages:
        settings, inputs = each.opened.settings, each.opened.inputs(each.plan)
        package = NeedyPackage(
            settings=settings,
            jobs=each.plan.jobs,
            is_locked=settings[LOCKED],
            makes_sdist=settings[SDIST] and not inputs.is_sdist,
            has_hashes=inputs.has_hashes,
        )
        lines += obstacles(package, needs)
    if lines:
        raise UsageError("\n".join(lines), hint="Build it in a run of its own, once what it needs is published.")
