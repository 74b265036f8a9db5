"""A wheel held against statements: what agrees, and each thing that may not."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from stated_wheels import CELL, COMMIT, statement_for
from wheel_builder import I686, X86_64, build_wheel

from matrix_runner.provenance.statement import (
    NoStatement,
    Resource,
    Statement,
    Subject,
    read_statement,
    write_statement,
)
from matrix_runner.provenance.statement_check import check_wheel, summary
from matrix_runner.wheelhouse.inspection import WheelContents, inspect

OTHER = "d" * 40


@pytest.fixture(name="wheel")
def _wheel(tmp_path: Path) -> WheelContents:
    return inspect(build_wheel(tmp_path))


def findings(wheel: WheelContents, *statements: Statement, commit: str | None = None) -> str:
    """Return what is found."""
    return "; ".join(check_wheel(wheel, statements, commit).findings)


def test_what_agrees(wheel: WheelContents) -> None:
    """Nothing is found, whichever other statements there are; the summary says what it was made of."""
    right = statement_for(wheel.filename, wheel.sha256)
    assert findings(wheel, statement_for(I686, "b" * 64), right, commit=COMMIT) == ""
    assert summary(right) == (
        f"{CELL}, by matrix-runner 1.0, from git+https://git.example/demo at commit {COMMIT[:12]}, 2026-01-02T03:04:05Z"
    )


def test_what_does_not(wheel: WheelContents) -> None:
    """A sentence each."""
    name, sha256 = wheel.filename, wheel.sha256
    assert findings(wheel) == "no statement is of it"
    assert findings(wheel, statement_for(I686, sha256)) == "no statement is of it"
    assert "another file of that name" in findings(wheel, statement_for(name, "b" * 64))
    assert "names no cell: 'cp311'" in findings(wheel, statement_for(name, sha256, cell="cp311"))
    assert "names no cell: None" in findings(wheel, statement_for(name, sha256, cell=7))
    assert "names the cell cp312-manylinux_x86_64" in findings(
        wheel, statement_for(name, sha256, cell="cp312-manylinux_x86_64")
    )
    assert "another kind of build" in findings(wheel, statement_for(name, sha256, build_type="urn:other"))
    right = statement_for(name, sha256)
    two = replace(right, subject=(*right.subject, Subject(name="x-1-py3-none-any.whl", digest={"sha256": "0" * 64})))
    assert "has 2 subjects" in findings(wheel, two)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (Resource(name="source", digest={"gitCommit": OTHER}), f"it was built from commit {OTHER}, not from {COMMIT}"),
        (Resource(name="source", digest={"sha256": "0" * 64}), "files that are of no commit"),
        (
            Resource(name="source", digest={"sha256": "0" * 64}, annotations={"changedSince": COMMIT}),
            f"it was built from a checkout with changes since commit {COMMIT[:12]}, not from commit {COMMIT}",
        ),
        (Resource(name="image"), "an unnamed source"),
    ],
)
def test_another_source(wheel: WheelContents, source: Resource, said: str) -> None:
    """Only where a commit is asked for."""
    statement = statement_for(wheel.filename, wheel.sha256, source=source)
    assert findings(wheel, statement) == ""
    assert said in findings(wheel, statement, commit=COMMIT)


def test_a_statement_is_read_as_it_was_written() -> None:
    """All of it."""
    statement = statement_for(X86_64, "a" * 64)
    assert read_statement(write_statement(statement)) == statement


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{}", "no statement of SLSA provenance"),
        (b"\xff", "no statement of SLSA provenance"),
        (b"[" * 100_000, "no statement of SLSA provenance"),
        (write_statement(replace(statement_for(X86_64, "a"), type="https://in-toto.io/Statement/v0.1")), "is of type"),
        (write_statement(replace(statement_for(X86_64, "a"), predicate_type="urn:x")), "its predicate is urn:x"),
    ],
)
def test_what_is_no_statement(data: bytes, said: str) -> None:
    """It says why."""
    with pytest.raises(NoStatement, match=said):
        read_statement(data)


def test_masking_leaves_what_the_statement_is_known_by() -> None:
    """Subject, types and builder are ours; everything else may hold a secret, at any depth."""
    statement = statement_for(X86_64, "a" * 64, cell={"deep": ["demo", 1, True, None]})
    masked = statement.masked(lambda text: text.replace("demo", "***").replace("matrix-runner", "***"))
    definition = masked.predicate.build_definition
    assert definition.external_parameters == {"cell": {"deep": ["***", 1, True, None]}}
    assert definition.resolved_dependencies[0].uri == f"git+https://git.example/***@{COMMIT}"
    assert definition.build_type == statement.predicate.build_definition.build_type
    assert (masked.subject, masked.predicate.run_details) == (statement.subject, statement.predicate.run_details)
