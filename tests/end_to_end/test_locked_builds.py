"""`runner lock` and `runner build --locked` in real containers, with an index whose files change under their names."""

import re
from pathlib import Path

import pytest
from image_source import ImageSource
from played_index import PlayedIndex, played_index
from runner_process import Ended, leftovers, run_build, run_command
from sample_projects import extension_project, write_project
from wheel_builder import build_wheel

from matrix_runner.files import sha256_of
from matrix_runner.locking.lock_file import read_lock
from matrix_runner.locking.lock_values import Group, Lock
from matrix_runner.model.cells import Cell

CELL, LATER = "cp311-manylinux_x86_64", "cp313-manylinux_i686"
WHEEL = "played-1.0-py3-none-any.whl"


class Played:
    """A project that requires a package of an index of its own, and that index's files, which may change."""

    def __init__(self, directory: Path) -> None:
        """Make the index, with one wheel."""
        self.directory = directory
        self.files: dict[str, bytes] = {}
        self.sha256 = ""
        self.put("1")

    def put(self, content: str) -> None:
        """Put a wheel with this content into the index, under the same name."""
        wheel = build_wheel(self.directory, WHEEL, files={"played.py": f"content = {content}\n".encode()})
        self.sha256 = sha256_of(wheel)
        self.files["/simple/played/"] = f'<a href="/{WHEEL}">{WHEEL}</a>'.encode()
        self.files[f"/{WHEEL}"] = wheel.read_bytes()

    def write(self, index: PlayedIndex, by: str, table: str, settings: str = "") -> Path:
        """Write the project. `by`: the installer. `table`: the build system's."""
        host = index.url.split("/")[2].partition(":")[0]
        variables = {
            "uv": f'{{ UV_INDEX = "{index.url}/" }}',
            "pip": f'{{ PIP_EXTRA_INDEX_URL = "{index.url}/", PIP_TRUSTED_HOST = "{host}" }}',
        }[by]
        files = extension_project(settings=f"environment = {variables}\n{settings}")
        files["pyproject.toml"] = re.sub(r"(?s)\[build-system\].*?\n\n", f"{table}\n", files["pyproject.toml"], count=1)
        return write_project(self.directory / "project", files)


def lock(project: Path, images: ImageSource, *words: str) -> tuple[int, str, Lock]:
    """Run `runner lock`; return its exit code, what it said, and the lock that there is then."""
    done = run_command("lock", project, *images.only(CELL, LATER), *words)
    file = project / "matrix-runner.lock"
    return done.returncode, done.stdout + done.stderr, read_lock(file.read_text()) if file.exists() else Lock()


def build(project: Path, images: ImageSource, place: str, *words: str) -> Ended:
    """Build from the lock."""
    ended = run_build(project, project.with_name(place), *images.only(CELL), "--locked", *words)
    assert leftovers(str(ended.report["run"]) if ended.report_directory.exists() else "none") == ()
    return ended


@pytest.fixture(name="played")
def _played(tmp_path: Path) -> Played:
    return Played(tmp_path)


REQUIRED = '[build-system]\nrequires = ["setuptools", "played"]\nbuild-backend = "setuptools.build_meta"\n'
ASKED = """\
[build-system]
requires = ["setuptools"]
build-backend = "own"
backend-path = ["."]
"""
OWN = """\
from setuptools.build_meta import *


def get_requires_for_build_wheel(config_settings=None):
    return ["played"]
"""
TEST = """\
test-requires = ["played==1.0"]
test-groups = ["more"]
test-command = "python -c 'import played, answer, iniconfig'"
"""
GROUPS = '\n[dependency-groups]\nmore = ["iniconfig"]\n'


@pytest.mark.parametrize("by", ["uv", "pip"])
def test_a_changed_index_is_refused(images: ImageSource, played: Played, address: str, by: str) -> None:
    """With name and both hashes, by both installers; neither a build nor a new lock takes the other file unasked."""
    with played_index(host=address, files=played.files, status=404) as index:
        project = played.write(index, by, REQUIRED)
        code, said, first = lock(project, images)
        assert code == 0, said
        package = first.package("played==1.0")
        assert package is not None
        assert [file.sha256 for file in package.files] == [played.sha256]
        assert build(project, images, "good").code == 0

        before = played.sha256
        played.put("2")
        refused = build(project, images, "refused")
        assert (refused.code, refused.wheels) == (1, ())
        shown = " ".join(refused.output.split())
        told = f"the digest of played==1.0 is not the one that is asked for: it is sha256:{played.sha256}"
        assert f"{told}, and sha256:{before} is asked for" in shown

        code, said, second = lock(project, images)
        assert (code, second) == (2, first)
        assert f"another file {WHEEL} than matrix-runner.lock: its sha256 is {played.sha256}" in said
        assert before in said

        code, said, third = lock(project, images, "--upgrade-package", "played")
        assert code == 0, said
        assert f"played: another hash of {WHEEL}" in said
        assert third.package("setuptools==80") == first.package("setuptools==80")
        assert build(project, images, "again").code == 0


