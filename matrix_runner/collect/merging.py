"""What jobs have left, read, held against what is expected, and merged: the collecting as a list of verbs."""

from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from matrix_runner.collect.collected_files import find_files
from matrix_runner.collect.delivery import Delivered, Places, deliver
from matrix_runner.collect.examined_files import ExaminedFiles, FoundSdist, FoundWheel, examine
from matrix_runner.collect.expectation import Expectation
from matrix_runner.collect.merged_run import merged_run
from matrix_runner.collect.package_parts import parts_of
from matrix_runner.collect.set_check import HeldSet, hold
from matrix_runner.collect.shard_reports import ShardReports, read_reports
from matrix_runner.collect.vouching import vouched, with_stated_sdists
from matrix_runner.report.phrases import LeftOut
from matrix_runner.wheelhouse.report_directory import PROVENANCE
from matrix_runner.wording import counted, first_of


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """On which terms files are taken: only as a whole; only with reports that vouch for them."""

    is_whole: bool = True
    needs_reports: bool = True


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, and what stands against it: `refusals` if it must not be delivered; `warnings` else.

    `sdists`: those that are expected.
    """

    refusals: tuple[str, ...]
    warnings: tuple[str, ...]
    files: ExaminedFiles
    reports: ShardReports
    held: HeldSet
    expected: Expectation
    sdists: tuple[FoundSdist, ...]

    @property
    def summary(self) -> str:
        """What was found, in words."""
        wheels = self.files.wheels
        text = f"{counted(len(wheels), 'wheel')} for {counted(len(self.expected.cells), 'cell')}"
        if self.files.sdists:
            text += f", and {counted(len(self.files.sdists), 'sdist')}"
        if not wheels:
            return text
        projects = dict.fromkeys(f"{wheel.contents.name} {wheel.contents.version}" for wheel in wheels)
        return f"{text}, of {first_of(list(projects) if self.expected.packages else list(projects)[:1], 4)}"

    def deliver(self, run: str, places: Places, left_out: LeftOut) -> None:
        """Write what is expected, and a report of it. `run`: an id for it. Raise OutputError, WheelRejected."""
        report, extra = merged_run(run, self.held, self.reports, self.expected, left_out)
        # Of sdists with the same files the first is delivered, and the report must not speak of another.
        sums = {sdist.file.sha256 for sdist in self.sdists}
        made = [sdist for each in self.reports.reports if each.run is not None for sdist in each.run.report.sdists]
        ours = {sdist.name: sdist for sdist in reversed(made) if sdist.sha256 in sums}
        report = replace(report, sdists=tuple(ours.values()))
        logs = {
            outcome.cell: each.place
            for each in self.reports.reports
            for outcome in each.outcomes
            if self.held.outcomes.get(outcome.cell) == outcome
        }
        deliver(tuple(self._delivered()), logs, report, extra, places)

    def _delivered(self) -> Iterable[Delivered]:
        for wheel in dict.fromkeys(self.held.wheels.values()):
            contents = wheel.contents
            yield Delivered(
                path=wheel.path, size=contents.size, sha256=contents.sha256, statement=self._statement(wheel)
            )
        for sdist in self.sdists:
            yield Delivered(path=sdist.file.path, size=sdist.file.size, sha256=sdist.file.sha256)

    def _statement(self, wheel: FoundWheel) -> Path | None:
        """Return the file with the statement of a wheel, of this very file."""
        wanted = (wheel.path.name, wheel.contents.sha256)
        for each in self.reports.reports:
            for file, statement in zip(each.statements.files, each.statements.statements, strict=True):
                if any((subject.name, subject.digest.get("sha256")) == wanted for subject in statement.subject):
                    return each.place / PROVENANCE / file
        return None


def collect_files(directories: Iterable[Path], expected: Expectation, terms: Terms, scratch: Path) -> Collected:
    """Find, read and hold against what is expected. `scratch`: as for `examine`. Raise UsageError, MachineError."""
    found = find_files(directories)
    reports = read_reports(found.reports)
    files = with_stated_sdists(examine(found.wheels, found.sdists, scratch), reports)
    parts = parts_of(files, reports, expected)
    each_held = [
        hold(part.files, part.reports, part.expected, needs_reports=terms.needs_reports) for part in parts.each
    ]
    held = HeldSet(
        objections=(*(each for held in each_held for each in held.objections), *parts.of_nobody),
        wheels={place: wheel for held in each_held for place, wheel in held.wheels.items()},
        outcomes={cell: outcome for held in each_held for cell, outcome in held.outcomes.items()},
    )
    doubts = (
        doubt
        for part, held in zip(parts.each, each_held, strict=True)
        for doubt in vouched(
            held, part.files, part.reports, needs_sdist_report=part.expected.makes_sdist and terms.needs_reports
        )
    )
    objections = tuple(dict.fromkeys((*held.objections, *doubts)))
    is_warning = [each.is_of_extent and not terms.is_whole for each in objections]
    return Collected(
        refusals=tuple(each.text for each, warns in zip(objections, is_warning, strict=True) if not warns),
        warnings=(
            *(f"{path} is not looked at: it is a link, or no file" for path in found.passed_over),
            *files.remarks,
            *(each.text for each, warns in zip(objections, is_warning, strict=True) if warns),
        ),
        files=files,
        reports=reports,
        held=held,
        expected=expected,
        sdists=tuple(sdist for part in parts.each if part.expected.has_sdist for sdist in part.files.sdists),
    )
