"""A person's visit to a cell's container, on the terminal of the command: `runner shell`."""

import subprocess
import sys

from matrix_runner.archives import archive_of_bytes
from matrix_runner.engine.api import Container
from matrix_runner.errors import EngineError
from matrix_runner.model.cells import Cell
from matrix_runner.model.events import Event, Listener
from matrix_runner.model.outcomes import Failure, StepKind
from matrix_runner.recipe.layout import Layout
from matrix_runner.recipe.person_shell import shell_directory, shell_files, shell_request
from matrix_runner.recipe.step import Step
from matrix_runner.report.sanitize import clean_line
from matrix_runner.report.terminal import LineWriter

HISTORY_LINE = "The step's command is in the shell's history: arrow-up. Leave with `exit`."


def enter(container: Container, cell: Cell, step: Step, greeting: tuple[str, ...]) -> None:
    """Have a person in a container, as the step is; return when they leave the shell. Raise EngineError."""
    layout = Layout(root=container.root)
    for name, text in shell_files(layout, cell, step).items():
        container.put(shell_directory(layout), archive_of_bytes(name, text.encode()))
    command = container.at_terminal(shell_request(layout, step))
    try:
        LineWriter(sys.stdout).write("", *greeting, "")
        # Its exit status is that of the person's last command, which means nothing here.
        subprocess.run(command.argv, env=dict(command.env), cwd=command.cwd, check=False)
    except OSError as error:
        raise EngineError(f"the shell cannot be started: {error}") from error


class TerminalVisit:
    """`request.Visit`: a shell in the container, on this process's terminal, before a step or where one fails."""

    def __init__(self, cell: Cell, before: StepKind | None) -> None:
        """`before`: the step before which the visit is paid; None: where a step fails."""
        self._cell = cell
        self._before = before
        self.was_paid = False
        """Whether the person was, or is, in the container."""

    def is_before(self, step: Step) -> bool:
        """Whether the visit is to be paid before a step."""
        return step.kind is self._before and not self.was_paid

    def pay(self, container: Container, step: Step, failure: Failure | None = None) -> None:
        """Have the person in; return when they leave the shell."""
        if self.was_paid:
            return
        self.was_paid = True
        enter(container, self._cell, step, self._greeting(step, failure))

    def _greeting(self, step: Step, failure: Failure | None) -> tuple[str, ...]:
        if failure is None:
            return (f"{self._cell}, before {step.kind}", HISTORY_LINE)
        return (f"{self._cell}, after {step.kind} has failed: {clean_line(failure.message)}", HISTORY_LINE)


class PausedConsole:
    """A console that says nothing any more once a person has had the terminal: what became of the cell is theirs."""

    def __init__(self, console: Listener, visit: TerminalVisit) -> None:
        """`console`: the one that is paused."""
        self._console = console
        self._visit = visit

    def handle(self, event: Event) -> None:
        """Pass an event on, up to the visit."""
        if not self._visit.was_paid:
            self._console.handle(event)

    def close(self) -> None:
        """Close the console."""
        self._console.close()
