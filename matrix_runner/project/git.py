"""What git knows of a project. Nothing of the repository is run: no hooks, no file-system monitor."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from matrix_runner.errors import MachineError


class Git:
    """Asks git about one project's directory."""

    def __init__(self, project: Path, environ: Mapping[str, str]) -> None:
        """`environ`: the caller's; what a git hook sets in it (GIT_DIR, GIT_INDEX_FILE) would speak of another tree."""
        self._project = project
        self._environ = {name: value for name, value in environ.items() if not name.startswith("GIT_")}

    def files(self) -> list[str] | None:
        """Return tracked files and untracked ones that are not ignored; None where git or a checkout is not there.

        Files of fetched submodules are among them. Raise MachineError if there is a checkout that git cannot list:
        packing what git does not know instead would take ignored files along.
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
        """Return when the last commit touched the project, in seconds since 1970; 0 if none did."""
        return int(self._ask("log", "-1", "--format=%ct", "--", ".") or 0)

    def state(self) -> bytes:
        """Return what of the repository a build can see: branches, tags, where HEAD is, what is in the index.

        Not the files in `.git`: any `git status` rewrites some of them though nothing has changed.
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
        """Return what git says; nothing if it fails, unless it `must` not."""
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
