"""How a cell's container is opened, and how the one in which an image was looked into becomes a cell's."""

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from matrix_runner.before_all.project_volumes import ProjectVolumes
from matrix_runner.before_all.registry import PreparedImage
from matrix_runner.config.options.run_options import CONTAINER_ENGINE, MEMORY
from matrix_runner.engine.api import Container, ContainerSpec, Engine, ResolvedImage
from matrix_runner.errors import MachineError
from matrix_runner.matrix import Job


def container_spec(
    job: Job, image: ResolvedImage, supplies: ProjectVolumes, prepared: PreparedImage | None = None
) -> ContainerSpec:
    """Return what to open for a job. `image`: the job's own; `prepared`: what `before-all` made of it, if it has."""
    return ContainerSpec(
        image=prepared.image if prepared else image.id,
        arch=job.cell.platform.arch,
        name=str(job.cell),
        memory=job.settings[MEMORY] or None,
        arguments=job.settings[CONTAINER_ENGINE].arguments,
        volumes=supplies.volumes(job, image),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _WarmContainer:
    """An open container. `closing`: what removes it."""

    spec: ContainerSpec
    container: Container
    closing: ExitStack


class WarmContainers:
    """Containers that were opened to look into an image, each kept for the cell that it is named after. Thread-safe.

    Opening one takes about half a second, closing it another tenth, and while images are looked into nothing else
    could use the processors (measured: 0.7 s of a cold run of 8.7).
    """

    def __init__(self, engine: Engine) -> None:
        """Open nothing yet."""
        self._engine = engine
        self._lock = threading.Lock()
        self._spares: dict[str, _WarmContainer] = {}

    @contextmanager
    def look(self, specs: Sequence[ContainerSpec]) -> Iterator[Container]:
        """Open a container and keep it for its cell when the context is left, unless by an error.

        `specs`: of which the first that can be opened is: what one cell asks for may be its own mistake. Raise
        EngineError, ImageError.
        """
        with ExitStack() as stack:
            spec, container = self._open_first(specs, stack)
            yield container
            spare = _WarmContainer(spec=spec, container=container, closing=stack.pop_all())
            with self._lock:
                self._spares[spec.name] = spare

    @contextmanager
    def open(self, spec: ContainerSpec) -> Iterator[Container]:
        """Open a cell's container, or take the one that was kept for it. Raise EngineError, ImageError."""
        with self._lock:
            spare = self._spares.pop(spec.name, None)
        if spare is not None and spare.spec == spec:
            with spare.closing:
                yield spare.container
            return
        if spare is not None:
            # It is of the image as it was before `before-all`.
            spare.closing.close()
        with self._engine.open(spec) as container:
            yield container

    def keep_only(self, names: Collection[str]) -> None:
        """Remove those whose cells need none. What cannot be removed now is left to the next sweep."""
        with self._lock:
            useless = [self._spares.pop(name) for name in tuple(self._spares) if name not in names]
        for spare in useless:
            with suppress(MachineError):
                spare.closing.close()

    def close(self) -> None:
        """Remove all that no cell has taken."""
        self.keep_only(())

    def _open_first(self, specs: Sequence[ContainerSpec], stack: ExitStack) -> tuple[ContainerSpec, Container]:
        for spec in specs[:-1]:
            with suppress(MachineError):
                return spec, stack.enter_context(self._engine.open(spec))
        return specs[-1], stack.enter_context(self._engine.open(specs[-1]))
