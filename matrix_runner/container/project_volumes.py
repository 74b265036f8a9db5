"""A project's volumes for downloads and compiled code, shared by its cells from run to run.

Nothing is shared between projects. A project is identified by its directory (or sdist), user, host and state directory.
The name in its metadata would not do, as several projects may have the same.
"""

from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from matrix_runner.config.kinds.values import Network, Sandbox
from matrix_runner.config.options.build_options import BEFORE_ALL
from matrix_runner.config.options.cache_options import COMPILER_CACHE
from matrix_runner.config.options.run_options import SANDBOX
from matrix_runner.container.portable_digest import portable_digest
from matrix_runner.digests import json_digest, text_digest
from matrix_runner.engine.api import ResolvedImage, Volume
from matrix_runner.matrix import Job
from matrix_runner.matrix.network_access import network_of
from matrix_runner.recipe.layout import Layout

LABEL_PROJECT: Final = "matrix-runner.project"
"""Path of the project, for display."""
LABEL_IDENTITY: Final = "matrix-runner.project-identity"
LABEL_PURPOSE: Final = "matrix-runner.purpose"
"""On a volume: its content, for display."""
_LAYOUT: Final = Layout(root="")
"""Targets of volumes are relative to a container's root."""


class ProjectVolumes(msgspec.Struct, frozen=True, kw_only=True):
    """The volumes of one project's cells. `run`: the run's id.

    `is_persistent`: False to share empty new volumes within this run only, and remove them afterwards (`no-cache`).
    `is_far`: whether the engine is on another machine, to which the source is sent once (`container.given_source`).
    """

    project: Path
    owner: str
    run: str
    is_persistent: bool = True
    is_far: bool = False

    @property
    def identity(self) -> str:
        """The project's identity; another directory, user, host or state directory is another project."""
        return text_digest(self.owner, str(self.project))[:16]

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """The labels of all persistent items of the project in the engine."""
        path = str(self.project).encode("utf-8", "replace").decode()
        return ((LABEL_PROJECT, path), (LABEL_IDENTITY, self.identity))

    def of(self, job: Job, image: ResolvedImage) -> tuple[Volume, ...]:
        """Return the volumes of a cell. `image`: the one in which it is built, before `before-all`."""
        tool = job.settings[COMPILER_CACHE]
        # Files of root and of the user of a strict sandbox do not mix: neither could change the other's.
        owner = "-strict" if job.settings[SANDBOX] is Sandbox.STRICT else ""
        is_parted = network_of(job.settings) is Network.BUILD_REQUIRES
        # Into those of other runs the project's own code can have put something.
        apart = "-fetched" if is_parted else ""
        volumes = [
            self._volume("downloads", _downloads_key(job, image) + owner + apart, _LAYOUT.downloads),
            # Bytecode is the same on all architectures, and recognised by the files that it was compiled from.
            self._volume("bytecode", f"all{owner}", _LAYOUT.bytecode),
        ]
        if is_parted:
            volumes.append(self._volume("fetched", f"all{owner}", _LAYOUT.fetched, is_run_only=True))
        if self.is_far:
            volumes.append(self._volume("given", f"all{owner}", _LAYOUT.given, is_run_only=True))
        if tool:
            volumes.append(self._volume(str(tool.name), f"{job.cell.platform.arch}{owner}", _LAYOUT.compiled))
        return tuple(volumes)

    def without_network(self, job: Job, image: ResolvedImage) -> tuple[Volume, ...]:
        """Return the volumes of the container that has no network: what is fetched comes in, and nothing goes out.

        Downloads are not there: what the project's code puts into them would be installed where there is a network.
        """
        volumes = (volume for volume in self.of(job, image) if volume.target != _LAYOUT.downloads)
        return tuple(replace(each, is_read_only=each.target == _LAYOUT.fetched) for each in volumes)

    def on_rung(self, job: Job, image: ResolvedImage, *, has_network: bool = True) -> tuple[Volume, ...]:
        """Return the volumes of a container in which the wheel is only tested: nothing is built there."""
        volumes = self.of(job, image) if has_network else self.without_network(job, image)
        return tuple(each for each in volumes if each.target in {_LAYOUT.downloads, _LAYOUT.fetched})

    def _volume(self, purpose: str, variant: str, target: str, *, is_run_only: bool = False) -> Volume:
        name = f"matrix-runner-{purpose}-{self.identity}-{variant}"
        is_run_only = is_run_only or not self.is_persistent
        if is_run_only:
            name = f"{name}-{self.run}"
        labels = (*self.labels, (LABEL_PURPOSE, purpose))
        return Volume(name=name, target=target, labels=labels, is_run_only=is_run_only)


def _downloads_key(job: Job, image: ResolvedImage) -> str:
    """Return the key that cells must have in common to share downloads.

    Not only downloads are shared: pip and uv also cache wheels that they build from sdists, and do not distinguish
    `linux_x86_64` wheels by C library or system. So the image must be the same, and the additions of `before-all`.
    """
    parts = (portable_digest(image), str(job.cell.platform), job.settings[BEFORE_ALL])
    return json_digest(parts)[:12]
