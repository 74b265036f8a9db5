"""The rules that know a cause by the words of a tool: `causes.toml`, and the search for the one that holds. Pure."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from importlib import resources
from itertools import accumulate

import msgspec

from matrix_runner.catalog.system_packages import Need
from matrix_runner.cell.causes.output_lines import LONGEST_TEXT, Lines
from matrix_runner.model.outcomes import StepKind
from matrix_runner.toml import loads


class Weight(Enum):
    """How much a rule's words mean. The values are the words of the data file."""

    SURE = "sure"
    """No command says that and goes on."""
    COMPILER = "compiler"
    """An error of the compiler's last call: errors of earlier calls may have been expected."""
    TEST = "test"
    """Told by a test that failed: looked for in what the test runner says of the first one."""
    WEAK = "weak"
    """May be said in passing; the cause if nothing better is known."""


class CauseRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule. The docstring of its fields stands in the data file."""

    name: str
    sign: str
    pattern: str
    cause: str
    remedy: str = ""
    weight: Weight = Weight.SURE
    steps: tuple[str, ...] = ()
    lines: int = 1
    status: int | None = None
    needs: Need | None = None
    before: int = 0
    after: int = 0
    since: str = ""
    first: bool = False
    transient: bool = False
    lasting: str = ""
    cut_off: bool = False

    @property
    def kinds(self) -> frozenset[StepKind]:
        """The kinds of steps it is for: all without any named."""
        return frozenset(map(StepKind, self.steps or StepKind))

    def search(self, lines: Lines, at: int) -> Mapping[str, str] | None:
        """Return the named groups of the match that begins in a line, or None."""
        window = lines[at : at + self.lines]
        found = _compiled(self.pattern).search("\n".join(line.text for line in window))
        if found is None or found.start() > len(window[0].text):
            return None
        return {name: (value or "").strip() for name, value in found.groupdict().items()}


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that holds. `at`: the number of the line; `groups`: what it names."""

    rule: CauseRule
    at: int
    groups: Mapping[str, str]

    @property
    def cause(self) -> str:
        """The cause in one line."""
        return _filled(self.rule.cause, self.groups)

    @property
    def is_transient(self) -> bool:
        """Whether it is a failure of the network that may be over a moment later."""
        lasting = self.rule.lasting
        return self.rule.transient and not (lasting and _compiled(lasting).search(self.cause))

    @property
    def remedy(self) -> str | None:
        """What to do, apart from a package to install; None if nothing general helps."""
        return _filled(self.rule.remedy, self.groups) or None


class _Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rule: tuple[CauseRule, ...]


@cache
def load_rules() -> tuple[CauseRule, ...]:
    """Return the rules, the most telling first. Read only when something has failed."""
    text = resources.files("matrix_runner.cell.causes").joinpath("causes.toml").read_text("utf-8")
    return msgspec.convert(loads(text), _Rules).rule


class Searched:
    """A part of the output that is searched: its lines from `start` to before `end`."""

    def __init__(self, lines: Lines, start: int = 0, end: int | None = None) -> None:
        """`lines`: all of the output's."""
        self._lines = lines
        self._from = max(start, 0)
        part = [line.text for line in lines[self._from : end]]
        self._text = "\n".join(part)
        self._starts = [0, *accumulate(len(text) + 1 for text in part)]

    def first_match(
        self, weights: frozenset[Weight], kind: StepKind, status: int | None, *, is_cut_off: bool
    ) -> Match | None:
        """Return the first rule of these weights that holds, with the last line in which it does.

        Of what a compiler says, the first line. `kind`, `status`: of the step that failed. `is_cut_off`: whether an
        option keeps it from the network.
        """
        for rule in load_rules():
            if rule.cut_off and not is_cut_off:
                continue
            if rule.weight in weights and kind in rule.kinds and rule.status in {None, status}:
                found = next(self._matches(rule), None)
                if found is not None:
                    return found
        return None

    def _matches(self, rule: CauseRule) -> Iterator[Match]:
        numbers = self._lines_with(rule.sign)
        for at in numbers if rule.first or rule.weight is Weight.COMPILER else reversed(numbers):
            groups = rule.search(self._lines, at)
            if groups is not None:
                yield Match(rule=rule, at=at, groups=groups)

    def _lines_with(self, sign: str) -> list[int]:
        found: list[int] = []
        position = self._text.find(sign)
        while position >= 0:
            number = bisect_right(self._starts, position) - 1
            found.append(self._from + number)
            position = self._text.find(sign, self._starts[number + 1])
        return found


def cut_off_remedy(network: str) -> str:
    """Return what to do about a command that lacks a network. `network`: the value of the option."""
    return next(_filled(rule.remedy, {"network": network}) for rule in load_rules() if rule.cut_off)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _filled(template: str, groups: Mapping[str, str]) -> str:
    return " ".join(template.format_map(groups)[: 2 * LONGEST_TEXT].split())
