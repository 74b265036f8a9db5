"""The steps by which a cell gets its compiler cache. Pure."""

from collections.abc import Iterator

from msgspec.structs import replace

from matrix_runner.config.kinds.values import Variables
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.commands import Commands
from matrix_runner.recipe.compiling.compiler_cache import CompilerCaching
from matrix_runner.recipe.frontends.fetching import is_parted
from matrix_runner.recipe.step import Step


def set_up_step(commands: Commands, caching: CompilerCaching, of_backend: Variables) -> Step:
    """Return the step that creates the compiler cache's wrappers; it fails if the cache cannot be had.

    Its server, if it has one, is started here and gets `of_backend`: no command of the build sees that.
    """
    step = _told(commands, caching, caching.set_up(), f"set up {caching.tool}")
    return replace(step, request=replace(step.request, env=(*step.request.env, *of_backend)))


def fetch_steps_of_cache(commands: Commands, caching: CompilerCaching) -> Iterator[Step]:
    """Yield the step that fetches the compiler cache's program, if one container fetches for another."""
    if is_parted(commands) and caching.program is not None:
        step = _told(commands, caching, caching.find(), f"fetch {caching.tool}")
        yield step.fetching(caching.program.directory)


def _told(commands: Commands, caching: CompilerCaching, script: str, shown: str) -> Step:
    path = (commands.tools.python_bin,)
    step = commands.apart(commands.shell(StepKind.PREPARE, script, path=path, shown=shown))
    request = replace(step.request, timeout=caching.seconds(is_slow=commands.job.is_slow))
    return commands.telling(replace(step, request=request), dict(caching.variables))
