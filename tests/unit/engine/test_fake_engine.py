"""What the fake engine offers beyond the contract: scripts, faults, and speed."""

import time

import pytest

from matrix_runner.engine.api import ContainerSpec, Ending, ExecRequest
from matrix_runner.engine.fake.fake_engine import ANY_IMAGE, FakeEngine, FakeFaults, FakeResult, table
from matrix_runner.errors import EngineError
from matrix_runner.model.platforms import Arch

SPEC = ContainerSpec(image=ANY_IMAGE, arch=Arch.X86_64, name="cell", env=(("A", "1"),))


def ignore(_: bytes) -> None:
    """Hear nothing."""


def test_a_table_is_read_from_the_top() -> None:
    """The first row whose words begin the command counts; what no row knows succeeds."""
    script = table(((("pip", "wheel"), FakeResult(status=3)), (("pip",), FakeResult(files=(("/w/x", b"1"),)))))
    engine = FakeEngine(script)
    with engine.open(SPEC) as container:
        assert container.exec(ExecRequest(argv=("pip", "wheel", ".")), ignore).status == 3
        assert container.exec(ExecRequest(argv=("pip", "install")), ignore).is_success
        assert container.exec(ExecRequest(argv=("other",)), ignore).is_success
        with container.get("/w/x") as stream:
            assert b"".join(stream)
    assert [call.request.argv[0] for call in engine.commands] == ["pip", "pip", "other"]
    assert engine.commands[0].env == (("A", "1"),)


def test_time_is_the_scripts() -> None:
    """Seconds are reported and limits apply to them, and nothing waits."""
    engine = FakeEngine(lambda _: FakeResult(seconds=3600.0, silence=600.0))
    began = time.monotonic()
    with engine.open(SPEC) as container:
        assert container.exec(ExecRequest(argv=("x",)), ignore).seconds == 3600.0
        assert container.exec(ExecRequest(argv=("x",), timeout=60.0), ignore).ending is Ending.TIMED_OUT
        assert container.exec(ExecRequest(argv=("x",), silence=60.0), ignore).ending is Ending.WENT_SILENT
    assert time.monotonic() - began < 60


def test_a_lost_command_takes_its_container_with_it() -> None:
    """After a loss in mid-command nothing of the container works any more."""
    engine = FakeEngine(lambda _: FakeResult(output=(b"half",), ending=Ending.LOST))
    with engine.open(SPEC) as container:
        assert container.exec(ExecRequest(argv=("x",)), ignore).ending is Ending.LOST
        with pytest.raises(EngineError):
            container.put("/x", [b""])


def test_faults_come_on_demand() -> None:
    """Each operation can be made to fail with the very error that a test wants."""
    error = EngineError("wanted")
    faults = FakeFaults(on_open=lambda spec: error if spec.name == "bad" else None, on_get=lambda _, __: error)
    engine = FakeEngine(faults=faults)
    bad = ContainerSpec(image=ANY_IMAGE, arch=Arch.X86_64, name="bad")
    with pytest.raises(EngineError, match="wanted"), engine.open(bad):
        pass
    with engine.open(SPEC) as container, pytest.raises(EngineError, match="wanted"), container.get("/x"):
        pass
