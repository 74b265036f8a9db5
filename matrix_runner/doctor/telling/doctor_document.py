"""The doctor's document for programs, `runner doctor --json`: a versioned form with a schema. Pure.

What it holds: docs/reference/doctor.md.
`make reference` writes the schema to docs/reference/doctor.schema.json.
"""

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec

from matrix_runner.doctor.verdict import Fact, Level, Section, Topic, exit_code

VERSION: Final = 1
"""A new number only if a key changes its meaning or goes."""


class VerdictRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One statement on the machine or the project. Names and facts are for programs, text and remedy for people."""

    topic: Topic
    name: Annotated[str, msgspec.Meta(pattern="^[a-z]+(-[a-z]+)*$")]
    level: Level
    about: str
    text: str
    remedy: str | None
    facts: dict[str, Fact]


class DoctorDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of an examination, `runner doctor --json`."""

    version: Literal[1]
    tool_version: str
    python: str
    machine: str
    processors: int
    exit_code: int
    verdicts: tuple[VerdictRecord, ...]


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """This program, as it runs here: its version, its Python, the machine (`uname -m`), the CPUs it may use."""

    tool_version: str
    python: str
    machine: str
    processors: int


def document_of(sections: Sequence[Section], program: Program) -> bytes:
    """Return the document as JSON."""
    document = DoctorDocument(
        version=VERSION,
        tool_version=program.tool_version,
        python=program.python,
        machine=program.machine,
        processors=program.processors,
        exit_code=int(exit_code(sections)),
        verdicts=tuple(
            VerdictRecord(
                topic=section.topic,
                name=verdict.name,
                level=verdict.level,
                about=verdict.about,
                text=verdict.text,
                remedy=verdict.remedy,
                facts=dict(verdict.facts),
            )
            for section in sections
            for verdict in section.verdicts
        ),
    )
    return msgspec.json.format(msgspec.json.encode(document))


def document_schema() -> dict[str, object]:
    """Return the document's JSON Schema."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(DoctorDocument)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(document_schema(), indent=2) + "\n")
