"""Git's index: entries as a repository lists them, and the file of format 2 or 3 that holds them (gitformat-index)."""

import hashlib
import struct
from collections.abc import Iterable
from enum import Enum
from typing import Final

import msgspec

_GITLINK: Final = 0o160000
_ASSUME_VALID, _EXTENDED, _LONGEST_NAME = 0x8000, 0x4000, 0xFFF
_SKIP_WORKTREE, _INTENT_TO_ADD = 0x4000, 0x2000


class State(Enum):
    """The relation of an index entry to its file, as git sees it on this machine."""

    CLEAN = "clean"
    MODIFIED = "modified"
    """Or deleted."""
    ADDED = "added"
    """Intended to be added (`git add -N`)."""
    SKIPPED = "skipped"
    """Not checked out, as in a sparse checkout."""
    ASSUMED = "assumed"
    """Taken for clean whatever the file is (`git update-index --assume-unchanged`)."""


class IndexEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry. `name`: relative to the top of the work tree, as bytes. `stage`: 0, or 1 to 3 in a conflict."""

    name: bytes
    mode: int
    oid: str
    stage: int
    state: State

    @property
    def is_submodule(self) -> bool:
        """Whether it stands for a submodule's commit."""
        return self.mode == _GITLINK


class FileTraits(msgspec.Struct, frozen=True, kw_only=True):
    """The traits of a packed file by which git recognises that it is unchanged. `time`: seconds since 1970."""

    time: int
    size: int


def read_entries(listed: bytes, status: bytes) -> tuple[IndexEntry, ...]:
    """Return the entries from the output of `ls-files -s -v -z` and `status --porcelain -z` at the top."""
    columns = {line[3:]: line[1:2] for line in status.split(b"\0") if len(line) > 3}
    entries = []
    for line in listed.split(b"\0"):
        if not line:
            continue
        facts, _, name = line.partition(b"\t")
        tag, mode, oid, stage = facts.decode("ascii").split(" ")
        state = _state(tag, columns.get(name, b" "))
        entries.append(IndexEntry(name=name, mode=int(mode, 8), oid=oid, stage=int(stage), state=state))
    return tuple(sorted(entries, key=lambda entry: (entry.name, entry.stage)))


def _state(tag: str, column: bytes) -> State:
    if tag in {"S", "s"}:
        return State.SKIPPED
    if tag.islower():
        return State.ASSUMED
    match column:
        case b" ":
            return State.CLEAN
        case b"A":
            return State.ADDED
        case _:
            return State.MODIFIED


def write_index(pairs: Iterable[tuple[IndexEntry, FileTraits | None]], *, object_format: str) -> bytes:
    """Return the content of the index file. `pairs`: sorted entries, with the traits of those that are unchanged files.

    Git compares times and sizes only, if `core.checkStat` is `minimal`; an entry without traits is compared by content.
    """
    written = [_entry(entry, traits) for entry, traits in pairs]
    version = 3 if any(is_extended for _, is_extended in written) else 2
    body = struct.pack(">4sII", b"DIRC", version, len(written)) + b"".join(data for data, _ in written)
    return body + hashlib.new(object_format, body, usedforsecurity=False).digest()


def _entry(entry: IndexEntry, traits: FileTraits | None) -> tuple[bytes, bool]:
    further = {State.SKIPPED: _SKIP_WORKTREE, State.ADDED: _INTENT_TO_ADD}.get(entry.state, 0)
    flags = min(len(entry.name), _LONGEST_NAME) | entry.stage << 12
    flags |= _ASSUME_VALID if entry.state is State.ASSUMED else 0
    flags |= _EXTENDED if further else 0
    time, size = (traits.time & 0xFFFFFFFF, traits.size & 0xFFFFFFFF) if traits else (0, 0)
    data = struct.pack(">10I", time, 0, time, 0, 0, 0, entry.mode, 0, 0, size)
    data += bytes.fromhex(entry.oid) + struct.pack(">H", flags)
    data += struct.pack(">H", further) if further else b""
    data += entry.name
    return data + bytes(8 - len(data) % 8), bool(further)
