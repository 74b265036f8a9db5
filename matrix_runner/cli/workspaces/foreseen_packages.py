"""The plan of all packages of a command that asks no engine: as a build here would probably have it."""

from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from matrix_runner.cli.locked.locked_plan import LockInForce, lock_in_force
from matrix_runner.cli.workspaces.packages_plan import PackagesPlan, plan_packages
from matrix_runner.matrix import Host, Job, Plan

if TYPE_CHECKING:
    from matrix_runner.cli.wiring.opened_project import OpenedProject
    from matrix_runner.shards.matrix_forms.matrix_document import ExpectedPackage


class ForeseenPackages(msgspec.Struct, frozen=True, kw_only=True, dict=True):  # dict: the cached property
    """The plan, with the images of locks. `host`: that it is for; `locks`: those that it is held to, by package."""

    packages: PackagesPlan
    host: Host
    locks: tuple[tuple[str, LockInForce], ...]

    @property
    def plan(self) -> Plan:
        """The plan of all packages together."""
        return self.packages.plan

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is to be told of it."""
        drift = (f"{name}: {line}" if name else line for name, lock in self.locks for line in lock.drift)
        return (*self.plan.warnings, *drift)

    @cached_property
    def sdist_makers(self) -> tuple[Job, ...]:
        """The jobs in whose cells the sdists are built, one of each package that has one. Raise UsageError."""
        makers = (each.opened.inputs(each.plan).sdist_maker(self.host) for each in self.packages.packages)
        return tuple(maker for maker in makers if maker is not None)

    @property
    def has_sdist(self) -> bool:
        """Whether an sdist is made of any package."""
        return bool(self.sdist_makers)

    @property
    def expected(self) -> "tuple[ExpectedPackage, ...]":
        """What is expected of the packages of a workspace; nothing for a single one."""
        from matrix_runner.shards.matrix_forms.matrix_document import (
            ExpectedPackage,
            expected_project,
            expected_version,
        )

        made = {maker.cell.package for maker in self.sdist_makers}
        every = (each.opened for each in self.packages.packages) if self.packages.needs.order else ()
        return tuple(
            ExpectedPackage(
                name=opened.settings.package,
                project=expected_project(opened.settings),
                project_version=expected_version(opened.settings, opened.build_files),
                sdist=opened.settings.package in made,
            )
            for opened in every
        )


def foresee_packages(opened: "OpenedProject") -> ForeseenPackages:
    """Plan for the engines that a build here would probably have; print the notices on the configuration.

    Raise UsageError, ConfigError.
    """
    import click

    from matrix_runner import catalog
    from matrix_runner.cli.wiring.opened_project import notices_of, planned_place

    for notice in notices_of(opened):
        click.echo(f"note: {notice}", err=True)
    host = planned_place(opened.settings).host
    found = plan_packages(opened, catalog.load(), host)
    locks = [(each, lock_in_force(each.opened, each.plan)) for each in found.packages]
    held = [each if lock is None else replace(each, plan=lock.plan) for each, lock in locks]
    return ForeseenPackages(
        packages=found.of_jobs(held, found.plan),
        host=host,
        locks=tuple((each.opened.settings.package, lock) for each, lock in locks if lock is not None),
    )
