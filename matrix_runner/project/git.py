"""Git queries about a project: files, commit time, repository state. Runs no hooks, no file-system monitor."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from matrix_runner.errors import MachineError


class Git:
    """Git queries about one project's directory."""

    def __init__(self, project: Path, environ: Mapping[str, str]) -> None:
        """`environ`: the caller's; git's own variables (GIT_DIR in a hook) may mean another tree, and are ignored."""
        self._project = project
        self._environ = {name: value for name, value in environ.items() if not name.startswith("GIT_")}

    def files(self) -> list[str] | None:
        """Return tracked files and untracked ones that are not ignored; None without git or outside a checkout.

        Includes files of fetched submodules. Raise MachineError if git cannot list a checkout: packing all files
        instead would include ignored ones.
        """
        if not self._ask("rev-parse", "--is-inside-work-tree").startswith(b"true"):
            return None
        tracked = self._ask("ls-files", "-z", "--cached", "--recurse-submodules", must=True)
        untracked = self._ask("ls-files", "-z", "--others", "--exclude-standard", must=True)
        names = [os.fsdecode(name) for name in (tracked + untracked).split(b"\0") if name]
        if not names:
            # A directory that its repository ignores, such as an unpacked sdist in build/.
            return None
        # Tracked files may be deleted in the work tree; untracked repositories end in a slash.
        return [name for name in names if not name.endswith("/") and os.path.lexists(self._project / name)]

    def commit_time(self) -> int:
        """Return the time of the last commit that touched the project, in seconds since 1970; 0 if there is none."""
        return int(self._ask("log", "-1", "--format=%ct", "--", ".") or 0)

    def state(self) -> bytes:
        """Return the repository's state as a build sees it: branches, tags, HEAD, index, local configuration.

        Not the files in `.git`: any `git status` rewrites some of them without a real change.
        """
        return b"\0".join(
            (
                self._ask("rev-parse", "HEAD"),
                self._ask("symbolic-ref", "--quiet", "HEAD"),
                self._ask("for-each-ref"),
                self._ask("ls-files", "--stage"),
                self._ask("config", "--list", "--local", "-z"),
            )
        )

    def _ask(self, *arguments: str, must: bool = False) -> bytes:
        """Return git's output; empty if it fails, unless it `must` not: then raise MachineError."""
        # The project, or the repository above it, may belong to another user, as a CI system's mount does.
        options = ("-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-C", str(self._project))
        try:
            result = subprocess.run(
                ("git", *options, *arguments),
                env=self._environ,
                capture_output=True,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except OSError:
            return b""
        if result.returncode == 0:
            return result.stdout
        if must:
            said = result.stderr.decode("utf-8", "replace").strip()
            raise MachineError(
                f"git cannot list the files of {self._project}: {said}",
                hint="`git ls-files` in the project must work; git 2.11 or later is needed",
            )
        return b""
