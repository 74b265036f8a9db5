"""Runs with `sdist = true` on the fake engine: one sdist, first; all wheels from it; every way in which it fails."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_run import ORDERED, TESTED, FakeRun, cell_of, outcome, what
from msgspec.structs import replace
from planning import engine_with, settings_with
from sdist_making import write_tar

from matrix_runner.config.options.build_options import BEFORE_ALL
from matrix_runner.config.options.cache_options import CACHE_MAX_AGE, NO_CACHE, REBUILD
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.output_options import MAX_WHEEL_SIZE, OVERWRITE
from matrix_runner.config.options.run_options import CONTAINER_ENGINE, SILENCE_TIMEOUT, STEP_TIMEOUT
from matrix_runner.config.options.source_options import SDIST
from matrix_runner.config.options.test_options import TEST_COMMAND
from matrix_runner.engine.api import Ending
from matrix_runner.engine.fake.fake_engine import FakeCall, FakeFaults, FakeHost, FakeResult
from matrix_runner.errors import EngineError, ExitCode, ImageError
from matrix_runner.model.events import CellFinished, CellStarted
from matrix_runner.model.outcomes import Outcome, Reason, Report, Status, StepKind
from matrix_runner.report.summary.report_json import read_report
from matrix_runner.report.summary.text_summary import RunDirectories, totals
from matrix_runner.run import build

OLD, MAKER, SMALL = "cp39-manylinux_x86_64", "cp312-manylinux_x86_64", "cp39-manylinux_i686"
CELLS = (OLD, MAKER, "cp313-manylinux_x86_64", SMALL)
NAME = "demo-1.0.tar.gz"
Values = dict[Option[object], object]


class Project:
    """A project, and the commands that its latest run has run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.calls: list[FakeCall] = []
        self.fake: FakeRun = self.make()

    def make(self, values: Values | None = None, *cells: str) -> FakeRun:
        """Return a fake run of it."""
        settings = settings_with({SDIST: True, **(values or {})}, project_name="demo")
        cache = self.directory / "cache"
        return FakeRun(directory=self.directory, identifiers=cells or CELLS, settings=settings, cache=cache)

    def run(self, fake: FakeRun | None = None) -> Report:
        """Run it."""
        self.fake = fake or self.make()
        with self.fake.engine() as engine:
            report = build(self.fake.request(engine))
            self.calls = engine.commands
        return report

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        (self.directory / "project").mkdir(exist_ok=True)
        (self.directory / "project" / name).write_text(text)

    def ran(self, kind: str) -> list[str]:
        """Return the cells in which a kind of command was run, in order."""
        return [str(cell_of(call)) for call in self.calls if what(call) == kind]

    @property
    def delivered(self) -> set[str]:
        """The names in the output directory."""
        return {path.name for path in self.fake.wheelhouse.iterdir()}

    def document(self) -> dict[str, object]:
        """Return report.json."""
        return dict(json.loads((self.fake.report_dir / "report.json").read_text()))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project that has never been built."""
    return Project(tmp_path)


def test_one_sdist_first_and_all_wheels_from_it(project: Project) -> None:
    """It is made once, in the cell of the newest Python but one; each cell builds from its files."""
    seen: dict[str, set[str]] = {}

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) == "build":
            seen[str(cell_of(call))] = {path for path in call.files if path.startswith("/matrix/sdist/")}
        return None

    fake = project.make()
    fake.override = override
    project.write("local.txt", "never packed by the backend")
    report = project.run(fake)
    assert report.exit_code is ExitCode.OK
    assert project.ran("sdist") == [MAKER]
    kinds = [what(call) for call in project.calls]
    assert kinds.index("sdist") < kinds.index("build")
    assert set(seen) == set(CELLS)
    assert set(map(frozenset, seen.values())) == {
        frozenset(f"/matrix/sdist/{name}" for name in ("PKG-INFO", "local.txt", "pyproject.toml"))
    }
    assert NAME in project.delivered
    assert len(project.delivered) == 1 + len(CELLS)


def test_the_record(project: Project) -> None:
    """report.json, SHA256SUMS, the summary and the log tell of it; its steps are no part of the maker's times."""
    report = project.run()
    (sdist,) = report.sdists
    assert (sdist.name, str(sdist.made_in), sdist.is_cached) == (NAME, MAKER, False)
    assert read_report((project.fake.report_dir / "report.json").read_bytes()).sdists == (
        replace(sdist, seconds=round(sdist.seconds, 3)),
    )
    sums = (project.fake.report_dir / "SHA256SUMS").read_text().splitlines()
    assert f"{sdist.sha256}  {NAME}" in sums
    assert len(sums) == 1 + len(CELLS)
    first = totals(report, RunDirectories(output="out", report="rep"))[0]
    assert first.startswith("4 wheels (")
    assert f" and the sdist {NAME} (" in first
    maker = outcome(report, MAKER)
    assert StepKind.SDIST not in [step.kind for step in maker.steps]
    steps = project.fake.recorder.steps(maker.cell)
    assert steps[:4] == [StepKind.PREPARE, StepKind.SDIST, StepKind.VERIFY, StepKind.PUBLISH]
    assert any(text.startswith(f"wheels are built from {NAME}") for text in project.fake.recorder.notices())


