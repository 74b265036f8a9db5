"""Listings of a daemon that fails at a thing that goes away while it is listed, as two jobs on one daemon make it."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from engine_surroundings import surroundings
from played_daemon import played_daemon

from matrix_runner.engine.docker.sdk.sdk_engine import DockerEngine
from matrix_runner.errors import EngineError

LISTINGS: dict[str, Callable[[DockerEngine], object]] = {
    "/images/json": lambda engine: engine.images("any"),
    "/containers/json": lambda engine: engine.sweep(),
    "/volumes": lambda engine: engine.persistent_items(),
}


@pytest.mark.parametrize("path", LISTINGS)
def test_it_is_asked_again(path: str, tmp_path: Path) -> None:
    """404 is no answer to a list, nor is 500."""
    failures = {path: [404, 500]}
    with played_daemon(tmp_path / "d.sock", failures=failures), contextlib.closing(_engine(tmp_path)) as engine:
        assert not LISTINGS[path](engine)
    assert failures == {path: []}


def test_a_refusal_is_told(tmp_path: Path) -> None:
    """Asking again would not help."""
    failures = {"/images/json": [403, 200]}
    with played_daemon(tmp_path / "d.sock", failures=failures), contextlib.closing(_engine(tmp_path)) as engine:
        with pytest.raises(EngineError, match="list images"):
            engine.images("any")
        assert failures == {"/images/json": [200]}


def _engine(directory: Path) -> DockerEngine:
    environ = {"DOCKER_HOST": f"unix://{directory}/d.sock"}
    return DockerEngine(run="listing", surroundings=surroundings(directory, environ))
