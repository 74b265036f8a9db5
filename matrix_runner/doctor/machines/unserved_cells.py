"""The cells of a plan that none of the machines can run. Pure."""

from collections.abc import Iterator, Sequence

from matrix_runner.doctor.verdict import Level, Verdict
from matrix_runner.matrix import Execution, Host, Job
from matrix_runner.matrix.remarks import emulation_hint
from matrix_runner.model.platforms import Arch
from matrix_runner.wording import counted, first_of

_FEW = 3


def cells_of(arch: Arch, jobs: Sequence[Job]) -> tuple[int, str]:
    """Return how many cells a plan has of an architecture, and those in words: `12 cells (cp311-..., and 11 more)`."""
    names = [str(job.cell) for job in jobs if job.cell.platform.arch is arch]
    return len(names), f"{counted(len(names), 'cell')} ({first_of(names, _FEW)})"


def archs_of_plan(jobs: Sequence[Job]) -> tuple[Arch, ...]:
    """Return the architectures of a plan's cells, each once."""
    return tuple(dict.fromkeys(job.cell.platform.arch for job in jobs))


def judge_cells(jobs: Sequence[Job], there: Host | None) -> Iterator[Verdict]:
    """Yield a verdict on each architecture of the plan. `there`: the machines of the engines that answer, as one."""
    for arch in archs_of_plan(jobs):
        count, words = cells_of(arch, jobs)
        match Execution.NONE if there is None else there.execution(arch):
            case Execution.NATIVE | Execution.EMULATED as way:
                yield Verdict(
                    name="cells-served",
                    about=str(arch),
                    text=f"{arch}: {counted(count, 'cell')}, {'native' if way is Execution.NATIVE else 'emulated'}",
                    facts={"cells": count, "execution": str(way)},
                )
            case Execution.UNKNOWN as way:
                yield Verdict(
                    name="cells-uncertain",
                    level=Level.UNKNOWN,
                    about=str(arch),
                    text=f"{arch}: no engine that answers is of it, and whether one has an emulator for it cannot be"
                    f" seen from here: {words}",
                    remedy=f"on an engine's machine {emulation_hint(arch)}",
                    facts={"cells": count, "execution": str(way)},
                )
            case Execution.NONE as way:
                yield Verdict(
                    name="cells-unserved",
                    level=Level.ERROR,
                    about=str(arch),
                    text=f"{arch}: no engine that answers can run its {words}",
                    # Where none answers, what makes one answer stands with each.
                    remedy=None
                    if there is None
                    else "name an engine of that architecture in `engines`, or leave it out with `archs`",
                    facts={"cells": count, "execution": str(way)},
                )
