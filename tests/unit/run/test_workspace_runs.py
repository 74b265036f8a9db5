"""Runs of several packages on the fake engine: who waits for whom, what is brought, and what a failure costs."""

import json
from pathlib import Path

import pytest
from fake_run import FakeRun, cell_of, outcome, what
from msgspec.structs import replace
from planning import job_for, settings_with

from matrix_runner import catalog
from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.engine.fake.fake_engine import FakeCall, FakeHost, FakeResult
from matrix_runner.errors import ExitCode
from matrix_runner.matrix import Plan
from matrix_runner.model.cells import Cell
from matrix_runner.model.events import CellFinished, CellStarted
from matrix_runner.model.outcomes import Reason, Report, Status
from matrix_runner.request import BuildRequest
from matrix_runner.run import build
from matrix_runner.workspace.asked_packages import AskedPackage
from matrix_runner.workspace.package_needs import needs_of

SQUARES = ("cp311-manylinux_x86_64", "cp311-manylinux_i686")
PACKAGES = {"core": (), "plugin": ("core>=1",), "lone": ()}
KNOWN = catalog.load()


class Workspace:
    """Three packages, of which one needs another, on an engine that is other runs' too."""

    def __init__(self, directory: Path) -> None:
        """`directory`: for all of it."""
        self.fake = FakeRun(directory=directory, identifiers=(), settings=settings_with(), cache=directory / "cache")
        self.host = FakeHost()
        self.seen: list[FakeCall] = []
        self.failing: frozenset[str] = frozenset()
        self.fake.override = self._override
        for name in PACKAGES:
            self.write(name, "1")

    def write(self, package: str, text: str) -> None:
        """Write the source of a package."""
        place = self.fake.directory / package
        place.mkdir(exist_ok=True)
        (place / "pyproject.toml").write_text(f'[project]\nname = "{package}"\nversion = "1.0"\n# {text}\n')

    def run(self) -> Report:
        """Run all cells."""
        self.seen.clear()
        self.fake.recorder.events.clear()
        with self.fake.engine(self.host) as engine:
            whole = self.fake.request(engine)
            members = tuple(self._member(name, whole) for name in PACKAGES)
            jobs = tuple(job for member in members for job in member.jobs)
            asked = [AskedPackage(name=name, project=name, build=words) for name, words in PACKAGES.items()]
            inputs = replace(whole.inputs, plan=Plan(jobs=jobs, left_out=()))
            return build(replace(whole, inputs=inputs, members=members, needs=needs_of(asked, jobs)))

    def _member(self, name: str, whole: BuildRequest) -> BuildRequest:
        project = self.fake.directory / name
        settings = replace(settings_with(project_name=name), package=name)
        jobs = tuple(job_for(f"{name}:{square}", KNOWN, settings, image=self.fake.images[0]) for square in SQUARES)
        inputs = replace(
            whole.inputs,
            project=project,
            settings=settings,
            plan=Plan(jobs=jobs, left_out=()),
            build_files=BuildFiles(project),
        )
        return replace(whole, inputs=inputs)

    def _override(self, call: FakeCall) -> FakeResult | None:
        if what(call) not in {"build", "repair"}:
            return None
        if what(call) == "build":
            self.seen.append(call)
        if str(cell_of(call)) in self.failing:
            return FakeResult(status=1)
        source = next(data for path, data in call.files.items() if path.endswith("/project/pyproject.toml"))
        if b"# 2" in source:
            cell = cell_of(call)
            return self.fake.delivery(call, f"{cell.package}-2.0-cp311-cp311-{_libc(call)}_{cell.platform.arch}.whl")
        return None

    def brought(self, cell: str) -> list[str]:
        """Return the names of the files that a cell was brought from others."""
        (call,) = (call for call in self.seen if str(cell_of(call)) == cell)
        return sorted(path.rpartition("/")[2] for path in call.files if path.startswith("/matrix/needed/"))


@pytest.fixture(name="workspace")
def _workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def test_a_cell_gets_the_wheel_that_it_needs(workspace: Workspace) -> None:
    """That of its own square, with constraints that name its place; the package that needs nothing gets none."""
    report = workspace.run()
    assert report.exit_code is ExitCode.OK
    assert workspace.brought("plugin:cp311-manylinux_i686") == [
        "constraints.txt",
        "core-1.0-cp311-cp311-manylinux_2_31_i686.whl",
    ]
    assert workspace.brought("lone:cp311-manylinux_i686") == []
    (call,) = (call for call in workspace.seen if str(cell_of(call)) == "plugin:cp311-manylinux_x86_64")
    (text,) = (data for path, data in call.files.items() if path == "/matrix/needed/constraints.txt")
    assert text.startswith(b"core @ file:///matrix/needed/")
    assert text.endswith(b"/core-1.0-cp311-cp311-manylinux_2_31_x86_64.whl\n")


