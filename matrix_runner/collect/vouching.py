"""Whether reports vouch for collected files: digests in SHA256SUMS and report.json, statements of provenance. Pure."""

from collections import Counter
from collections.abc import Iterator

from msgspec.structs import replace

from matrix_runner.collect.examined_files import ExaminedFiles, FoundSdist, FoundWheel
from matrix_runner.collect.set_check import HeldSet, Objection
from matrix_runner.collect.shard_reports import ShardReports
from matrix_runner.model.cells import Cell
from matrix_runner.provenance.statement import Resource, Statement
from matrix_runner.provenance.statement_check import check_wheel


def with_stated_sdists(files: ExaminedFiles, reports: ShardReports) -> ExaminedFiles:
    """Return the files with that one of equal sdists in front of which a report tells, where one does."""

    def chosen(sdist: FoundSdist) -> FoundSdist:
        stated = _stated(sdist, reports)
        file = next((each for each in (sdist.file, *sdist.copies) if each.sha256 in stated), sdist.file)
        return replace(sdist, file=file)

    return replace(files, sdists=tuple(map(chosen, files.sdists)))


def vouched(
    held: HeldSet, files: ExaminedFiles, reports: ShardReports, *, needs_sdist_report: bool = False
) -> Iterator[Objection]:
    """Yield where reports say otherwise of a file than it is, once each.

    `needs_sdist_report`: whether an sdist must have one, as those that runs make.
    """
    # Of a wheel that is there with other content as well, that is told: each is another than some report says.
    contents = {(wheel.path.name, wheel.contents.sha256) for wheel in files.wheels}
    counts = Counter(name for name, _ in contents)
    each = [(name, sha256) for name, sha256 in sorted(contents) if counts[name] == 1]
    each += [(sdist.name, sdist.file.sha256) for sdist in files.sdists if not sdist.copies]
    others = set()
    yield from _sdists(files, reports, needs_report=needs_sdist_report)
    for name, sha256 in each:
        wrong = [(place, stated) for place, stated in reports.stated_sums(name) if stated != sha256]
        if wrong:
            place, stated = wrong[0]
            others.add(name)
            yield Objection(text=f"{name} is another file than {place} says: its sha256 is {sha256}, not {stated}")
    statements = tuple(statement for report in reports.reports for statement in report.statements.statements)
    for wheel in dict.fromkeys(held.wheels.values()):
        if wheel.path.name not in others and (_is_stated(wheel, held) or _names(statements, wheel)):
            yield from _by_statement(wheel, statements, reports)
    yield from _stated_sources(held, statements, reports)


def _sdists(files: ExaminedFiles, reports: ShardReports, *, needs_report: bool) -> Iterator[Objection]:
    """Yield what no run has made of sdists: each run may have made its own, of which one is delivered."""
    for sdist in files.sdists:
        stated = _stated(sdist, reports)
        if needs_report and not stated:
            text = f"{sdist.name}: no report of a run vouches for it; --without-reports takes it all the same"
            yield Objection(text=text)
        elif sdist.copies and stated and sdist.file.sha256 not in stated:
            text = f"is another file than any report says: its sha256 is {sdist.file.sha256}"
            yield Objection(text=f"{sdist.file.path} {text}")


def _stated(sdist: FoundSdist, reports: ShardReports) -> frozenset[str]:
    return frozenset(sha256 for _, sha256 in reports.stated_sums(sdist.name))


def _is_stated(wheel: FoundWheel, held: HeldSet) -> bool:
    """Whether a report says that there is a statement of a wheel."""
    records = (outcome.wheel for outcome in held.outcomes.values() if outcome.wheel is not None)
    return any(record.name == wheel.path.name and record.provenance is not None for record in records)


def _names(statements: tuple[Statement, ...], wheel: FoundWheel) -> bool:
    return any(subject.name == wheel.path.name for statement in statements for subject in statement.subject)


def _by_statement(wheel: FoundWheel, statements: tuple[Statement, ...], reports: ShardReports) -> Iterator[Objection]:
    name = wheel.path.name
    damage = next((why for report in reports.reports if (why := report.statements.damage(name)) is not None), None)
    if damage is not None and not _names(statements, wheel):
        yield Objection(text=f"{name}: its statement of provenance cannot be read: {damage}")
        return
    for finding in check_wheel(wheel.contents, statements, None).findings:
        yield Objection(text=f"{name}: {finding}")


def _stated_sources(held: HeldSet, statements: tuple[Statement, ...], reports: ShardReports) -> Iterator[Objection]:
    """Yield that wheels are of different sources by their statements, where no report of a run tells of which."""
    known = {outcome.cell for report in reports.reports if report.source is not None for outcome in report.outcomes}
    found: dict[tuple[tuple[str, str], ...], str] = {}
    for place, wheel in held.wheels.items():
        if not isinstance(place, Cell) or place in known:
            continue
        source = check_wheel(wheel.contents, statements, None).statement
        resource = None if source is None else source.source
        if resource is not None:
            found.setdefault(_digest(resource), wheel.path.name)
    first, *others = found.items() if found else [((), "")]
    for digest, name in others:
        yield Objection(text=f"{name} is of another source than {first[1]}: {_shown(digest)}, not {_shown(first[0])}")


def _digest(resource: Resource) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(resource.digest.items()))


def _shown(digest: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{algorithm} {value[:12]}" for algorithm, value in digest) or "of no known digest"
