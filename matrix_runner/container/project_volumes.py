"""A project's volumes for downloads and compiled code, shared by its cells from run to run.

Nothing is shared between projects. A project is its directory (or sdist), seen from one user, host and state directory:
its name in the metadata would not do, as anybody may call a project the same.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from matrix_runner.config.kinds.values import CompilerCache
from matrix_runner.config.options.build_options import BEFORE_ALL
from matrix_runner.config.options.cache_options import COMPILER_CACHE
from matrix_runner.digests import json_digest, text_digest
from matrix_runner.engine.api import ResolvedImage, Volume
from matrix_runner.matrix import Job
from matrix_runner.recipe.layout import Layout

LABEL_PROJECT: Final = "matrix-runner.project"
"""Path of the project, for people."""
LABEL_IDENTITY: Final = "matrix-runner.project-identity"
LABEL_PURPOSE: Final = "matrix-runner.purpose"
"""On a volume: its content, for people."""
_LAYOUT: Final = Layout(root="")
"""Targets of volumes are below a container's root, wherever that is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectVolumes:
    """The volumes of one project's cells. `run`: the run's id.

    `is_persistent`: False to share within this run only, from nothing, and to leave nothing (`no-cache`).
    """

    project: Path
    owner: str
    run: str
    is_persistent: bool = True

    @property
    def identity(self) -> str:
        """The project's: another directory, user, host or state directory is another project."""
        return text_digest(self.owner, str(self.project))[:16]

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """The labels of everything that the engine keeps of the project."""
        path = str(self.project).encode("utf-8", "replace").decode()
        return ((LABEL_PROJECT, path), (LABEL_IDENTITY, self.identity))

    def of(self, job: Job, image: ResolvedImage) -> tuple[Volume, ...]:
        """Return the volumes of a cell. `image`: the one it is built in, before `before-all`."""
        tool = job.settings[COMPILER_CACHE]
        volumes = [self._volume("downloads", _downloads_key(job, image), _LAYOUT.downloads)]
        if tool is not CompilerCache.NONE:
            volumes.append(self._volume(str(tool.value), str(job.cell.platform.arch), _LAYOUT.compiled))
        return tuple(volumes)

    def _volume(self, purpose: str, variant: str, target: str) -> Volume:
        name = f"matrix-runner-{purpose}-{self.identity}-{variant}"
        if not self.is_persistent:
            name = f"{name}-{self.run}"
        labels = (*self.labels, (LABEL_PURPOSE, purpose))
        return Volume(name=name, target=target, labels=labels, is_run_only=not self.is_persistent)


def _downloads_key(job: Job, image: ResolvedImage) -> str:
    """Return what cells must have in common to share downloads.

    Not only downloads are there: pip and uv keep the wheels that they build of sdists too, and tell `linux_x86_64` of
    one C library, or of one system, from no other. So the image must be the same, and what `before-all` adds to it.
    """
    parts = (image.id, str(job.cell.platform), job.settings[BEFORE_ALL])
    return json_digest(parts)[:12]