def test_a_cell_starts_when_what_it_needs_has_passed(workspace: Workspace) -> None:
    """And not before, while those of other packages run."""
    workspace.run()
    events = workspace.fake.recorder.events
    ended = [str(event.outcome.cell) for event in events if isinstance(event, CellFinished)]
    for square in SQUARES:
        begun = next(
            at
            for at, event in enumerate(events)
            if isinstance(event, CellStarted) and str(event.cell) == f"plugin:{square}"
        )
        before = [str(event.outcome.cell) for event in events[:begun] if isinstance(event, CellFinished)]
        assert f"core:{square}" in before
    assert len(ended) == 6


def test_the_second_run_starts_nothing(workspace: Workspace) -> None:
    """Each cell's inputs are known as soon as the wheels that it needs are."""
    workspace.run()
    report = workspace.run()
    assert {each.status for each in report.outcomes} == {Status.CACHED}
    assert workspace.seen == []


def test_another_wheel_builds_what_needs_it_anew(workspace: Workspace) -> None:
    """And nothing else."""
    workspace.run()
    workspace.write("core", "2")
    report = workspace.run()
    assert report.exit_code is ExitCode.OK
    statuses = {str(each.cell): each.status for each in report.outcomes}
    assert {cell for cell, status in statuses.items() if status is Status.CACHED} == {f"lone:{one}" for one in SQUARES}
    assert "core-2.0-cp311-cp311-manylinux_2_31_i686.whl" in workspace.brought("plugin:cp311-manylinux_i686")


def test_a_failure_costs_the_cells_that_need_it(workspace: Workspace) -> None:
    """They are not built, and say of whom they wanted what; all others are delivered."""
    workspace.failing = frozenset({"core:cp311-manylinux_i686"})
    report = workspace.run()
    failed = outcome(report, "plugin:cp311-manylinux_i686").failure
    assert failed is not None
    assert failed.reason is Reason.NEEDED
    assert failed.message == "core is needed for it, and core:cp311-manylinux_i686 did not pass"
    assert "plugin:cp311-manylinux_i686" not in {str(cell_of(call)) for call in workspace.seen}
    passed = {str(each.cell) for each in report.outcomes if each.status is Status.PASSED}
    assert passed == {f"{name}:{SQUARES[0]}" for name in PACKAGES} | {f"lone:{SQUARES[1]}"}


def test_the_report_has_the_packages_and_one_log_a_cell(workspace: Workspace) -> None:
    """With the source of each; files are named without a colon, which artifacts of CI systems must not have."""
    workspace.run()
    report_dir = workspace.fake.report_dir
    document = json.loads((report_dir / "report.json").read_text())
    assert [package["name"] for package in document["packages"]] == list(PACKAGES)
    assert len({package["source"]["sha256"] for package in document["packages"]}) == 3
    assert document["source"] is None
    assert [cell["cell"] for cell in document["cells"]][:2] == [f"core:{square}" for square in SQUARES]
    assert len((report_dir / "SHA256SUMS").read_text().splitlines()) == 6


def test_what_a_package_was_built_alone_serves_a_workspace(workspace: Workspace) -> None:
    """A kept cell is the package's, whatever else a run builds."""
    with workspace.fake.engine(workspace.host) as engine:
        whole = workspace.fake.request(engine)
        lone = workspace._member("lone", whole)
        single = replace(lone.inputs.settings, package="")
        jobs = tuple(replace(job, cell=job.cell.of_package(""), settings=single) for job in lone.jobs)
        inputs = replace(lone.inputs, settings=single, plan=Plan(jobs=jobs, left_out=()))
        workspace.fake.override = lambda call: (
            workspace.fake.delivery(call, f"lone-1.0-cp311-cp311-{_libc(call)}_{cell_of(call).platform.arch}.whl")
            if what(call) in {"build", "repair"}
            else None
        )
        assert build(replace(lone, inputs=inputs)).exit_code is ExitCode.OK
    report = workspace.run()
    cached = {each.cell for each in report.outcomes if each.status is Status.CACHED}
    assert cached == {Cell.parse(f"lone:{square}") for square in SQUARES}


def _libc(call: FakeCall) -> str:
    return "linux" if what(call) == "build" else "manylinux_2_31"
