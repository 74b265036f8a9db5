"""Running the programs that an image build needs on this machine: mmdebstrap and apt-get."""

import shutil
import subprocess
import threading
from typing import Protocol

from matrix_runner.errors import MachineError

_TOLD = 12
"""The number of output lines shown of a failed command."""


class HostPrograms(Protocol):
    """A runner of programs on this machine that can be aborted."""

    def has(self, program: str) -> bool:
        """Whether the program is on the PATH."""
        ...

    def run(self, argv: tuple[str, ...], *, timeout: float, cwd: str | None = None) -> str:
        """Run a program to its end and return its standard output. Raise MachineError if it fails."""
        ...

    def abort(self) -> None:
        """Terminate running programs, from any thread, and refuse to start more."""
        ...


class MachinePrograms:
    """The runner of real programs. `environ`: their environment."""

    def __init__(self, environ: dict[str, str]) -> None:
        self._environ = {**environ, "LC_ALL": "C.UTF-8"}
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._is_aborted = False

    def has(self, program: str) -> bool:
        """Whether the program is on the PATH."""
        return shutil.which(program, path=self._environ.get("PATH")) is not None

    def run(self, argv: tuple[str, ...], *, timeout: float, cwd: str | None = None) -> str:
        """Run a program to its end and return its standard output. Raise MachineError if it fails."""
        process = self._start(argv, cwd)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise MachineError(
                f"{argv[0]} did not finish in {timeout:.0f} s", hint="Is the mirror slow? `--mirror` names another."
            ) from None
        finally:
            with self._lock:
                self._running.discard(process)
            _end(process)
        if process.returncode != 0:
            told = "\n".join(f"    {line}" for line in (out + err).strip().splitlines()[-_TOLD:])
            raise MachineError(f"{argv[0]} ended with status {process.returncode}:\n{told}")
        return out

    def _start(self, argv: tuple[str, ...], cwd: str | None) -> subprocess.Popen[str]:
        with self._lock:
            if self._is_aborted:
                raise MachineError(f"{argv[0]} was not started: the run is being stopped")
            try:
                process = self._popen(argv, cwd)
            except OSError as error:
                raise MachineError(f"{argv[0]} cannot be started: {error}") from error
            self._running.add(process)
            return process

    def _popen(self, argv: tuple[str, ...], cwd: str | None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            argv,
            cwd=cwd,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )

    def abort(self) -> None:
        """Terminate running programs, from any thread, and refuse to start more."""
        with self._lock:
            self._is_aborted = True
            for process in self._running:
                process.terminate()


def _end(process: subprocess.Popen[str]) -> None:
    """Ensure the process has ended: SIGTERM first, on which mmdebstrap unmounts its mounts."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
    with process:  # waits, and closes its pipes
        pass
