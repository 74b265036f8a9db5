"""What is wrong between a wheel and its statement of provenance, if anything is. Pure."""

from collections.abc import Iterable, Iterator

import msgspec

from matrix_runner.errors import WheelRejected
from matrix_runner.model.cells import Cell
from matrix_runner.provenance.statement import BUILD_TYPE, COMMIT, Resource, Statement
from matrix_runner.wheelhouse.inspection import WheelContents
from matrix_runner.wheelhouse.verification import is_compatible
from matrix_runner.wheelhouse.wheel_name import parse_name


class CheckedWheel(msgspec.Struct, frozen=True, kw_only=True):
    """A wheel held against its statement. `findings`: what is wrong, a sentence each; none if all agrees."""

    name: str
    statement: Statement | None
    findings: tuple[str, ...]


def check_wheel(wheel: WheelContents, statements: Iterable[Statement], commit: str | None) -> CheckedWheel:
    """Hold a wheel against the statement of it. `commit`: the one that it must be built from; None for any."""
    of_name = [each for each in statements if any(subject.name == wheel.filename for subject in each.subject)]
    exact = [each for each in of_name if any(one.digest.get("sha256") == wheel.sha256 for one in each.subject)]
    if exact:
        findings = (*_subject_findings(wheel, exact[0]), *_cell_findings(wheel, exact[0]))
        if commit is not None:
            findings += tuple(_commit_findings(exact[0].source, commit))
        return CheckedWheel(name=wheel.filename, statement=exact[0], findings=findings)
    if not of_name:
        text = "no statement is of it"
        return CheckedWheel(name=wheel.filename, statement=None, findings=(text,))
    stated = of_name[0].subject[0].digest.get("sha256", "no sha256")
    text = f"its sha256 is {wheel.sha256}, and its statement is of {stated}: another file of that name"
    return CheckedWheel(name=wheel.filename, statement=of_name[0], findings=(text,))


def summary(statement: Statement) -> str:
    """Return in one line what a statement says: of which cell, by whom, from what, when."""
    builder, metadata = statement.predicate.run_details.builder, statement.predicate.run_details.metadata
    version = builder.version.get("matrix-runner", "")
    return (
        f"{statement.cell}, by matrix-runner {version}, from {_source_text(statement.source)}, {metadata.finished_on}"
    )


def _source_text(source: Resource | None) -> str:
    if source is None:
        return "an unnamed source"
    place = source.uri.partition("@")[0] or "a checkout"
    if COMMIT in source.digest:
        return f"{place} at commit {source.digest[COMMIT][:12]}"
    changed = source.annotations.get("changedSince")
    if isinstance(changed, str):
        return f"{place} with changes since commit {changed[:12]}"
    return source.uri or "files that are of no commit"


def _subject_findings(wheel: WheelContents, statement: Statement) -> Iterator[str]:
    """Yield what is wrong with the name, which the file has already been held against (`inspection`)."""
    if len(statement.subject) != 1:
        yield f"its statement has {len(statement.subject)} subjects, where an index takes one (PEP 740)"
    try:
        named = parse_name(statement.subject[0].name)
    except WheelRejected as error:
        yield f"its statement's subject: {error.message}"
        return
    if (named.project, named.version) != (wheel.name, wheel.version):
        yield f"its statement is of {named.project} {named.version}, and it is {wheel.name} {wheel.version}"
    if named.tags != wheel.tags:
        yield "its statement names other tags than it has"


def _cell_findings(wheel: WheelContents, statement: Statement) -> Iterator[str]:
    definition = statement.predicate.build_definition
    if definition.build_type != BUILD_TYPE:
        yield f"its statement is of another kind of build: {definition.build_type}"
        return
    try:
        cell = Cell.parse(statement.cell or "")
    except ValueError:
        yield f"its statement names no cell: {statement.cell!r}"
        return
    if not is_compatible(wheel.filename, cell.interpreter, cell.platform):
        yield f"its statement names the cell {cell}, in which a wheel of these tags cannot be installed"


def _commit_findings(source: Resource | None, commit: str) -> Iterator[str]:
    stated = None if source is None else source.digest.get(COMMIT)
    if stated == commit:
        return
    if stated is None:
        yield f"it was built from {_source_text(source)}, not from commit {commit}"
    else:
        yield f"it was built from commit {stated}, not from {commit}"
