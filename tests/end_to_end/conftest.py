"""Real containers, real wheels; the images are a parameter: our own, or the published ones where these can be had."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from clean_room import CleanRoom, open_clean_room
from image_source import OWN, PUBLISHED, ImageSource
from runner_process import EXAMPLE, Ended, run_build

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark all of this tier: it needs a real daemon. What is about our own images is no test of the published ones."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.containers)
    if config.getoption("--images") == "published":
        _leave_out("own_images", config, items)
    if not config.getoption("--ground"):
        _leave_out("ground", config, items)


def _leave_out(marker: str, config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if item.get_closest_marker(marker)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def images(request: pytest.FixtureRequest) -> ImageSource:
    """Return the source of images that the command line of pytest names."""
    return {"own": OWN, "published": PUBLISHED}[str(request.config.getoption("--images"))]


@pytest.fixture(scope="session")
def example(images: ImageSource, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """Build the example project once, for every Python 3 that the images have."""
    return run_build(EXAMPLE, tmp_path_factory.mktemp("example"), *images.only(*images.python_3))


@pytest.fixture(scope="session")
def clean_room(images: ImageSource, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CleanRoom]:
    """Make containers with the same Pythons, but neither a compiler nor the libraries that wheels graft."""
    with open_clean_room(images.name, tmp_path_factory.mktemp("clean-room")) as room:
        yield room


@pytest.fixture
def address() -> str:
    """Return an address of this machine that containers reach too: the one by which it speaks to the world."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        # Nothing is sent; the address is for documentation (RFC 5737).
        asking.connect(("198.51.100.1", 9))
        return str(asking.getsockname()[0])