def test_before_all_is_run_once_for_an_image(project: Project) -> None:
    """The maker's, before the sdist; the cells of its image start from the snapshot, also without a cache."""
    each: tuple[Values, ...] = ({BEFORE_ALL: ORDERED}, {BEFORE_ALL: ORDERED, NO_CACHE: True, OVERWRITE: True})
    for values in each:
        assert project.run(project.make(values)).exit_code is ExitCode.OK
        # The images of the two architectures are different ones.
        assert sorted(project.ran("before-all")) == [MAKER, SMALL]
        kinds = [what(call) for call in project.calls]
        assert kinds.index("before-all") < kinds.index("sdist") < kinds.index("build")
        assert not [text for text in project.fake.recorder.notices() if "of an earlier run" in text]


def failed_first(report: Report) -> tuple[Outcome, list[Outcome]]:
    """Return the maker's outcome and those of the others."""
    others = [each for each in report.outcomes if str(each.cell) != MAKER]
    assert all(each.status is Status.FAILED for each in report.outcomes)
    assert all(each.failure is not None and each.log is None for each in others)
    return outcome(report, MAKER), others


def foreign_sdist(fake: FakeRun, call: FakeCall) -> FakeResult:
    """Leave an sdist with the metadata of another project."""
    return fake.sdist(call, files={"PKG-INFO": b"Name: other\nVersion: 1.0\n"})


@pytest.mark.parametrize(
    ("frontend", "reason", "code", "words"),
    [
        (
            lambda *_: FakeResult(status=2, output=(b"error: no compiler\n",)),
            Reason.COMMAND,
            ExitCode.CELL_FAILED,
            "exit status 2: error: no compiler",
        ),
        (lambda *_: FakeResult(), Reason.REJECTED, ExitCode.WHEEL_REJECTED, "ended with success and left no sdist"),
        (
            foreign_sdist,
            Reason.REJECTED,
            ExitCode.WHEEL_REJECTED,
            "its PKG-INFO is of other 1.0",
        ),
        (
            lambda *_: FakeResult(files=((f"/matrix/built/{NAME}", b"no archive"),)),
            Reason.REJECTED,
            ExitCode.WHEEL_REJECTED,
            "neither a gzip-compressed tar nor a zip",
        ),
        (lambda *_: FakeResult(ending=Ending.LOST), Reason.ENGINE, ExitCode.ENVIRONMENT, "went away during sdist"),
        (lambda *_: FakeResult(seconds=1e9), Reason.TIMEOUT, ExitCode.CELL_FAILED, "stopped after"),
    ],
)
def test_without_an_sdist_nothing_is_built(
    project: Project,
    frontend: Callable[[FakeRun, FakeCall], FakeResult],
    reason: Reason,
    code: ExitCode,
    words: str,
) -> None:
    """The maker's outcome says why, the others name it; nothing is built or delivered, and the report is there."""
    fake = project.make()
    fake.override = lambda call: frontend(fake, call) if what(call) == "sdist" else None
    report = project.run(fake)
    assert report.exit_code is code
    maker, others = failed_first(report)
    assert maker.failure is not None
    assert (maker.failure.reason, maker.log) == (reason, f"logs/{MAKER}.log")
    assert words in maker.failure.message
    for other in others:
        assert other.failure is not None
        assert other.failure.step is StepKind.PREPARE
        assert other.failure.message.startswith(f"without the sdist no wheel is built; it failed in {MAKER}: ")
    assert (project.ran("build"), project.delivered) == ([], set())
    assert project.document()["sdist"] is None
    finished = [event for event in fake.recorder.events if isinstance(event, CellFinished)]
    assert {str(event.outcome.cell) for event in finished} == set(CELLS)


def test_a_lost_container_is_tried_once_more(project: Project) -> None:
    """As in a cell."""
    left = [FakeResult(ending=Ending.LOST)]
    fake = project.make()
    fake.override = lambda call: left.pop() if what(call) == "sdist" and left else None
    assert project.run(fake).exit_code is ExitCode.OK
    assert project.ran("sdist") == [MAKER, MAKER]
    assert project.ran("build").count(MAKER) == 1


