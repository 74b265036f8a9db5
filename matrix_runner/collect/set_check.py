"""Whether collected files are exactly what is expected: none missing, none besides, all of one build. Pure.

A cell's report names the wheel that it has tested: what that is need not be guessed from tags, and a wheel that no
report names is of another build. Where wheels may come without a report, tags alone tell.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec
from packaging.version import Version

from matrix_runner.collect.examined_files import ExaminedFiles, FoundWheel, is_bare, is_sdist_name
from matrix_runner.collect.expectation import AnyPlace, Expectation, Place, serves
from matrix_runner.collect.preference import preferred
from matrix_runner.collect.shard_reports import ShardReport, ShardReports
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Outcome, Status
from matrix_runner.wheelhouse.verification import is_compatible, serves_several
from matrix_runner.wheelhouse.wheel_cells import cell_of
from matrix_runner.wheelhouse.wheel_name import parse_name
from matrix_runner.wording import first_of, size_text

_MOST_NAMED: Final = 3


class Objection(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with the set: one line. `is_of_extent`: something is missing, or there is more than expected."""

    text: str
    is_of_extent: bool = False


class HeldSet(msgspec.Struct, frozen=True, kw_only=True):
    """Files that were held against what is expected. `wheels`: by what each is for; `outcomes`: by cell."""

    objections: tuple[Objection, ...]
    wheels: Mapping[Place, FoundWheel]
    outcomes: Mapping[Cell, Outcome]


def hold(files: ExaminedFiles, reports: ShardReports, expected: Expectation, *, needs_reports: bool) -> HeldSet:
    """Hold files and reports against what is expected. `needs_reports`: whether a cell's wheel must have one."""
    holding = _Holding(files, reports, expected, needs_reports=needs_reports)
    objections = tuple(dict.fromkeys(holding.objections()))
    return HeldSet(objections=objections, wheels=holding.wheels, outcomes=holding.outcomes)


