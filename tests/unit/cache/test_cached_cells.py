"""Runs one after another on the fake engine: what is not done again, and what is."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest
from fake_run import ORDERED, TESTED, FakeRun, cell_of, outcome, what
from junit_files import PYTEST
from msgspec.structs import replace
from planning import engine_with, settings_with

from matrix_runner.config.kinds.values import BuildConstraints, BuildFrontend, ContainerEngine, EngineChoice, Frontend
from matrix_runner.config.options.build_options import (
    BEFORE_ALL,
    BUILD_CONSTRAINTS,
    BUILD_FRONTEND,
    ENVIRONMENT,
    ENVIRONMENT_PASS,
    EXCLUDE_NEWER,
)
from matrix_runner.config.options.cache_options import CACHE_MAX_AGE, CACHE_SIZE, NO_CACHE, REBUILD
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.output_options import OVERWRITE
from matrix_runner.config.options.run_options import CONTAINER_ENGINE, JOBS, STEP_TIMEOUT
from matrix_runner.config.options.test_options import TEST_COMMAND, TEST_RESULTS
from matrix_runner.engine.fake.fake_engine import ANY_IMAGE, FakeCall, FakeEngine, FakeResult
from matrix_runner.errors import ConfigError, ExitCode
from matrix_runner.model.events import CellFinished, CellStarted
from matrix_runner.model.outcomes import Report, ResultCounts, Status
from matrix_runner.report.cell_logs import CellLogs
from matrix_runner.report.summary.report_json import read_report
from matrix_runner.run import build
from matrix_runner.store.entry_record import EntryRecord
from matrix_runner.store.sealed import seal, unseal

CELLS = ("cp39-manylinux_x86_64", "cp311-manylinux_x86_64", "cp311-manylinux_i686")
Values = dict[Option[object], object]


class Kept:
    """Runs that share a store and a project, and what each of them did."""

    def __init__(self, directory: Path, *, is_abi3: bool = False) -> None:
        self.directory = directory
        self.is_abi3 = is_abi3
        self.cache: Path = directory / "cache"
        self.number = 0
        self.calls: list[FakeCall] = []
        self.fake_run: FakeRun = self.make()

    def make(self, values: Values | None = None, *cells: str, environ: Mapping[str, str] | None = None) -> FakeRun:
        """Return a fake run of the same project."""
        given: Values = {OVERWRITE: True, TEST_COMMAND: TESTED, **(values or {})}
        settings = settings_with(given, project_name="demo")
        return FakeRun(
            directory=self.directory,
            identifiers=cells or CELLS,
            settings=settings,
            is_abi3=self.is_abi3,
            cache=self.cache,
            environ=environ or {},
        )

    def run(self, values: Values | None = None, *cells: str, environ: Mapping[str, str] | None = None) -> Report:
        """Run once more, and keep what was asked of the engine."""
        self.fake_run = self.make(values, *cells, environ=environ)
        return self.fake(self.fake_run)

    def fake(self, fake_run: FakeRun) -> Report:
        """Perform a fake run, which writes logs as the command does."""
        self.fake_run = fake_run
        logs = CellLogs(fake_run.report_dir / "logs")
        with fake_run.engine() as engine:
            request = fake_run.request(engine)
            report = build(replace(request, listeners=(logs, *request.listeners)))
            self.calls = engine.commands
        return report

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        path = self.directory / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def built(self) -> set[str]:
        """Return the cells that built in the latest run."""
        return {str(cell_of(call)) for call in self.calls if what(call) == "build"}

    def tested(self) -> set[str]:
        """Return the cells that tested in the latest run."""
        return {str(cell_of(call)) for call in self.calls if what(call) == "test"}


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """Return a store and a project that has been built once."""
    both = Kept(tmp_path)
    assert both.run().exit_code is ExitCode.OK
    assert both.built() == set(CELLS)
    return both


def statuses(report: Report) -> set[Status]:
    """Return how cells ended."""
    return {each.status for each in report.outcomes}


def test_nothing_changed_nothing_is_started(kept: Kept) -> None:
    """A second run opens no container at all, and delivers the same wheels, sums and report."""
    before = {path.name: path.read_bytes() for path in kept.fake_run.wheelhouse.glob("*.whl")}
    for path in kept.fake_run.wheelhouse.iterdir():
        if path.is_file():
            path.unlink()
    report = kept.run()
    assert kept.calls == []
    assert report.exit_code is ExitCode.OK
    assert statuses(report) == {Status.CACHED}
    assert {path.name: path.read_bytes() for path in kept.fake_run.wheelhouse.glob("*.whl")} == before
    assert len((kept.fake_run.report_dir / "SHA256SUMS").read_text().splitlines()) == len(before)
    document = json.loads((kept.fake_run.report_dir / "report.json").read_text())
    assert [cell["status"] for cell in document["cells"]] == ["cached"] * 3
    assert [each.wheel for each in report.outcomes] == [
        each.wheel for each in read_report((kept.fake_run.report_dir / "report.json").read_bytes()).outcomes
    ]


def test_a_wheel_that_cannot_be_delivered_needs_no_second_build(tmp_path: Path) -> None:
    """Another one has its name: it stays; when it may be replaced, the finished one comes, with its statement."""
    kept, cell = Kept(tmp_path), CELLS[0]
    assert kept.run(None, cell).exit_code is ExitCode.OK
    (wheel,) = kept.fake_run.wheelhouse.glob("*.whl")
    finished = wheel.read_bytes()
    wheel.write_bytes(b"another")
    kept.write("new.c", "")
    report = kept.run({OVERWRITE: False}, cell)
    assert (report.exit_code, statuses(report), kept.built()) == (ExitCode.CELL_FAILED, {Status.FAILED}, {cell})
    assert wheel.read_bytes() == b"another"
    again = kept.run(None, cell)
    assert (again.exit_code, statuses(again), kept.calls) == (ExitCode.OK, {Status.CACHED}, [])
    assert wheel.read_bytes() == finished
    (delivered,) = (each.wheel for each in again.outcomes)
    assert delivered is not None
    assert delivered.provenance is not None


def test_no_tar_is_written_when_nothing_is_missing(kept: Kept) -> None:
    """What nobody will unpack is not packed: the run's own directory stays without a source."""
    seen: list[str] = []
    fake_run = kept.make()

    class Watch:
        def handle(self, event: object) -> None:
            if isinstance(event, CellFinished):
                seen.extend(path.name for path in (kept.directory / "scratch").rglob("*.tar"))

        def close(self) -> None:
            pass

    fake_run.listeners = (Watch(),)
    kept.fake(fake_run)
    assert seen == []


