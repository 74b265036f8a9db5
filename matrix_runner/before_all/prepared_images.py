"""The run's interface to `before-all`: sharing between cells, prepared images, snapshots, source updates."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from msgspec.structs import replace

from matrix_runner.archives import archive_of_bytes
from matrix_runner.before_all.prepared_key import PreparedKeys, unmatched_patterns
from matrix_runner.before_all.registry import BeforeAllPart, BeforeAllRegistry, PreparedImage
from matrix_runner.before_all.source_update import Put, source_digest, update_source, write_list
from matrix_runner.carry.carrying import Carrying, may_carry_layer
from matrix_runner.config.options.build_options import BEFORE_ALL
from matrix_runner.config.options.cache_options import BEFORE_ALL_INPUTS
from matrix_runner.config.options.source_options import SDIST
from matrix_runner.container.project_volumes import ProjectVolumes
from matrix_runner.container.variable_files import remove_variable_files
from matrix_runner.engine.api import Container, Engine, ImageMetadata
from matrix_runner.errors import MachineError
from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Failure
from matrix_runner.probe.image_probe import ProbedImage, image_key
from matrix_runner.project.source_archive import SourceArchive
from matrix_runner.recipe.layout import Layout

REPOSITORY: Final = "matrix-runner/prepared"
"""The repository of prepared images; the tag is the beginning of their key."""
LABEL_SOURCE: Final = "matrix-runner.source"
"""Digest of the project's files in a prepared image."""
LABEL_BASE: Final = "matrix-runner.place"
"""Reference of the base image of a prepared image."""


