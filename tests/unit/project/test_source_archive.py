"""Packing a project, with real git repositories: what goes along, what does not, and always the same bytes."""

import hashlib
import os
import socket
import subprocess
import tarfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from matrix_runner.config.kinds.values import SourceFiles
from matrix_runner.errors import MachineError, UsageError
from matrix_runner.project.source_archive import FILE_TIME, SourceArchive, pack
from matrix_runner.project.source_files import SourceSelection

MOMENT = "1600000000"
NOT_UTF8 = os.fsdecode(b"caf\xe9.txt")
ODD_NAMES = ("a b.txt", "it's.txt", 'quo"te.txt', "new\nline.txt", "-rf", "$(x)", "näme.txt", NOT_UTF8, "x" * 200)


def git(where: Path, *arguments: str, moment: str = MOMENT) -> None:
    """Run git as somebody, at a moment, and with nobody's configuration."""
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(where),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.org",
        "GIT_AUTHOR_DATE": f"{moment} +0000",
        "GIT_COMMITTER_DATE": f"{moment} +0000",
    }
    command = ("git", "-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main", *arguments)
    subprocess.run(command, cwd=where, env=env, check=True, capture_output=True)


def write(project: Path, *names: str) -> Path:
    """Write small files, with their directories."""
    for name in names:
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"content of " + os.fsencode(name))
    return project


def repository(project: Path, *names: str) -> Path:
    """Make a repository with these files committed."""
    write(project, *names)
    git(project, "init", "-q")
    git(project, "add", "--", ".")
    git(project, "commit", "-q", "-m", "first")
    return project


def packed(project: Path, target: Path, **environ: str) -> SourceArchive:
    """Pack into a file in another directory."""
    target.mkdir(parents=True, exist_ok=True)
    return pack(SourceSelection(project=project, environ=environ), target / "source.tar")


def members(archive: SourceArchive) -> dict[str, tarfile.TarInfo]:
    """Return what is in the archive, by name, without the repositories for the cells."""
    with tarfile.open(archive.path, encoding="utf-8", errors="surrogateescape") as tar:
        return {member.name: member for member in tar if "/.git/" not in f"/{member.name}"}


def test_tracked_and_new_files_go_along_and_ignored_ones_do_not(tmp_path: Path) -> None:
    """What git tracks or would offer to add is packed; what it ignores, and a deleted file, is not."""
    project = repository(tmp_path / "p", "setup.py", "src/a.c", "gone.txt", "tracked.log")
    (project / ".gitignore").write_text("*.log\nbuild/\n")
    (project / "gone.txt").unlink()
    write(project, "new.txt", "noise.log", "build/x.o", "src/deep/er/b.c")
    archive = packed(project, tmp_path / "out")
    expected = {".gitignore", "setup.py", "src/a.c", "tracked.log", "new.txt", "src/deep/er/b.c"}
    assert members(archive).keys() == expected
    assert archive.files == len(expected)
    assert archive.size == archive.path.stat().st_size == len(b"".join(archive.read()))
    assert archive.notices == ()


def test_a_project_below_a_repositorys_top_is_packed_alone(tmp_path: Path) -> None:
    """In a repository of several projects only the one that is built goes along, with its own names."""
    top = repository(tmp_path / "top", "README", "one/setup.py", "two/setup.py")
    write(top / "two", "new.c")
    assert members(packed(top / "two", tmp_path / "out")).keys() == {"two/setup.py", "two/new.c"}
    without = SourceSelection(project=top / "two", environ={}, with_history=False)
    assert members(pack(without, tmp_path / "other.tar")).keys() == {"setup.py", "new.c"}


def test_an_ignored_project_is_packed_all_the_same(tmp_path: Path) -> None:
    """A project in a directory that a repository above it ignores is taken for one outside git."""
    top = repository(tmp_path / "top", ".keep")
    (top / ".gitignore").write_text("vendor/\n")
    write(top / "vendor/p", "setup.py")
    assert members(packed(top / "vendor/p", tmp_path / "out")).keys() == {"setup.py"}


