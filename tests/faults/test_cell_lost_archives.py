"""The container goes away while files go in or a wheel comes out: the cell is run once more."""

from pathlib import Path

import pytest
from fake_run import FakeRun
from planning import settings_with

from matrix_runner.engine.api import ContainerSpec
from matrix_runner.engine.fake.fake_engine import FakeFaults
from matrix_runner.errors import EngineError, ExitCode
from matrix_runner.model.outcomes import Reason, StepKind

A = "cp39-manylinux_x86_64"


class Refusal:
    """Refuses so many times, then no more."""

    def __init__(self, times: int) -> None:
        """`times`: how often."""
        self.left = times

    def __call__(self, spec: ContainerSpec, _: str) -> EngineError | None:
        """Refuse what the cell asks."""
        if spec.name != A or not self.left:
            return None
        self.left -= 1
        return EngineError("no such container")


def faults(where: str, times: int) -> FakeFaults:
    """Return faults of putting or of getting."""
    return FakeFaults(on_put=Refusal(times)) if where == "put" else FakeFaults(on_get=Refusal(times))


@pytest.mark.parametrize("where", ["put", "get"])
def test_once_is_bad_luck(where: str, tmp_path: Path) -> None:
    """The second attempt delivers the wheel, and the run says that there was one."""
    fake = FakeRun(directory=tmp_path, identifiers=(A,), settings=settings_with(project_name="demo"))
    fake.faults = faults(where, 1)
    assert fake.run().exit_code is ExitCode.OK
    assert len(list(fake.wheelhouse.glob("*.whl"))) == 1
    assert "no such container; beginning anew" in fake.recorder.notices()


@pytest.mark.parametrize(("where", "step"), [("put", StepKind.PREPARE), ("get", StepKind.VERIFY)])
def test_twice_is_a_failure_of_the_engine(where: str, step: StepKind, tmp_path: Path) -> None:
    """The cell fails in its step with the engine's own words."""
    fake = FakeRun(directory=tmp_path, identifiers=(A,), settings=settings_with(project_name="demo"))
    fake.faults = faults(where, 2)
    report = fake.run()
    failure = report.outcomes[0].failure
    assert failure is not None
    assert (failure.step, failure.reason, failure.message) == (step, Reason.ENGINE, "no such container")
    assert report.exit_code is ExitCode.ENVIRONMENT
