"""What the cells of a project share from run to run: volumes for downloads and compiled code, prepared images.

Nothing is shared between projects. A project is its directory (or sdist), seen from one user, host and state directory:
its name in the metadata would not do, as anybody may call a project the same.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from matrix_runner.config.kinds.values import CompilerCache
from matrix_runner.config.options.build_options import BEFORE_ALL
from matrix_runner.config.options.cache_options import COMPILER_CACHE
from matrix_runner.engine.api import ImageMetadata, ResolvedImage, Volume
from matrix_runner.matrix import Job
from matrix_runner.probe.image_probe import ProbedImage
from matrix_runner.recipe.layout import Layout

LABEL_PROJECT: Final = "matrix-runner.project"
"""Path of the project, for people."""
LABEL_IDENTITY: Final = "matrix-runner.project-identity"
LABEL_SOURCE: Final = "matrix-runner.source"
"""On a prepared image: digest of the project's files in it."""
LABEL_BASE: Final = "matrix-runner.place"
"""On a prepared image: what it was made of."""
LABEL_PURPOSE: Final = "matrix-runner.purpose"
"""On a volume: what is in it, for people."""

PREPARED: Final = "matrix-runner/prepared"
"""Repository of prepared images; the tag is their key."""

_LAYOUT: Final = Layout(root="")
"""Targets of volumes are below a container's root, wherever that is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectVolumes:
    """What cells of one project get besides their image. `run`: the run's id.

    `is_kept`: False to share within this run only, from nothing, and to leave nothing (`no-cache`).
    """

    project: Path
    owner: str
    run: str
    is_kept: bool = True

    @property
    def identity(self) -> str:
        """The project's: another directory, user, host or state directory is another project."""
        return hashlib.sha256(f"{self.owner}\0{self.project}".encode("utf-8", "surrogateescape")).hexdigest()[:16]

    def volumes(self, job: Job, image: ResolvedImage) -> tuple[Volume, ...]:
        """Return the volumes of a cell. `image`: what it is built in, before `before-all`."""
        tool = job.settings[COMPILER_CACHE]
        volumes = [self._volume("downloads", _wheels_key(job, image), _LAYOUT.downloads)]
        if tool is not CompilerCache.NONE:
            volumes.append(self._volume(str(tool.value), str(job.cell.platform.arch), _LAYOUT.compiled))
        return tuple(volumes)

    def prepared(self, key: str, place: ProbedImage, source: str) -> ImageMetadata:
        """Return what the image is given that `before-all` made. `source`: digest of the project's files in it."""
        if not self.is_kept or not place.is_disposable:
            # Without a container `before-all` changes the machine, of which a copy of the cell's files has nothing.
            return ImageMetadata(name=None)
        labels = (*self._labels, (LABEL_SOURCE, source), (LABEL_BASE, place.reference))
        return ImageMetadata(name=prepared_name(key), labels=labels, replaces=True, is_persistent=True)

    def _volume(self, purpose: str, variant: str, target: str) -> Volume:
        name = f"matrix-runner-{purpose}-{self.identity}-{variant}"
        if not self.is_kept:
            name = f"{name}-{self.run}"
        return Volume(
            name=name, target=target, labels=(*self._labels, (LABEL_PURPOSE, purpose)), is_run_only=not self.is_kept
        )

    @property
    def _labels(self) -> tuple[tuple[str, str], ...]:
        path = str(self.project).encode("utf-8", "replace").decode()
        return ((LABEL_PROJECT, path), (LABEL_IDENTITY, self.identity))


def prepared_name(key: str) -> str:
    """Return the name of the prepared image of that key."""
    return f"{PREPARED}:{key[:32]}"


def _wheels_key(job: Job, image: ResolvedImage) -> str:
    """Return what cells must have in common to share downloads.

    Not only downloads are there: pip and uv keep the wheels that they build of sdists too, and tell `linux_x86_64` of
    one C library, or of one system, from no other. So the image must be the same, and what `before-all` adds to it.
    """
    parts = (image.id, str(job.cell.platform), job.settings[BEFORE_ALL])
    return hashlib.sha256(json.dumps(parts).encode("utf-8", "surrogateescape")).hexdigest()[:12]
