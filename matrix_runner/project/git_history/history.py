"""The project's history for the cells: a small repository, made of a checkout by git's own commands.

`.git` itself may be large, hold credentials, or refer to places outside of it: objects to a repository that it borrows
from, filters to programs, a worktree to its main repository. The small one is plain: commits and tags, the files of
HEAD, references, and an index in which a file that is clean here is clean there, whatever filters did to it.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from matrix_runner.project.git import Git
from matrix_runner.project.git_history.git_config import Pairs, for_cells, read_pairs, write_config
from matrix_runner.project.git_history.git_index import FileTraits, IndexEntry, State, read_entries, write_index
from matrix_runner.project.source_files import directories_around

Content = bytes | Path | None
"""A file's content, or the file that has it; None for an empty directory."""

MOST_OUTSIDE: Final = 64 * 1024**2
"""Bytes of packed files of HEAD outside of the project that are carried along. `git archive HEAD` at the top needs all
of them (setuptools-scm finds package data so); but other projects of a large repository would cost too much."""


MOST_COMMITS: Final = 20_000
"""Commits up to which older versions of directories are looked for: that takes a second in such a history."""
MOST_DIRECTORIES: Final = 50_000
"""Older versions of directories that are carried along: some megabytes."""


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """A reference, such as a tag. `target`: of a symbolic one, another reference's name; else ""."""

    name: str
    oid: str
    target: str = ""