class _Holding:
    def __init__(
        self, files: ExaminedFiles, reports: ShardReports, expected: Expectation, *, needs_reports: bool
    ) -> None:
        self._files = files
        self._reports = reports
        self._expected = expected
        self._needs_reports = needs_reports
        self._by_name = {wheel.path.name: wheel for wheel in files.wheels}
        self.wheels: dict[Place, FoundWheel] = {}
        self.outcomes: dict[Cell, Outcome] = {}
        self._told: set[str] = set()
        """Names of wheels to which something else is objected already."""

    def objections(self) -> Iterator[Objection]:
        """Yield all that is wrong, in the order in which a person would look at it."""
        yield from (Objection(text=text) for text in (*self._reports.unreadable, *self._files.refused))
        yield from self._twice()
        for cell in self._expected.cells:
            yield from self._cell(cell)
        for other in self._expected.others:
            yield from self._other(other)
        yield from self._sdists()
        yield from self._unexpected()
        yield from self._versions()
        yield from self._sources()
        yield from self._sizes()
        yield from self._preferences()

    def _of(self, name: str) -> Cell | None:
        """Return the cell that a wheel is of, by its name."""
        found = cell_of(parse_name(name))
        return None if found is None else found.of_package(self._expected.package)

    def _twice(self) -> Iterator[Objection]:
        for name, count in Counter(wheel.path.name for wheel in self._files.wheels).items():
            if count > 1:
                places = [wheel for wheel in self._files.wheels if wheel.path.name == name]
                same = (
                    "the same file" if len({wheel.contents.sha256 for wheel in places}) == 1 else "with other content"
                )
                where = first_of([str(wheel.path.parent) for wheel in places], _MOST_NAMED)
                yield Objection(text=f"{name} is there {count} times, {same}: in {where}")

    def _cell(self, cell: Cell) -> Iterator[Objection]:
        """Find the wheel of a cell by its report, or by tags where none is needed; yield what stands against that."""
        told = self._reports.outcomes_of(cell)
        passed = [(report, outcome) for report, outcome in told if outcome.status.is_success]
        if len(passed) > 1:
            places = first_of([str(report.place) for report, _ in passed], _MOST_NAMED)
            yield Objection(text=f"{cell} was built {len(passed)} times: reports in {places}")
            # Which of them it is does not matter: neither is delivered.
            for report, outcome in passed:
                tuple(self._told_wheel(cell, report, outcome))
        elif passed:
            report, outcome = passed[0]
            self.outcomes[cell] = outcome
            yield from self._told_wheel(cell, report, outcome)
        elif told:
            report, outcome = told[-1]
            self.outcomes[cell] = outcome
            why = outcome.failure
            reason = f": {why.step}: {why.message}" if why is not None else ""
            verb = "has" if outcome.status is Status.FAILED else "was"
            text = f"{cell} has no wheel: it {verb} {outcome.status} in {report.place}{reason}"
            yield Objection(text=text, is_of_extent=True)
        else:
            yield from self._by_tags(cell)

    def _told_wheel(self, cell: Cell, report: ShardReport, outcome: Outcome) -> Iterator[Objection]:
        record = report.tested_wheel(outcome)
        if record is None:
            yield Objection(text=f"{cell} passed, and its report in {report.place} names no wheel", is_of_extent=True)
            return
        found = self._by_name.get(record.name)
        if found is None and record.name in self._files.broken:
            return  # It is there, and was refused.
        if found is None:
            text = f"{record.name} is missing, the wheel of {cell} by the report in {report.place}"
            yield Objection(text=text, is_of_extent=True)
            return
        tags = found.contents.tags
        if not is_compatible(record.name, cell.interpreter, cell.platform) and not any(map(is_bare, tags)):
            text = (
                f"{record.name} is the wheel of {cell} by the report in {report.place}, and no installer takes it there"
            )
            yield Objection(text=text, is_of_extent=True)
        self.wheels[cell] = found

    def _by_tags(self, cell: Cell) -> Iterator[Objection]:
        own = [wheel for wheel in self._candidates(cell) if self._of(wheel.path.name) == cell]
        found = own or [wheel for wheel in self._candidates(cell) if serves_several(wheel.path.name)]
        if not found:
            yield Objection(
                text=f"{cell} is missing: there is no wheel of it, and no report of a run", is_of_extent=True
            )
        elif self._needs_reports:
            self._told.update(wheel.path.name for wheel in found)
            text = f"{found[0].path.name}: no report of a run vouches for it"
            yield Objection(text=f"{text}, nor for {cell}; --without-reports takes wheels by their tags")
        else:
            yield from self._one_of(cell, found)

    def _other(self, place: Place) -> Iterator[Objection]:
        found = self._candidates(place)
        exact = [wheel for wheel in found if not serves_several(wheel.path.name)]
        if not found:
            yield Objection(text=f"{place} is missing: there is no wheel of it", is_of_extent=True)
        else:
            yield from self._one_of(place, exact or found)

    def _one_of(self, place: Place, found: Sequence[FoundWheel]) -> Iterator[Objection]:
        names = sorted({wheel.path.name for wheel in found})
        # Of several wheels for the stable ABI, installers choose.
        best = preferred(names, place) if len(names) > 1 and not isinstance(place, AnyPlace) else None
        is_choice = best is not None and all(map(serves_several, names))
        if len(names) > 1 and not is_choice:
            yield Objection(text=f"{place} is there {len(names)} times: {first_of(names, _MOST_NAMED)}")
        self.wheels[place] = self._by_name[best or names[0]]

    def _candidates(self, place: Place) -> list[FoundWheel]:
        return [wheel for wheel in self._files.wheels if any(serves(tag, place) for tag in wheel.contents.tags)]

    def _sdists(self) -> Iterator[Objection]:
        sdists = self._files.sdists
        if self._expected.has_sdist and not sdists and not any(map(is_sdist_name, self._files.broken)):
            whose = f" of {self._expected.package}" if self._expected.package else ""
            yield Objection(text=f"the sdist{whose} is missing", is_of_extent=True)
        if not self._expected.has_sdist:
            for sdist in sdists:
                word = f"{self._expected.package}:sdist" if self._expected.package else "sdist"
                text = f"{sdist.name} is not expected: no sdist is; --also {word} asks for one"
                yield Objection(text=text, is_of_extent=True)
        elif len(sdists) > 1:
            names = first_of(sorted({sdist.name for sdist in sdists}), _MOST_NAMED)
            yield Objection(text=f"there are {len(sdists)} different sdists: {names}")

    def _unexpected(self) -> Iterator[Objection]:
        wanted = {wheel.path.name for wheel in self.wheels.values()}
        for name in sorted(self._by_name.keys() - wanted - self._told):
            of = self._of(name)
            if of is None or of not in self._expected.cells:
                whose = "of nothing that is expected" if of is None else f"of {of}, which is not expected"
                yield Objection(text=f"{name} is {whose}", is_of_extent=True)
            else:
                tested = self.wheels.get(of)
                other = f": {tested.path.name} is" if tested is not None else ""
                is_better = other and preferred(self._by_name, of) == name
                harm = ", and installers would take this one" if is_better else ""
                yield Objection(text=f"{name} is not the wheel of {of}{other}{harm}")

    def _versions(self) -> Iterator[Objection]:
        every: list[tuple[str, str, str]] = [
            (wheel.path.name, wheel.contents.name, str(wheel.contents.version)) for wheel in self._files.wheels
        ]
        every += [(sdist.name, sdist.project, str(sdist.version)) for sdist in self._files.sdists]
        if not every:
            return
        (usual, _), *_ = Counter((project, version) for _, project, version in every).most_common(1)
        if self._expected.project and _normal(self._expected.project) != usual[0]:
            yield Objection(text=f"the files are of {usual[0]}, and those of {self._expected.project} are expected")
        if self._expected.version and Version(usual[1]) != Version(self._expected.version):
            text = f"the files are of {' '.join(usual)}, and the project here is of version {self._expected.version}"
            yield Objection(text=text)
        for name, project, version in every:
            if (project, version) != usual:
                yield Objection(
                    text=f"{name} is of {project} {version}, and most of the files are of {' '.join(usual)}"
                )

    def _sources(self) -> Iterator[Objection]:
        """Yield that runs were of different files.

        By their reports: the statement of a wheel from a cache may name an earlier commit that has the same files.
        """
        told = {report.place: report for report in self._reports.reports if report.outcomes}
        counts = Counter(report.source for report in told.values() for _ in report.outcomes)
        usual = next((source for source, _ in counts.most_common() if source is not None), None)
        first = next((report for report in told.values() if report.source == usual), None)
        for report in told.values():
            cells = first_of([str(outcome.cell) for outcome in report.outcomes], _MOST_NAMED)
            if report.source is None:
                yield Objection(text=f"the report in {report.place} ({cells}) does not say of which source the run was")
            elif first is not None and report.source != usual:
                yield Objection(
                    text=f"the run in {report.place} ({cells}) was of another source than that in {first.place}:"
                    f" {_shown(report)}, not {_shown(first)}"
                )

    def _sizes(self) -> Iterator[Objection]:
        for place, wheel in self.wheels.items():
            limit = self._expected.cells.get(place, 0) if isinstance(place, Cell) else self._expected.size
            yield from _too_large(wheel.path.name, wheel.contents.size, limit)
        for sdist in self._files.sdists:
            yield from _too_large(sdist.name, sdist.file.size, self._expected.size)

    def _preferences(self) -> Iterator[Objection]:
        """Yield the wheels of one place that installers would take in another; all others have been told already."""
        expected = {wheel.path.name for wheel in self.wheels.values()}
        for place, wheel in self.wheels.items():
            if isinstance(place, AnyPlace):
                continue
            best = preferred(expected, place)
            if best is not None and best != wheel.path.name:
                tested = "has tested" if isinstance(place, Cell) else "is expected to have"
                yield Objection(text=f"{best}: installers would take it for {place}, which {tested} {wheel.path.name}")


def _too_large(name: str, size: int, limit: int) -> Iterator[Objection]:
    if limit and size > limit:
        yield Objection(text=f"{name} has {size_text(size)}, more than max-wheel-size = {size_text(limit)}")


def _shown(report: ShardReport) -> str:
    """Return the source of a run, shortened, with its commit if that is known."""
    source = None if report.run is None else report.run.extra.source
    if source is None:
        return "unknown"
    return source.sha256[:12] + (f" (commit {source.commit[:12]})" if source.commit else "")


def _normal(project: str) -> str:
    from packaging.utils import canonicalize_name

    return canonicalize_name(project)
