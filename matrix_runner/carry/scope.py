"""The scope of what is carried: the identity of a project that holds on every machine. Pure but for git's answer."""

import re
from typing import Final
from urllib.parse import urlsplit

from matrix_runner.digests import text_digest
from matrix_runner.project.git import Git

_SCP: Final = re.compile(r"(?:[^/@]+@)?(?P<host>[^/:]+):(?P<path>(?!//).+)")
"""git's short form of an address of SSH, `user@host:path` (git-clone(1))."""


def scope_of(git: Git, package: str, name: str) -> str | None:
    """Return the digest that names a project's carried files; None for one that cannot be told from others.

    `git`: of the project's directory. `package`: the package's directory in it. `name`: the option cache-scope, or "".
    """
    if name:
        return text_digest("name", name, package)
    address = git.ask("config", "--get", "remote.origin.url").decode("utf-8", "surrogateescape").strip()
    repository = repository_of(address)
    return None if repository is None else text_digest("repository", repository, git.prefix or "", package)


def repository_of(address: str) -> str | None:
    """Return `host/path` of a repository's address, alike for all ways to reach it; None for a path of this machine.

    User names and passwords are no part of it: a job's token differs from run to run.
    """
    if "://" in address:
        try:
            parts = urlsplit(address)
            host, path = parts.hostname or "", parts.path
        except ValueError:
            return None
    else:
        match = _SCP.fullmatch(address)
        if match is None:
            return None
        host, path = match["host"].lower(), match["path"]
    path = path.strip("/").removesuffix(".git")
    return f"{host}/{path}" if host and path else None