def test_somebody_elses_repository_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout that belongs to another user, as in a CI mount, is still asked what it ignores."""
    top = repository(tmp_path / "top", "one/setup.py")
    (top / ".gitignore").write_text("*.log\n")
    write(top, "one/noise.log")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    for number, project in enumerate((top, top / "one")):
        assert not [n for n in members(packed(project, tmp_path / f"{number}")) if n.endswith("noise.log")]


def test_submodules_go_along(tmp_path: Path) -> None:
    """The files of a checked-out submodule are packed in their place."""
    library = repository(tmp_path / "library", "lib.c", "inc/lib.h")
    project = repository(tmp_path / "p", "setup.py")
    git(project, "submodule", "--quiet", "add", str(library), "vendor/lib")
    names = members(packed(project, tmp_path / "out")).keys()
    assert {"setup.py", "vendor/lib/lib.c", "vendor/lib/inc/lib.h"} <= names


def test_a_submodule_that_was_not_fetched_is_told(tmp_path: Path) -> None:
    """An empty submodule is named, with the command that fetches it: a build would fail for it much later."""
    library = repository(tmp_path / "library", "lib.c")
    project = repository(tmp_path / "p", "setup.py")
    git(project, "submodule", "--quiet", "add", str(library), "vendor/lib")
    git(project, "commit", "-q", "-m", "second")
    git(project, "submodule", "--quiet", "deinit", "-f", "vendor/lib")
    archive = packed(project, tmp_path / "out")
    (notice,) = archive.notices
    assert "vendor/lib" in notice
    assert "git submodule update --init" in notice


@pytest.mark.parametrize("is_git", [True, False])
def test_odd_names_survive(tmp_path: Path, *, is_git: bool) -> None:
    """Spaces, quotes, newlines, a leading dash, bytes that are no UTF-8, and long names arrive as they are."""
    project = repository(tmp_path / "p", *ODD_NAMES) if is_git else write(tmp_path / "p", *ODD_NAMES)
    archive = packed(project, tmp_path / "out")
    assert members(archive).keys() == {*ODD_NAMES}
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    subprocess.run(("tar", "-xf", str(archive.path), "-C", str(unpacked)), check=True)
    assert {path.name for path in unpacked.iterdir()} - {".git"} == {*ODD_NAMES}
    assert (unpacked / NOT_UTF8).read_bytes() == b"content of caf\xe9.txt"


def test_links_are_packed_as_links(tmp_path: Path) -> None:
    """Links stay links, also broken ones and loops; those that lead out of the project are told of."""
    project = repository(tmp_path / "p", "real/file.txt", "top.txt")
    write(tmp_path, "outside.txt")
    links = {
        "inside": "real/file.txt",
        "to_directory": "real",
        "broken": "nothing",
        "loop": "loop",
        "escaping": "../outside.txt",
        "absolute": str(tmp_path / "outside.txt"),
        "absolute_inside": str(project / "top.txt"),
        "real/up": "../top.txt",
    }
    for name, target in links.items():
        (project / name).symlink_to(target)
    archive = packed(project, tmp_path / "out")
    found = members(archive)
    assert {name: found[name].linkname for name in links} == links
    assert all(found[name].issym() for name in links)
    assert "to_directory/file.txt" not in found
    told = {notice.split(" ")[0] for notice in archive.notices}
    assert told == {"escaping", "absolute", "absolute_inside"}
    everything = SourceSelection(project=project, environ={}, files=SourceFiles.ALL)
    assert pack(everything, tmp_path / "all.tar").notices[1:] == ("2 more links lead outside the project",)


def test_pipes_and_sockets_are_left_out_unopened(tmp_path: Path) -> None:
    """A FIFO or a socket in the project is named and skipped; opening one would hang for ever."""
    project = write(tmp_path / "p", "setup.py")
    os.mkfifo(project / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(project)
        try:
            server.bind("sock")
        finally:
            os.chdir(here)
        archive = packed(project, tmp_path / "out")
    assert members(archive).keys() == {"setup.py"}
    assert {notice.split(" ")[0] for notice in archive.notices} == {"pipe", "sock"}


def test_two_checkouts_give_the_same_bytes(tmp_path: Path) -> None:
    """Who checked out when, with which umask, is not in the archive: the same commit is the same bytes."""
    origin = repository(tmp_path / "origin", "setup.py", "src/a.c", "run.sh", NOT_UTF8)
    (origin / "run.sh").chmod(0o755)
    (origin / "link").symlink_to("src/a.c")
    git(origin, "add", "--", ".")
    git(origin, "commit", "-q", "-m", "second")
    digests = []
    for name, umask in (("first", 0o022), ("second", 0o077)):
        before = os.umask(umask)
        try:
            git(tmp_path, "clone", "-q", str(origin), name)
        finally:
            os.umask(before)
        for number, path in enumerate(sorted((tmp_path / name).glob("**/*.*"))):
            if not path.is_symlink():
                os.utime(path, (number, 1_000_000 + number * umask))
        # Git's own files may differ between equal repositories.
        selection = SourceSelection(project=tmp_path / name, environ={}, with_history=False)
        archive = pack(selection, tmp_path / f"{name}.tar")
        digests.append(hashlib.sha256(b"".join(archive.read())).hexdigest())
    assert digests[0] == digests[1]
    found = members(archive)
    assert list(found) == sorted(found)
    assert {name: member.mode for name, member in found.items() if member.isfile()} == {
        "run.sh": 0o755,
        "setup.py": 0o644,
        "src/a.c": 0o644,
        NOT_UTF8: 0o644,
    }
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in found.values()} == {(0, 0, "", "", FILE_TIME)}
    assert archive.epoch == int(MOMENT)


def test_the_moment_is_the_commits_unless_it_is_given(tmp_path: Path) -> None:
    """The cells get the commit's time, or SOURCE_DATE_EPOCH; outside git 1980, before which no zip can be."""
    project = repository(tmp_path / "p", "setup.py")
    plain = write(tmp_path / "plain", "setup.py")
    assert packed(project, tmp_path / "1").epoch == int(MOMENT)
    assert packed(project, tmp_path / "2", SOURCE_DATE_EPOCH="1700000000").epoch == 1_700_000_000
    assert packed(project, tmp_path / "3", SOURCE_DATE_EPOCH="0").epoch == 315_532_800
    assert packed(project, tmp_path / "5", SOURCE_DATE_EPOCH="").epoch == int(MOMENT)
    assert packed(plain, tmp_path / "4").epoch == 315_532_800