class Checkout(msgspec.Struct, frozen=True, kw_only=True):
    """A checkout's state, as far as cells see it.

    `place`: its top, relative to the project with `/`; "" for the one that the project is in. `prefix`: the project's
    directory in it; "" for its top. `head`: a commit, "" before the first. `branch`: the full name; "" if detached.
    `files`: of the repository's directory, such as `shallow`, by name.
    """

    git: Git
    place: str
    prefix: str
    head: str
    branch: str
    references: tuple[Reference, ...]
    settings: Pairs
    object_format: str
    files: tuple[tuple[str, bytes], ...]
    entries: tuple[IndexEntry, ...]

    def seen_with(self, packed: Mapping[str, FileTraits]) -> "Checkout":
        """Return it as a cell sees it that gets these files, named relative to the project.

        A clean file that is not packed is like one that a sparse checkout leaves out: not deleted.
        """
        directories = {parent for name in packed for parent in directories_around(name)}
        entries = tuple(self._seen(entry, packed, directories) for entry in self.entries)
        return replace(self, entries=entries)

    def _seen(self, entry: IndexEntry, packed: Mapping[str, FileTraits], directories: set[str]) -> IndexEntry:
        name = self.packed_name(entry)
        is_there = name in (directories if entry.is_submodule else packed)
        if not is_there and (entry.state is State.CLEAN or entry.is_submodule) and entry.stage == 0:
            return replace(entry, state=State.SKIPPED)
        return entry

    def packed_name(self, entry: IndexEntry) -> str:
        """Return an entry's name relative to the project; "" if it is outside of it."""
        name = os.fsdecode(entry.name)
        if self.place:
            return f"{self.place}/{name}"
        if not self.prefix:
            return name
        return name.removeprefix(f"{self.prefix}/") if name.startswith(f"{self.prefix}/") else ""

    def digest(self) -> str:
        """Return a digest of all that a cell can ask git for. Call it on the result of `seen_with`."""
        facts = (self.prefix, self.head, self.branch, self.references, self.settings, self.files)
        digest = hashlib.sha256(repr(facts).encode("utf-8", "surrogateescape"))
        for entry in self.entries:
            digest.update(
                b"%s\0%o %s %d %s\0"
                % (entry.name, entry.mode, entry.oid.encode(), entry.stage, entry.state.value.encode())
            )
        return digest.hexdigest()

    def contents(self, packed: Mapping[str, FileTraits], room: Path) -> Iterator[tuple[str, Content]]:
        """Yield the files of the small repository. `room`: an existing directory for its pack. Raise MachineError."""
        yield "HEAD", f"ref: {self.branch}\n".encode() if self.branch else f"{self.head}\n".encode()
        yield "config", write_config(self.settings, object_format=self.object_format)
        yield "index", self._index(packed)
        yield "refs/heads", None
        yield "refs/tags", None
        yield "objects/info", None
        plain = [reference for reference in self.references if not reference.target]
        if plain:
            lines = (f"{reference.oid} {reference.name}\n" for reference in sorted(plain, key=lambda one: one.name))
            yield "packed-refs", "".join(lines).encode("utf-8", "surrogateescape")
        for reference in self.references:
            if reference.target:
                yield reference.name, f"ref: {reference.target}\n".encode("utf-8", "surrogateescape")
        yield from self.files
        for path in self._pack(room):
            yield f"objects/pack/{path.name}", path

    def _index(self, packed: Mapping[str, FileTraits]) -> bytes:
        pairs = (
            (entry, packed.get(self.packed_name(entry)) if entry.state is State.CLEAN else None)
            for entry in self.entries
        )
        return write_index(pairs, object_format=self.object_format)

    def _pack(self, room: Path) -> list[Path]:
        """Write the objects as a pack into a directory; return its files. Raise MachineError."""
        history = self._history()
        wanted = history + self._head_files() + self._directories(commits=history.count(b"\n"))
        if not wanted:
            return []
        # No search for deltas: it takes longer than the few bytes that it saves. Those of the repository are reused.
        options = ("-c", "pack.packSizeLimit=0", "-c", "pack.writeReverseIndex=false", "-c", "pack.indexVersion=2")
        command = (*options, "pack-objects", "-q", "--window=0", str(room / "pack"))
        self.git.ask(*command, given=wanted, must=True)
        return sorted(path for path in room.iterdir() if path.suffix in {".pack", ".idx"})

    def _history(self) -> bytes:
        """Return the names of all commits and tags, a line each."""
        tips = dict.fromkeys((self.head, *(reference.oid for reference in self.references)))
        command = ("--no-replace-objects", "rev-list", "--objects", "--filter=tree:0", "--missing=allow-any")
        given = "".join(f"{oid}\n" for oid in tips if oid).encode()
        return self.git.ask(*command, "--ignore-missing", "--stdin", given=given, must=True) if given else b""

    def _directories(self, *, commits: int) -> bytes:
        """Return the names of older versions of directories, a line each.

        With them git tells which commits changed a path (`log -- path`). Beyond the limits, only those of HEAD's
        parents: `git show -s` compares with them although it shows no change.
        """
        if not self.head:
            return b""
        command = ("rev-list", "--objects", "--filter=blob:none", "--missing=print")
        if commits <= MOST_COMMITS:
            listed = _present(self.git.ask(*command, self.head, must=True))
            if len(listed) <= commits + MOST_DIRECTORIES:
                return b"".join(listed)
        parents = self.git.ask("rev-parse", f"{self.head}^@").decode().split()
        return b"".join(_present(self.git.ask(*command, "--no-walk", *parents))) if parents else b""

    def _head_files(self) -> bytes:
        """Return the names of HEAD's directories and files, and of files in the index, a line each."""
        listed = b""
        if self.head:
            listed = self.git.ask("rev-list", "--objects", "--no-walk", "--missing=print", self.head, must=True)
        lines = {line[: len(self.head)]: line for line in _present(listed)}
        blobs = {entry.oid.encode(): entry for entry in self.entries if not entry.is_submodule}
        staged = self._sizes(blobs.keys() - lines.keys() - {line[1:] for line in listed.splitlines()})
        for oid in self._too_large(blobs):
            lines.pop(oid, None)
            staged.pop(oid, None)
        return b"".join((*lines.values(), *(oid + b"\n" for oid in staged)))

    def _too_large(self, blobs: Mapping[bytes, IndexEntry]) -> Iterable[bytes]:
        """Return the files outside of the project, if they are too large together to be carried along."""
        if not self.prefix:
            return ()
        inside = {entry.oid.encode() for entry in self.entries if self.packed_name(entry)}
        sizes = self._sizes(blobs.keys() - inside)
        return sizes if sum(sizes.values()) > MOST_OUTSIDE else ()

    def _sizes(self, oids: Iterable[bytes]) -> dict[bytes, int]:
        """Return the size in the repository of those objects that are there."""
        given = b"".join(oid + b"\n" for oid in sorted(oids))
        if not given:
            return {}
        asked = self.git.ask("cat-file", "--batch-check=%(objectname) %(objectsize:disk)", given=given)
        words = (line.split() for line in asked.splitlines())
        return {oid: int(size) for oid, size in (pair for pair in words if len(pair) == 2) if size.isdigit()}


