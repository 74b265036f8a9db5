"""The sdist is built first, and all wheels from it: what it lacks shows here, and not at its users."""

import subprocess
import tarfile
from pathlib import Path

from checkouts import commit, git
from image_source import ImageSource
from runner_process import run_build, runner_argv, runner_environ
from sample_projects import extension_project, write_project

CELL, NARROW = "cp311-manylinux_x86_64", "cp311-manylinux_i686"

SETTINGS = """
sdist = true
test-command = '''
test -e {project}/ci/only-here && test -e {package}/PKG-INFO && test ! -e {package}/.git
python -c "import answer, importlib.metadata as m; assert m.version('answer') == '1.2', m.version('answer')"
'''
"""
SCM = """
[tool.setuptools_scm]
root = ".."
"""


def checkout(directory: Path) -> Path:
    """Make a repository with a package below its top, whose version is a tag; return the package."""
    files = extension_project(settings=SETTINGS)
    text = files["pyproject.toml"].replace('version = "1.0"', 'dynamic = ["version"]')
    files["pyproject.toml"] = text.replace('requires = ["', 'requires = ["setuptools-scm", "') + SCM
    write_project(directory, {f"python/{name}": content for name, content in files.items()} | {"ci/only-here": ""})
    git(directory, "init", "-q")
    commit(directory, "all", tag="v1.2")
    return directory / "python"


def test_wheels_come_from_the_sdist(images: ImageSource, tmp_path: Path) -> None:
    """It has the version that only git knows, and so have wheels built without git; a second run makes none."""
    package, output = checkout(tmp_path / "project"), tmp_path / "out"
    arguments = ("--project", str(tmp_path / "project"), *images.only(CELL, NARROW))
    kept = {"MATRIX_RUNNER_NO_CACHE": "0", "MATRIX_RUNNER_CACHE_DIR": str(tmp_path / "cache")}
    ended = run_build(package, output, *arguments, **kept)
    assert ended.code == 0, ended.output
    names = sorted(path.name.partition("-cp")[0] for path in output.iterdir())
    assert names == ["answer-1.2", "answer-1.2", "answer-1.2.tar.gz"]
    sdist = output / "answer-1.2.tar.gz"
    with tarfile.open(sdist) as archive:
        assert "answer-1.2/answer.c" in archive.getnames()
    log = (ended.report_directory / "logs" / f"{CELL}.log").read_text("utf-8")
    assert log.index("=== sdist: ") < log.index("=== build: ")
    before = sdist.read_bytes()
    again = run_build(package, output, *arguments, **kept)
    assert again.code == 0, again.output
    assert {cell["status"] for cell in again.cells.values()} == {"cached"}
    assert sdist.read_bytes() == before
    assert "it is taken from the cache" in explained(package, arguments, kept)
    (package / "answer.c").write_text((package / "answer.c").read_text() + "\n", encoding="utf-8")
    assert "the sdist is built first" in explained(package, arguments, kept)


def explained(package: Path, arguments: tuple[str, ...], variables: dict[str, str]) -> str:
    """Return what `runner explain` says of the cell."""
    argv, environ = runner_argv("explain", CELL, package, *arguments), runner_environ(**variables)
    return subprocess.run(argv, env=environ, capture_output=True, text=True, check=True).stdout


def test_a_file_that_the_sdist_lacks(images: ImageSource, tmp_path: Path) -> None:
    """The wheel cannot be built as its users could not, and the failure says which file is missing."""
    files = extension_project(settings="sdist = true")
    files["answer.c"] = '#include "answer.h"\n' + files["answer.c"]
    project = write_project(tmp_path / "project", files | {"answer.h": "\n", "MANIFEST.in": "exclude answer.h\n"})
    ended = run_build(project, tmp_path / "out", *images.only(CELL))
    assert ended.code == 1, ended.output
    assert "answer.h: No such file or directory" in ended.output
    assert "it was built from answer-1.0.tar.gz, which lacks files of the project: answer.h" in ended.output
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["answer-1.0.tar.gz"]
