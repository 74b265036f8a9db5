"""The opt-in tier on engines of newer Debian suites: each run is within `scripts/engine-rig`, which says which one."""

import os
from pathlib import Path

import pytest
from rig import Rig

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave this tier out where no rig is up: each of its engines takes minutes."""
    ours = [item for item in items if HERE in item.path.parents]
    for item in ours:
        item.add_marker(pytest.mark.containers)
    if ours and "ENGINE_RIG" not in os.environ:
        config.hook.pytest_deselected(items=ours)
        items[:] = [item for item in items if item not in ours]


@pytest.fixture
def rig() -> Rig:
    """Return the engine that is up."""
    return Rig(name=os.environ["ENGINE_RIG"])
