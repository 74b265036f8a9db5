"""The inputs behind a cell's cache key, collected from its job, image and the run. Pure."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec.structs import replace

from matrix_runner import __version__
from matrix_runner.catalog.constraints import load_constraints
from matrix_runner.config.create_args.container_arguments import MountKind
from matrix_runner.config.options.build_options import ENVIRONMENT_PASS
from matrix_runner.config.options.run_options import CONTAINER_ENGINE
from matrix_runner.config.options.test_options import TEST_ON
from matrix_runner.locking.lock_values import LOCK
from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell
from matrix_runner.probe.image_probe import ProbedImage
from matrix_runner.project.source_archive import SourceArchive, Survey
from matrix_runner.request import BuildInputs
from matrix_runner.store.cell_inputs import CellInputs, Named, SourceInputs, digest, key
from matrix_runner.workspace.needed_wheels import NeededWheel

_LEADER = "what is built by "
"""The name prefix of the input that stands for all inputs of another cell."""

NEEDED: Final = "wheel of "
"""The name prefix of the input that stands for a wheel of another package of the workspace."""


class SharedInputs(msgspec.Struct, frozen=True, kw_only=True):
    """The inputs common to all cells of a run.

    `epoch`: SOURCE_DATE_EPOCH. `package`: the directory to build. `pinned`: versions of our tools, as a constraints
    file. `sdist`: digest of the files of the sdist that wheels are built from, if the run makes one. `hashed`: the
    cells whose `build-constraints` have a hash on every line, which is no input but ends their age. `locked`: digests
    of what a lock holds cells to.
    """

    source: SourceInputs
    epoch: int
    package: str
    pinned: str
    environ: Mapping[str, str]
    hashed: frozenset[Cell] = frozenset()
    sdist: str | None = None
    locked: Mapping[Cell, str] = MappingProxyType({})

    @classmethod
    def of(cls, inputs: BuildInputs, source: Survey | SourceArchive, sdist: str | None = None) -> "SharedInputs":
        """Return the shared inputs of a build or an explanation: one owner, so that `runner explain` cannot drift."""
        return cls(
            source=SourceInputs.of(source.digests),
            epoch=source.epoch,
            package=inputs.package,
            pinned=load_constraints(),
            environ=inputs.environ,
            hashed=frozenset(job.cell for job in inputs.plan.jobs if inputs.has_hashes(job)),
            sdist=sdist,
            locked={job.cell: each.digest for job in inputs.plan.jobs if (each := inputs.cell_lock(job)) is not None},
        )


class StableAbiBuilder(msgspec.Struct, frozen=True, kw_only=True):
    """The cell whose stable-ABI wheel may serve this one too, with its cache key."""

    cell: str
    key: str


def why_not_cached(job: Job) -> str | None:
    """Return the reason why the cell cannot be cached, or None."""
    arguments = job.settings[CONTAINER_ENGINE].arguments
    mounted = [mount for mount in arguments.mounts if mount.kind is not MountKind.TMPFS]
    if arguments.binds or arguments.volumes_from or mounted:
        return "create-args mount something whose content cannot be seen from here"
    return None


def cell_inputs(
    job: Job,
    image: ProbedImage | CellInputs,
    shared: SharedInputs,
    leader: StableAbiBuilder | None,
    needed: Sequence[NeededWheel] = (),
) -> CellInputs:
    """Return everything that decides the cell's wheel and verdict.

    `image`: the cell's image; if it is unknown, the earlier inputs, whose image is assumed unchanged. `needed`: wheels
    of other packages of the workspace.
    """
    surroundings = {
        "cell": job.cell.local,
        "tool version": __version__,
        "constraints of this release": digest(shared.pinned),
        "SOURCE_DATE_EPOCH": str(shared.epoch),
        "package": shared.package or ".",
        "drop-in": "yes" if job.settings.is_drop_in else "no",
        "tests": "yes" if job.has_tests else "no",
        "check of the GIL": "yes" if job.checks_gil else "no",
    }
    if shared.sdist is not None:
        surroundings["sdist"] = shared.sdist
    if job.cell in shared.locked:
        surroundings[LOCK] = shared.locked[job.cell]
    if leader is not None:
        surroundings[f"{_LEADER}{leader.cell}"] = leader.key
    surroundings |= {f"{NEEDED}{wheel.project}": f"{wheel.path.name} {wheel.sha256}" for wheel in needed}
    if isinstance(image, ProbedImage):
        surroundings |= _of_image(job, image)
    else:
        names = {f"{TEST_ON.name} {rung.name}" for rung in job.rungs}
        before = (
            (name, value)
            for name, value in image.surroundings
            if (not name.startswith(_LEADER) or leader is None) and (not name.startswith(TEST_ON.name) or name in names)
        )
        surroundings = dict(before) | surroundings
    return CellInputs(
        source=shared.source,
        surroundings=tuple(sorted(surroundings.items())),
        options=_options(job),
        variables=_variables(job, shared.environ),
    )


def sdist_key(maker: Job, image: ProbedImage, shared: SharedInputs) -> str:
    """Return the key of all that decides the sdist. `maker`: the job in whose cell it is built."""
    inputs = cell_inputs(maker, image, replace(shared, sdist=None), None)
    return key(replace(inputs, surroundings=(*inputs.surroundings, ("product", "sdist"))))


def _of_image(job: Job, image: ProbedImage) -> dict[str, str]:
    facts = image.facts
    interpreter = facts.interpreter(job.directories)
    python = facts.to_install(job.directories) or job.directories[0]
    if interpreter is not None:
        python = f"{interpreter.directory} {interpreter.version} {','.join(sorted(interpreter.modules))}".rstrip()
    return {
        "image": image.image.id,
        "name of the image": "" if job.image is None else job.image.name,
        "interpreter": python,
        "platform tag": facts.plat or "",
        "PATH of the image": facts.path,
        **{f"tool {name}": version for name, version in facts.tools},
        **{f"{TEST_ON.name} {name}": identity for name, identity in image.rungs},
    }


def _options(job: Job) -> Named:
    """Return a digest of each option that can change the wheel or its verdict, according to the options table."""
    values = ((option, value) for option, value in job.settings.items() if option.affects_wheel)
    return tuple(
        sorted((option.name, digest((option.key_text or option.kind.write)(value))) for option, value in values)
    )


def _variables(job: Job, environ: Mapping[str, str]) -> Named:
    """Return a digest of each variable that containers get from the machine."""
    arguments = job.settings[CONTAINER_ENGINE].arguments
    names = {*job.settings[ENVIRONMENT_PASS], *(name for name, value in arguments.env if value is None)}
    return tuple((name, digest(environ[name])) for name in sorted(names) if name in environ)