def test_what_hooks_and_tests_require_is_locked(images: ImageSource, played: Played, address: str) -> None:
    """What the backend asks for, groups, and what a test requires; what is not locked is not installed."""
    with played_index(host=address, files=played.files, status=404) as index:
        project = played.write(index, "uv", ASKED, TEST)
        (project / "own.py").write_text(OWN)
        with (project / "pyproject.toml").open("a") as file:
            file.write(GROUPS)
        code, said, made = lock(project, images)
        assert code == 0, said
        for cell in (CELL, LATER):
            groups = made.groups(Cell.parse(cell))
            assert groups is not None
            assert [pin.partition("==")[0] for pin in groups[Group.BUILD].pins] == ["played", "setuptools"]
            assert [pin.partition("==")[0] for pin in groups[Group.TEST].pins] == ["iniconfig", "played"]
            assert groups[Group.TEST].requires == ("iniconfig", "played==1.0")
        ended = build(project, images, "out")
        assert ended.code == 0, ended.output
        log = Path(str(ended.cells[CELL]["log"])).read_text("utf-8")
        assert "--require-hashes --no-deps -r /matrix/locked-test.txt" in log

        # A hook of which nothing outside of the cell can know.
        (project / "own.py").write_text(OWN.replace('["played"]', '["played", "ninja"]'))
        hooked = build(project, images, "hooked")
        assert (hooked.code, hooked.wheels) == (1, ())
        told = "matrix-runner.lock does not cover what the build requires: ninja"
        assert told in " ".join(hooked.output.split())


def test_drift_is_refused_before_anything_is_built(images: ImageSource, played: Played, address: str) -> None:
    """A requirement, a cell, another image; the run has not begun, so there is no report."""
    with played_index(host=address, files=played.files, status=404) as index:
        project = played.write(index, "uv", REQUIRED)
        code, said, made = lock(project, images)
        assert code == 0, said
        file = project / "pyproject.toml"
        file.write_text(file.read_text().replace('"played"', '"played>=2", "ninja"'))
        ended = build(project, images, "drift")
        assert (ended.code, ended.report_directory.exists()) == (2, False)
        assert "build requires played>=2, and the lock has 1.0 (cp311-manylinux_x86_64)" in ended.output
        assert "build requires ninja, and the lock has no ninja" in ended.output
        assert "hint: `runner lock` brings the lock up to date" in ended.output

        file.write_text(file.read_text().replace('"played>=2", "ninja"', '"played"'))
        kept = project / "matrix-runner.lock"
        text = kept.read_text()
        kept.write_text(text.replace(made.images[1].image_id or made.images[1].digest, f"sha256:{'0' * 64}"))
        ended = build(project, images, "image")
        assert ended.code == 4
        assert "0" * 64 in ended.output
        kept.write_text(text[: len(text) // 2])
        ended = build(project, images, "damaged")
        assert (ended.code, ended.report_directory.exists()) == (2, False)
        assert "matrix-runner.lock: it cannot be read" in ended.output


def test_what_has_only_an_sdist(images: ImageSource, played: Played, address: str) -> None:
    """It cannot be locked, as no installer checks what its build requires: said in plain words, and nothing is lost."""
    with played_index(host=address, files=played.files, status=404) as index:
        project = played.write(index, "uv", REQUIRED)
        code, said, first = lock(project, images)
        assert code == 0, said
        file = project / "pyproject.toml"
        file.write_text(file.read_text().replace('"played"', '"played", "docopt==0.6.2"'))
        code, said, second = lock(project, images)
        assert (code, second) == (1, first)
        assert "docopt 0.6.2 cannot be locked: it was built from docopt-0.6.2.tar.gz" in said


@pytest.mark.parametrize("by", ["uv", "pip"])
def test_a_cell_whose_code_has_no_network(images: ImageSource, played: Played, address: str, by: str) -> None:
    """It gets what is locked, by hash, and nothing that its backend asks for besides; a lock takes a network."""
    closed = ("--network", "build-requires")
    with played_index(host=address, files=played.files, status=404) as index:
        project = played.write(index, by, ASKED, TEST)
        (project / "own.py").write_text(OWN)
        with (project / "pyproject.toml").open("a") as file:
            file.write(GROUPS)
        code, said, _ = lock(project, images, *closed)
        assert code == 2, said
        assert "a lock cannot be made where network is build-requires: cp3" in said
        assert "`runner lock --network all` makes it" in said

        code, said, _ = lock(project, images, "--network", "all")
        assert code == 0, said
        ended = build(project, images, "out", *closed)
        assert ended.code == 0, ended.output
        log = Path(str(ended.cells[CELL]["log"])).read_text("utf-8")
        assert "--locked=/matrix/locked-build.txt --fetch" in log
        assert "--require-hashes --no-deps -r /matrix/locked-test.txt" in log

        (project / "own.py").write_text(OWN.replace('["played"]', '["played", "ninja"]'))
        hooked = build(project, images, "hooked", *closed)
        assert (hooked.code, hooked.wheels) == (1, ())
        assert "matrix-runner.lock does not cover what the build requires" in " ".join(hooked.output.split())

        (project / "own.py").write_text(OWN)
        played.put("2")
        refused = build(project, images, "refused", *closed)
        assert (refused.code, refused.wheels) == (1, ())
        assert "the digest of played==1.0 is not the one that is asked for" in " ".join(refused.output.split())
