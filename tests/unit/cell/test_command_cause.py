"""Recorded failures of real tools: each rule's own, and what is said of it: cause, place, lines of the log, remedy."""

from pathlib import Path

import msgspec
import pytest

from matrix_runner.catalog.system_packages import load_packages, manager_of
from matrix_runner.cell.causes.cause_rules import load_rules
from matrix_runner.cell.causes.command_cause import Explanation, Surroundings, explain_output
from matrix_runner.cell.causes.output_lines import MOST_SHOWN, lines_of
from matrix_runner.cell.causes.project_places import ProjectFiles
from matrix_runner.model.outcomes import StepKind
from matrix_runner.toml import loads

HERE = Path(__file__).parent / "failed_commands"
ROOTS = (("/project", ""), ("/matrix/sdist", ""), ("/matrix/test", ""))


class Recording(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the index. `shown`: the first and the last line of the log that are its excerpt, from 1."""

    made: str
    kind: StepKind
    status: int
    manager: str
    rule: str
    cause: str
    words: bool = False
    transient: bool = False
    network: str = ""
    files: tuple[str, ...] = ()
    remedy: str = ""
    place: str = ""
    shown: tuple[int, int] | None = None


INDEX = msgspec.convert(loads((HERE / "index.toml").read_text("utf-8")), dict[str, Recording])


def explained(name: str) -> Explanation:
    """Explain a recording."""
    row = INDEX[name]
    files = ProjectFiles(names=row.files, roots=ROOTS)
    around = Surroundings(files=files, manager=manager_of((row.manager,)), cut_off=row.network)
    return explain_output((HERE / f"{name}.log").read_bytes(), row.kind, row.status, around)


@pytest.mark.parametrize("name", INDEX)
def test_a_recorded_failure_is_explained(name: str) -> None:
    """The cause in a line, by the rule that knows it, and the place in the project if the tool has told one."""
    row, found = INDEX[name], explained(name)
    place = found.place
    told = "" if place is None else f"{place.path}:{place.line}" + (f":{place.column}" if place.column else "")
    assert (found.rule, found.cause, told) == (row.rule, row.cause, row.place)
    assert found.is_transient == row.transient
    assert not row.remedy or found.remedy == row.remedy


@pytest.mark.parametrize("name", INDEX)
def test_the_lines_that_show_it_are_of_the_log(name: str) -> None:
    """At most twelve, in their order and as they were written, without the margin that all have."""
    row, found = INDEX[name], explained(name)
    lines = [line.raw for line in lines_of((HERE / f"{name}.log").read_bytes())]
    first, last = row.shown or (1, 0)
    assert len(found.excerpt) <= MOST_SHOWN
    assert [line.strip()[:300] for line in found.excerpt] == [line.strip()[:300] for line in lines[first - 1 : last]]


@pytest.mark.parametrize("rule", load_rules(), ids=lambda rule: rule.name)
def test_each_rule_has_a_recording(rule: object) -> None:
    """No rule is a guess: a tool has said the words, and nothing else in its output has hidden them."""
    assert rule.name in {row.rule for row in INDEX.values()}  # type: ignore[attr-defined]


def test_each_log_is_in_the_index() -> None:
    """A recording that is not asked about tests nothing."""
    assert {path.stem for path in HERE.glob("*.log")} == INDEX.keys()


def test_names_of_rules_are_unique() -> None:
    """A name leads to one rule, and the kinds of steps that it names exist."""
    rules = load_rules()
    assert len({rule.name for rule in rules}) == len(rules)
    assert all(rule.kinds for rule in rules)


def test_packages_are_named_once() -> None:
    """Each header, library, module and program leads to one package; each package is for some distribution."""
    rows = load_packages()
    for field in ("headers", "libraries", "modules", "cmake", "programs"):
        names = [name for row in rows for name in getattr(row, field)]
        assert sorted({name for name in names if names.count(name) > 1}) == [], field
    assert all(row.dnf or row.apt or row.apk for row in rows)
