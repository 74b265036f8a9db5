"""The engine of a cluster's worker, as it is opened there; and the answers that workers give before a run begins."""

import importlib.metadata
import platform
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec.structs import replace

from matrix_runner import __version__
from matrix_runner.engine.api import Engine, EngineInfo, ResolvedImage
from matrix_runner.errors import MachineError


class WorkerPlace(Protocol):
    """A worker's machine as a run uses it. It travels to the workers, so it can be pickled, and holds nothing open."""

    def scratch(self) -> Path:
        """Return the directory there for temporary files of runs. Raise MachineError."""
        ...

    def environ(self) -> Mapping[str, str]:
        """Return the worker's own environment."""
        ...

    def open_engine(self, run: str) -> tuple[Engine, EngineInfo]:
        """Return the worker's engine, which has answered. `run`: unique. Raise MachineError."""
        ...


class Greeting(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's answer. `version`: of this program there. `engine`: its engine, or `problem`: why it has none.

    `python`, `dask`: the releases of Python and of Dask there, "" if it does not tell.
    """

    version: str
    engine: EngineInfo | None = None
    problem: str = ""
    python: str = ""
    dask: str = ""


def own_version() -> str:
    """Return this program's version. Runs where the scheduler does."""
    return __version__


def own_greeting() -> Greeting:
    """Tell of the programs here. Runs where the scheduler does, too, which has no engine."""
    try:
        dask = importlib.metadata.version("distributed")
    except importlib.metadata.PackageNotFoundError:
        dask = ""
    return Greeting(version=__version__, python=platform.python_version(), dask=dask)


def greet(place: WorkerPlace) -> Greeting:
    """Tell who this worker is. Runs on a worker."""
    own = own_greeting()
    try:
        engine, info = place.open_engine("greeting")
        engine.close()
    except MachineError as error:
        return replace(own, problem=error.message)
    return replace(own, engine=info)


class ImageQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Which of some images a worker's engine has."""

    place: WorkerPlace
    references: tuple[str, ...]


def find_images(question: ImageQuestion) -> tuple[ResolvedImage | None, ...]:
    """Return images of this worker's engine, None for each that is missing. Runs on a worker. Raise MachineError."""
    engine, _ = question.place.open_engine("question")
    with closing(engine):
        return tuple(map(engine.find, question.references))