def test_a_failed_before_all_is_the_sdists_failure(project: Project) -> None:
    """It is run in the maker, for all; the others of its image are not built either."""
    fake = project.make({BEFORE_ALL: ORDERED})
    fake.override = lambda call: FakeResult(status=3) if what(call) == "before-all" else None
    maker, _ = failed_first(project.run(fake))
    assert maker.failure is not None
    assert (maker.failure.step, maker.failure.message) == (StepKind.BEFORE_ALL, "exit status 3")
    assert project.ran("before-all") == [MAKER]


def test_a_bug_of_ours_ends_in_the_report(project: Project) -> None:
    """An unexpected exception is told as one, and every cell has an outcome."""

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) == "sdist":
            raise ZeroDivisionError("boom")
        return None

    fake = project.make()
    fake.override = override
    maker, _ = failed_first(project.run(fake))
    assert maker.failure is not None
    assert (maker.failure.reason, maker.failure.message) == (Reason.INTERNAL, "ZeroDivisionError: boom")
    assert "Traceback" in fake.recorder.log(maker.cell)


def test_a_wheel_of_another_version_is_refused(project: Project) -> None:
    """The version came from something that the sdist lacks."""
    fake = project.make()
    fake.override = lambda call: fake.sdist(call, "demo-1.1") if what(call) == "sdist" else None
    report = project.run(fake)
    assert report.exit_code is ExitCode.WHEEL_REJECTED
    for each in report.outcomes:
        assert each.failure is not None
        assert "is of version 1.0, and the sdist that it was built from of 1.1" in each.failure.message
        assert 'accept = ["other-version"]' in (each.failure.hint or "")
    assert project.delivered == {"demo-1.1.tar.gz"}


def test_another_sdist_in_the_output_directory(project: Project) -> None:
    """One of other files is left alone, and every cell says so; with --overwrite it is replaced."""
    project.make().wheelhouse.mkdir()
    old = write_tar(project.make().wheelhouse / NAME, files={"demo-1.0/old": b""})
    before = old.read_bytes()
    report = project.run()
    assert report.exit_code is ExitCode.CELL_FAILED
    maker, _ = failed_first(report)
    assert maker.failure is not None
    assert (maker.failure.reason, maker.failure.step) == (Reason.CONFLICT, StepKind.PUBLISH)
    assert "demo-1.0/old (in the old one only)" in maker.failure.message
    assert old.read_bytes() == before
    assert project.run(project.make({OVERWRITE: True})).exit_code is ExitCode.OK
    assert old.read_bytes() != before


def test_an_unchanged_project_starts_nothing(project: Project) -> None:
    """The sdist is kept like the cells: the same bytes again, and not a container."""
    first = project.run()
    made = (project.fake.wheelhouse / NAME).read_bytes()
    for path in project.fake.wheelhouse.iterdir():
        path.unlink()
    again = project.run()
    assert project.calls == []
    assert {each.status for each in again.outcomes} == {Status.CACHED}
    assert (project.fake.wheelhouse / NAME).read_bytes() == made
    (kept,) = first.sdists
    assert again.sdists == (replace(kept, is_cached=True, seconds=0.0),)


def test_cells_depend_on_the_files_of_the_sdist_not_on_its_bytes(project: Project) -> None:
    """A new sdist of the same files costs no cell; the kept one serves one that must run; a changed file costs all."""
    assert project.run().exit_code is ExitCode.OK
    made = (project.fake.wheelhouse / NAME).read_bytes()

    # The cache is gone but for the cells: the sdist is made anew, and is the one that is there.
    for path in (project.directory / "cache" / "sdists").iterdir():
        path.unlink()
    report = project.run()
    assert (project.ran("sdist"), project.ran("build")) == ([MAKER], [])
    assert {each.status for each in report.outcomes} == {Status.CACHED}
    assert (project.fake.wheelhouse / NAME).read_bytes() == made

    report = project.run(project.make({REBUILD: (OLD,)}))
    assert (project.ran("sdist"), project.ran("build")) == ([], [OLD])
    assert [sdist.is_cached for sdist in report.sdists] == [True]

    project.write("a.c", "int a;\n")
    report = project.run(project.make({OVERWRITE: True}))
    assert (project.ran("sdist"), sorted(project.ran("build"))) == ([MAKER], sorted(CELLS))


def test_another_maker_makes_another_sdist_only_if_its_files_differ(project: Project) -> None:
    """With fewer cells the maker is another one: its sdist has the same files, and the cell is taken from the cache."""
    assert project.run().exit_code is ExitCode.OK
    report = project.run(project.make(None, OLD))
    assert (project.ran("sdist"), project.ran("build")) == ([OLD], [])
    assert outcome(report, OLD).status is Status.CACHED


