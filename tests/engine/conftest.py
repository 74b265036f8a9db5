"""Each engine in turn, for tests of the contract."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from engine_harness import HARNESSES, PODMAN_ARCHS, Harness, contract_image, daemon_harness
from podman_service import podman_service

from matrix_runner.engine.api import Container, Engine
from matrix_runner.engine.docker.endpoint import Endpoint

DOCKER = tuple(name for name in HARNESSES if name.startswith("docker"))
CONTAINERS = (*DOCKER, *PODMAN_ARCHS)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what an engine without rights or without control groups cannot do, in its rig."""
    if os.environ.get("ENGINE_RIG", "") in {"docker-28-rootless", "podman-5", "podman-5-rootless"}:
        left_out = [item for item in items if item.get_closest_marker("rootful")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def params(*names: str) -> list[ParameterSet]:
    """Return parameters by name; those with containers are marked."""
    return [pytest.param(name, marks=pytest.mark.containers if name in CONTAINERS else ()) for name in names]


@pytest.fixture(scope="session")
def podman_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """Start Podman's service, with the images of the contract in its store."""
    images = [contract_image(arch) for arch in PODMAN_ARCHS.values()]
    with podman_service(tmp_path_factory.mktemp("podman"), images) as endpoint:
        yield endpoint


def harness_of(request: pytest.FixtureRequest, directory: Path) -> Harness:
    """Return the harness that the fixture's parameter names."""
    name = str(request.param)
    if name in PODMAN_ARCHS:
        return daemon_harness(PODMAN_ARCHS[name], directory, request.getfixturevalue("podman_endpoint"))
    return HARNESSES[name](directory)


@pytest.fixture(params=params(*HARNESSES, *PODMAN_ARCHS))
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Harness:
    """Return each engine in turn."""
    return harness_of(request, tmp_path)


@pytest.fixture(params=params(*DOCKER))
def docker_harness(request: pytest.FixtureRequest, tmp_path: Path) -> Harness:
    """Return each kind of Docker container in turn."""
    return harness_of(request, tmp_path)


@pytest.fixture(params=params(*CONTAINERS))
def container_harness(request: pytest.FixtureRequest, tmp_path: Path) -> Harness:
    """Return each kind of container in turn."""
    return harness_of(request, tmp_path)


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
