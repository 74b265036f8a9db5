"""The catalogue of faults on the engine that `scripts/engine-rig` has brought up: one test a row.

`--record-faults` writes down what was seen, of which `scripts/reference` makes docs/reference/faults.md.
"""

import os
import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from fault_catalogue import Sight, record
from fault_trial import Trial
from rig import Rig

HERE = Path(__file__).parent
WITHOUT_CONTROLLERS = {"podman-5"}
"""Engines of the rig that cannot limit memory and processes: the controllers are in the older hierarchy."""
SIGHTS = pytest.StashKey[dict[int, list[Sight]]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the rows out where no rig is up: some of them stop the engine, or fill its disk."""
    ours = [item for item in items if HERE in item.path.parents]
    for item in ours:
        item.add_marker(pytest.mark.containers)
    if ours and "ENGINE_RIG" not in os.environ:
        _leave_out(config, items, ours)
    if os.environ.get("ENGINE_RIG") in WITHOUT_CONTROLLERS:
        _leave_out(config, items, [item for item in ours if item.get_closest_marker("limits")])


def _leave_out(config: pytest.Config, items: list[pytest.Item], left: list[pytest.Item]) -> None:
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]


def pytest_configure(config: pytest.Config) -> None:
    """Begin without any sight."""
    config.stash[SIGHTS] = {}


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write down the rows of which all tests passed."""
    sights = session.config.stash[SIGHTS]
    if session.config.getoption("--record-faults") and sights:
        record(os.environ["ENGINE_RIG"], _version(), sights)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell the fixture how its test ended."""
    report = yield
    if call.when == "call":
        item.stash[PASSED] = report.passed
    return report


PASSED = pytest.StashKey[bool]()


@pytest.fixture
def trial(request: pytest.FixtureRequest) -> Iterator[Trial]:
    """Return a trial of the row that the test is marked with, in a directory that other users may look into."""
    rows = [mark.args[0] for mark in request.node.iter_markers("row")]
    with TemporaryDirectory(prefix="fault-") as place:
        Path(place).chmod(0o755)
        made = Trial(rig=Rig(name=os.environ["ENGINE_RIG"]), place=Path(place))
        yield made
    if request.node.stash.get(PASSED, False):
        for row in rows:
            request.config.stash[SIGHTS].setdefault(row, []).extend(made.sights)


def _version() -> str:
    host = os.environ.get("DOCKER_HOST") or os.environ["CONTAINER_HOST"]
    told = subprocess.run(
        ("docker", "--host", host, "version", "--format", "{{(index .Server.Components 0).Version}}"),
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.strip().partition("+")[0]
