"""Workers that refuse cells, and what they say, between processes."""

import pickle

import pytest

from matrix_runner.cluster.refusals import Refusals
from matrix_runner.errors import (
    ConfigError,
    EngineError,
    EngineNotReady,
    ImageError,
    MachineError,
    RunnerError,
    UsageError,
    WheelRejected,
    WrongImage,
)
from matrix_runner.model.platforms import Arch
from matrix_runner.probe.image_probe import ImageKey

IMAGE = ImageKey(reference="one", arch=Arch.X86_64)
OTHER = ImageKey(reference="other", arch=Arch.X86_64)

ERRORS = (
    EngineNotReady("busy", hint="wait", is_busy=True),
    ConfigError(("one", "two"), hint="mend both"),
    *(kind("text", hint="hint") for kind in (EngineError, ImageError, MachineError, UsageError, WheelRejected)),
    WrongImage("text"),
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_travel(error: RunnerError) -> None:
    """Each arrives in another process as what it is, with all that it says."""
    found = pickle.loads(pickle.dumps(error))  # noqa: S301  made one line above
    assert type(found) is type(error)
    assert found.__dict__ == error.__dict__
    assert str(found) == str(error)


def test_a_refusal_is_about_an_image() -> None:
    """Cells of another image may run there; one for good is not waited for."""
    refusals = Refusals()
    refusals.add(IMAGE, "tcp://one", is_passing=False)
    assert refusals.of(IMAGE) == {"tcp://one"}
    assert refusals.of(OTHER) == frozenset()
    assert not refusals.is_any_passing(IMAGE)
    refusals.add(IMAGE, "tcp://two", is_passing=True)
    assert refusals.of(IMAGE) == {"tcp://one", "tcp://two"}
    assert refusals.is_any_passing(IMAGE)
