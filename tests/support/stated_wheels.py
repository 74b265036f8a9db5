"""Wheels and statements of provenance that agree, or differ in what a test asks for."""

from pathlib import Path

from wheel_builder import X86_64, build_wheel

from matrix_runner.files import sha256_of
from matrix_runner.provenance.statement import (
    BUILD_TYPE,
    BuildDefinition,
    Builder,
    Metadata,
    Predicate,
    Resource,
    RunDetails,
    Statement,
    Subject,
    write_statement,
)

COMMIT = "c" * 40
CELL = "cp311-manylinux_x86_64"
CLEAN = Resource(name="source", uri=f"git+https://git.example/demo@{COMMIT}", digest={"gitCommit": COMMIT})


def statement_for(
    name: str, sha256: str, *, cell: object = CELL, build_type: str = BUILD_TYPE, source: Resource = CLEAN
) -> Statement:
    """Return a statement of a file."""
    definition = BuildDefinition(
        build_type=build_type, external_parameters={"cell": cell}, resolved_dependencies=(source,)
    )
    builder = Builder(id="pkg:pypi/matrix-runner", version={"matrix-runner": "1.0"})
    details = RunDetails(builder=builder, metadata=Metadata(finished_on="2026-01-02T03:04:05Z"))
    return Statement(
        subject=(Subject(name=name, digest={"sha256": sha256}),),
        predicate=Predicate(build_definition=definition, run_details=details),
    )


def stated_wheel(directory: Path, filename: str = X86_64) -> tuple[Path, Path]:
    """Write a wheel and a report directory with its statement; return both."""
    wheels, report = directory / "wheelhouse", directory / "wheelhouse-report"
    (report / "provenance").mkdir(parents=True, exist_ok=True)
    wheels.mkdir(exist_ok=True)
    wheel = build_wheel(wheels, filename)
    write(report, statement_for(filename, sha256_of(wheel)))
    return wheel, report


def write(report: Path, statement: Statement) -> None:
    """Write a statement into a report directory."""
    (report / "provenance" / f"{statement.subject[0].name}.json").write_bytes(write_statement(statement))
