"""What was collected of a workspace, package by package, each as what jobs of that one alone would have left. Pure."""

import msgspec
from msgspec.structs import replace

from matrix_runner.collect.examined_files import ExaminedFiles
from matrix_runner.collect.expectation import Expectation
from matrix_runner.collect.set_check import Objection
from matrix_runner.collect.shard_reports import ShardReport, ShardReports
from matrix_runner.report.summary.report_json import PackageRecord
from matrix_runner.shards.matrix_forms.matrix_document import ExpectedPackage


class PackagePart(msgspec.Struct, frozen=True, kw_only=True):
    """Files and reports of one package, and what is expected of it."""

    files: ExaminedFiles
    reports: ShardReports
    expected: Expectation


class PackageParts(msgspec.Struct, frozen=True, kw_only=True):
    """All packages. `of_nobody`: objections to files that are of none."""

    each: tuple[PackagePart, ...]
    of_nobody: tuple[Objection, ...] = ()


def parts_of(files: ExaminedFiles, reports: ShardReports, expected: Expectation) -> PackageParts:
    """Return what was collected by package; of a single one as it is.

    A file is of the package whose cell has built it by a report, else of the one whose project it names.
    """
    if not expected.packages:
        return PackageParts(each=(PackagePart(files=files, reports=reports, expected=expected),))
    owners = {
        outcome.wheel.name: outcome.cell.package
        for report in reports.reports
        for outcome in report.outcomes
        if outcome.wheel is not None
    }
    projects = {_normal(package.project): package.name for package in expected.packages if package.project}
    wheels = {id(wheel): owners.get(wheel.path.name) or projects.get(wheel.contents.name) for wheel in files.wheels}
    sdists = {id(sdist): projects.get(sdist.project) for sdist in files.sdists}
    each = (
        PackagePart(
            files=replace(
                files,
                wheels=tuple(wheel for wheel in files.wheels if wheels[id(wheel)] == package.name),
                sdists=tuple(sdist for sdist in files.sdists if sdists[id(sdist)] == package.name),
            ),
            reports=replace(reports, reports=tuple(_of_package(report, package) for report in reports.reports)),
            expected=expected.of(package),
        )
        for package in expected.packages
    )
    known = {package.name for package in expected.packages}
    strays = [wheel.path.name for wheel in files.wheels if wheels[id(wheel)] not in known]
    strays += [sdist.name for sdist in files.sdists if sdists[id(sdist)] is None]
    texts = (f"{name} is of no package that is expected" for name in dict.fromkeys(strays))
    return PackageParts(each=tuple(each), of_nobody=tuple(Objection(text=text, is_of_extent=True) for text in texts))


def _of_package(report: ShardReport, package: ExpectedPackage) -> ShardReport:
    """Return what a report says of one package, whose source is that of the run then."""
    run = report.run
    if run is None:
        return report
    record = next((each for each in run.extra.packages if each.name == package.name), PackageRecord(name=package.name))
    own = replace(
        run.report,
        outcomes=tuple(outcome for outcome in run.report.outcomes if outcome.cell.package == package.name),
        sdists=tuple(sdist for sdist in run.report.sdists if sdist.made_in.package == package.name),
    )
    return replace(report, run=replace(run, report=own, extra=replace(run.extra, source=record.source, packages=())))


def _normal(project: str) -> str:
    from packaging.utils import canonicalize_name

    return canonicalize_name(project)
