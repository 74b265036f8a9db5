"""Surroundings of engines for tests: directories of their own, and this process's variables unless others are given."""

import os
from collections.abc import Mapping
from pathlib import Path

from matrix_runner.engine.surroundings import EngineSurroundings


def surroundings(directory: Path, environ: Mapping[str, str] | None = None) -> EngineSurroundings:
    """Return surroundings with `state` and `work` below a directory."""
    return EngineSurroundings(
        environ=os.environ if environ is None else environ, state_dir=directory / "state", work_dir=directory / "work"
    )