def _present(listed: bytes) -> list[bytes]:
    """Return the lines of `rev-list --missing=print` about objects that are there."""
    return [line for line in listed.splitlines(keepends=True) if not line.startswith(b"?")]


def read_checkout(git: Git, place: str) -> Checkout | None:
    """Return the state of the checkout around git's directory; None outside of one. Raise MachineError.

    None as well for a directory that belongs to another project's repository, which ignores it.
    """
    prefix = git.prefix
    if prefix is None:
        return None
    top = git.at_top()
    status = ("status", "--porcelain", "-z", "--untracked-files=no", "--ignore-submodules=all", "--no-renames")
    entries = read_entries(top.ask("ls-files", "-s", "-v", "-z", must=True), top.ask(*status, must=True))
    start = os.fsencode(prefix) + b"/"
    if prefix and not any(entry.name.startswith(start) for entry in entries) and top.ask("check-ignore", prefix):
        return None
    own = read_pairs(top.ask("config", "--list", "--local", "--includes", "-z"))
    effective = read_pairs(top.ask("config", "--list", "-z"))
    head = top.ask("rev-parse", "--quiet", "--verify", "HEAD^{commit}").decode().strip()
    branch = os.fsdecode(top.ask("symbolic-ref", "--quiet", "HEAD").rstrip(b"\n"))
    return Checkout(
        git=top,
        place=place,
        prefix=prefix,
        head=head,
        branch=branch,
        references=tuple(_references(top, head, branch)),
        settings=for_cells(effective, own),
        object_format=dict(own).get("extensions.objectformat", "sha1"),
        files=tuple(_files(top, dict(effective))),
        entries=entries,
    )


def _references(git: Git, head: str, branch: str) -> Iterator[Reference]:
    """Yield all tags and replacements, the present branch, and branches that may be the detached HEAD's.

    No others: each fetch brings new ones, and what cells see is part of their cache keys.
    """
    form = "--format=%(objectname)%00%(refname)%00%(symref)"
    listed = git.ask("for-each-ref", form, "refs/tags", "refs/replace")
    if head:
        listed += git.ask("for-each-ref", form, f"--contains={head}", "refs/heads")
        listed += git.ask("for-each-ref", form, f"--points-at={head}", "refs/remotes")
    found = {}
    for line in listed.splitlines():
        oid, name, target = line.split(b"\0")
        found[name] = Reference(name=os.fsdecode(name), oid=oid.decode(), target=os.fsdecode(target))
    if head and branch:
        found[os.fsencode(branch)] = Reference(name=branch, oid=head)
    yield from (found[name] for name in sorted(found))


def _files(git: Git, settings: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Yield files of the repository's directory that decide git's answers."""
    common = git.directory / os.fsdecode(git.ask("rev-parse", "--git-common-dir").rstrip(b"\n"))
    for name in ("shallow", "info/attributes", "info/grafts"):
        data = _read(common / name)
        if data:
            yield name, data
    ignored = _read(common / "info/exclude") + _read(_users_ignores(git, settings))
    if ignored:
        yield "info/exclude", ignored


def _users_ignores(git: Git, settings: Mapping[str, str]) -> Path:
    if "core.excludesfile" in settings:
        return git.directory / os.fsdecode(git.ask("config", "--path", "core.excludesFile").rstrip(b"\n"))
    home = git.variables.get("HOME", "")
    configured = git.variables.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else "")
    return Path(configured, "git/ignore") if configured else Path(os.devnull)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
