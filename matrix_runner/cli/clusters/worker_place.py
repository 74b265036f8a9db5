"""The machine of a cluster's worker: its own directories, environment and engine."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from matrix_runner.cli.wiring.directories import scratch_dir, surroundings
from matrix_runner.config.kinds.values import EngineChoice
from matrix_runner.engine.api import Engine, EngineInfo
from matrix_runner.engine.selection import Patience, choose_container_engine

_PATIENCE: Final = Patience(seconds=5, say=lambda _: None)
"""Whoever starts a run is told within seconds which workers can take part."""


class OwnPlace(msgspec.Struct, frozen=True, kw_only=True):
    """`WorkerPlace` of the machine on which it is used. `choice`: of the engine there."""

    choice: EngineChoice

    def scratch(self) -> Path:
        """Return the directory for temporary files of runs. Raise MachineError for a user without a home directory."""
        return scratch_dir()

    def environ(self) -> Mapping[str, str]:
        """Return the worker's own environment."""
        return os.environ

    def open_engine(self, run: str) -> tuple[Engine, EngineInfo]:
        """Return the container engine that the worker's environment names. Raise MachineError."""
        found = choose_container_engine(self.choice, run, surroundings(), _PATIENCE)
        return found.engine, found.info
