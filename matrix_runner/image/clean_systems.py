"""Clean systems that wheels are tested on (`test-on`), made from Debian packages: a minimal one, and its Python."""

import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import msgspec
from filelock import FileLock

from matrix_runner.catalog import Catalog, MadeSystem, load
from matrix_runner.engine.api import ImageMetadata, ImageStore, ResolvedImage
from matrix_runner.errors import UsageError
from matrix_runner.image.build_progress import BuildProgress, Stage
from matrix_runner.image.debian_sources import find_mirror, make_root, require_programs
from matrix_runner.image.image_builder import SCRATCH, ImageBuilder, remove_scraps
from matrix_runner.image.image_recipe import Root
from matrix_runner.matrix import Job
from matrix_runner.model.platforms import Arch

LABEL: Final = "matrix-runner.image.system"
"""The digest of what it was made from."""


class SystemRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A clean system for an architecture that it exists for."""

    system: MadeSystem
    arch: Arch

    @property
    def name(self) -> str:
        """The name of its image, without a tag."""
        return self.system.reference(self.arch)

    @property
    def root(self) -> Root:
        """All that it is made from."""
        return Root(
            tag=f"{self.system.name} {self.arch}",
            arch=self.arch,
            debian_arch=dict(self.system.architectures)[self.arch],
            suite=self.system.suite,
            packages=self.system.packages,
            is_unpacked=False,
            sources=(),
            steps=(),
            environment=(),
        )


def systems_of(jobs: Iterable[Job], catalog: Catalog) -> tuple[SystemRequest, ...]:
    """Return the systems that are made here and that the jobs' wheels are tested on, each once."""
    archs = ((job.cell.platform.arch, rung.name) for job in jobs for rung in job.rungs if rung.is_made_here)
    found = ((catalog.system(name, arch), arch) for arch, name in dict.fromkeys(archs))
    return tuple(SystemRequest(system=system, arch=arch) for system, arch in found if system is not None)


def asked_systems(names: tuple[str, ...], archs: tuple[Arch, ...]) -> tuple[SystemRequest, ...]:
    """Return the systems that a user names, for those of the architectures that they exist for; none for other names.

    Raise UsageError for a system beside other names, or one without any of the architectures.
    """
    catalog = load()
    known = {system.name for system in catalog.systems}
    if known.isdisjoint(names):
        return ()
    if not known.issuperset(names):
        raise UsageError(
            "clean systems and cells are made by a command each", hint=f"There are: {', '.join(sorted(known))}."
        )
    found = ((catalog.system(name, arch), arch) for name in names for arch in archs)
    requests = tuple(SystemRequest(system=system, arch=arch) for system, arch in found if system is not None)
    if not requests:
        raise UsageError(f"{', '.join(names)} cannot be made for {', '.join(map(str, archs))}")
    return requests


def ensure_systems(
    requests: Iterable[SystemRequest],
    builder: ImageBuilder,
    on_notice: Callable[[str], None],
    *,
    rebuild: bool = False,
) -> tuple[ResolvedImage, ...]:
    """Make those systems that are missing, or that a newer recipe makes of something else; return all.

    Raise MachineError.
    """
    wanted = tuple({request.name: request for request in requests}.values())
    present = made_systems(builder.engine) if wanted else {}
    if rebuild or not all(_is_current(request, present) for request in wanted):
        builder.cache.mkdir(parents=True, exist_ok=True)
        with FileLock(builder.cache / "lock"):  # a second process finds them made
            remove_scraps(builder)
            present = made_systems(builder.engine)
            todo = tuple(request for request in wanted if rebuild or not _is_current(request, present))
            _make_all(todo, builder, on_notice)
        present = made_systems(builder.engine)
    return tuple(present[request.name] for request in wanted)


def _make_all(todo: tuple[SystemRequest, ...], builder: ImageBuilder, on_notice: Callable[[str], None]) -> None:
    if not todo:
        return
    require_programs(builder.host)
    on_notice(f"making {' and '.join(request.root.tag for request in todo)} to test wheels on, which is done once")
    # Most of the time goes by in the setting up of packages, by one process each.
    pool = ThreadPoolExecutor(max(builder.workers, 1), thread_name_prefix="system")
    try:
        for future in [pool.submit(_make, request, builder) for request in todo]:
            future.result()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        builder.host.abort()
        builder.engine.abort()
        raise
    finally:
        pool.shutdown()


def made_systems(store: ImageStore) -> dict[str, ResolvedImage]:
    """Return the systems that were made here, by the names of their images. Raise EngineError."""
    names = {system.reference(arch) for system in load().systems for arch, _ in system.architectures}
    # Images that are derived from them inherit the label.
    found = ((image.reference.removesuffix(":latest"), image) for image in store.images(LABEL))
    return {name: image for name, image in found if name in names}


def _is_current(request: SystemRequest, present: dict[str, ResolvedImage]) -> bool:
    image = present.get(request.name)
    return image is not None and dict(image.labels)[LABEL] == request.root.digest


def _make(request: SystemRequest, builder: ImageBuilder) -> None:
    started, root = time.monotonic(), request.root
    labels = ((LABEL, root.digest),)
    metadata = ImageMetadata(name=f"{request.name}:latest", labels=labels, replaces=True)
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=builder.cache) as scratch:
        archive = Path(scratch) / f"{root.debian_arch}.tar"
        make_root(root, find_mirror(builder.host, builder.mirror), builder.host, archive)
        builder.engine.import_root(archive, root.arch, metadata)
    seconds = time.monotonic() - started
    builder.on_progress(BuildProgress(tag=root.tag, part="system", stage=Stage.FETCHED, seconds=seconds))