def test_the_log_is_replayed(kept: Kept) -> None:
    """The log of a cached cell is the one of then, and says so."""
    kept.run()
    log = (kept.fake_run.report_dir / "logs" / f"{CELLS[0]}.log").read_text()
    assert "build ok" in log
    assert "=== passed after" in log
    assert log.splitlines()[-1].startswith("=== cached after")
    assert "taken from the cache" in log


def test_a_cached_cell_never_starts(kept: Kept) -> None:
    """Listeners hear of its end only."""
    kept.run()
    assert not [event for event in kept.fake_run.recorder.events if isinstance(event, CellStarted)]
    assert len([event for event in kept.fake_run.recorder.events if isinstance(event, CellFinished)]) == 3


@pytest.mark.parametrize("name", ["src/x.c", "README.md"])
def test_a_changed_file_builds_all(kept: Kept, name: str) -> None:
    """Any file of the source is part of every cell, for nobody knows which of them a build reads."""
    kept.write(name, "new")
    kept.run()
    assert kept.built() == set(CELLS)
    kept.run()
    assert kept.built() == set()
    kept.write(name, "newer")
    kept.run()
    assert kept.built() == set(CELLS)
    kept.write(name, "new")
    kept.run()
    assert kept.built() == set(), "going back finds what was kept"


def test_the_store_is_no_source(tmp_path: Path) -> None:
    """A store inside of the project is neither packed nor part of what it keeps."""
    kept = Kept(tmp_path)
    kept.cache = tmp_path / "project" / ".runner-cache"
    kept.run()
    kept.run()
    assert kept.calls == []
    kept.run({NO_CACHE: True})
    assert not [path for call in kept.calls for path in call.files if "runner-cache" in path]


