"""The fetching of what a build requires, before code of the project runs where there is no network. Pure.

Two containers of a cell: one has a network and runs what installs, the other has none and runs everything else. What
the one has installed is copied to the other by a volume that the other cannot write to.
"""

import shlex
from typing import Final

from matrix_runner.config.kinds.values import Frontend, Network
from matrix_runner.config.options.build_options import BUILD_FRONTEND
from matrix_runner.config.options.run_options import NETWORK
from matrix_runner.engine.api import SHORT_COMMAND_SECONDS, ExecRequest
from matrix_runner.matrix.network_access import fetches_apart, network_of
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.commands import Commands
from matrix_runner.recipe.layout import Layout
from matrix_runner.recipe.step import Step
from matrix_runner.recipe.toolbox import Toolbox

FETCH: Final = "--fetch"
FETCHED: Final = "--fetched"
"""The words of our own frontend for the two halves of a build."""

# As one file: a small one takes long on a disk (measured: the 500 files of setuptools 0.9 s, their archive 0.1). Of a
# path that is not there nothing is kept.
_TAKE: Final = """\
to=$1; shift; mkdir -p "${to%/*}" && cd / || exit 1
for one; do
  shift
  if [ -e "$one" ]; then set -- "$@" "${one#/}"; fi
done
[ $# -eq 0 ] || tar -cf "$to" "$@\""""
_GIVE: Final = '[ ! -e "$1" ] || tar -C / -xf "$1"'
_DROP: Final = 'rm -f "$1"'


def is_parted(commands: Commands) -> bool:
    """Whether the cell has a container that fetches, and another without a network."""
    return network_of(commands.settings) is Network.BUILD_REQUIRES


def why_not_parted(tools: Toolbox) -> tuple[str, str] | None:
    """Return the reason why the network cannot be taken from a cell's build, and a hint; None if it can."""
    settings = tools.settings
    if network_of(settings) is not Network.BUILD_REQUIRES:
        return None
    if not settings[BUILD_FRONTEND].is_isolated or tools.frontend is Frontend.AUTO:
        return None
    hint = f'set {NETWORK} = "{Network.ALL}" for the cell'
    if not fetches_apart(settings):
        hint += ", or build-frontend without arguments"
    return f"{NETWORK} = {Network.BUILD_REQUIRES}: the frontend {tools.frontend} fetches while it builds", hint


def environment_paths(layout: Layout) -> tuple[str, ...]:
    """Return the paths of all that our own frontend has fetched, and of its notes."""
    where, notes = layout.isolated_environment, layout.frontend
    return (where, f"{where}-on-disk", f"{notes}/fetched.json", f"{notes}/origins.json")


def take(commands: Commands, paths: tuple[str, ...]) -> Step:
    """Return the step that puts what was fetched into the volume."""
    return _copied(commands, _TAKE, paths, "keep what was fetched")


def give(commands: Commands) -> Step:
    """Return the step that takes it out, where there is no network."""
    return _copied(commands, _GIVE, (), "take over what was fetched")


def drop(commands: Commands) -> Step:
    """Return the step that removes it from the volume."""
    return _copied(commands, _DROP, (), "forget what was fetched")


def _copied(commands: Commands, script: str, paths: tuple[str, ...], shown: str) -> Step:
    place = f"{commands.layout.fetched}/{commands.job.cell}.tar"
    argv = (*commands.become, "sh", "-c", script, "sh", place, *paths)
    request = ExecRequest(argv=argv, cwd="/", timeout=SHORT_COMMAND_SECONDS)
    return Step(kind=StepKind.PREPARE, request=request, shown=f"{shown}: {shlex.join(paths)}" if paths else shown)


def without_network(installation: str, *, with_uv: bool) -> str:
    """Return an installer's command as one that fetches nothing and needs nothing else."""
    words = "--offline --no-deps --reinstall" if with_uv else "--no-index --no-deps --force-reinstall"
    return installation.replace(" install ", f" install {words} ", 1)
