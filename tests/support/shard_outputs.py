"""The outputs of CI jobs, as `runner build` leaves them: wheels, and a report directory that vouches for them."""

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace
from stated_wheels import CLEAN, statement_for
from wheel_builder import build_wheel

from matrix_runner.files import sha256_of
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Failure, Outcome, Reason, Report, SdistRecord, Status, StepKind, WheelRecord
from matrix_runner.provenance.statement import Resource, write_statement
from matrix_runner.report.summary.report_json import ReportExtra, SourceRecord, report_json
from matrix_runner.wheelhouse.report_directory import ReportDirectory

SOURCE = "5" * 64
_LEGACY = {"x86_64": "manylinux_2_17_x86_64.manylinux2014_x86_64", "i686": "manylinux_2_17_i686.manylinux2014_i686"}


def wheel_name(cell: str, *, version: str = "1.0", tag: str = "") -> str:
    """Return the name of a cell's wheel. `tag`: its first two, in place of the interpreter's own."""
    python, _, platform = cell.partition("-")
    libc, _, arch = platform.partition("_")
    own = "musllinux_1_2_" + arch if libc == "musllinux" else _LEGACY.get(arch, f"manylinux_2_17_{arch}")
    tags = tag or f"{python.removesuffix('t')}-{python}"
    return f"demo-{version}-{tags}-{own}.whl"


class ShardOutput:
    """The output of one job, in a directory with wheelhouse and report."""

    def __init__(self, directory: Path, number: int, *, source: str | None = SOURCE) -> None:
        """`source`: the digest of the files that the job built from; None for a report that does not tell."""
        self.wheels, self.report = directory / f"{number}/wheelhouse", directory / f"{number}/wheelhouse-report"
        self.wheels.mkdir(parents=True)
        self._source = source
        self._run = f"run{number}"
        self._outcomes: dict[Cell, Outcome] = {}
        self._sdist: SdistRecord | None = None

    def passed(
        self,
        cell: str,
        name: str = "",
        *,
        files: Mapping[str, bytes | None] | None = None,
        resource: Resource | None = CLEAN,
    ) -> Path:
        """Add the wheel of a cell that passed. `resource`: the source by its statement; None: it has no statement."""
        wheel = build_wheel(self.wheels, name or wheel_name(cell), files=files)
        record = WheelRecord(name=wheel.name, size=wheel.stat().st_size, sha256=sha256_of(wheel))
        if resource is not None:
            (self.report / "provenance").mkdir(parents=True, exist_ok=True)
            statement = write_statement(statement_for(wheel.name, record.sha256, cell=cell, source=resource))
            (self.report / "provenance" / f"{wheel.name}.json").write_bytes(statement)
            record = replace(record, provenance=f"provenance/{wheel.name}.json")
        self.add(Outcome(cell=Cell.parse(cell), status=Status.PASSED, seconds=1.0, began=0.5, wheel=record))
        (self.report / "logs").mkdir(parents=True, exist_ok=True)
        (self.report / "logs" / f"{cell}.log").write_text(f"built {cell}\n")
        return wheel

    def reused(self, cell: str, builder: str) -> None:
        """Add a cell that has tested another one's wheel."""
        built = self._outcomes[Cell.parse(builder)]
        self.add(replace(built, cell=Cell.parse(cell), wheel=None, reused_from=built.cell))

    def failed(self, cell: str) -> None:
        """Add a cell that failed."""
        failure = Failure(step=StepKind.BUILD, reason=Reason.COMMAND, message="exit status 1")
        self.add(Outcome(cell=Cell.parse(cell), status=Status.FAILED, failure=failure))

    def made_sdist(self, sdist: Path, cell: str) -> None:
        """Add the sdist of the run, made in a cell's container."""
        self._sdist = SdistRecord(
            name=sdist.name, size=sdist.stat().st_size, sha256=sha256_of(sdist), made_in=Cell.parse(cell)
        )
        self._write()

    def add(self, outcome: Outcome) -> None:
        """Add an outcome, and write the report anew."""
        self._outcomes[outcome.cell] = outcome
        self._write()

    def _write(self) -> None:
        source = None if self._source is None else SourceRecord(sha256=self._source)
        extra = ReportExtra(tool_version="1.0", started="2026-11-01T08:00:00+00:00", project="demo", source=source)
        sdists = () if self._sdist is None else (self._sdist,)
        report = Report(
            run=self._run,
            outcomes=tuple(self._outcomes.values()),
            seconds=2.0,
            workers=2,
            sdists=sdists,
        )
        built = [each.wheel for each in report.outcomes if each.wheel is not None and each.reused_from is None]
        with ReportDirectory(self.report) as directory:
            directory.write_file("report.json", report_json(report, extra))
            directory.write_sums((*built, *(() if self._sdist is None else (self._sdist,))), self.wheels)
