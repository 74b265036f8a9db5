"""Failures and warnings that cells share, the same but for the names of the cell: told once, with all cells. Pure."""

import re
from collections.abc import Iterable

import msgspec

from matrix_runner.model.cells import Cell, Interpreter
from matrix_runner.model.outcomes import Outcome, RunWarning
from matrix_runner.model.platforms import Arch
from matrix_runner.report.phrases import is_failed

_ARCHITECTURES = {
    Arch.X86_64: r"x86[_-]64|amd64",
    Arch.I686: r"i[3-6]86|x86(?![_-]64)",
    Arch.AARCH64: r"aarch64|arm64",
    Arch.PPC64LE: r"ppc64le|powerpc64le",
    Arch.S390X: r"s390x",
    Arch.ARMV7L: r"armv[78]l|arm/v7|armhf|arm(?=-)",
    Arch.RISCV64: r"riscv64",
}
"""The names of each architecture in tags, triples, packages and images."""


class FailureGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Outcomes that failed in the same way, at least one, in plan order. The first one's words stand for all."""

    outcomes: tuple[Outcome, ...]

    @property
    def first(self) -> Outcome:
        """The outcome that is told."""
        return self.outcomes[0]

    @property
    def names(self) -> tuple[str, ...]:
        """The identifiers of the cells."""
        return tuple(str(outcome.cell) for outcome in self.outcomes)


def failure_groups(outcomes: Iterable[Outcome]) -> tuple[FailureGroup, ...]:
    """Group the failed ones among the outcomes, in the order in which each failure is first met."""
    groups: dict[object, list[Outcome]] = {}
    for outcome in filter(is_failed, outcomes):
        groups.setdefault(failure_key(outcome), []).append(outcome)
    return tuple(FailureGroup(outcomes=tuple(group)) for group in groups.values())


class WarningGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A warning, in the words of the first of its cells. `cells`: none if it is about the run."""

    text: str
    cells: tuple[Cell, ...]


def warning_groups(warnings: Iterable[RunWarning]) -> tuple[WarningGroup, ...]:
    """Group the warnings that are the same, in the order in which each is first met."""
    groups: dict[str, list[RunWarning]] = {}
    for warning in warnings:
        key = warning.text if warning.cell is None else without_cell(warning.text, warning.cell)
        groups.setdefault(key, []).append(warning)
    return tuple(
        WarningGroup(
            text=group[0].text, cells=tuple(dict.fromkeys(each.cell for each in group if each.cell is not None))
        )
        for group in groups.values()
    )


def failure_key(outcome: Outcome) -> object:
    """Return a value that is equal for the same failures: same status, step, reason, message and hint."""
    return outcome.cell if outcome.failure is None else (outcome.status, failure_words(outcome))


def failure_words(outcome: Outcome) -> tuple[str, ...]:
    """Return a failure's step, reason, message and hint, without the names of its cell."""
    failure = outcome.failure
    if failure is None:
        return ()
    texts = (failure.message, failure.hint or "")
    return (str(failure.step), str(failure.reason), *(without_cell(text, outcome.cell) for text in texts))


def without_cell(text: str, cell: Cell) -> str:
    """Return a text with the names of the cell, of its interpreter and its architecture replaced by common ones."""
    text = text.replace(str(cell), "<cell>")
    text = _interpreter_names(cell.interpreter).sub("<python>", text)
    return _architecture_names(cell.platform.arch).sub("<architecture>", text)


def _interpreter_names(interpreter: Interpreter) -> re.Pattern[str]:
    """Match tags (`cp311`, `cpython-311`, `cp311-cp311`), programs (`python3.11`) and versions (`3.11.2`)."""
    major, minor, variant = interpreter.major, interpreter.minor, re.escape(interpreter.variant)
    tag = rf"(?:cp|pp|gp|py|cpython-?|pypy-?|graalpy-?|python-?){major}\.?{minor}(?:{variant})?(?!\d)"
    version = rf"(?<![\w.]){major}\.{minor}(?:\.\d+)?(?:(?:a|b|rc)\d+)?t?(?![\w]|\.\d)"
    return re.compile(rf"(?<![a-zA-Z])(?:{tag})(?:-(?:{tag}))?|{version}")


def _architecture_names(arch: Arch) -> re.Pattern[str]:
    """Match the names, and triples such as `x86_64-linux-gnu`."""
    rest = r"(?:(?:-[a-z]+)?-linux-(?:gnu|musl)(?:eabihf)?)?"
    return re.compile(rf"(?<![a-zA-Z0-9])(?:{_ARCHITECTURES[arch]}){rest}(?![a-z0-9])")
