"""`runner doctor --json`: its schema, its names, and what of it stays as it is."""

import ast
import json
from pathlib import Path

from jsonschema import Draft202012Validator

from matrix_runner.doctor.telling.doctor_document import Program, document_of, document_schema
from matrix_runner.doctor.telling.doctor_text import closing_line, section_lines
from matrix_runner.doctor.verdict import Fact, Level, Section, Topic, Trouble, Verdict, exit_code
from matrix_runner.errors import ExitCode

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = Program(tool_version="1", python="3.11", machine="x86_64", processors=2)


def section(topic: Topic, *levels: Level) -> Section:
    """Return a section with a verdict of each level."""
    verdicts = (Verdict(name="disk", level=level, text="text", remedy="do it") for level in levels)
    return Section(topic=topic, title=topic.value, verdicts=tuple(verdicts))


def test_the_schema_that_is_published_is_the_code_s() -> None:
    """`make reference` would change nothing."""
    assert json.loads((ROOT / "docs/reference/doctor.schema.json").read_text("utf-8")) == document_schema()


def test_a_document_keeps_to_the_schema() -> None:
    """With every topic, every level, and facts of every type."""
    sections = [section(topic, *Level) for topic in Topic]
    facts: dict[str, Fact] = {"a": 1, "b": 0.5, "c": "x", "d": True, "e": None}
    sections.append(
        Section(topic=Topic.DISK, title="Disk", verdicts=(Verdict(name="disk-low", text="t", facts=facts),))
    )
    document = json.loads(document_of(sections, PROGRAM))
    Draft202012Validator(document_schema()).validate(document)
    assert document["verdicts"][-1]["facts"] == facts
    assert document["exit_code"] == 4


def test_what_readers_rely_on_is_there() -> None:
    """The keys of version 1: a later version may add some, and takes none away."""
    document = json.loads(document_of([section(Topic.GIT, Level.WARNING)], PROGRAM))
    assert {"version", "tool_version", "python", "machine", "processors", "exit_code", "verdicts"} <= set(document)
    (verdict,) = document["verdicts"]
    assert {"topic", "name", "level", "about", "text", "remedy", "facts"} <= set(verdict)
    assert (document["version"], verdict["topic"], verdict["level"]) == (1, "git", "warning")


def test_every_name_is_documented() -> None:
    """A program must know which verdicts there may be, and which are no more."""
    text = (ROOT / "docs/reference/doctor.md").read_text("utf-8")
    table = text[text.index("## Names") :]
    documented = {line.split("`")[1] for line in table.splitlines() if line.startswith("| `")}
    assert documented == set(_names())


def _names() -> list[str]:
    names = []
    for path in (ROOT / "matrix_runner/doctor").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Verdict":
                (name,) = [each.value for each in node.keywords if each.arg == "name"]
                choices = (name.body, name.orelse) if isinstance(name, ast.IfExp) else (name,)
                names += [str(each.value) for each in choices if isinstance(each, ast.Constant)]
    return names


def test_the_exit_code_says_who_is_to_blame() -> None:
    """The machine before the configuration; a warning is no failure, nor is what could not be seen."""
    wrong = section(Topic.PROJECT, Level.ERROR)
    assert exit_code([section(Topic.DISK, Level.OK, Level.UNKNOWN, Level.WARNING)]) is ExitCode.OK
    assert exit_code([wrong]) is ExitCode.USAGE
    assert exit_code([wrong, section(Topic.CLOCK, Level.ERROR)]) is ExitCode.ENVIRONMENT


def test_what_could_not_be_examined() -> None:
    """Where a build would meet the same it is an error; a question that hangs is none."""
    assert Trouble(text="no home", is_certain=True).verdict().level is Level.ERROR
    assert Trouble(text="it hangs").verdict().level is Level.UNKNOWN


def test_lines_for_people() -> None:
    """The level is said where something is to be done, and what is to be done stands below."""
    lines = list(section_lines(section(Topic.DISK, Level.OK, Level.ERROR), None, colour=False))
    assert lines == ["disk", "  text", "  hint: do it", "  error: text", "  hint: do it"]
    (coloured,) = [
        line for line in section_lines(section(Topic.DISK, Level.ERROR), None, colour=True) if "error" in line
    ]
    assert coloured == "  \x1b[31merror:\x1b[0m text"


def test_lines_fit_the_terminal() -> None:
    """Long ones are wrapped, below their beginning."""
    long = Section(topic=Topic.DISK, title="Disk", verdicts=(Verdict(name="disk", text="word " * 40),))
    assert max(map(len, section_lines(long, 60, colour=False))) < 60


def test_the_closing_line_counts() -> None:
    """Errors first; one of each is not several."""
    assert closing_line([section(Topic.DISK, Level.OK)], 0) == "Nothing here stands in the way of a build."
    assert closing_line([section(Topic.DISK, Level.WARNING)], 0).startswith("1 warning;")
    assert (
        closing_line([section(Topic.DISK, Level.ERROR, Level.ERROR, Level.WARNING)], 4)
        == "2 errors, 1 warning: a build here fails; exit code 4."
    )
