"""The line on files that git leaves out although the build may need them."""

from pathlib import Path

import pytest
from checkouts import commit, git, repository, write

from matrix_runner.config.kinds.values import SourceFiles
from matrix_runner.project.source_archive import survey
from matrix_runner.project.source_files import SourceSelection

IGNORED = "*.bin\n*.so*\nstatic/\nassets/\n_version.py\n*.gen.h\n/models/\n__pycache__/\nbuild/\n.env\n*.o\n_fast.c\n"


def notices(project: Path, **options: object) -> tuple[str, ...]:
    """Return what is said of a project's files."""
    selection = SourceSelection(project=project, environ={}, **options)  # type: ignore[arg-type]
    return survey(selection).notices


def package(room: Path, **files: str) -> Path:
    """Make a repository with a package, and these build files."""
    project = repository(room / "p")
    (project / ".gitignore").write_text(IGNORED)
    return commit(write(project, src__demo____init___py="", src__demo___fast_pyx="", **files), "fourth")


@pytest.mark.parametrize(
    ("path", "build_file", "text"),
    [
        ("src/demo/model.bin", "setup.py", ""),
        ("src/demo/static/css/app.css", "setup.py", ""),
        ("src/demo/_version.py", "setup.py", ""),
        ("src/demo/lib/libx.so.1", "setup.py", ""),
        ("models/a/b.dat", "MANIFEST.in", "recursive-include models *.dat\n"),
        (
            "models/a.dat",
            "pyproject.toml",
            '[tool.hatch.build.targets.wheel.force-include]\n"models" = "demo/models"\n',
        ),
        ("config.gen.h", "CMakeLists.txt", 'configure_file(${CMAKE_SOURCE_DIR}/config.gen.h "x")\n'),
        ("assets/logo.svg", "setup.cfg", "[options.data_files]\nshare/demo = assets/logo.svg\n"),
        ("weights.bin", "MANIFEST.in", "include *.bin\n"),
        ("models/x.dat", "meson.build", "install_data('models/x.dat')\n"),
    ],
)
def test_an_ignored_file_that_may_be_needed_is_named(tmp_path: Path, path: str, build_file: str, text: str) -> None:
    """It lies in a package, or a build file names it, its directory or its kind; the option that is named brings it."""
    project = package(tmp_path)
    (project / build_file).write_text(text or "setup()\n")
    (project / path).parent.mkdir(parents=True, exist_ok=True)
    (project / path).write_text("four")
    (notice,) = notices(project)
    assert "ignored by git" in notice
    assert "1 file, 4 B" in notice
    pattern = notice.partition('source-include = ["')[2].partition('"]')[0]
    found = survey(SourceSelection(project=project, environ={}, include=(pattern,)))
    assert path in dict(found.digests)
    assert found.notices == ()
    assert notices(project, exclude=(pattern,)) == ()
    assert notices(project, files=SourceFiles.ALL) == ()


@pytest.mark.parametrize(
    "path",
    [
        *("src/demo/__pycache__/a.cpython-311.pyc", "build/lib/demo/model.bin", ".env", "src/demo/a.o"),
        *("src/demo/_fast.cpython-311-x86_64-linux-gnu.so", "src/demo/_fast.abi3.so", "src/demo/_fast.c"),
        *("src/demo/build/x.o", "elsewhere/data.bin", "src/demo/_fast.pypy310-pp73-x86_64-linux-gnu.so"),
    ],
)
def test_leftovers_are_not_named(tmp_path: Path, path: str) -> None:
    """What builds leave, extension modules for this machine's Python among it, and what nothing names."""
    project = package(tmp_path)
    (project / path).parent.mkdir(parents=True, exist_ok=True)
    (project / path).write_text("x")
    found = survey(SourceSelection(project=project, environ={}))
    assert path not in dict(found.digests)
    assert found.notices == ()


def test_a_file_that_the_build_writes_is_not_named(tmp_path: Path) -> None:
    """The version file of setuptools-scm or hatch-vcs is made anew in each cell."""
    project = package(tmp_path)
    (project / "pyproject.toml").write_text('[tool.setuptools_scm]\nversion_file = "src/demo/_version.py"\n')
    write(project, src__demo___version_py="x")
    assert notices(project) == ()


def test_repositories_and_new_files_of_submodules_are_named(tmp_path: Path) -> None:
    """A second checkout in the directory, and a file that a submodule does not track: one line, with their sum."""
    library, project = repository(tmp_path / "library"), package(tmp_path)
    git(project, "submodule", "--quiet", "add", str(library), "vendor/library")
    (project / "vendor/library/generated.c").write_text("12345678")
    git(write(project, vendor__turbo__turbo_txt="four") / "vendor/turbo", "init", "-q")
    (notice,) = notices(project)
    assert "vendor/turbo/ (a repository of its own)" in notice
    assert "vendor/library/generated.c (not tracked in its submodule)" in notice
    assert "2 files, 12 B" in notice
    assert "\n" not in notice
    include = ("/vendor/turbo/", "/vendor/library/generated.c")
    found = survey(SourceSelection(project=project, environ={}, include=include))
    assert {"vendor/turbo/turbo.txt", "vendor/turbo/.git", "vendor/library/generated.c"} <= dict(found.digests).keys()
    assert found.notices == ()


def test_of_many_the_first_are_named(tmp_path: Path) -> None:
    """One line stays one line."""
    project = package(tmp_path)
    for number in range(20):
        (project / f"src/demo/{number}.bin").write_bytes(bytes(100_000))
    (notice,) = notices(project)
    assert "17 more: 20 files, 1.9 MiB" in notice
    assert len(notice) < 500
