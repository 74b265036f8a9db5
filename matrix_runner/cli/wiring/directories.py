"""The program's directories on this machine (state, cache, scratch, images), and the surroundings of its engines."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_cache_path, user_state_path

from matrix_runner.digests import text_digest
from matrix_runner.errors import MachineError

if TYPE_CHECKING:
    from matrix_runner.config.loading.settings import Settings
    from matrix_runner.engine.surroundings import EngineSurroundings

_NAME = "matrix-runner"


def state_dir() -> Path:
    """Return the directory for locks and leases, the same for all runs of a user."""
    return _of_home(user_state_path)


def scratch_dir() -> Path:
    """Return the directory for temporary files of runs. Not /tmp: that may be small, or memory."""
    return _of_home(user_cache_path) / "runs"


def private_directories() -> tuple[Path, ...]:
    """Return the program's own directories, which no source tree includes although a home directory may be one."""
    return state_dir(), _of_home(user_cache_path)


def image_dir() -> Path:
    """Return the permanent directory for materials of images made here: sources, compiled interpreters, logs."""
    return _of_home(user_cache_path) / "image"


def durations_file(project: str) -> Path:
    """Return the file with the durations of a project's cells. `project`: its name, or else its path."""
    return _of_home(user_cache_path) / "durations" / f"{text_digest(project)[:16]}.json"


def cache_dir(settings: "Settings") -> Path:
    """Return the configured directory of finished cells."""
    from matrix_runner.config.options.cache_options import CACHE_DIR

    return Path(settings[CACHE_DIR]).absolute() if settings[CACHE_DIR] else cells_dir()


def cells_dir() -> Path:
    """Return the default directory of finished cells."""
    return _of_home(user_cache_path) / "cells"


def _of_home(find: Callable[[str], Path]) -> Path:
    """Return the program's directory of a kind. Raise MachineError for a user without a home directory.

    This is common in containers. Newer releases of platformdirs raise RuntimeError then; older ones return a path that
    begins with `~`.
    """
    with suppress(RuntimeError):
        path = find(_NAME)
        if path.is_absolute():
            return path
    raise MachineError("this user has no home directory", hint="set HOME to a directory that can be written to")


def surroundings() -> "EngineSurroundings":
    """Return the surroundings of this process's engines. Raise MachineError for a user without a home directory."""
    from matrix_runner.engine.surroundings import EngineSurroundings

    return EngineSurroundings(environ=os.environ, state_dir=state_dir(), work_dir=scratch_dir() / "local")


def processors() -> int:
    """Return the number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0))
