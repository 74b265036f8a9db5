"""A cell with two containers, on the fake engine: which commands run in which, and what goes from one to the other."""

import json
from pathlib import Path

import pytest
from fake_run import ORDERED, TESTED, FakeRun, outcome, what
from planning import settings_with

from matrix_runner.config.kinds.values import Network
from matrix_runner.config.options.build_options import BEFORE_ALL, BEFORE_BUILD
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.run_options import NETWORK
from matrix_runner.config.options.test_options import TEST_COMMAND
from matrix_runner.engine.fake.fake_engine import FakeCall, FakeResult
from matrix_runner.model.outcomes import Status

CELL, OTHER = "cp311-manylinux_x86_64", "cp312-manylinux_x86_64"
MAKE = "echo make"


def parted_run(directory: Path, network: Network = Network.BUILD_REQUIRES, **values: object) -> FakeRun:
    """Return a run of two cells with commands of the user's."""
    options: dict[Option[object], object] = {
        NETWORK: network,
        BEFORE_ALL: ORDERED,
        BEFORE_BUILD: MAKE,
        TEST_COMMAND: TESTED,
    }
    return FakeRun(directory=directory, identifiers=(CELL, OTHER), settings=settings_with(options), **values)  # type: ignore[arg-type]


def words(call: FakeCall) -> str:
    """Return a command as one text."""
    return " ".join(call.request.argv)


def test_the_projects_own_code_never_has_a_network(tmp_path: Path) -> None:
    """Its commands and builds are in containers without one, `before-all` and what installs in others."""
    calls: list[FakeCall] = []
    run = parted_run(tmp_path, override=calls.append)
    report = run.run()
    assert [each.status for each in report.outcomes] == [Status.PASSED, Status.PASSED]
    closed = [call for call in calls if call.spec.arguments.network == "none"]
    opened = [call for call in calls if call.spec.arguments.network != "none"]
    assert sum(MAKE in words(call) for call in closed) == 2
    assert sum("--fetched" in call.request.argv for call in closed) == 2
    assert {what(call) for call in closed} >= {"repair", "test"}
    assert sum("--fetch" in call.request.argv for call in opened) == 2
    assert sum(what(call) == "before-all" for call in opened) == 1
    assert not {what(call) for call in opened} & {"repair", "test"}
    assert not any(MAKE in words(call) or "--fetched" in call.request.argv for call in opened)


def test_downloads_are_not_where_the_projects_code_is(tmp_path: Path) -> None:
    """It could leave something there for the installers of the next run; what was fetched it can only read."""
    calls: list[FakeCall] = []
    parted_run(tmp_path, override=calls.append).run()
    for call in calls:
        mounted = {volume.target: volume.is_read_only for volume in call.spec.volumes}
        if call.spec.arguments.network == "none":
            assert "/matrix/downloads" not in mounted
            assert mounted["/matrix/fetched"]
        elif what(call) != "probe":
            assert not mounted["/matrix/downloads"]
            assert not mounted["/matrix/fetched"]


@pytest.mark.parametrize(
    ("asked", "status"),
    [(["ninja>=1.8"], Status.PASSED), (["ninja @ https://example.org/ninja.whl"], Status.FAILED)],
)
def test_what_the_backend_asks_for_is_fetched(tmp_path: Path, asked: list[str], status: Status) -> None:
    """By its name, and then it is asked to build again; an address ends the cell."""
    calls: list[FakeCall] = []

    def answer(call: FakeCall) -> FakeResult | None:
        calls.append(call)
        has_asked = any(word.startswith("--also=") for each in calls for word in each.request.argv)
        if call.request.argv[-1:] == ("/matrix/frontend/wanted.json",) and not has_asked:
            return FakeResult(output=(json.dumps(asked).encode(),))
        return None

    run = parted_run(tmp_path, override=answer, workers=1)
    report = run.run()
    found = outcome(report, CELL)
    assert found.status is status
    if status is Status.FAILED:
        assert found.failure is not None
        assert "may ask for packages by name only" in found.failure.message
        return
    of_cell = [call for call in calls if call.spec.name == CELL]
    (again,) = (call for call in of_cell if f"--also={asked[0]}" in call.request.argv)
    assert again.spec.arguments.network != "none"
    assert sum("--fetched" in call.request.argv for call in of_cell) == 2


def test_without_any_network_there_is_one_container(tmp_path: Path) -> None:
    """Nothing has to be brought from elsewhere; `before-all` has none either."""
    calls: list[FakeCall] = []
    parted_run(tmp_path, Network.NONE, override=calls.append).run()
    assert {call.spec.arguments.network for call in calls} == {"none"}
    assert not any("--fetch" in call.request.argv for call in calls)
