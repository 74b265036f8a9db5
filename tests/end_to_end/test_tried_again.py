"""An index that is away for a moment, in real containers: the step is tried again, and the cell passes."""

from pathlib import Path

import pytest
from image_source import ImageSource
from played_index import played_index
from runner_process import Ended, leftovers, run_build
from sample_projects import extension_project, write_project
from wheel_builder import build_wheel

CELL = "cp311-manylinux_x86_64"
WHEEL = "played-1.0-py3-none-any.whl"
PAGE = "/simple/played/"
AGAIN = "trying it again in 2 s"


def build(images: ImageSource, directory: Path, settings: str) -> Ended:
    """Build a small project with these settings."""
    project = write_project(directory / "project", extension_project(settings=settings))
    ended = run_build(project, directory / "out", *images.only(CELL))
    assert leftovers(str(ended.report["run"])) == ()
    return ended


def files_of_index(directory: Path) -> dict[str, bytes]:
    """Return the files of an index with one wheel."""
    wheel = build_wheel(directory, WHEEL, files={"played.py": b""})
    return {PAGE: f'<a href="/{WHEEL}">{WHEEL}</a>'.encode(), f"/{WHEEL}": wheel.read_bytes()}


@pytest.mark.parametrize("away_for", [1, 2])
def test_what_a_test_requires(images: ImageSource, tmp_path: Path, address: str, away_for: int) -> None:
    """Busy once: the installation is tried again, and the wheel is not built anew. Busy twice: the cell fails."""
    with played_index(host=address, away_for=away_for, files=files_of_index(tmp_path)) as index:
        # uv itself asks once.
        variables = f'{{ UV_DEFAULT_INDEX = "{index.url}", UV_HTTP_RETRIES = "0" }}'
        settings = (
            f'test-environment = {variables}\ntest-requires = ["played"]\ntest-command = \'python -c "import played"\''
        )
        ended = build(images, tmp_path, settings)
    log = Path(str(ended.cells[CELL]["log"])).read_text("utf-8")
    assert index.asked[:2] == [PAGE, PAGE]
    assert log.count(f"--- install: exit status 2: {index.url.split('/')[2]} answered with 503") == 1
    assert AGAIN in ended.output
    if away_for == 1:
        assert ended.code == 0, ended.output
        assert len(ended.wheels) == 1
    else:
        assert ended.code == 1
        assert "(at the last of 2 tries)" in " ".join(ended.output.split())


def test_a_before_all_has_another_container(images: ImageSource, tmp_path: Path, address: str) -> None:
    """A directory that the first try has made is not in its way."""
    with played_index(host=address, away_for=1) as index:
        fetch = f"import urllib.request; urllib.request.urlopen('{index.url}/x')"
        command = f'mkdir /fetched && /opt/python/cp311-cp311/bin/python -c "{fetch}"'
        ended = build(images, tmp_path, f"before-all = '''{command}'''")
    assert ended.code == 0, ended.output
    assert ended.output.count(AGAIN) == 1
    assert index.asked == ["/simple/x"] * 2
