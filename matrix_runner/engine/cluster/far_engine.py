"""The engines of a cluster's workers, as the machine sees them from which a run is started."""

from contextlib import AbstractContextManager

from matrix_runner.engine.api import (
    ANSWER_SECONDS,
    Container,
    ContainerSpec,
    EngineInfo,
    PersistentItem,
    ResolvedImage,
)
from matrix_runner.engine.cluster.dask_client import Cluster
from matrix_runner.engine.cluster.placement import Placement
from matrix_runner.engine.cluster.worker_engine import ImageQuestion, WorkerPlace, find_images
from matrix_runner.engine.hearing import Hearing
from matrix_runner.errors import EngineError
from matrix_runner.model.platforms import Arch


class FarEngine:
    """An engine that others drive: workers open the containers, prepare and prune what their own engines keep.

    From here it is asked for images, of which one worker, the chief, tells, and it is stopped.
    """

    def __init__(
        self, cluster: Cluster, place: WorkerPlace, placement: Placement, arch: Arch, info: EngineInfo
    ) -> None:
        """`arch`: of the cells; `info`: of the chief's engine at the start."""
        self._cluster = cluster
        self._place = place
        self._placement = placement
        self._arch = arch
        self._info = info

    @property
    def chief(self) -> str:
        """The address of the worker that tells of images: the first of the architecture. Raise EngineError for none."""
        able = self._placement.offers_of(self._arch)
        if not able:
            raise EngineError(f"no worker of the cluster is left that offers {self._arch}")
        return able[0].address

    @property
    def name(self) -> str:
        """The chief's."""
        return self._info.name

    @property
    def owner(self) -> str:
        """The cluster: its workers' engines have owners of their own."""
        return f"cluster {self._cluster.address}"

    def check(self, seconds: int = ANSWER_SECONDS) -> EngineInfo:
        """Return what the chief said of its engine at the start. Raise EngineError once the cluster is lost."""
        del seconds
        if not self._cluster.is_there:
            raise EngineError(f"the cluster's scheduler at {self._cluster.address} does not answer")
        return self._info

    def resolve(self, reference: str, arch: Arch, hearing: Hearing) -> ResolvedImage:
        """Return an image that the chief has. Raise EngineError: workers fetch what is missing."""
        del arch, hearing
        found = self.find(reference)
        if found is None:
            raise EngineError(f"{reference} is fetched by the cluster's workers")
        return found

    def find(self, reference: str) -> ResolvedImage | None:
        """Return an image of the chief's engine, None if it is missing."""
        chief = self.chief
        question = ImageQuestion(place=self._place, references=(reference,))
        found = self._cluster.ask_all(find_images, question, [chief])[chief]
        return None if isinstance(found, Exception) else found[0]

    def open(self, spec: ContainerSpec) -> AbstractContextManager[Container]:
        """Raise EngineError: a container is opened by the worker that runs its cell."""
        raise EngineError(f"the container of {spec.name} is opened by a worker of the cluster")

    def sweep(self) -> tuple[str, ...]:
        """Leave it to the workers."""
        return ()

    def abort(self) -> None:
        """End the run's work on all workers, which remove its containers."""
        self._cluster.cancel()

    def find_persistent_image(self, name: str) -> ResolvedImage | None:
        """Return None: workers know their own."""
        del name
        return None

    def persistent_items(self, *, sized: bool = True) -> tuple[PersistentItem, ...]:
        """Return nothing: workers keep and prune their own."""
        del sized
        return ()

    def remove_persistent(self, item: PersistentItem) -> None:
        """Remove nothing."""
        del item

    def close(self) -> None:
        """Do nothing: the cluster is closed as a whole."""
