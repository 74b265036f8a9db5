"""What a run is asked to do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matrix_runner.catalog import Catalog
from matrix_runner.config.loading.settings import Settings
from matrix_runner.engine.api import Engine, EngineInfo
from matrix_runner.matrix import Host, Job, Plan
from matrix_runner.model.events import Listener


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildRequest:
    """What is to be built, of what, where to. `run`: the run's id. `scratch`: a directory for what is not kept.

    `project` is copied into the cells; `package`: the directory in it that is built, with `/`, "" for all of it.

    `workers`: cells at once. `runs_before_all`: False on a machine that is nobody's build image. `log_path`: where a
    job's log will be, as a person can open it. `host`: the machine that runs the cells, if that is known. `durations`:
    the file that remembers how long this project's cells take; None: nothing is remembered.
    `cache`: the directory of finished cells; None: none is taken or kept. `origin`: the directory, or the sdist, that
    is the project's from run to run; None: `project`.
    """

    run: str
    project: Path
    settings: Settings
    plan: Plan
    catalog: Catalog
    engine: Engine
    engine_info: EngineInfo
    workers: int
    environ: Mapping[str, str]
    output_dir: Path
    logs_dir: Path
    scratch: Path
    log_path: Callable[[Job], str]
    listeners: Sequence[Listener]
    host: Host | None = None
    runs_before_all: bool = True
    package: str = ""
    origin: Path | None = None
    durations: Path | None = None
    cache: Path | None = None

    @property
    def not_source(self) -> tuple[Path, ...]:
        """Directories that are never packed, wherever they are: what runs leave in them is no part of the project."""
        return (self.output_dir, self.logs_dir, *(() if self.cache is None else (self.cache,)))
