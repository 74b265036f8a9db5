"""The repository that cells get, with real git: for every form of checkout, git answers there as it does here."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from checkouts import answers, cell, commit, git, repository, write

from matrix_runner.config.kinds.values import SourceFiles
from matrix_runner.project.source_archive import pack, survey
from matrix_runner.project.source_files import SourceSelection

Form = Callable[[Path], Path]


def plain(room: Path) -> Path:
    """Make an ordinary repository."""
    return repository(room / "p")


def detached(room: Path) -> Path:
    """Check out a tag, as CI systems do; a branch leads on from it."""
    project = repository(room / "p")
    git(project, "checkout", "-q", "v1.2")
    return project


def linked_worktree(room: Path) -> Path:
    """Make a linked work tree: `.git` is a file."""
    git(repository(room / "main"), "worktree", "add", "-q", "../p", "-b", "other")
    return commit(write(room / "p", new_py="x"), "fourth")


def submodule(room: Path) -> Path:
    """Make a submodule, whose `.git` is a file that leads into another repository."""
    library, top = repository(room / "library"), repository(room / "top")
    git(top, "submodule", "--quiet", "add", str(library), "vendor/library")
    git(top / "vendor/library", "remote", "set-url", "origin", "https://example.org/demo.git")
    return top / "vendor/library"


def borrowing(room: Path) -> Path:
    """Make a clone that borrows objects of another repository."""
    repository(room / "origin")
    git(room, "clone", "-q", "--shared", "origin", "p")
    return room / "p"


def shallow(room: Path) -> Path:
    """Make a shallow clone."""
    repository(room / "origin")
    git(room, "clone", "-q", "--depth=1", f"file://{room}/origin", "p")
    return room / "p"


def partial(room: Path) -> Path:
    """Make a clone that lacks old files, and whose origin is gone."""
    origin = repository(room / "origin")
    git(origin, "config", "uploadpack.allowFilter", "true")
    git(room, "clone", "-q", "--filter=blob:none", f"file://{origin}", "p")
    shutil.rmtree(origin)
    return room / "p"


def sha256(room: Path) -> Path:
    """Make a repository with the other hash function."""
    return repository(room / "p", "--object-format=sha256")


def subdirectory(room: Path) -> Path:
    """Make a project below its repository's top, with other projects and a link beside it."""
    top = repository(room / "top")
    (top / "link").symlink_to("src")
    write(top, python__setup_py="setup()\n", python__pkg__a_py="a", other__b_py="b")
    commit(top, "fourth")
    return top / "python"


def split_index(room: Path) -> Path:
    """Make a repository with git's optional index formats."""
    project = repository(room / "p")
    for name, value in (("core.splitIndex", "true"), ("core.untrackedCache", "true"), ("index.version", "4")):
        git(project, "config", name, value)
    return commit(write(project, new_py="x"), "fourth")


def sparse(room: Path) -> Path:
    """Make a sparse checkout, with a configuration of its work tree."""
    project = commit(write(repository(room / "p"), big__data_txt="x"), "fourth")
    git(project, "config", "extensions.worktreeConfig", "true")
    git(project, "sparse-checkout", "set", "--no-cone", "/*", "!/big/")
    assert not (project / "big").exists()
    return project


def renamed_endings(room: Path) -> Path:
    """Make a checkout with line ends that are not those of the repository, by its own configuration."""
    project = repository(room / "p")
    git(project, "config", "core.autocrlf", "true")
    (project / "setup.py").unlink()
    git(project, "checkout", "-q", "--", ".")
    assert b"\r\n" in (project / "setup.py").read_bytes()
    return project


