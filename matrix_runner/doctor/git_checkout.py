"""Git: the program, whom it trusts, and the history that a version is taken from. Pure."""

import re
from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from matrix_runner.doctor.verdict import Fact, Level, Verdict
from matrix_runner.wording import first_of

OLDEST = (2, 20)
"""The oldest git whose commands `project/git` uses."""

_UNSHALLOW = (
    "`git fetch --unshallow --tags`; in CI: `fetch-depth: 0` for actions/checkout, `git: {depth: false}` in Travis,"
    " GIT_DEPTH: 0 in GitLab"
)


class GitFacts(msgspec.Struct, frozen=True, kw_only=True):
    """`version`: git's own words, None if there is no git that answers. `has_repository`: the project has a `.git`.

    The rest is of the project's repository. `is_read`: git finds it. `is_trusted`: git takes its owner for the user's
    own. `tag`: the latest before HEAD, or any tag where all of the history is there; "" without one. `tool`: the one
    that takes the project's version from tags, None without one. `packages`: of a workspace, for which this is so.
    """

    version: str | None
    directory: str = ""
    has_repository: bool = False
    is_read: bool = False
    is_trusted: bool = True
    is_shallow: bool = False
    tag: str = ""
    tool: str | None = None
    packages: tuple[str, ...] = ()


def judge_git(found: tuple[GitFacts, ...]) -> Iterator[Verdict]:
    """Yield the verdicts on git and on the project's repository. `found`: one, or one for packages that are alike."""
    yield _program(next((facts for facts in found if _needs_git(facts)), found[0]))
    for facts in found:
        for verdict in _repository(facts):
            names = f"{first_of(facts.packages, 3)}: " if facts.packages and len(found) > 1 else ""
            yield replace(verdict, text=f"{names}{verdict.text}")


def _repository(facts: GitFacts) -> Iterator[Verdict]:
    if facts.version is None or not facts.directory:
        return
    if not facts.is_read:
        yield from _unread(facts)
        return
    if not facts.is_trusted:
        yield Verdict(
            name="git-distrusts",
            level=Level.WARNING,
            about=facts.directory,
            text=f"git refuses the repository of {facts.directory}, as another user owns it; its files are read all the"
            " same, but other commands here find no history",
            remedy=f"`git config --global --add safe.directory {facts.directory}`, or `sudo chown -R $USER .`",
        )
    yield _history(facts)


def _needs_git(facts: GitFacts) -> bool:
    return facts.has_repository or facts.tool is not None


def _program(facts: GitFacts) -> Verdict:
    if facts.version is None:
        needs = _needs_git(facts)
        return Verdict(
            name="git-missing",
            level=Level.WARNING if needs else Level.OK,
            about="git",
            text="there is no git: which files the project ignores is not known, so more than those it tracks go into"
            " the cells"
            if needs
            else "there is no git",
            remedy="install git" if needs else None,
        )
    numbers = re.search(r"(\d+)\.(\d+)", facts.version)
    if numbers is not None and (int(numbers[1]), int(numbers[2])) < OLDEST:
        return Verdict(
            name="git-old",
            level=Level.WARNING,
            about="git",
            text=f"{facts.version} is too old",
            remedy=f"install {OLDEST[0]}.{OLDEST[1]} or later",
        )
    return Verdict(name="git", about="git", text=facts.version)


def _unread(facts: GitFacts) -> Iterator[Verdict]:
    if facts.has_repository:
        yield Verdict(
            name="git-unreadable",
            level=Level.WARNING,
            about=facts.directory,
            text=f"{facts.directory} has a .git in which git finds no repository",
            remedy="`git status` there says why; a worktree or submodule needs its main repository",
        )
    elif facts.tool is not None:
        yield Verdict(
            name="git-no-repository",
            level=Level.WARNING,
            about=facts.directory,
            text=f"{facts.tool} takes the version from git's tags, and {facts.directory} is in no repository",
            remedy="build from a clone or an sdist, or set the version by a variable in `environment`",
        )
    else:
        yield Verdict(name="no-repository", about=facts.directory, text=f"{facts.directory} is in no repository")


def _history(facts: GitFacts) -> Verdict:
    about = facts.directory
    numbers: dict[str, Fact] = {"is_shallow": facts.is_shallow, "tag": facts.tag, "tool": facts.tool}
    shallow = "shallow clone" if facts.is_shallow else "repository"
    if facts.tool is None:
        text = f"a {shallow}; no tool takes the version from its tags"
        return Verdict(name="repository", about=about, text=text, facts=numbers)
    if facts.tag:
        text = f"a {shallow}, with tag {facts.tag} for {facts.tool}"
        return Verdict(name="repository", about=about, text=text, facts=numbers)
    if facts.is_shallow:
        return Verdict(
            name="git-shallow",
            level=Level.WARNING,
            about=about,
            text=f"{facts.tool} takes the version from git's tags, and this shallow clone has none: wheels would get a"
            " wrong version, or none be built",
            remedy=_UNSHALLOW,
            facts=numbers,
        )
    return Verdict(
        name="git-no-tag",
        level=Level.WARNING,
        about=about,
        text=f"{facts.tool} takes the version from git's tags, and there is none: wheels would be of version 0.1.dev or"
        " the like",
        remedy="`git fetch --tags`, or tag a release",
        facts=numbers,
    )
