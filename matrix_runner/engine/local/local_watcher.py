"""The watcher of the local engine: a shell that removes directories and processes after the driver's death."""

import os
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from matrix_runner.errors import EngineError

MARK: Final = "MATRIX_RUNNER_CONTAINER"
"""Environment variable that every process of a container inherits, to find daemons in any session."""

# Each input line is the id of the session that runs now. End of file means the driver's death or its request. Three
# rounds, because a process may fork during the walk through the list. The -z: without it BusyBox reads up to the first
# NUL only.
_SCRIPT: Final = r"""
trap '' HUP INT TERM
session=none
while read -r line; do session=$line; done
for round in 1 2 3; do
  for dir in /proc/[0-9]*; do
    { read -r stat <"$dir/stat"; } 2>/dev/null || continue
    set -- "$1" "$2" ${stat##*) }
    [ "$6" = "$session" ] && kill -KILL "${dir#/proc/}" 2>/dev/null
  done
  for file in $(grep -Flsxz -- "$1" /proc/[0-9]*/environ 2>/dev/null); do
    pid=${file#/proc/}
    kill -KILL "${pid%/environ}" 2>/dev/null
  done
done
rm -rf -- "$2" 2>/dev/null || { chmod -R u+rwX -- "$2"; rm -rf -- "$2"; } 2>/dev/null
"""


class Watcher:
    """Watches one directory and the processes with `mark` in their environment.

    It removes both after `let_go`, or when this process dies, even by SIGKILL: the kernel then closes the pipe.
    """

    def __init__(self, mark: str, directory: Path) -> None:
        """Start the shell. Raise EngineError if there is no `sh`."""
        try:
            # Without the mark, and in a session of its own: it must outlive the processes that it kills.
            self._process = subprocess.Popen(
                ("/bin/sh", "-c", _SCRIPT, "sh", f"{MARK}={mark}", str(directory)),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                env={"PATH": os.defpath, "LC_ALL": "C"},
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise EngineError(f"cannot start /bin/sh to watch over commands: {error}") from error
        self._lock = threading.Lock()

    def watch(self, session: int | None) -> bool:
        """Report the session that runs now, None for none; return whether the watcher is still alive."""
        with self._lock:
            pipe = self._process.stdin
            if pipe is None or pipe.closed:
                return False
            try:
                pipe.write(f"{session or 'none'}\n".encode())
            except OSError:
                return False
            return True

    def let_go(self) -> None:
        """Start the killing and removal, without waiting for the end. Idempotent, from any thread."""
        with self._lock, suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()

    def wait(self) -> None:
        """Wait for the end of the removal; call `let_go` first."""
        self._process.wait()