def test_a_commit_elsewhere_in_the_repository_changes_nothing(tmp_path: Path) -> None:
    """The project's time is that of the last commit that touched it: its wheels stay the same when others change."""
    repository(tmp_path / "p", "project/setup.py")
    before = packed(tmp_path / "p" / "project", tmp_path / "1").epoch
    write(tmp_path / "p", "elsewhere.txt")
    git(tmp_path / "p", "add", "elsewhere.txt")
    git(tmp_path / "p", "commit", "-q", "-m", "later", moment="1700000000")
    assert packed(tmp_path / "p" / "project", tmp_path / "2").epoch == before


def test_a_git_hook_does_not_mislead(tmp_path: Path) -> None:
    """GIT_DIR and its like, which git sets for its hooks, do not make another repository's files the project's."""
    project = repository(tmp_path / "p", "setup.py")
    other = repository(tmp_path / "other", "other.py")
    archive = packed(project, tmp_path / "out", GIT_DIR=str(other / ".git"), GIT_WORK_TREE=str(other))
    assert list(members(archive)) == ["setup.py"]


def test_a_checkout_that_git_cannot_list_is_not_packed_otherwise(tmp_path: Path) -> None:
    """A broken index is told with git's words: packing all files instead would take ignored ones along."""
    project = repository(tmp_path / "p", "setup.py")
    (project / ".git" / "index").write_bytes(b"broken")
    with pytest.raises(MachineError, match="git cannot read"):
        packed(project, tmp_path / "out")