def test_a_mode_and_a_link_count(kept: Kept) -> None:
    """What is packed is what counts: the executable bit and where a link leads, too."""
    kept.write("run.sh", "x")
    kept.run()
    (kept.directory / "project/run.sh").chmod(0o755)
    kept.run()
    assert kept.built() == set(CELLS)
    (kept.directory / "project/link").symlink_to("run.sh")
    kept.run()
    assert kept.built() == set(CELLS)
    (kept.directory / "project/run.sh").touch()
    kept.run()
    assert kept.built() == set(), "a time is not packed"


@pytest.mark.parametrize(
    ("values", "is_built"),
    [
        ({TEST_COMMAND: f"{TESTED} again"}, True),
        ({ENVIRONMENT_PASS: ("CI",)}, True),
        (
            {CONTAINER_ENGINE: engine_with("--cap-add=SYS_PTRACE")},
            True,
        ),
        ({CONTAINER_ENGINE: ContainerEngine(name=EngineChoice.DOCKER)}, False),
        ({JOBS: 7, STEP_TIMEOUT: 3, CACHE_SIZE: 1}, False),
    ],
)
def test_an_option_counts_if_a_cell_can_feel_it(kept: Kept, values: Values, is_built: bool) -> None:  # noqa: FBT001
    """Options of how cells are run change nothing; those of what they do build them anew."""
    kept.run(values)
    assert kept.built() == (set(CELLS) if is_built else set())


def test_a_variable_that_is_passed_counts(kept: Kept) -> None:
    """Its value is part of the cell; that of a variable that is not passed is not. The store never holds the value."""
    values: Values = {ENVIRONMENT_PASS: ("TOKEN",)}
    kept.run(values, environ={"TOKEN": "hunter2", "OTHER": "1"})
    kept.run(values, environ={"TOKEN": "hunter2", "OTHER": "2"})
    assert kept.built() == set()
    kept.run(values, environ={"TOKEN": "hunter3", "OTHER": "2"})
    assert kept.built() == set(CELLS)
    assert not [path for path in kept.cache.rglob("*") if path.is_file() and b"hunter" in path.read_bytes()]


def test_a_mounted_directory_cannot_be_kept(kept: Kept) -> None:
    """What create-args mount cannot be seen from here: such cells are built each time."""
    values: Values = {CONTAINER_ENGINE: engine_with("-v=/data:/data")}
    for _ in range(2):
        kept.run(values)
        assert kept.built() == set(CELLS)


def test_an_image_that_is_another_builds_anew(kept: Kept) -> None:
    """The image's content counts, not its name."""
    fake_run = kept.make()
    with fake_run.engine() as engine:
        engine.host.add_image(ANY_IMAGE)
        build(fake_run.request(engine))
        assert {str(cell_of(call)) for call in engine.commands if what(call) == "build"} == set(CELLS)


def test_rebuild_builds_what_it_names(kept: Kept) -> None:
    """The cells of the pattern are built though nothing has changed, and are what is taken from then on."""
    kept.run({REBUILD: ("cp311-*",)})
    assert kept.built() == set(CELLS[1:])
    kept.run()
    assert kept.built() == set()


def test_no_cache_neither_takes_nor_keeps(kept: Kept) -> None:
    """The store is not touched."""
    kept.write("new.c", "x")
    before = sorted(path for path in kept.cache.rglob("*"))
    kept.run({NO_CACHE: True})
    assert kept.built() == set(CELLS)
    assert sorted(path for path in kept.cache.rglob("*")) == before


def test_what_is_too_old_is_built_anew(kept: Kept) -> None:
    """`cache-max-age` counts from the building; 0 takes any age."""
    grown_old(kept, 100)
    kept.run({CACHE_MAX_AGE: 0})
    assert kept.built() == set()
    kept.run({CACHE_MAX_AGE: 3600})
    assert kept.built() == set()
    kept.run({CACHE_MAX_AGE: 60})
    assert kept.built() == set(CELLS)


def grown_old(kept: Kept, seconds: float) -> None:
    """Let every finished cell be older by so much."""
    for record in kept.cache.glob("entries/*/*/entry.json"):
        content = unseal(record.read_bytes())
        assert content is not None
        entry = msgspec.json.decode(content, type=EntryRecord)
        record.write_bytes(seal(msgspec.json.encode(msgspec.structs.replace(entry, created=entry.created - seconds))))


