"""The choice of the cell in which the sdist is built, before all wheels (option `sdist`). Pure."""

from collections.abc import Sequence

from matrix_runner.errors import UsageError
from matrix_runner.matrix.host import Host
from matrix_runner.matrix.planning import Job
from matrix_runner.model.cells import Implementation

FIRST_SDIST_PYTHON = (3, 7)
"""The oldest Python with a frontend that builds an sdist: a release of `build` with config settings, or uv."""


def sdist_maker(jobs: Sequence[Job], host: Host | None) -> Job:
    """Return the job in whose image, with whose interpreter and settings the sdist is built.

    CPython with the GIL, on an architecture without emulation, if there is one; of those the newest version but one:
    today's build backends run on it, and what they require has wheels for it, as it may not have for the newest. Of
    several jobs the first in the plan. Raise UsageError if no interpreter of the plan can.
    """
    able = [job for job in jobs if job.cell.interpreter.version >= FIRST_SDIST_PYTHON]
    if not able:
        raise UsageError(
            "sdist: no interpreter of the plan has a frontend that builds an sdist, which takes Python 3.7 or newer",
            hint="select one, or build without the option",
        )
    least = min(_oddity(job, host) for job in able)
    usual = [job for job in able if _oddity(job, host) == least]
    versions = sorted({job.cell.interpreter.version for job in usual})
    chosen = versions[-2:][0]
    return next(job for job in usual if job.cell.interpreter.version == chosen)


def _oddity(job: Job, host: Host | None) -> tuple[bool, bool, bool]:
    interpreter = job.cell.interpreter
    return (
        host is not None and host.emulates(job.cell.platform.arch),
        interpreter.implementation is not Implementation.CPYTHON,
        interpreter.is_free_threaded,
    )
