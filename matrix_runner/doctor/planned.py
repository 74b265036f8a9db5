"""The project for which the machine is examined: its plan, or the mistakes that prevent one. Pure."""

from collections.abc import Iterator, Sequence

from matrix_runner.doctor.subject import Subject
from matrix_runner.doctor.verdict import Level, Verdict
from matrix_runner.errors import ConfigError
from matrix_runner.matrix import Execution, Job
from matrix_runner.matrix.remarks import emulation_hint
from matrix_runner.wording import counted, first_of


def judge_project(subject: Subject) -> Iterator[Verdict]:
    """Yield the verdicts on the project's plan."""
    if subject.has_mistakes:
        yield from _mistakes(subject)
        return
    if subject.project is None:
        yield Verdict(name="no-project", text="no project here: this machine is examined for projects in general")
        return
    jobs = subject.project.plan.jobs
    if not jobs:
        yield Verdict(
            name="plan-empty",
            level=Level.WARNING,
            text="no cell is selected, so a build has nothing to do",
            remedy="`runner plan` lists what is left out, and why",
        )
        return
    platforms = tuple(dict.fromkeys(str(job.cell.platform) for job in jobs))
    place = _place(subject)
    yield from _packages(subject, jobs)
    yield Verdict(
        name="plan",
        text=f"{counted(len(jobs), 'cell')} to build {place}, of {first_of(platforms, 4)}",
        facts={"cells": len(jobs), "in_containers": subject.wants_containers},
    )
    if subject.is_elsewhere:
        # Of other machines `judge_cells` tells.
        return
    for arch in dict.fromkeys(job.cell.platform.arch for job in jobs if job.execution is Execution.NONE):
        yield Verdict(
            name="emulator-missing",
            level=Level.ERROR,
            about=str(arch),
            text=f"the plan has cells of {arch}, for which this machine has no emulator",
            remedy=emulation_hint(arch),
        )


def _place(subject: Subject) -> str:
    if subject.cluster:
        return "on the cluster's workers"
    if subject.engines:
        return f"on {counted(len(subject.engines), 'engine')}"
    return "in containers" if subject.wants_containers else "on this machine itself"


def _packages(subject: Subject, jobs: Sequence[Job]) -> Iterator[Verdict]:
    """Yield a verdict on each package of a run that has several."""
    for package in subject.packages:
        count = sum(job.cell.package == package.name for job in jobs)
        yield Verdict(
            name="package",
            about=package.name,
            text=f"{package.name} ({package.directory}): {counted(count, 'cell')}",
            facts={"cells": count},
        )


def _mistakes(subject: Subject) -> Iterator[Verdict]:
    """Yield a verdict on each mistake. One in the table that packages have in common is one."""
    told: set[str] = set()
    about = [(package.mistake, package.name) for package in subject.packages]
    for error, package in (*about, (subject.mistake, "")):
        if error is None:
            continue
        for line in error.mistakes if isinstance(error, ConfigError) else (error.message,):
            if line not in told:
                told.add(line)
                yield Verdict(
                    name="configuration-wrong", level=Level.ERROR, about=package, text=line, remedy=error.hint
                )
