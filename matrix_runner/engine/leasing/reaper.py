"""The reaper: a process beside the run that ends with it, or, if the run is killed, removes what it has left.

A lifeline holds a container only from its start on: one that was created, and not started when its driver was killed,
would stay until the next run's sweep, and nothing says that there is one (measured: 1 of 50 SIGKILLs at random moments
with Docker 28 and containerd's store, and 1 of 17 with Podman 5). Snapshots and volumes have no lifeline at all.
"""

import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

_WAIT: Final = 'read -r _ || exec "$@"'
"""A line is a good end. The end of the input without one is a death: the kernel closes a pipe however its writer dies.

A shell waits, as it takes a millisecond to start and a megabyte: Python is started once there is something to do.
"""


class Reaper:
    """A waiting process. Without one, for want of processes or of a shell, the next run's sweep remains."""

    def __init__(self, argv: Sequence[str], environ: Mapping[str, str]) -> None:
        """Create it; nothing is started. `argv`: the command that removes what is left, in the directory `/`."""
        self._argv = tuple(argv)
        self._environ = dict(environ)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        with suppress(OSError):
            self._process = subprocess.Popen(
                ("/bin/sh", "-c", _WAIT, "matrix-runner-reaper", *self._argv),
                # A session of its own: what is typed at the run's terminal, or sent to its group, is not for it. And no
                # directory of the user's, from which Python would import modules.
                start_new_session=True,
                cwd="/",
                env=self._environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    def dismiss(self) -> None:
        """End it, as nothing is left. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(OSError):
                process.communicate(b"\n")
