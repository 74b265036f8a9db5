"""The option by which a build is held to matrix-runner.lock."""

from matrix_runner.config.kinds import basic
from matrix_runner.config.options.option import Option, Section

LOCKED: Option[bool] = Option(
    name="locked",
    kind=basic.boolean(),
    default=False,
    section=Section.BUILD,
    help="Build from matrix-runner.lock: its images and requirements, each file by its hash; refuse all else.",
    details="""
[`runner lock`](../how-to/locking.md) writes that file beside pyproject.toml. Where it and the project disagree, nothing
is built: a requirement that it does not cover, a cell or an image that it does not have. A file of the package index
with another hash fails the cell that needs it. What is installed for a build, for a test and its wheel, for an audit,
and as a tool of our own is just what the lock names; an index is asked for nothing else. What `before-all` and
`before-build` install is theirs, as is what a frontend without isolation finds. Since what a build requires is part of
the cache key then, [a finished cell may be of any age](#cache-max-age).
""",
    example="locked = true",
    flag="--locked",
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

OPTIONS: tuple[Option[object], ...] = (LOCKED,)