class PreparedImages:
    """Every `before-all` of a run: the cells that share it, the cell that runs it, its prepared image. Thread-safe.

    A cell calls `wait` once per attempt for its part. Cells whose `before-all` has equal keys share one image.
    """

    def __init__(
        self, keys: PreparedKeys, source: SourceArchive, volumes: ProjectVolumes, carrying: Carrying | None = None
    ) -> None:
        """Create it without jobs. `carrying`: None if nothing is carried."""
        self._keys = keys
        self._carried_keys = None if carrying is None else replace(keys, identity=f"carried {carrying.scope}")
        self._layers = None if carrying is None else carrying.layers
        self._layer_keys: dict[Cell, str] = {}
        self._source = source
        self._digest = source_digest(source.digests)
        self._volumes = volumes
        self._registry = BeforeAllRegistry()
        self._existing: dict[str, PreparedImage] = {}

    def expect(self, jobs: Sequence[Job]) -> None:
        """Add those of the jobs whose images are known, before one of them starts."""
        self._registry.expect(self._keys.of(jobs))
        if self._carried_keys is not None:
            carried = [job for job in jobs if may_carry_layer(job, self._keys.environ)]
            self._layer_keys.update(self._carried_keys.of(carried))

    def adopt_existing(self, engine: Engine, cells: Sequence[Cell]) -> None:
        """Find prepared images of earlier runs for cells, which replace running `before-all`.

        If the engine does not answer, every image is prepared anew, or its cells fail.
        """
        if not self._volumes.is_persistent:
            return
        for key, cell in {self._registry.key(cell): cell for cell in cells}.items():
            if key is None or self._registry.is_settled(key):
                continue
            try:
                found = self._image_of(engine, key) or self._layer_of(cell)
            except MachineError:
                break
            if found is not None:
                self._registry.adopt(key, found)
                self._existing[key] = found

    def _image_of(self, engine: Engine, key: str) -> PreparedImage | None:
        image = engine.find_persistent_image(image_name(key))
        if image is None:
            return None
        return PreparedImage(image=image.id, source=dict(image.labels).get(LABEL_SOURCE, ""), is_existing=True)

    def _layer_of(self, cell: Cell) -> PreparedImage | None:
        if self._layers is None or cell not in self._layer_keys:
            return None
        layer = self._layers.find(self._layer_keys[cell])
        return None if layer is None else PreparedImage(image=None, layer=layer, is_existing=True)

    def notices(self, cells: Sequence[Cell]) -> tuple[str, ...]:
        """Return a message for each image of an earlier run, with those of the cells that start from it."""
        lines = []
        for key in sorted(self._existing):
            named = [str(cell) for cell in cells if self._registry.key(cell) == key]
            if named:
                more = f" and {len(named) - 1} more" if named[1:] else ""
                image = self._existing[key].image
                origin = f"the image is {image_name(key)}" if image else "all that it added is put there"
                lines.append(f"before-all is not run for {named[0]}{more}: {origin}, of an earlier run")
        return tuple(lines)

    def group(self, job: Job) -> Hashable | None:
        """Return the group of the cells that wait for one `before-all`; None for a cell that need not wait.

        Where a job's image is not known yet, its text and the image's name stand for the key.
        """
        key = self._registry.key(job.cell)
        if key is None:
            return likely_group(job)
        return None if key in self._existing else key

    def may_start(self, job: Job) -> bool:
        """Whether the job need not wait for another cell's `before-all`; see `BeforeAllRegistry.claim`."""
        return self._registry.claim(job)

    def wait(self, job: Job, is_cancelled: Callable[[], bool]) -> BeforeAllPart:
        """Return the cell's part in its `before-all`, for one attempt."""
        return self._registry.wait(job, is_cancelled)

    def is_current(self, image: PreparedImage) -> bool:
        """Whether a prepared image has the current source."""
        return image.source == self._digest

    def bring_source(self, container: Container, put: Put, layout: Layout) -> None:
        """Update the source files in a container of a prepared image. Raise UnusableImage."""
        update_source(container, put, layout, self._source)

    @contextmanager
    def carried(self, job: Job, base: ProbedImage, container: Container) -> Iterator[None]:
        """Keep for other machines what the job's `before-all`, which is run in this context, adds to its container."""
        key = self._layer_keys.get(job.cell)
        packing = None if key is None or self._layers is None else self._layers.begin(container, base)
        yield
        if self._layers is not None and key is not None and packing is not None:
            self._layers.keep(key, packing)

    def is_wanted(self, job: Job, base: ProbedImage) -> bool:
        """Whether a snapshot serves anybody: another cell, the one of the sdist, or a later run.

        It is dear where the engine compresses each layer at once, as Docker does with containerd's store: 5 s in place
        of 1 for 140 MB (measured: 28.5, and 20.10 with overlay2).
        """
        key = self._key(job)
        has_others = self._registry.keys().count(key) > 1
        return has_others or job.settings[SDIST] or self._metadata(key, base).is_persistent

    def snapshot(self, job: Job, base: ProbedImage, container: Container, put: Put, layout: Layout) -> PreparedImage:
        """Snapshot a container after `before-all`, for other cells and, under a name, for later runs.

        The project's variables are removed from it first. `base`: the container's image. Raise EngineError.
        """
        remove_variable_files(container)
        metadata = self._metadata(self._key(job), base)
        if metadata.is_persistent:
            put(
                layout.matrix,
                archive_of_bytes("source-list", write_list(self._source.digests), time=self._source.newest),
            )
        return PreparedImage(image=container.snapshot(metadata), source=self._digest)

    def settle(self, job: Job, *, prepared: PreparedImage | None = None, failure: Failure | None = None) -> None:
        """Record the result of the cell's `before-all`; release waiting cells. `prepared`: None for the job's image."""
        self._registry.settle(job, prepared=prepared, failure=failure)

    def reject(self, job: Job, image: PreparedImage) -> None:
        """Reject an unusable image of an earlier run; this cell must prepare another."""
        self._registry.reject(job, image)
        self._existing.pop(self._key(job), None)

    def release(self, job: Job) -> None:
        """Record that the cell has ended, with any result."""
        self._registry.release(job)

    def names_in_use(self) -> frozenset[str]:
        """Return the names of this run's images, exempt from pruning."""
        return frozenset(map(image_name, self._registry.keys()))

    def _key(self, job: Job) -> str:
        key = self._registry.key(job.cell)
        if key is None:
            raise KeyError(job.cell)
        return key

    def _metadata(self, key: str, base: ProbedImage) -> ImageMetadata:
        if not self._volumes.is_persistent or not base.is_disposable:
            # Without a container `before-all` changes the machine itself, which a copy of the cell's files does not
            # include.
            return ImageMetadata(name=None)
        labels = (*self._volumes.labels, (LABEL_SOURCE, self._digest), (LABEL_BASE, base.reference))
        return ImageMetadata(name=image_name(key), labels=labels, replaces=True, is_persistent=True)


def likely_group(job: Job) -> Hashable | None:
    """Return the group of the cells that may share one `before-all`, by its text and the image's name; None without."""
    return (image_key(job), job.settings[BEFORE_ALL]) if job.settings[BEFORE_ALL] else None


def unmatched_inputs(jobs: Iterable[Job], source: SourceArchive) -> tuple[str, ...]:
    """Return the patterns of `before-all-inputs` that match no file of the project, each once."""
    return tuple(
        dict.fromkeys(
            pattern
            for patterns in dict.fromkeys(job.settings[BEFORE_ALL_INPUTS] for job in jobs)
            for pattern in unmatched_patterns(source.digests, patterns)
        )
    )


def image_name(key: str) -> str:
    """Return the name of the prepared image with a key."""
    return f"{REPOSITORY}:{key[:32]}"