LONG_AGO = EXCLUDE_NEWER.kind.read("2024-12-31")
PINNED = BuildConstraints(lines=("setuptools==80.9.0 --hash=sha256:00",))
NAMED = BuildConstraints(file="pins.txt")


@pytest.mark.parametrize(
    ("values", "pins", "is_taken"),
    [
        ({EXCLUDE_NEWER: LONG_AGO}, "", True),
        # Made before that time, so that what came between then and now is not in it.
        ({EXCLUDE_NEWER: EXCLUDE_NEWER.kind.read("2999-01-01")}, "", False),
        ({EXCLUDE_NEWER: EXCLUDE_NEWER.kind.read("7d")}, "", False),
        ({BUILD_CONSTRAINTS: PINNED}, "", True),
        ({BUILD_CONSTRAINTS: BuildConstraints(lines=("setuptools==80.9.0",))}, "", False),
        ({BUILD_CONSTRAINTS: NAMED}, "a==1 --hash=sha256:0\nb==2 \\\n  --hash=sha256:0 # c\n", True),
        ({BUILD_CONSTRAINTS: NAMED}, "a==1 --hash=sha256:0\nb==2\n", False),
        ({BUILD_CONSTRAINTS: NAMED}, "-r other.txt\na==1 --hash=sha256:0\n", False),
        ({BUILD_CONSTRAINTS: PINNED, BUILD_FRONTEND: BuildFrontend(name=Frontend.PIP)}, "", True),
        (
            {
                BUILD_CONSTRAINTS: PINNED,
                BUILD_FRONTEND: BuildFrontend(name=Frontend.PIP, args=("--no-build-isolation",)),
            },
            "",
            False,
        ),
    ],
)
def test_a_pinned_build_has_no_age(tmp_path: Path, values: Values, pins: str, *, is_taken: bool) -> None:
    """Hashes on all lines, or a time that had passed, make a build the same each day: its age does not count."""
    kept = Kept(tmp_path)
    kept.write("pins.txt", pins)
    cells = ("cp311-manylinux_x86_64",)
    assert kept.run(values, *cells).exit_code is ExitCode.OK
    grown_old(kept, 100)
    kept.run({**values, CACHE_MAX_AGE: 60}, *cells)
    assert kept.built() == (set() if is_taken else set(cells))


def test_what_bounds_requirements_is_an_input(kept: Kept) -> None:
    """Another time, other constraints, or another content of their file: another wheel, so the cells are built."""
    kept.write("pins.txt", "a==1")
    several: tuple[Values, ...] = ({EXCLUDE_NEWER: LONG_AGO}, {BUILD_CONSTRAINTS: NAMED})
    for values in several:
        kept.run(values)
        assert kept.built() == set(CELLS)
    kept.write("pins.txt", "a==2")
    kept.run({BUILD_CONSTRAINTS: NAMED})
    assert kept.built() == set(CELLS)
    kept.run({BUILD_CONSTRAINTS: NAMED})
    assert kept.built() == set()


def test_a_missing_file_of_constraints_stops_the_run(kept: Kept) -> None:
    """It is a mistake of the configuration, told before anything is built."""
    with pytest.raises(ConfigError, match=r"build-constraints: the project has no file nowhere\.txt"):
        kept.run({BUILD_CONSTRAINTS: BuildConstraints(file="nowhere.txt")})


def test_a_failed_cell_is_not_kept_and_the_others_are(kept: Kept) -> None:
    """After a failure only the failed cell runs again."""
    kept.write("new.c", "x")
    fake_run = kept.make()
    fake_run.override = lambda call: (
        FakeResult(status=1) if what(call) == "build" and str(cell_of(call)) == CELLS[1] else None
    )
    assert kept.fake(fake_run).exit_code is ExitCode.CELL_FAILED
    report = kept.run()
    assert kept.built() == {CELLS[1]}
    assert [each.status for each in report.outcomes] == [Status.CACHED, Status.PASSED, Status.CACHED]


