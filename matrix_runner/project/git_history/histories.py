"""The repositories that go into the cells with a project: its own, those of submodules, and others within it."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from matrix_runner.errors import MachineError
from matrix_runner.project.git import Git
from matrix_runner.project.git_history.git_config import for_cells, read_file, write_config
from matrix_runner.project.git_history.git_index import FileTraits
from matrix_runner.project.git_history.history import Checkout, Content, read_checkout
from matrix_runner.project.source_files import ListedFiles, walk

_GIT: Final = ".git"
_UNNEEDED: Final = re.compile(r"(hooks|lfs|logs|modules|worktrees)/|config(\.worktree)?$|.*\.lock$|fsmonitor--daemon")
"""Of a repository that is copied as it is: programs, other work trees, configuration (it may hold credentials)."""


class RawRepository(msgspec.Struct, frozen=True, kw_only=True):
    """A repository's directory that is copied as it is, because this machine's git, if there is one, cannot read it.

    `place`: its work tree, relative to the project.
    """

    directory: Path
    place: str

    def seen_with(self, packed: Mapping[str, FileTraits]) -> "RawRepository":  # noqa: ARG002  as a checkout's
        """Return it as a cell sees it: the same, whatever files the cell gets."""
        return self

    def digest(self) -> str:
        """Return a digest of all its files. Raise OSError."""
        digest = hashlib.sha256()
        for name, content in self.contents({}, Path()):
            data = content.read_bytes() if isinstance(content, Path) else content or b""
            digest.update(f"{name}\0{len(data)}\0".encode("utf-8", "surrogateescape") + data)
        return digest.hexdigest()

    def contents(self, packed: Mapping[str, FileTraits], room: Path) -> Iterator[tuple[str, Content]]:  # noqa: ARG002
        """Yield its files, with a configuration that has no credentials. Raise OSError."""
        pairs = read_file((self.directory / "config").read_text("utf-8", "surrogateescape"))
        known = dict(pairs)
        yield (
            "config",
            write_config(
                for_cells(pairs, pairs),
                object_format=known.get("extensions.objectformat", "sha1"),
                reference_storage=known.get("extensions.refstorage", "files"),
            ),
        )
        yield "refs/heads", None
        yield from ((name, self.directory / name) for name in walk(self.directory, "") if not _UNNEEDED.match(name))


History = Checkout | RawRepository
"""A repository for the cells."""


class Histories(msgspec.Struct, frozen=True, kw_only=True):
    """All repositories that go into the cells. `prefix`: the project's directory in its own; "" for its top."""

    all: tuple[History, ...] = ()
    prefix: str = ""
    notices: tuple[str, ...] = ()

    def tracked(self) -> frozenset[str]:
        """Return the names, relative to the project, of the files that git tracks."""
        checkouts = (one for one in self.all if isinstance(one, Checkout))
        return frozenset(each.packed_name(entry) for each in checkouts for entry in each.entries)

    @classmethod
    def of(cls, project: Path, git: Git | None, listed: ListedFiles) -> "Histories":
        """Read the checkouts of the listed places."""
        if git is None:
            return cls()
        found: list[History] = []
        notices: list[str] = []
        for place in listed.checkouts:
            try:
                checkout = read_checkout(git.below(place) if place else git, place)
                trouble = "it cannot be read here"
            except MachineError as error:
                checkout, trouble = None, error.message
            # A `.git` above it that is another repository's is not this directory's.
            if checkout is not None and not (place and checkout.prefix):
                found.append(checkout)
                continue
            raw = _raw(project, place)
            if raw is not None:
                found.append(raw)
            elif (project / place / _GIT).exists():
                at = f"{place}/{_GIT}".lstrip("/")
                notices.append(f"{at}: {trouble}, so git finds no history in the cells")
        own = next((one.prefix for one in found if isinstance(one, Checkout) and not one.place), "")
        return cls(all=tuple(found), prefix=own, notices=tuple(notices))


def _raw(project: Path, place: str) -> RawRepository | None:
    """Return a repository to copy as it is; None if there is none that is complete by itself."""
    directory = project / place / _GIT
    if not (directory / "HEAD").is_file() or not (directory / "config").is_file():
        return None
    if (directory / "objects/info/alternates").exists() or (directory / "commondir").exists():
        return None
    return RawRepository(directory=directory, place=place)
