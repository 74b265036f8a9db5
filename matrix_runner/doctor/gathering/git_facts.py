"""Facts about git and the project's repository."""

import os
import subprocess
from pathlib import Path

from msgspec.structs import replace

from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.doctor.git_checkout import GitFacts
from matrix_runner.doctor.subject import Subject
from matrix_runner.project.git import Git
from matrix_runner.project.version_source import git_version_tool


def git_facts(subject: Subject) -> tuple[GitFacts, ...]:
    """Return what git says of itself, and of the project's repository; of packages, once for those that are alike."""
    version, project = _version(), subject.project
    if subject.packages:
        alike: dict[GitFacts, tuple[str, ...]] = {}
        for package in subject.packages:
            facts = _of_project(version, package.directory, package.files, subject)
            alike[facts] = (*alike.get(facts, ()), package.name)
        return tuple(replace(facts, packages=names) for facts, names in alike.items())
    if project is None:
        return (GitFacts(version=version),)
    return (_of_project(version, project.directory, project.files, subject),)


def _of_project(version: str | None, directory: Path, files: BuildFiles, subject: Subject) -> GitFacts:
    has_repository = os.path.lexists(directory / ".git")
    tool = git_version_tool(files)
    git = Git(directory, subject.environ)
    if version is None or git.prefix is None:
        return GitFacts(version=version, directory=str(directory), has_repository=has_repository, tool=tool)
    is_shallow = git.ask("rev-parse", "--is-shallow-repository").strip() == b"true"
    return GitFacts(
        version=version,
        directory=str(git.top),
        has_repository=True,
        is_read=True,
        is_trusted=git.is_trusted,
        is_shallow=is_shallow,
        tag=_tag(git, is_shallow=is_shallow),
        tool=tool,
    )


def _version() -> str | None:
    try:
        done = subprocess.run(("git", "--version"), capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _tag(git: Git, *, is_shallow: bool) -> str:
    """Return a tag that a version can be counted from, "" without one.

    In a shallow clone, which is short, the one before HEAD; else any: a long history is not searched.
    """
    if is_shallow:
        return os.fsdecode(git.ask("describe", "--tags", "--abbrev=0").strip())
    return os.fsdecode(git.ask("for-each-ref", "--count=1", "--format=%(refname:short)", "refs/tags").strip())
