"""The project for which the machine is examined: its plan, or the mistakes that prevent one. Pure."""

from collections.abc import Iterator

from matrix_runner.doctor.subject import Subject
from matrix_runner.doctor.verdict import Level, Verdict
from matrix_runner.errors import ConfigError, RunnerError
from matrix_runner.matrix import Execution
from matrix_runner.matrix.remarks import emulation_hint
from matrix_runner.wording import counted, first_of


def judge_project(subject: Subject) -> Iterator[Verdict]:
    """Yield the verdicts on the project's plan."""
    if subject.mistake is not None:
        yield from _mistakes(subject.mistake)
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
    place = "in containers" if subject.wants_containers else "on this machine itself"
    yield Verdict(
        name="plan",
        text=f"{counted(len(jobs), 'cell')} to build {place}, of {first_of(platforms, 4)}",
        facts={"cells": len(jobs), "in_containers": subject.wants_containers},
    )
    for arch in dict.fromkeys(job.cell.platform.arch for job in jobs if job.execution is Execution.NONE):
        yield Verdict(
            name="emulator-missing",
            level=Level.ERROR,
            about=str(arch),
            text=f"the plan has cells of {arch}, for which this machine has no emulator",
            remedy=emulation_hint(arch),
        )


def _mistakes(error: RunnerError) -> Iterator[Verdict]:
    lines = error.mistakes if isinstance(error, ConfigError) else (error.message,)
    for line in lines:
        yield Verdict(name="configuration-wrong", level=Level.ERROR, text=line, remedy=error.hint)
