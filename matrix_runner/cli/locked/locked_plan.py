"""The plan of a command that is held to a lock (option `locked`): with the lock's images, or refused."""

import os
from typing import TYPE_CHECKING

import msgspec

from matrix_runner.config.options.lock_options import LOCKED
from matrix_runner.locking.lock_values import LOCK, Lock
from matrix_runner.matrix import Job, Plan

if TYPE_CHECKING:
    from matrix_runner.cli.wiring.opened_project import OpenedProject
    from matrix_runner.project.asked_requirements import ProjectRequirements


def lock_of(opened: "OpenedProject") -> Lock | None:
    """Return the lock that a project's builds are held to; None if they are not.

    Raise UsageError if it is not there, ConfigError if it cannot be read.
    """
    if not opened.settings[LOCKED] or not opened.heeds_lock:
        return None
    from matrix_runner.locking.kept_lock import need_lock

    return need_lock(opened.build_files.directory)


def lock_drift(opened: "OpenedProject", jobs: tuple[Job, ...], lock: Lock) -> tuple[str, ...]:
    """Return a line for each thing in which a lock is not what jobs need. Raise ConfigError for a missing group."""
    from matrix_runner.locking.lock_drift import drift

    requirements = requirements_of(opened)
    return drift(lock, jobs, {job.cell: requirements.asked(job) for job in jobs})


def requirements_of(opened: "OpenedProject") -> "ProjectRequirements":
    """Return what a project asks for, with its secrets masked."""
    from matrix_runner.project.asked_requirements import ProjectRequirements
    from matrix_runner.redaction.run_secrets import redactor_of

    redactor = redactor_of((opened.settings,), os.environ)
    return ProjectRequirements(opened.project, opened.build_files, redactor)


class LockInForce(msgspec.Struct, frozen=True, kw_only=True):
    """The lock that a plan is held to. `drift`: where they disagree; `plan`: with the lock's images."""

    lock: Lock
    plan: Plan
    drift: tuple[str, ...]

    @property
    def text(self) -> str:
        """A line on it."""
        held = f"held to {LOCK}: its images, and each requirement by its hash"
        return f"{held}; a build refuses, as they disagree" if self.drift else held

    def document(self) -> dict[str, object]:
        """Return it for programs."""
        return {"file": LOCK, "drift": list(self.drift)}

    def of_cell(self, cell: str) -> dict[str, tuple[str, ...]]:
        """Return what is installed in a cell, by group."""
        groups = next((each.groups for each in self.lock.environments if cell in map(str, each.cells)), ())
        return {str(group): locked.pins for group, locked in groups}


def lock_in_force(opened: "OpenedProject", plan: Plan, cell: str = "") -> LockInForce | None:
    """Return the lock that a plan is held to, None without one. Raise as `lock_of` and `lock_drift`.

    `cell`: the one that it is about, "" for all.
    """
    lock = lock_of(opened)
    if lock is None:
        return None
    from matrix_runner.locking.cell_lock import with_locked_images

    jobs = tuple(job for job in plan.jobs if cell in {"", str(job.cell)})
    return LockInForce(lock=lock, plan=with_locked_images(plan, lock), drift=lock_drift(opened, jobs, lock))


def held_to_lock(opened: "OpenedProject", plan: Plan) -> Plan:
    """Return the plan with the lock's images, the same plan without a lock. Raise ConfigError where they disagree."""
    held = lock_in_force(opened, plan)
    if held is None:
        return plan
    if held.drift:
        from matrix_runner.errors import ConfigError
        from matrix_runner.locking.lock_drift import UPDATE

        raise ConfigError(held.drift, hint=UPDATE)
    return held.plan
