"""The note that a kept container carries: whose it is, what failed, and all that a person's shell in it needs. Pure.

It is a label of the image, for everybody to read: neither values of the project's variables nor output of commands are
in it. Whoever goes into the container has the variables of today, as `environment-pass` and `environment` give them.
"""

import base64
import json
from collections.abc import Mapping
from typing import Final

import msgspec

from matrix_runner.config.kinds.values import Variables
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.build_options import ENVIRONMENT
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.test_options import TEST_ENVIRONMENT
from matrix_runner.engine.api import ExecRequest
from matrix_runner.json_values import decode_surrogates
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.layout import Layout
from matrix_runner.recipe.saved_variables import evaluation
from matrix_runner.recipe.step import Step
from matrix_runner.redaction.redactor import Redactor

LABEL_KEPT_CELL: Final = "matrix-runner.kept-cell"
"""On the image of a kept container: its note."""


class KeptCommand(msgspec.Struct, frozen=True, kw_only=True):
    """A command that ran in the container: its kind, text, directory and variables, and the words before it."""

    kind: StepKind
    shown: str
    cwd: str | None
    env: Variables
    prologue: tuple[str, ...] = ()

    @classmethod
    def of(cls, step: Step, passed: Variables, redactor: Redactor) -> "KeptCommand":
        """Return the record of a step. `passed`: the host's variables, which are given to each command anew."""
        env = ((name, value) for name, value in step.request.env if (name, value) not in passed)
        return cls(
            kind=step.kind,
            # Of variables it has the values in it, which no image holds, whether they look secret or not.
            shown="" if step.saves else redactor.text(step.shown),
            cwd=step.request.cwd,
            env=tuple((name, value) for name, value in env if redactor.text(value) == value),
            prologue=step.prologue,
        )

    def step(self, passed: Variables) -> Step:
        """Return the step without its limits, with the host's variables of today."""
        request = ExecRequest(argv=(), env=(*passed, *self.env), cwd=self.cwd)
        return Step(kind=self.kind, request=request, shown=self.shown, prologue=self.prologue)


class KeptCell(msgspec.Struct, frozen=True, kw_only=True):
    """The note. `project`: the identity of the project; `run`: the run that kept it; `at`: when, in Unix time.

    `root`: of the container. `step`: the one that failed. `last`: the last command that ran there, if one did.
    `evaluated`: those that set the variables of `environment` and `test-environment`, by the file they wrote.
    """

    cell: str
    project: str
    run: str
    at: float
    root: str
    step: StepKind
    last: KeptCommand | None = None
    evaluated: dict[str, KeptCommand] = msgspec.field(default_factory=dict)

    def label(self) -> tuple[str, str]:
        """Return the label. Base64, because old versions of Podman know no quotes in a label."""
        # Not by msgspec, which refuses the lone surrogates of undecodable paths.
        return LABEL_KEPT_CELL, base64.urlsafe_b64encode(json.dumps(msgspec.to_builtins(self)).encode()).decode()

    def evaluations(self, settings: Settings, passed: Variables, redactor: Redactor) -> tuple[Step, ...]:
        """Return the steps that set again the variables that the last command had, by today's settings."""
        layout = Layout(root=self.root)
        options = {layout.variables: (ENVIRONMENT,), layout.test_variables: (ENVIRONMENT, TEST_ENVIRONMENT)}
        found = []
        for file, saved in options.items():
            command = self.evaluated.get(file)
            if command is not None:
                found.append(_evaluation(command.step(passed), settings, saved, file, redactor))
        return tuple(found)


def _evaluation(
    step: Step, settings: Settings, saved: tuple[Option[Variables], ...], file: str, redactor: Redactor
) -> Step:
    names = [name for option in saved for name, _ in settings[option]]
    script, shown = evaluation(saved[-1], settings[saved[-1]], names, file, redactor)
    return msgspec.structs.replace(step, request=step.instead(("sh", "-c", script)), shown=shown)


def read_note(labels: Mapping[str, str]) -> KeptCell | None:
    """Return the note among an image's labels; None if there is none, or it is damaged or of another release."""
    text = labels.get(LABEL_KEPT_CELL, "")
    try:
        return decode_surrogates(base64.urlsafe_b64decode(text.encode()), KeptCell) if text else None
    except ValueError:  # of base64 and JSON
        return None