def test_before_all_is_not_run_for_nobody(tmp_path: Path) -> None:
    """If all cells of an image are there, its before-all is not run; if one is missing, it is."""
    kept = Kept(tmp_path)
    kept.run({BEFORE_ALL: ORDERED})
    kept.run({BEFORE_ALL: ORDERED, REBUILD: ("*x86_64",)})
    archs = {call.spec.arch.tag for call in kept.calls if what(call) in {"before-all", "build"}}
    assert archs == {"x86_64"}


def test_images_are_looked_into_once_for_all_runs(kept: Kept) -> None:
    """What an image holds is known from then on, for cells that were not asked for at first too."""
    kept.write("new.c", "x")
    kept.run()
    assert not [call for call in kept.calls if what(call) == "probe"]
    kept.run(None, "cp313-manylinux_x86_64", *CELLS)
    assert [call.spec.arch.tag for call in kept.calls if what(call) == "probe"] == ["x86_64"]
    kept.write("new.c", "y")
    kept.run(None, "cp313-manylinux_x86_64", *CELLS[1:])
    assert not [call for call in kept.calls if what(call) == "probe"]


def test_cells_that_tested_anothers_wheel_are_kept_as_such(tmp_path: Path) -> None:
    """The builder and those that only tested are all there again, each with its part."""
    kept = Kept(tmp_path, is_abi3=True)
    first = kept.run(None, *CELLS[:2])
    assert kept.built() == {CELLS[0]}
    second = kept.run(None, *CELLS[:2])
    assert kept.calls == []
    assert [each.reused_from for each in second.outcomes] == [each.reused_from for each in first.outcomes]
    assert [each.wheel for each in second.outcomes] == [each.wheel for each in first.outcomes]


def test_a_new_wheel_is_tested_by_all_that_it_serves(tmp_path: Path) -> None:
    """If the builder is built anew, what others tested is another wheel: they test the new one."""
    kept = Kept(tmp_path, is_abi3=True)
    kept.run(None, *CELLS[:2])
    kept.run({REBUILD: ("cp39-*",)}, *CELLS[:2])
    assert (kept.built(), kept.tested()) == ({CELLS[0]}, set(CELLS[:2]))


def test_a_kept_wheel_is_tested_by_a_new_cell(tmp_path: Path) -> None:
    """A cell that must run takes the wheel of one that need not."""
    kept = Kept(tmp_path, is_abi3=True)
    kept.run(None, *CELLS[:2])
    report = kept.run({REBUILD: ("cp311-*",)}, *CELLS[:2])
    assert (kept.built(), kept.tested()) == (set(), {CELLS[1]})
    assert outcome(report, CELLS[1]).reused_from == outcome(report, CELLS[0]).cell


def test_alone_a_cell_builds_its_own(tmp_path: Path) -> None:
    """A cell that had only tested another's wheel builds when that cell is not asked for."""
    kept = Kept(tmp_path, is_abi3=True)
    kept.run(None, *CELLS[:2])
    report = kept.run(None, CELLS[1])
    assert kept.built() == {CELLS[1]}
    assert outcome(report, CELLS[1]).wheel is not None


def test_a_damaged_entry_is_built_anew(kept: Kept) -> None:
    """The cell whose entry is damaged runs, the others need not, and then all is well again."""
    victim = min(kept.cache.glob("entries/*/*/wheel"))
    victim.write_bytes(victim.read_bytes()[:-1])
    report = kept.run()
    assert len(kept.built()) == 1
    assert report.exit_code is ExitCode.OK
    kept.run()
    assert kept.built() == set()


def test_a_wheel_in_the_way_fails_the_cell_as_ever(kept: Kept) -> None:
    """A different file of the wheel's name is left alone, and the cell says what to do."""
    wheel = next(kept.fake_run.wheelhouse.glob("demo-1.0-cp39*.whl"))
    wheel.write_bytes(b"mine")
    report = kept.run({OVERWRITE: False})
    failed = outcome(report, CELLS[0])
    assert failed.status is Status.FAILED
    assert failed.failure is not None
    assert "--overwrite" in (failed.failure.hint or "")
    assert wheel.read_bytes() == b"mine"


