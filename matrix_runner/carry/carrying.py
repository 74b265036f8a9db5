"""Carrying of a run: whether it carries layers and volumes to other machines, under which scope, of which cells."""

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from matrix_runner.carry.carried_layers import CarriedLayers
from matrix_runner.carry.carried_volumes import CarriedVolumes
from matrix_runner.carry.scope import scope_of
from matrix_runner.config.kinds.values import CacheCarry
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.cache_options import CACHE_CARRY, CACHE_DIR, CACHE_REMOTE, CACHE_SCOPE
from matrix_runner.container.project_volumes import ProjectVolumes
from matrix_runner.matrix import Job
from matrix_runner.project.git import Git
from matrix_runner.redaction.run_secrets import confided
from matrix_runner.request import BuildInputs
from matrix_runner.store.carried_files import CarriedFiles
from matrix_runner.store.remote_store import Remote
from matrix_runner.store.store import Store


class Carrying(msgspec.Struct, frozen=True, kw_only=True):
    """What a run carries from and to other machines. `scope`: as of `scope_of`."""

    scope: str
    layers: CarriedLayers
    volumes: CarriedVolumes

    @classmethod
    def of(
        cls,
        inputs: BuildInputs,
        volumes: ProjectVolumes,
        staging: Path,
        remote: Remote | None,
        trouble: Callable[[str], None],
    ) -> "Carrying | None":
        """Return it for a run; None if nothing is carried. `staging`: a directory for copies.

        `trouble`: tells the user, from any thread.
        """
        if inputs.cache is None or not volumes.is_persistent or not is_wanted(inputs.settings):
            return None
        if any(job.image is None for job in inputs.plan.jobs):
            return None
        scope = scope_of(Git(inputs.project, inputs.environ), inputs.package, inputs.settings[CACHE_SCOPE])
        if scope is None:
            if inputs.settings[CACHE_CARRY] is not CacheCarry.AUTO:
                trouble("nothing is carried: the project is in no repository with a remote, and cache-scope names none")
            return None
        files = CarriedFiles(Store(inputs.cache), inputs.identity, remote)
        return cls(
            scope=scope,
            layers=CarriedLayers(files, staging, trouble),
            volumes=CarriedVolumes(files, scope, volumes, staging, trouble),
        )


def is_wanted(settings: Settings) -> bool:
    """Whether the settings ask for it."""
    choice = settings[CACHE_CARRY]
    if choice is CacheCarry.AUTO:
        return bool(settings[CACHE_DIR] or settings[CACHE_REMOTE])
    return choice is not CacheCarry.OFF


def may_carry_layer(job: Job, environ: Mapping[str, str]) -> bool:
    """Whether what the job's `before-all` adds may leave the machine: it can hold the value of any of its variables."""
    return job.settings[CACHE_CARRY] is CacheCarry.ALL or not confided(job.settings, environ)
