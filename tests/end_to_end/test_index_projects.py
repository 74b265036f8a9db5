"""Projects from the package index, as they are published: built, tested, and installed where nothing else is."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from clean_room import CleanRoom
from image_source import ImageSource
from index_sdists import unpack_sdist
from runner_process import Ended, run_build

from matrix_runner.model.cells import Cell

pytestmark = pytest.mark.network

_APT = "command -v apt-get >/dev/null && (apt-get update -qq && apt-get install -y -qq {debian}) ||"
_YUM = "(command -v yum >/dev/null && yum install -y -q {redhat}) || apk add -q {alpine}"


def installs(debian: str, redhat: str, alpine: str) -> str:
    """Return a `before-all` that installs a library on each family of images."""
    return f"{_APT} {_YUM}".format(debian=debian, redhat=redhat, alpine=alpine)


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexProject:
    """A project on the index, and what a maintainer would configure for it.

    `grafts`: a library that its wheels must bring along. `needs`: other projects, to install without an index.
    `unsupported`: interpreters that the project refuses in its setup.py, where planning cannot see it.
    """

    name: str
    module: str
    test_command: str
    before_all: str = ""
    test_requires: str = ""
    grafts: str | None = None
    needs: tuple[str, ...] = ()
    unsupported: str = ""


PROJECTS = (
    IndexProject(
        name="MarkupSafe",
        module="markupsafe._speedups",
        test_command="pytest -q {project}/tests",
        test_requires="pytest",
    ),
    IndexProject(
        name="msgpack",
        module="msgpack._cmsgpack",
        test_command="pytest -q {project}/test",
        test_requires="pytest",
    ),
    IndexProject(
        name="psutil",
        module="psutil",
        test_command="python -c 'import psutil; assert psutil.Process().memory_info().rss > 0'",
        unsupported="cp27*",
    ),
    IndexProject(
        name="PyYAML",
        module="yaml.cyaml",
        test_command="python -c 'import yaml; assert yaml.load(\"[1]\", yaml.CSafeLoader) == [1]'",
        before_all=installs("libyaml-dev", "libyaml-devel", "yaml-dev"),
        grafts="libyaml",
        unsupported="cp27*",
    ),
    IndexProject(
        name="cffi",
        module="_cffi_backend",
        test_command="python -c 'import cffi; assert cffi.FFI().new(\"int *\", 3)[0] == 3'",
        before_all=installs("libffi-dev", "libffi-devel", "libffi-dev"),
        grafts="libffi",
        needs=("pycparser",),
        unsupported="cp313t*",
    ),
)


def download(directory: Path, *arguments: str) -> Path:
    """Download one file from the index into an empty directory; return it."""
    directory.mkdir()
    argv = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(directory), *arguments)
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
    (file,) = directory.iterdir()
    return file


def build(project: IndexProject, images: ImageSource, work: Path) -> Ended:
    """Build every cell of the images that the project supports, in one run."""
    source = unpack_sdist(download(work / "sdist", "--no-binary", project.name, project.name), work / "source")
    return run_build(
        source,
        work / "wheelhouse",
        *images.possible(),
        "--skip",
        project.unsupported,
        MATRIX_RUNNER_BEFORE_ALL=project.before_all,
        MATRIX_RUNNER_TEST_COMMAND=project.test_command,
        MATRIX_RUNNER_TEST_REQUIRES=project.test_requires,
    )


def serving_wheel(ended: Ended, cell: str) -> Path:
    """Return the wheel that serves a cell: its own, or the abi3 wheel that another cell built."""
    own = ended.cells[cell]
    built = ended.cells[str(own["reused_from"])] if own["reused_from"] else own
    wheel = built["wheel"]
    assert isinstance(wheel, dict), ended.output
    return ended.directory / str(wheel["name"])


IN_EACH_RUN = {"cffi"}
"""It grafts a library and needs another project; each takes a minute."""


@pytest.mark.parametrize(
    "project",
    [pytest.param(one, id=one.name, marks=() if one.name in IN_EACH_RUN else pytest.mark.ground) for one in PROJECTS],
)
def test_builds_tests_and_installs(
    project: IndexProject, images: ImageSource, clean_room: CleanRoom, tmp_path: Path
) -> None:
    """Every supported cell passes in one run; its wheel installs and imports where only wheels are."""
    ended = build(project, images, tmp_path)
    assert ended.code == 0, ended.output
    expected = set(ended.cells)
    # Today's msgpack needs 3.10, today's cffi 3.10 and the GIL in 3.13: what is left is both widths of two Pythons.
    assert {cell for cell in images.python_3 if cell.startswith(("cp311-", "cp313-"))} <= expected, ended.output
    needed = tuple(
        download(tmp_path / name, "--only-binary", ":all:", "--platform", "any", name) for name in project.needs
    )

    def install_and_import(identifier: str) -> None:
        with clean_room.open(Cell.parse(identifier)) as tester:
            tester.put(serving_wheel(ended, identifier), *needed)
            tester.install(project.name)
            tester.run(f"cd /tmp && /venv/bin/python -c 'import {project.module}'")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(install_and_import, sorted(expected)))
    if project.grafts:
        for cell in ended.cells.values():
            record = cell["wheel"]
            assert isinstance(record, dict)
            assert any(str(name).startswith(project.grafts) for name in record["grafted"]), record