def test_a_store_that_cannot_be_used_stops_nothing(tmp_path: Path) -> None:
    """One notice, and the run goes on: here a file is in the way of the directory."""
    kept = Kept(tmp_path)
    kept.cache = tmp_path / "file"
    kept.cache.write_text("x")
    for _ in range(2):
        report = kept.run()
        assert report.exit_code is ExitCode.OK
        assert kept.built() == set(CELLS)
        assert [text for text in kept.fake_run.recorder.notices() if "not kept" in text] != []
        assert len(kept.fake_run.recorder.notices()) == 1


def test_the_store_is_held_to_its_size(tmp_path: Path) -> None:
    """At the end of a run what was used longest ago goes."""
    kept = Kept(tmp_path)
    kept.run()
    kept.write("new.c", "x")
    size = sum(path.stat().st_size for path in kept.cache.glob("entries/*/*/*"))
    kept.run({CACHE_SIZE: size * 5 // 4})
    assert len(list(kept.cache.glob("entries/*/*"))) == 3
    kept.run()
    assert kept.built() == set()


def test_an_image_that_is_pinned_need_not_be_there(tmp_path: Path) -> None:
    """On a new machine with the directory of another, cells in an image pinned by digest are taken without it."""
    pinned = "registry/image@sha256:" + "e" * 64
    kept = Kept(tmp_path)
    fake_run = kept.make()
    fake_run.images = (pinned,)
    kept.fake(fake_run)
    assert statuses(_elsewhere(kept, pinned)) == {Status.CACHED}
    named = kept.make()
    named.images = ("registry/image:latest",)
    kept.fake(named)
    assert statuses(_elsewhere(kept, "registry/image:latest")) == {Status.FAILED}, "a name may mean another image today"


def _elsewhere(kept: Kept, image: str) -> Report:
    """Run on an engine that has no image."""
    again = kept.make()
    again.images = (image,)
    with again.engine() as engine:
        return build(replace(again.request(engine), nodes=(again.node(FakeEngine()),)))


class TestsThatReport(Kept):
    """Runs whose tests write JUnit files."""

    __test__ = False
    values: ClassVar[Values] = {TEST_RESULTS: ("junit.xml",)}

    def make(self, values: Values | None = None, *cells: str, environ: Mapping[str, str] | None = None) -> FakeRun:
        """Return a run whose test command writes the file."""
        fake = super().make(values, *(cells or CELLS[:1]), environ=environ)
        fake.override = self.answer
        return fake

    def answer(self, call: FakeCall) -> FakeResult | None:
        """Write and find the file."""
        place = "/matrix/test/junit.xml"
        if what(call) == "test":
            return FakeResult(files=((place, PYTEST.encode()),))
        if "find ." in " ".join(call.request.argv[2:3]) and place in call.files:
            return FakeResult(output=(b"./junit.xml\n",))
        return None


def test_a_cached_cell_gives_the_results_of_its_tests_again(tmp_path: Path) -> None:
    """As they were: in the report directory, its outcome and junit.xml, masked by what is secret today."""
    runs = TestsThatReport(tmp_path)
    (first,) = runs.run(runs.values).outcomes
    kept = runs.fake_run.report_dir / "tests" / f"{CELLS[0]}.xml"
    before = kept.read_bytes()
    assert first.test_results == ResultCounts(tests=4, failures=1, errors=1, skipped=1)
    kept.unlink()
    report = runs.run(runs.values, environ={"CI": "true"})
    (second,) = report.outcomes
    assert (second.status, second.test_results) == (Status.CACHED, first.test_results)
    assert kept.read_bytes() == before
    assert b"cp39-manylinux_x86_64: pytest" in (runs.fake_run.report_dir / "junit.xml").read_bytes()
    fake = runs.make({**runs.values, ENVIRONMENT: (("A_TOKEN", "not today"),)})
    runs.fake(fake)
    fake = runs.make({**runs.values, ENVIRONMENT: (("A_TOKEN", "not today"),)})
    kept.unlink()
    (third,) = runs.fake(fake).outcomes
    assert third.status is Status.CACHED
    assert b"not today" not in kept.read_bytes()


def test_results_that_were_not_asked_for_are_not_there_later(tmp_path: Path) -> None:
    """The option is no part of a cell's key: a cell that is taken has what was taken from it then."""
    runs = TestsThatReport(tmp_path)
    runs.run()
    (cached,) = runs.run(runs.values).outcomes
    assert (cached.status, cached.test_results) == (Status.CACHED, None)
