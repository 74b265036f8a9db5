"""The watcher of the local engine: a shell that removes directories and processes after the driver's death."""

import os
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from matrix_runner.errors import EngineError

MARK: Final = "MATRIX_RUNNER_CONTAINER"
"""Environment variable that every process of a container inherits, so that daemons are found whatever their session."""

# Each line read is the id of the session that runs now. At end of file the driver is gone or wants it so. Three rounds,
# because a process may fork while the list is walked. The -z: without it BusyBox reads up to the first NUL only.
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
    """Watches over one directory and the processes that carry `mark`.

    It removes both when it is let go, or when this process dies, even by SIGKILL: the kernel then closes the pipe.
    """

    def __init__(self, mark: str, directory: Path) -> None:
        """Raise EngineError if there is no `sh`."""
        try:
            # Without the mark, and in a session of its own: it must outlive what it kills.
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
        """Say which session runs now, None for none; return whether the watcher was still there to be told."""
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
        """Have everything killed and removed, without waiting for it. Idempotent, from any thread."""
        with self._lock, suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()

    def wait(self) -> None:
        """Return when everything is gone; call `let_go` first."""
        self._process.wait()
