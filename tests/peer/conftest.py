"""The opt-in tier `--peer`: side by side with cibuildwheel, on the configuration of projects on the package index."""

from pathlib import Path

import pytest
from peer_tool import PROJECTS, Peer, fetch_configurations, install_peer

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark all of this tier, and leave it out unless it is asked for: other projects' releases are not ours to fix."""
    ours = [item for item in items if HERE in item.path.parents]
    for item in ours:
        item.add_marker(pytest.mark.peer)
        item.add_marker(pytest.mark.network)
    if ours and not config.getoption("--peer"):
        config.hook.pytest_deselected(items=ours)
        items[:] = [item for item in items if item not in ours]


@pytest.fixture(scope="session")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Peer:
    """Install the newest release of the peer."""
    return install_peer(tmp_path_factory.mktemp("peer") / "venv")


@pytest.fixture(scope="session")
def configurations(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Download the newest sdist of every project; return the directories with their configuration, by name."""
    return fetch_configurations(tmp_path_factory.mktemp("projects") / "index")


@pytest.fixture(params=PROJECTS)
def project(request: pytest.FixtureRequest, configurations: dict[str, Path]) -> Path:
    """Return the directory with the configuration of one project."""
    return configurations[str(request.param)]
