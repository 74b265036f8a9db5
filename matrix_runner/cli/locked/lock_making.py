"""The making of a lock: a run whose cells resolve what they require, and build nothing."""

import os
import sys
import threading
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from matrix_runner.cli.locked.locked_plan import requirements_of
from matrix_runner.cli.wiring.opened_project import OpenedProject, open_project
from matrix_runner.errors import ExitCode, UsageError
from matrix_runner.locking.cell_lock import with_locked_images
from matrix_runner.locking.kept_lock import find_lock
from matrix_runner.locking.lock_drift import still_satisfying
from matrix_runner.locking.lock_merge import ResolvedCell, merge, without_platforms
from matrix_runner.locking.lock_values import Lock
from matrix_runner.matrix.network_access import is_restricted, network_of
from matrix_runner.request import LockQuestion
from matrix_runner.wording import first_of

if TYPE_CHECKING:
    from matrix_runner.cli.wiring.planned_build import PlannedBuild
    from matrix_runner.matrix import Job
    from matrix_runner.model.outcomes import Report
    from matrix_runner.project.asked_requirements import ProjectRequirements


class Upgrade(msgspec.Struct, frozen=True, kw_only=True):
    """What need not stay as it is locked. `names`: of packages, normalised; `everything`: all of them, and images."""

    names: frozenset[str] = frozenset()
    everything: bool = False


class MadeLock(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome. `old`, `new`: the same if a cell has failed. `report`: of the run. `file`: where it belongs."""

    file: Path
    old: Lock
    new: Lock
    report: "Report"

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the run."""
        return self.report.exit_code


class Questions:
    """`request.Locking`: asks the cells, and collects their answers. Thread-safe."""

    def __init__(self, requirements: "ProjectRequirements", old: Lock, upgrade: Upgrade) -> None:
        """`old`: the lock so far."""
        self.answers: list[ResolvedCell] = []
        self._requirements = requirements
        self._old = old
        self._upgrade = upgrade
        self._lock = threading.Lock()

    def question(self, job: "Job") -> LockQuestion:
        """Return what is asked of a cell; a cell that is new keeps to what others have, if it can."""
        asked = self._requirements.asked(job)
        first = dict(self._old.environments[0].groups) if self._old.environments else {}
        groups = {} if self._upgrade.everything else self._old.groups(job.cell) or first
        kept = {
            group: still_satisfying(self._staying(locked.pins), asked.get(group, ()), job.cell)
            for group, locked in groups.items()
        }
        return LockQuestion(asked=asked, kept=kept)

    def _staying(self, pins: Collection[str]) -> tuple[str, ...]:
        return tuple(pin for pin in pins if pin.partition("==")[0] not in self._upgrade.names)

    def take(self, resolved: ResolvedCell) -> None:
        """Take a cell's answer."""
        with self._lock:
            self.answers.append(resolved)


def make_lock(
    package: Path, project: Path | None, config_file: str | None, flags: Mapping[str, object], upgrade: Upgrade
) -> MadeLock:
    """Resolve the cells of the plan, and return the lock that follows; nothing is written.

    Raise UsageError, ConfigError, MachineError.
    """
    with TemporaryDirectory(prefix="matrix-runner-lock-") as scratch:
        place = {"output_dir": f"{scratch}/wheelhouse", "report_dir": f"{scratch}/report", "no_cache": True}
        with open_project(package, project, config_file, {**flags, **place}) as opened:
            if opened.origin != opened.project:
                raise UsageError("an sdist has no place for a lock", hint="Name the directory that it was made of.")
            directory = opened.build_files.directory
            old = find_lock(directory) or Lock()
            is_whole = not any(flags.get(name) for name in ("build", "skip", "archs", "enable"))
            return _make(replace(opened, heeds_lock=False), old, upgrade, is_whole=is_whole)


def _make(opened: OpenedProject, old: Lock, upgrade: Upgrade, *, is_whole: bool) -> MadeLock:
    from matrix_runner.cli.wiring.performed_build import usual_show
    from matrix_runner.cli.wiring.planned_build import planned_build, standard_streams
    from matrix_runner.config.options.output_options import LOG_FOLDS, PROGRESS
    from matrix_runner.locking.lock_values import LOCK
    from matrix_runner.report.cell_logs import CellLogs
    from matrix_runner.report.ci.detection import ci_system
    from matrix_runner.report.console.console_choice import choose_progress
    from matrix_runner.run import build
    from matrix_runner.wheelhouse.report_directory import LOGS

    settings, streams = opened.settings, standard_streams()
    progress = choose_progress(settings[PROGRESS], os.environ, is_terminal=sys.stdout.isatty(), verbose=False)
    questions = Questions(requirements_of(opened), old, upgrade)
    logs, system = CellLogs(opened.report_dir / LOGS), ci_system(os.environ, settings[LOG_FOLDS])
    with planned_build(opened, streams, progress) as planned:
        if planned is None:
            raise UsageError("the plan has no cell to lock")
        require_network(planned.plan.jobs)
        chosen = _with_images(planned, old, upgrade)
        with usual_show(progress, streams, verbose=False).console_of(opened, logs, system) as console:
            request = chosen.request(opened, logs, (console,))
            report = build(replace(request, durations=None, locking=questions))
    file = opened.build_files.directory / LOCK
    if report.exit_code is not ExitCode.OK:
        return MadeLock(file=file, old=old, new=old, report=report)
    base = without_platforms(old, {job.cell.platform for job in chosen.plan.jobs}) if is_whole else old
    new = merge(base, questions.answers, upgraded=upgrade.names, everything=upgrade.everything)
    return MadeLock(file=file, old=old, new=new, report=report)


def require_network(jobs: Iterable["Job"]) -> None:
    """Raise UsageError for cells where not all commands have a network.

    A lock is made where installers and the hooks of the build backend take turns, in one container: what the hooks ask
    for is installed, and so locked, after them.
    """
    cut_off = [job for job in jobs if is_restricted(job.settings)]
    if cut_off:
        cells = first_of([str(job.cell) for job in cut_off], 3)
        raise UsageError(
            f"a lock cannot be made where network is {network_of(cut_off[0].settings)}: {cells}",
            hint="`runner lock --network all` makes it, and runs the build backend with a network;"
            " `runner build --locked` then holds to it without one.",
        )


def _with_images(planned: "PlannedBuild", old: Lock, upgrade: Upgrade) -> "PlannedBuild":
    """Return the plan with the images that are locked: they stay too."""
    if upgrade.everything:
        return planned
    packages = planned.packages
    own = [replace(each, plan=with_locked_images(each.plan, old)) for each in packages.packages]
    return replace(planned, packages=packages.of_jobs(own, packages.plan))
