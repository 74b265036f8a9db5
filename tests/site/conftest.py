"""The documentation site, built as `make site` builds it. Zensical runs on Python 3.11 and later only."""

import shutil
import sys
from pathlib import Path

import pytest
from documentation_site import build
from runner_process import REPOSITORY

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave this tier out where the tool that builds the site is not to be had."""
    if sys.version_info < (3, 11):
        left_out = [item for item in items if HERE in item.path.parents]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the pages and their configuration, beside which a site can be built."""
    directory = tmp_path_factory.mktemp("documentation")
    shutil.copytree(REPOSITORY / "docs", directory / "docs")
    shutil.copy(REPOSITORY / "zensical.toml", directory)
    return directory


@pytest.fixture(scope="session")
def site(sources: Path) -> Path:
    """The directory of the built site. No warning may be told."""
    done = build(sources)
    assert (done.returncode, done.stderr.strip()) in {(0, ""), (0, "No issues found")}, done.stdout + done.stderr
    return sources / "build" / "site"