@pytest.mark.parametrize("value", ["yesterday", "-1", "1.5", " 1", "1 "])
def test_a_bad_moment_is_the_users_mistake(tmp_path: Path, value: str) -> None:
    """A SOURCE_DATE_EPOCH that is no number is refused, with the way to make a right one."""
    with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH") as caught:
        packed(write(tmp_path / "p", "setup.py"), tmp_path / "out", SOURCE_DATE_EPOCH=value)
    assert caught.value.hint is not None
    assert "git log" in caught.value.hint


def test_outside_git_leftovers_of_building_stay_behind(tmp_path: Path) -> None:
    """Without git, environments, caches, build trees and old extension modules are left; sources that look alike go."""
    left = (
        ".git/config",
        "__pycache__/a.pyc",
        "src/__pycache__/b.pyc",
        "a.pyo",
        ".venv/bin/python",
        ".tox/x",
        ".nox/x",
        ".mypy_cache/x",
        "build/lib.linux-x86_64-cpython-311/a.py",
        "build/temp.linux/x.o",
        "dist/a.whl",
        "wheelhouse/a.whl",
        "src/demo/_fast.cpython-311-x86_64-linux-gnu.so",
    )
    kept = ("setup.py", "src/a.c", "build/recipe.txt", "src/dist/a.c", "vendor/lib.so", ".hidden")
    project = write(tmp_path / "p", *left, *kept)
    assert members(packed(project, tmp_path / "out")).keys() == {*kept}


@pytest.mark.parametrize("name", ["wheelhouse", ".wheels", "out/wheels", "-out"])
def test_the_output_directory_is_never_packed(tmp_path: Path, name: str) -> None:
    """The directory that wheels go to is left out, whatever its name, and nothing with a similar one is."""
    similar = (f"{name}2/a.txt", f"other/{name}/a.txt", name.strip("./-") + ".txt", f"x{name.lstrip('.')}/a")
    project = repository(tmp_path / "p", "setup.py", f"{name}/old.whl", *similar)
    write(project, f"{name}/logs/new.log")
    exclude = (project / name, tmp_path / "elsewhere")
    archive = pack(SourceSelection(project=project, environ={}, own=exclude), tmp_path / "s.tar")
    assert members(archive).keys() == {"setup.py", *similar}


def test_the_project_itself_as_output_directory_loses_nothing(tmp_path: Path) -> None:
    """Wheels may go straight into the project; its sources are packed all the same."""
    project = repository(tmp_path / "p", "setup.py")
    archive = pack(SourceSelection(project=project, environ={}, own=(project,)), tmp_path / "s.tar")
    assert members(archive).keys() == {"setup.py"}


def test_a_file_that_vanishes_after_listing_is_left_out(tmp_path: Path) -> None:
    """A temporary file that an editor removes while the project is packed costs a second look, not the run."""
    project = repository(tmp_path / "p", "setup.py", "swap.tmp")

    def vanish() -> Iterator[Path]:
        (project / "swap.tmp").unlink()
        yield tmp_path / "unrelated"

    archive = pack(SourceSelection(project=project, environ={}, own=vanish()), tmp_path / "s.tar")
    assert members(archive).keys() == {"setup.py"}


def test_a_file_that_keeps_shrinking_ends_the_run(tmp_path: Path) -> None:
    """A file that gives less than its size, here one of the kernel's, is an error that says what to do."""
    with pytest.raises(MachineError, match="cannot pack the project") as caught:
        packed(Path("/sys/devices/system/cpu"), tmp_path)
    assert caught.value.hint is not None
    assert "changes while it is read" in caught.value.hint


def test_a_project_without_files_is_an_error(tmp_path: Path) -> None:
    """Where nothing is left to build from, it is said before anything is started."""
    (tmp_path / "p").mkdir()
    with pytest.raises(UsageError, match="has no file to build from"):
        packed(tmp_path / "p", tmp_path / "out")


def test_memory_does_not_grow_with_the_files(tmp_path: Path) -> None:
    """A file of half a gigabyte is streamed: packing and reading need a few megabytes."""
    project = write(tmp_path / "p", "setup.py")
    with (project / "data.bin").open("wb") as file:
        file.truncate(512 << 20)
    tracemalloc.start()
    try:
        pack(SourceSelection(project=project, environ={}), Path("/dev/null"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20