def odd_references(room: Path) -> Path:
    """Make packed, nested, symbolic and light references, and names that need care."""
    project = repository(room / "p")
    git(project, "tag", "light")
    git(project, "tag", "-a", "of-tag", "v1.2", "-m", "nested")
    git(project, "tag", "of-file", "HEAD:setup.py")
    git(project, "branch", "feature/ä")
    git(project, "update-ref", "refs/remotes/origin/main", "HEAD")
    git(project, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    git(project, "pack-refs", "--all")
    git(project, "replace", "--graft", "HEAD", "HEAD~2")
    return project


def modified(room: Path) -> Path:
    """Change, delete, stage and announce files."""
    project = write(repository(room / "p"), gone_py="x", run_py="x", staged_py="x")
    (project / os.fsdecode(b"odd \n\xffname")).write_text("x")
    commit(project, "fourth")
    (project / os.fsdecode(b"odd \n\xffname")).write_text("y")
    (project / "gone.py").unlink()
    (project / "run.py").chmod(0o755)
    git(write(project, staged_py="y", new_py="z"), "add", "staged.py")
    git(project, "add", "-N", "new.py")
    return write(project, setup_py="longer than before\n")


FORMS: tuple[Form, ...] = (
    *(plain, detached, linked_worktree, submodule, borrowing, shallow, partial, sha256, subdirectory),
    *(split_index, sparse, renamed_endings, odd_references, modified),
)


ALL = (plain, submodule, subdirectory, modified)


@pytest.mark.parametrize(
    ("form", "files"),
    [*((form, SourceFiles.GIT) for form in FORMS), *((form, SourceFiles.ALL) for form in ALL)],
    ids=lambda value: str(getattr(value, "__name__", value)),
)
def test_git_answers_in_the_cell_as_here(tmp_path: Path, form: Form, files: SourceFiles) -> None:
    """Versions, lists of files, states and archives are those of the checkout, whatever its form."""
    project = form(tmp_path)
    there = answers(cell(project, tmp_path / "room", files=files))
    assert there == answers(project)


def test_a_clean_tree_stays_clean_whatever_filters_do(tmp_path: Path) -> None:
    """A file whose content is a filter's, such as git-lfs's, is unchanged in a cell that has no such filter."""
    config = tmp_path / "gitconfig"
    config.write_text('[filter "lfs"]\n\tclean = sha256sum\n\tsmudge = cat\n\trequired = true\n')
    environ = {"GIT_CONFIG_GLOBAL": str(config)}
    project = repository(tmp_path / "p")
    (project / ".gitattributes").write_text("*.bin filter=lfs\n")
    (project / "model.bin").write_text("content\n")
    git(project, "add", "-A", environ=environ)
    git(project, "commit", "-q", "-m", "fourth", environ=environ)
    git(project, "tag", "v2.0")
    assert git(project, "status", "--porcelain", environ=environ) == ""
    inside = answers(cell(project, tmp_path / "room", environ))
    assert inside["describe --tags --always --dirty --long"][1].startswith(b"v2.0-0-g")
    assert inside["status --porcelain --untracked-files=no"] == (0, b"")
    assert inside["diff-index --quiet HEAD"][0] == 0
    assert (tmp_path / "room/cell/model.bin").read_text() == "content\n"
    (project / "model.bin").write_text("changed\n")
    changed = answers(cell(project, tmp_path / "again", environ))
    assert changed["describe --tags --always --dirty --long"][1].endswith(b"-dirty\n")


def test_a_repository_that_variables_name(tmp_path: Path) -> None:
    """GIT_DIR and GIT_WORK_TREE count where they are about the project, as for files whose repository is elsewhere."""
    project = repository(tmp_path / "p")
    (project / ".git").rename(tmp_path / "elsewhere.git")
    environ = {"GIT_DIR": str(tmp_path / "elsewhere.git"), "GIT_WORK_TREE": str(project)}
    assert answers(cell(project, tmp_path / "room", environ)) == answers(project, environ)
    only = {"GIT_DIR": "../elsewhere.git", "PWD": str(project)}
    assert answers(cell(project, tmp_path / "again", only)) == answers(project, environ)


def test_no_credentials_leave_this_machine(tmp_path: Path) -> None:
    """Tokens in URLs and headers, as CI systems write them into `.git/config`, are in no file of the archive."""
    project = repository(tmp_path / "p")
    for key, value in {
        "http.https://example.org/.extraheader": "AUTHORIZATION: basic SECRET",
        "url.https://SECRET@example.org/.insteadOf": "https://example.org/",
        "remote.origin.url": "https://user:SECRET@example.org/demo.git?token=SECRET",
        "remote.other.url": "ssh://git:SECRET@example.org/demo.git",
        "remote.third.pushurl": "https://SECRET@example.org/x@y.git",
        "branch.main.remote": "https://SECRET@example.org/demo.git",
        "credential.helper": "!echo password=SECRET",
        "include.path": str(tmp_path / "SECRET"),
    }.items():
        git(project, "config", key, value)
    (project / ".git/hooks/post-checkout").write_text("SECRET")
    git(project, "commit", "-q", "--allow-empty", "-m", "SECRET of a branch")
    git(project, "update-ref", "refs/stash", "HEAD")
    git(project, "reset", "-q", "--hard", "HEAD~1")
    inside = cell(project, tmp_path / "room")
    assert b"SECRET" not in (tmp_path / "room/source.tar").read_bytes()
    assert git(inside, "remote", "get-url", "origin") == "https://example.org/demo.git\n"
    assert git(inside, "remote", "get-url", "other") == "ssh://git@example.org/demo.git\n"
    assert git(inside, "remote", "get-url", "--push", "third") == "https://example.org/x@y.git\n"


def test_old_files_are_not_carried_along(tmp_path: Path) -> None:
    """What a history of large files adds to the archive is its commits, not the files; HEAD's are there."""
    project = repository(tmp_path / "p")
    for number in range(5):
        (project / "big.bin").write_bytes(os.urandom(1 << 20))
        commit(project, f"big {number}")
    (project / "big.bin").unlink()
    commit(project, "small again")
    size = pack(SourceSelection(project=project, environ={}), tmp_path / "s.tar").size
    assert size < 64 * 1024
    done = subprocess.run(
        ("git", "show", "HEAD~1:big.bin"), cwd=cell(project, tmp_path / "room"), capture_output=True, check=False
    )
    assert done.returncode != 0


def test_submodules_have_their_own_history(tmp_path: Path) -> None:
    """A library in a submodule that asks git for its version gets its own, not the project's, at any depth."""
    inner, library = repository(tmp_path / "inner"), repository(tmp_path / "library")
    git(library, "submodule", "--quiet", "add", str(inner), "deep")
    commit(library, "with a submodule", tag="v7.0")
    project = repository(tmp_path / "p")
    git(project, "submodule", "--quiet", "add", str(library), "vendor/library")
    git(project, "submodule", "--quiet", "update", "--init", "--recursive")
    commit(project, "with a submodule", tag="v8.0")
    inside = cell(project, tmp_path / "room")
    for place in (".", "vendor/library", "vendor/library/deep"):
        assert answers(inside / place) == answers(project / place)
    assert git(inside / "vendor/library", "describe") == "v7.0\n"


def test_a_submodule_that_was_not_fetched_is_no_change(tmp_path: Path) -> None:
    """An empty submodule is not in the cell, and git does not call it deleted."""
    library, project = repository(tmp_path / "library"), repository(tmp_path / "p")
    git(project, "submodule", "--quiet", "add", str(library), "vendor/library")
    commit(project, "with a submodule", tag="v8.0")
    git(project, "submodule", "--quiet", "deinit", "-f", "vendor/library")
    inside = cell(project, tmp_path / "room")
    assert git(inside, "describe", "--dirty") == "v8.0\n"


def test_a_file_that_is_left_out_is_no_change(tmp_path: Path) -> None:
    """Patterns and the output directory take tracked files out of the cell; the tree is as clean as it is here."""
    project = commit(write(repository(tmp_path / "p"), data__x_txt="x", out__keep_txt="x"), "fourth")
    inside = cell(project, tmp_path / "room", exclude=("/data/",), own=(project / "out",))
    assert not (inside / "data").exists()
    assert not (inside / "out").exists()
    assert git(inside, "status", "--porcelain") == ""


def test_a_change_elsewhere_in_the_repository_is_seen(tmp_path: Path) -> None:
    """A project below a modified repository is as dirty there as here, although the cell lacks the modified file."""
    project = subdirectory(tmp_path)
    write(project.parent, other__b_py="changed")
    inside = cell(project, tmp_path / "room")
    assert git(inside, "describe", "--dirty") == git(project, "describe", "--dirty")
    assert git(inside, "describe", "--dirty").endswith("-dirty\n")


def test_before_the_first_commit_there_is_a_repository_too(tmp_path: Path) -> None:
    """Git says in the cell what it says here: on a branch without commits."""
    (tmp_path / "p").mkdir()
    git(tmp_path / "p", "init", "-q")
    project = write(tmp_path / "p", setup_py="x")
    assert answers(cell(project, tmp_path / "room")) == answers(project)


def test_without_history_there_is_no_repository(tmp_path: Path) -> None:
    """The option leaves it out, of submodules too; so does a pattern."""
    project = submodule(tmp_path).parents[1]
    rooms = (
        cell(project, tmp_path / "room-1", with_history=False),
        cell(project, tmp_path / "room-2", exclude=(".git/",)),
    )
    for inside in rooms:
        assert (inside / "vendor/library/setup.py").exists()
        assert not [path for path in inside.rglob("*") if path.name == ".git"]


def test_a_machine_without_git_copies_it_as_it_is(tmp_path: Path) -> None:
    """Without git, `.git` is copied, without hooks and credentials; a work tree's `.git` file is told of."""
    project = repository(tmp_path / "p")
    git(project, "config", "http.extraheader", "SECRET")
    git(project, "remote", "set-url", "origin", "https://SECRET@example.org/demo.git")
    bare = {"PATH": str(tmp_path)}
    inside = cell(project, tmp_path / "room", bare)
    assert b"SECRET" not in (tmp_path / "room/source.tar").read_bytes()
    assert git(inside, "describe", "--dirty") == git(project, "describe")
    assert git(inside, "remote", "get-url", "origin") == "https://example.org/demo.git\n"
    git(project, "worktree", "add", "-q", "../linked")
    (notice,) = pack(SourceSelection(project=tmp_path / "linked", environ=bare), tmp_path / "s.tar").notices
    assert ".git" in notice
    assert "no history" in notice


def test_another_users_programs_are_not_run(tmp_path: Path) -> None:
    """A repository that belongs to somebody else is read, but no filter is run that its own configuration names."""
    project = repository(tmp_path / "p")
    git(project, "config", "filter.evil.clean", f"touch {tmp_path}/ran; cat")
    git(project, "config", "core.fsmonitor", f"touch {tmp_path}/ran")
    write(project, _gitattributes="x")
    (project / ".gitattributes").write_text("* filter=evil\n")
    os.utime(project / "setup.py", (1, 1))
    environ = {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1", "GIT_CONFIG_NOSYSTEM": "1"}
    survey(SourceSelection(project=project, environ={"PATH": os.environ["PATH"], **environ}))
    assert not (tmp_path / "ran").exists()


def test_a_git_that_lets_no_option_overrule_its_distrust(tmp_path: Path) -> None:
    """Git 2.35.2 to 2.37, and Ubuntu 22.04's, ignore `-c safe.directory`: repositories of others are read there too."""
    project = repository(tmp_path / "p")
    git(project, "config", "filter.evil.clean", f"touch {tmp_path}/ran; cat")
    (project / ".gitattributes").write_text("* filter=evil\n")
    os.utime(project / "setup.py", (1, 1))
    tool = tmp_path / "bin/git"
    tool.parent.mkdir()
    words = """for word; do shift; [ "$word" = 'safe.directory=*' ] && word=x.y=z; set -- "$@" "$word"; done"""
    tool.write_text(f'#!/bin/sh\n{words}\nexec {shutil.which("git")} "$@"\n')
    tool.chmod(0o755)
    environ = {"PATH": f"{tool.parent}:{os.environ['PATH']}", "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
    inside = cell(project, tmp_path / "room", environ)
    assert not (tmp_path / "ran").exists()
    assert answers(inside)["describe --tags --match v*"] == answers(project)["describe --tags --match v*"]
    assert (inside / "src/demo.py").exists()


def test_the_key_sees_what_a_build_can_see(tmp_path: Path) -> None:
    """Commits, tags, the branch and staged files change the digest of `.git`; git's own housekeeping does not."""
    project = repository(tmp_path / "p")

    def digest() -> str:
        return dict(survey(SourceSelection(project=project, environ={})).digests)[".git"]

    seen = [digest()]
    os.utime(project / "setup.py", (1, 1))
    for command in ("status", "gc -q", "pack-refs --all", "update-ref refs/remotes/origin/x HEAD~1", "fetch -q ."):
        git(project, *command.split())
        assert digest() == seen[-1], command
    for command in ("commit -q --allow-empty -m x", "tag v9", "checkout -q -b other", "rm -q --cached setup.py"):
        git(project, *command.split())
        assert digest() not in seen, command
        seen.append(digest())
    packed = pack(SourceSelection(project=project, environ={}), tmp_path / "s.tar")
    assert dict(packed.digests)[".git"] == seen[-1]
