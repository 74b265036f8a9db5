"""Each engine in turn, for tests of the contract."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_harness import HARNESSES, Harness

from matrix_runner.engine.api import Container, Engine


@pytest.fixture(
    params=[pytest.param(name, marks=pytest.mark.containers if name.startswith("docker") else ()) for name in HARNESSES]
)
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Harness:
    """Return each engine in turn."""
    return HARNESSES[str(request.param)](tmp_path)


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.containers) for name in HARNESSES if "docker" in name])
def docker_harness(request: pytest.FixtureRequest, tmp_path: Path) -> Harness:
    """Return each kind of Docker container in turn."""
    return HARNESSES[str(request.param)](tmp_path)


@pytest.fixture
def engine(harness: Harness) -> Iterator[Engine]:
    """Make an engine, and close it."""
    with contextlib.closing(harness.make("run-a")) as made:
        yield made


@pytest.fixture
def container(harness: Harness, engine: Engine) -> Iterator[Container]:
    """Open a container."""
    with engine.open(harness.spec(env=(("GIVEN", "by the container"),))) as opened:
        yield opened
