"""Settings of a package that rule out what its cells need of others of the workspace."""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from matrix_runner.config.kinds.values import Network
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.build_options import BUILD_CONSTRAINTS
from matrix_runner.config.options.lock_options import LOCKED
from matrix_runner.config.options.run_options import NETWORK
from matrix_runner.config.options.source_options import SDIST
from matrix_runner.matrix import Job
from matrix_runner.matrix.network_access import network_of
from matrix_runner.workspace.needs import Needs


class NeedyPackage(msgspec.Struct, frozen=True, kw_only=True):
    """A package whose cells may need others. `has_hashes`: whether a job's build is held to files by their hashes.

    `makes_sdist`: whether the run makes one of it.
    """

    settings: Settings
    jobs: Sequence[Job]
    is_locked: bool
    makes_sdist: bool
    has_hashes: Callable[[Job], bool]


def obstacles(of: NeedyPackage, needs: Needs) -> Iterator[str]:
    """Yield a sentence for each; none for a package that needs nothing. Raise ConfigError as `has_hashes` does."""
    jobs = [job for job in of.jobs if needs.of(job.cell)]
    if not jobs:
        return
    settings, package = of.settings, of.settings.package
    others = ", ".join(sorted({need.project for job in jobs for need in needs.of(job.cell)}))
    what = f"{package} needs {others} of this run"
    if of.is_locked:
        yield f"{what}, and {LOCKED} ({settings.origin(LOCKED)}) installs only files that were there before it"
    elif any(of.has_hashes(job) for job in jobs):
        yield f"{what}, and the hashes in {BUILD_CONSTRAINTS} are those of files that were there before it"
    if of.makes_sdist:
        yield f"{what}, and its sdist ({SDIST}: {settings.origin(SDIST)}) is made before any wheel"
    if any(network_of(job.settings) is Network.BUILD_REQUIRES for job in jobs):
        yield (
            f"{what}, and {NETWORK} = {Network.BUILD_REQUIRES} ({settings.origin(NETWORK)}) installs no code of a"
            " project where there is a network"
        )
