"""The shell that a person gets in a cell: variables and directory of a step, whose command is in its history. Pure."""

import shlex
from typing import Final

from matrix_runner.engine.api import ExecRequest
from matrix_runner.model.cells import Cell
from matrix_runner.recipe.layout import Layout
from matrix_runner.recipe.step import Step

START: Final = "start"
HISTORY: Final = "history"
COMMAND: Final = "command"

_SCRIPT: Final = 'if command -v bash >/dev/null; then exec bash --rcfile "$1" -i; else ENV="$1" exec sh -i; fi'
"""Bash, or another shell if there is none, as in some images with musl."""


def shell_directory(layout: Layout) -> str:
    """Return the directory of the shell's files."""
    return f"{layout.matrix}/shell"


def shell_files(layout: Layout, cell: Cell, step: Step) -> dict[str, str]:
    """Return the shell's files, by name: its start, its history, and the step's command."""
    directory = shell_directory(layout)
    start = f"""[ ! -r ~/.bashrc ] || . ~/.bashrc
PS1='({cell}, {step.kind}) \\w \\$ '
HISTFILE={shlex.quote(f"{directory}/{HISTORY}")}
"""
    # A line of the history is a command: bash would take the lines of a script for several.
    is_line = "\n" not in step.shown.strip()
    again = step.shown.strip() if is_line else shlex.join(("sh", f"{directory}/{COMMAND}"))
    return {START: start, HISTORY: f"{again}\n", COMMAND: f"{step.shown}\n"}


def shell_request(layout: Layout, step: Step) -> ExecRequest:
    """Return the request of the shell."""
    return step.instead(("sh", "-c", _SCRIPT, "sh", f"{shell_directory(layout)}/{START}"))
