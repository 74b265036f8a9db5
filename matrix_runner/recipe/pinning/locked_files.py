"""The files in a cell with the requirements that a lock names, as its installers read them. Pure."""

import shlex
from collections.abc import Iterator

from matrix_runner.locking.cell_lock import CellLock
from matrix_runner.locking.lock_values import LOCK, Group
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.commands import Commands
from matrix_runner.recipe.installing import PIP_ALONE
from matrix_runner.recipe.layout import Layout
from matrix_runner.recipe.step import Step


def put_step(commands: Commands, lock: CellLock) -> Step:
    """Return the step that writes the files, in the container that fetches: it is the one that installs."""
    script, path = put_locked(lock, commands.layout), (commands.tools.python_bin,)
    return commands.shell(StepKind.PREPARE, script, path=path, shown=f"put what {LOCK} says").fetching()


def put_locked(lock: CellLock, layout: Layout) -> str:
    """Return a shell command that writes a file for each group, empty for one that is not locked."""
    texts = {str(group): "" for group in Group} | {str(group): text for group, text in lock.texts}
    writing = (f"printf %s {shlex.quote(text)} > {shlex.quote(layout.locked(name))}" for name, text in _files(texts))
    return " && ".join((f"mkdir -p {shlex.quote(layout.matrix)}", *writing))


def _files(texts: dict[str, str]) -> Iterator[tuple[str, str]]:
    yield from texts.items()
    tools = texts[str(Group.TOOLS)].splitlines()
    yield PIP_ALONE, "".join(f"{line}\n" for line in tools if line.startswith("pip=="))
