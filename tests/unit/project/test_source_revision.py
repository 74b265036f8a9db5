"""The revision of a project's files, from real repositories; the addresses of remotes."""

from pathlib import Path

import pytest
from checkouts import commit, git, repository, write

from matrix_runner.config.kinds.values import SourceFiles
from matrix_runner.project.source_archive import SourceArchive, pack
from matrix_runner.project.source_files import SourceSelection
from matrix_runner.project.source_revision import SourceRevision, public_address


def packed(project: Path, room: Path, **options: object) -> SourceArchive:
    """Pack a project."""
    return pack(SourceSelection(project=project, environ={}, **options), room / "source.tar")  # type: ignore[arg-type]


def is_clean(project: Path, room: Path, **options: object) -> bool:
    """Whether what is packed is the commit."""
    revision = packed(project, room, **options).revision
    assert revision is not None
    return revision.is_clean


def test_a_commit_and_its_remote(tmp_path: Path) -> None:
    """Whole hash, address, no directory for a project at the top."""
    project = repository(tmp_path / "p")
    head = git(project, "rev-parse", "HEAD").strip()
    found = packed(project, tmp_path).revision
    assert found == SourceRevision(commit=head, is_clean=True, remote="https://example.org/demo.git")
    inner = packed(project / "src", tmp_path).revision
    assert inner is not None
    assert inner.directory == "src"


def test_no_commit_is_none(tmp_path: Path) -> None:
    """Outside of a checkout, before the first commit, and for an unpacked sdist."""
    assert packed(write(tmp_path / "plain", setup_py="x"), tmp_path).revision is None
    empty = write(tmp_path / "empty", setup_py="x")
    git(empty, "init", "-q")
    assert packed(empty, tmp_path).revision is None
    assert packed(repository(tmp_path / "p"), tmp_path, is_sdist=True).revision is None


def test_it_is_clean_only_if_all_that_is_packed_is_in_the_commit(tmp_path: Path) -> None:
    """A changed, staged, deleted or untracked file counts, an ignored one where it is packed, and no other."""
    project = repository(tmp_path / "p")
    write(project, _gitignore="x").joinpath("_gitignore").rename(project / ".gitignore")
    (project / ".gitignore").write_text("*.so\n/out/\n")
    commit(project, "fourth")
    write(project, out__w_txt="x")
    (project / "demo.so").write_text("x")
    assert is_clean(project, tmp_path)
    assert not is_clean(project, tmp_path, files=SourceFiles.ALL)
    (project / "new.py").write_text("x")
    assert not is_clean(project, tmp_path)
    assert is_clean(project, tmp_path, exclude=("new.py",))
    (project / "new.py").unlink()
    (project / "src" / "demo.py").unlink()
    assert not is_clean(project, tmp_path)
    git(project, "checkout", "-q", "--", ".")
    (project / "setup.py").write_text("other\n")
    assert not is_clean(project, tmp_path)
    git(project, "add", "-A")
    assert not is_clean(project, tmp_path)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("https://git.example/a/b.git", "https://git.example/a/b.git"),
        ("https://me:token@git.example:8443/a/b?key=1#x", "https://git.example:8443/a/b"),
        ("ssh://git@git.example/a/b", "ssh://git.example/a/b"),
        ("git@git.example:a/b.git", "ssh://git.example/a/b.git"),
        ("git.example:/a/b.git", "ssh://git.example/a/b.git"),
        ("https://token@git.example:port/a", ""),
        ("/home/me/demo.git", ""),
        ("../demo", ""),
        ("./a:b", ""),
        ("file:///home/me/demo", ""),
        ("ext::sh -c x", ""),
        ("", ""),
    ],
)
def test_a_remote_without_login(address: str, public: str) -> None:
    """What is of this machine only is nobody else's business."""
    assert public_address(address) == public
