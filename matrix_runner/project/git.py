"""Git queries about a directory: its work tree, files, commit time. Runs no hooks, no monitor, no network."""

import itertools
import os
import subprocess
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from matrix_runner.errors import MachineError

_OF_REPOSITORY = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")
"""Variables that name a repository; those with relative paths start at the caller's directory."""
_ALSO_OF_REPOSITORY = ("GIT_ALTERNATE_OBJECT_DIRECTORIES",)
_KEPT = (
    *("GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM", "GIT_EXEC_PATH", "GIT_ATTR_NOSYSTEM"),
    "GIT_TEST_ASSUME_DIFFERENT_OWNER",
)
"""Variables that say how git looks, not which repository it reads. GIT_CONFIG_... are kept too: configuration."""


class Git:
    """Git queries about one directory, such as a project's.

    The work tree is found as git finds it, from the directory upwards. Variables that name another repository (git sets
    GIT_DIR for its hooks) count only where that finds none, or if GIT_WORK_TREE names a directory around this one.
    """

    def __init__(self, directory: Path, environ: Mapping[str, str]) -> None:
        """`environ`: the caller's. Asks nothing yet."""
        self.directory = directory
        self._environ = environ

    @property
    def prefix(self) -> str | None:
        """The directory's path in its work tree, "" for the top; None without git or outside a work tree."""
        return self._found[0]

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables with which git finds this work tree."""
        return self._found[1]

    @cached_property
    def _found(self) -> tuple[str | None, dict[str, str]]:
        explicit = _repository_variables(self._environ)
        attempts: list[dict[str, str]] = [{}]
        if explicit:
            attempts.insert(0 if "GIT_WORK_TREE" in explicit else 1, explicit)
        for attempt in (*attempts, *_distrusted(self.directory)):
            variables = {**self._plain, **attempt}
            prefix = self._find(variables)
            if prefix is not None:
                return prefix, variables
        return None, self._plain

    @cached_property
    def is_trusted(self) -> bool:
        """Whether git reads the repository without being told to trust its owner (safe.directory)."""
        try:
            # Not with this work tree's own variables: by GIT_DIR, any repository is taken.
            return self._run(self._plain, ("rev-parse", "--git-dir"), b"", trusting=False).returncode == 0
        except OSError:
            return False

    @property
    def top(self) -> Path:
        """The top of the work tree."""
        path = self.directory
        for _ in range(len(Path(self.prefix or "").parts)):
            path = path.parent
        return path

    def at_top(self) -> "Git":
        """Return git for the top of the work tree."""
        git = Git(self.top, self._environ)
        git.__dict__["_found"] = (None if self.prefix is None else "", self._found[1])
        return git

    def below(self, directory: str) -> "Git":
        """Return git for a directory below this one that may be the top of a work tree of its own."""
        environ = {name: value for name, value in self._environ.items() if name not in _OF_REPOSITORY}
        return Git(self.directory / directory, environ)

    def files(self) -> list[str] | None:
        """Return tracked files and untracked ones that are not ignored; None without git or outside a checkout.

        Names are relative to the directory; those of repositories within it end with a slash. Includes files of fetched
        submodules. Raise MachineError if git cannot list a checkout: to take all files instead would include ignored
        ones.
        """
        if self.prefix is None:
            return None
        tracked = self.ask("ls-files", "-z", "--cached", "--recurse-submodules", must=True)
        untracked = self.ask("ls-files", "-z", "--others", "--exclude-standard", must=True)
        names = [os.fsdecode(name) for name in (tracked + untracked).split(b"\0") if name]
        # Tracked files may be deleted in the work tree.
        found = [name for name in names if name.endswith("/") or os.path.lexists(self.directory / name)]
        # None: a directory that its repository ignores, such as an unpacked sdist in build/.
        return found if names else None

    def ignored(self) -> list[str]:
        """Return the files that git ignores; those that are directories end with a slash, and stand for all in them."""
        found = self.ask("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
        return _names(found)

    def untracked(self) -> list[str]:
        """Return the files that git neither tracks nor ignores, as `ignored` does."""
        return _names(
            self.ask("ls-files", "-z", "--others", "--exclude-standard", "--directory", "--no-empty-directory")
        )

    def submodules(self) -> list[str]:
        """Return the directories of submodules, fetched or not, relative to the directory."""
        listed = self.ask("ls-files", "-z", "--stage").split(b"\0")
        return [os.fsdecode(line.partition(b"\t")[2]) for line in listed if line.startswith(b"160000 ")]

    def commit_time(self) -> int:
        """Return the time of the last commit that touched the directory, in seconds since 1970; 0 if there is none."""
        return int(self.ask("log", "-1", "--format=%ct", "--no-show-signature", "--", ".") or 0)

    def ask(self, *arguments: str, given: bytes = b"", must: bool = False) -> bytes:
        """Return git's output for a command, with `given` as its input; empty if it fails.

        If it `must` not fail, raise MachineError with git's words.
        """
        if self.prefix is None:
            return b""
        try:
            result = self._run(self.variables, arguments, given)
        except OSError:
            return b""
        if result.returncode == 0:
            return result.stdout
        if must:
            said = result.stderr.decode("utf-8", "replace").strip()
            raise MachineError(
                f"git cannot read {self.directory}: {said}",
                hint="`git status` in the project must work; git 2.20 or later is needed",
            )
        return b""

    @cached_property
    def _plain(self) -> dict[str, str]:
        kept = {name: value for name, value in self._environ.items() if not name.startswith("GIT_") or _is_kept(name)}
        # A partial clone would fetch what it lacks.
        return kept | {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none"}

    def _find(self, variables: Mapping[str, str]) -> str | None:
        try:
            # The prefix is the last line, and may contain line breaks.
            result = self._run(variables, ("rev-parse", "--is-inside-work-tree", "--show-prefix"), b"")
        except OSError:
            return None
        inside, _, prefix = result.stdout.partition(b"\n")
        if result.returncode or inside != b"true":
            return None
        return os.fsdecode(prefix.removesuffix(b"\n").rstrip(b"/"))

    @cached_property
    def _safe(self) -> tuple[str, ...]:
        """Options that switch off programs which a repository's own configuration names, if git distrusts its owner.

        The repository may belong to another user, as a CI system's mount does. It is read all the same; but commands in
        its configuration are not run for it (CVE-2022-24765).
        """
        if self.is_trusted:
            return ()
        try:
            asked = ("config", "--local", "--name-only", "-z", "--get-regexp", r"^filter\..*\.(clean|smudge|process)$")
            named = self._run(self.variables, asked, b"").stdout
        except OSError:
            return ()
        keys = [os.fsdecode(name) for name in named.split(b"\0") if name]
        drivers = {key.rpartition(".")[0] for key in keys}
        return (
            *(option for key in keys for option in ("-c", f"{key}=")),
            *(option for driver in sorted(drivers) for option in ("-c", f"{driver}.required=false")),
        )

    def _run(
        self, variables: Mapping[str, str], arguments: tuple[str, ...], given: bytes, *, trusting: bool = True
    ) -> "subprocess.CompletedProcess[bytes]":
        options = ["-c", "core.fsmonitor=false"]
        if trusting:
            options += ["-c", "safe.directory=*"]
        if arguments[0] == "status":
            options += self._safe
        return subprocess.run(
            ("git", *options, "-C", str(self.directory), *arguments),
            env=variables,
            capture_output=True,
            check=False,
            input=given,
        )


def _distrusted(directory: Path) -> Iterator[dict[str, str]]:
    """Yield variables for the nearest `.git` from a directory upwards.

    Releases 2.35.2 to 2.37, and older ones that distributions patched (Ubuntu 22.04), let no option overrule whom they
    distrust; a repository that is named is taken all the same.
    """
    tops = (each for each in (directory, *directory.parents) if os.path.lexists(each / ".git"))
    for top in itertools.islice(tops, 1):
        yield {"GIT_DIR": str(top / ".git"), "GIT_WORK_TREE": str(top)}


def _names(listed: bytes) -> list[str]:
    """Return listed names, without those in a listed directory: git names both if all in it is ignored singly."""
    names: list[str] = []
    for name in sorted(os.fsdecode(name) for name in listed.split(b"\0") if name):
        if not (names and names[-1].endswith("/") and name.startswith(names[-1])):
            names.append(name)
    return names


def _is_kept(name: str) -> bool:
    return name in _KEPT or name.startswith("GIT_CONFIG_")


def _repository_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that name a repository, with absolute paths; none without GIT_DIR."""
    if not environ.get("GIT_DIR"):
        return {}
    return dict(_absolute(environ)) | {name: environ[name] for name in _ALSO_OF_REPOSITORY if name in environ}


def _absolute(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    here = environ.get("PWD", "")
    for name in _OF_REPOSITORY:
        value = environ.get(name)
        if value and (Path(value).is_absolute() or here):
            yield name, str(Path(here, value))