@pytest.mark.parametrize("damage", [b"", b"{}", b"no json"])
@pytest.mark.parametrize("suffix", [".json", ".tar.gz"])
def test_a_damaged_cache_is_no_cache(project: Project, damage: bytes, suffix: str) -> None:
    """The sdist is made anew."""
    assert project.run().exit_code is ExitCode.OK
    (path,) = (project.directory / "cache" / "sdists").glob(f"*{suffix}")
    path.write_bytes(damage)
    assert project.run().exit_code is ExitCode.OK
    assert project.ran("sdist") == [MAKER]
    assert project.ran("build") == []


def test_what_is_not_kept(project: Project) -> None:
    """Without a cache, of an age beyond `cache-max-age`, with a mounted directory, it is made each time."""
    mounted: Values = {CONTAINER_ENGINE: engine_with("--volume", "/srv:/srv")}
    each: tuple[Values, ...] = ({NO_CACHE: True}, mounted, {CACHE_MAX_AGE: 1e-9})
    for values in each:
        for _ in range(2):
            assert project.run(project.make(values)).exit_code is ExitCode.OK
            assert project.ran("sdist") == [MAKER]


def test_a_large_one_is_told(project: Project) -> None:
    """The limit of the index holds for it too."""
    project.run(project.make({MAX_WHEEL_SIZE: 10}))
    assert [text for text in project.fake.recorder.notices() if text.startswith(f"{NAME} has ")]


def test_tests_find_the_project(project: Project) -> None:
    """The project's own files are in every cell, beside the sdist."""
    seen: list[bool] = []

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) == "test":
            seen.append("/project/check.py" in call.files and "/matrix/sdist/PKG-INFO" in call.files)
        return None

    fake = project.make({TEST_COMMAND: TESTED})
    fake.override = override
    project.write("check.py", "")
    assert project.run(fake).exit_code is ExitCode.OK
    assert seen == [True] * len(CELLS)


def test_a_stop_during_the_sdist(project: Project) -> None:
    """Every cell is cancelled, and the report says so."""
    fake = project.make({STEP_TIMEOUT: 0, SILENCE_TIMEOUT: 0})
    with fake.engine() as engine:
        request = fake.request(engine)

        def override(call: FakeCall) -> FakeResult | None:
            if what(call) == "sdist":
                os.kill(os.getpid(), signal.SIGINT)
                return FakeResult(hangs=True)
            return None

        fake.override = override
        report = build(request)
    assert report.exit_code is ExitCode.INTERRUPTED
    assert {each.status for each in report.outcomes} == {Status.CANCELLED}
    started = [event for event in fake.recorder.events if isinstance(event, CellStarted)]
    assert [str(event.cell) for event in started] == [MAKER]
    assert report.sdists == ()


def test_the_makers_image_cannot_be_had(tmp_path: Path) -> None:
    """Another cell makes the sdist then, and only those of that image fail."""
    project = Project(tmp_path)
    fake = project.make(None, OLD, MAKER, "cp313-manylinux_x86_64")
    fake.images = ("good", "bad", "good")
    fake.faults = FakeFaults(on_resolve=lambda name: ImageError("no such image") if name == "bad" else None)
    report = project.run(fake)
    assert [str(each.status) for each in report.outcomes] == ["passed", "failed", "passed"]
    assert project.ran("sdist") == [OLD]


def test_what_was_left_out_is_told_before_the_sdist(project: Project) -> None:
    """It may be the reason why that fails."""
    project.write("x", "")
    (project.directory / "project" / "link").symlink_to("/etc/hostname")
    fake = project.make()
    fake.override = lambda call: FakeResult(status=1) if what(call) == "sdist" else None
    project.run(fake)
    assert [text for text in fake.recorder.notices() if "link links to /etc/hostname, outside the project" in text]


def test_an_image_that_was_rejected_is_not_said_to_serve(project: Project) -> None:
    """The maker prepares another one, from which the others start."""
    host = FakeHost()

    def run(*, is_broken: bool) -> FakeRun:
        fake = project.make({BEFORE_ALL: ORDERED, REBUILD: ("*",), OVERWRITE: True}, OLD, MAKER)
        refused = EngineError("the engine could not create a container: layer missing")
        with fake.engine(host) as engine:
            kept = {each[0].id for name, each in host.images.items() if name.startswith("matrix-runner/prepared")}
            assert bool(kept) is is_broken
            fault = FakeFaults(on_open=lambda spec: refused if is_broken and spec.image in kept else None)
            engine.faults = fault
            assert build(fake.request(engine)).exit_code is ExitCode.OK
        return fake

    run(is_broken=False)
    assert not [text for text in run(is_broken=True).recorder.notices() if "before-all is not run" in text]
