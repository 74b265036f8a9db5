"""The revision of a project's files: the commit, whether what was packed is just that, and the remote's address."""

import os
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

import msgspec

from matrix_runner.project.git import Git
from matrix_runner.project.source_files import SourceSelection

_SCHEMES: Final = frozenset({"https", "http", "ssh", "git", "git+ssh", "git+https"})
"""Of addresses that are a place for others too. Others name a program or a directory of this machine."""


class SourceRevision(msgspec.Struct, frozen=True, kw_only=True):
    """The commit that a checkout is of.

    `is_clean`: whether every packed file is as the commit has it, and none is missing. `remote`: the address of the
    repository without login; "" if it has none for others. `directory`: the project's in the repository; "" for its
    top.
    """

    commit: str
    is_clean: bool
    remote: str = ""
    directory: str = ""


def source_revision(selection: SourceSelection, packed: Iterable[str]) -> SourceRevision | None:
    """Return the revision of a checkout; None without git, a commit, or for an unpacked sdist. Never raises.

    `packed`: the names of the packed files, relative to the project.
    """
    if selection.is_sdist:
        return None
    git = Git(selection.project, selection.environ)
    commit = git.ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}").decode("ascii", "replace").strip()
    if not commit:
        return None
    changed = git.ask("status", "--porcelain", "-z", "--untracked-files=no", "--ignore-submodules=none", "--", ".")
    listed = git.ask("ls-files", "-z", "--cached", "--recurse-submodules")
    tracked = {os.fsdecode(name) for name in listed.split(b"\0")}
    return SourceRevision(
        commit=commit,
        is_clean=not changed and tracked.issuperset(packed),
        remote=public_address(_remote(git)),
        directory=git.prefix or "",
    )


def public_address(address: str) -> str:
    """Return a remote's address without login, query and fragment; "" for one that is of this machine only."""
    host, colon, path = address.partition(":")
    if "://" not in address:
        # As ssh has it, `user@host:path`; a slash before the colon makes it a path (gitglossary, "git-clone").
        is_path = not colon or "/" in host or path.startswith(":")
        return "" if is_path else f"ssh://{host.rpartition('@')[2]}/{path.lstrip('/')}"
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    is_public = parts.scheme.lower() in _SCHEMES and parts.hostname
    return f"{parts.scheme.lower()}://{parts.hostname}{port}{parts.path}" if is_public else ""


def _remote(git: Git) -> str:
    """Return the address of `origin`, or of the only remote."""
    listed = git.ask("config", "-z", "--get-regexp", r"^remote\..*\.url$").split(b"\0")
    found = dict(os.fsdecode(entry).partition("\n")[::2] for entry in listed if entry)
    only = next(iter(found.values())) if len(found) == 1 else ""
    return found.get("remote.origin.url", only)
