"""Real repositories for tests, and git's answers in a checkout and in an unpacked source archive of it."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from matrix_runner.project.source_archive import SourceArchive, pack
from matrix_runner.project.source_files import SourceSelection

IDENTITY = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_CONFIG_NOSYSTEM": "1",
}

QUESTIONS = (
    "describe --tags --always --dirty --long",
    "describe --tags --match v*",
    "log -1 --format=%H|%h|%cI|%an|%s|%d",
    "log --format=%H%n%B%n%an",
    "rev-parse HEAD",
    "rev-parse --short HEAD",
    "rev-parse --abbrev-ref HEAD",
    "rev-parse --show-prefix",
    "rev-parse --is-shallow-repository",
    "rev-list --count HEAD",
    "branch --show-current",
    "for-each-ref --contains HEAD refs/heads",
    "tag --list",
    "tag --points-at HEAD",
    "ls-files --stage",
    "ls-files --others --exclude-standard",
    "ls-tree -r HEAD",
    "status --porcelain --untracked-files=no",
    "diff --quiet HEAD",
    "diff-index --quiet HEAD",
    "diff HEAD",
    "show -s --format=%ci",
    "log -1 --format=%H -- setup.py",
    "show HEAD:./setup.py",
    "archive HEAD",
    "remote get-url origin",
    "fsck --connectivity-only --no-dangling HEAD^{tree}",
)
"""What builds ask git: version plugins, and scripts of projects."""


def git(where: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> str:
    """Run git with nobody's configuration; return its output."""
    command = ("git", "-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main", *arguments)
    env = {"PATH": os.environ["PATH"], "HOME": str(where), **IDENTITY, **(environ or {})}
    return subprocess.run(command, cwd=where, env=env, check=True, capture_output=True, text=True).stdout


def write(project: Path, **files: str) -> Path:
    """Write files; a double underscore in a name is a slash."""
    for name, text in files.items():
        path = project / name.replace("__", "/").replace("_py", ".py").replace("_txt", ".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return project


def commit(project: Path, message: str, *, tag: str | None = None) -> Path:
    """Commit everything, and tag it."""
    git(project, "add", "-A")
    git(project, "commit", "-q", "--allow-empty", "-m", message)
    if tag is not None:
        git(project, "tag", "-a", tag, "-m", f"release {tag}")
    return project


def repository(project: Path, *options: str) -> Path:
    """Make a repository with three commits: the second is tagged, and all have different files."""
    project.mkdir(parents=True)
    git(project, "init", "-q", *options)
    commit(write(project, setup_py="old\n", src__demo_py="1\n"), "first")
    commit(write(project, setup_py="setup()\n"), "second", tag="v1.2")
    commit(write(project, src__demo_py="3\n"), "third")
    git(project, "remote", "add", "origin", "https://example.org/demo.git")
    return project


def answers(where: Path, environ: Mapping[str, str] | None = None) -> dict[str, tuple[int, bytes]]:
    """Return the exit code and output of each question."""
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **IDENTITY, **(environ or {})}
    found = {}
    for question in QUESTIONS:
        done = subprocess.run(("git", *question.split()), cwd=where, env=env, capture_output=True, check=False)
        found[question] = (done.returncode, done.stdout)
    return found


def unpacked(archive: SourceArchive, into: Path) -> Path:
    """Unpack a source archive as a cell does; return the project's directory."""
    into.mkdir(parents=True)
    subprocess.run(("tar", "-xf", str(archive.path), "-C", str(into), "--no-same-owner"), check=True)
    return into / archive.prefix


def cell(project: Path, room: Path, environ: Mapping[str, str] | None = None, **options: object) -> Path:
    """Pack a project and unpack it; return its directory in the cell."""
    room.mkdir(parents=True, exist_ok=True)
    env = {"PATH": os.environ["PATH"], "HOME": str(room), **(environ or {})}
    selection = SourceSelection(project=project, environ=env, **options)  # type: ignore[arg-type]
    return unpacked(pack(selection, room / "source.tar"), room / "cell")
