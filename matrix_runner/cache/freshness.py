"""Whether a finished cell is recent enough to be taken, or of any age because its build is pinned. Pure."""

from matrix_runner.config.kinds.values import Frontend
from matrix_runner.config.options.build_options import BUILD_FRONTEND, EXCLUDE_NEWER
from matrix_runner.matrix import Job

ALWAYS = 0.0
"""The time from which on a build is pinned that always was: seconds since 1970."""


def pinned_since(job: Job, *, has_hashes: bool) -> float | None:
    """Return the time from which on the job's build is the same each day, in seconds since 1970; None if it never is.

    `has_hashes`: whether `build-constraints` have a hash on every line. `build[uv]` lets pass what they do not name.
    """
    frontend, cutoff = job.settings[BUILD_FRONTEND], job.settings[EXCLUDE_NEWER]
    if has_hashes and frontend.is_isolated and frontend.name is not Frontend.BUILD_UV:
        return ALWAYS
    return None if cutoff.at is None else cutoff.at.timestamp()


def is_fresh(created: float, now: float, max_age: float, pinned: float | None) -> bool:
    """Whether a cell finished at `created` may be taken. `max_age`: seconds, 0 for any; `pinned`: of `pinned_since`."""
    return not max_age or now - created <= max_age or (pinned is not None and created >= pinned)
