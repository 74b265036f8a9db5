"""The Docker engine, without the SDK: containers, images, sweeping, abort, over `daemon.Daemon`."""

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import certifi
from msgspec.structs import replace

from matrix_runner.archives import archive_of_bytes
from matrix_runner.engine.api import (
    ANSWER_SECONDS,
    Container,
    ContainerSpec,
    EngineInfo,
    ImageMetadata,
    PersistentItem,
    ResolvedImage,
)
from matrix_runner.engine.docker.daemon import Connect, Creation, Daemon, ImageConfig, StoredImage
from matrix_runner.engine.docker.daemon_errors import NoProcessLimit
from matrix_runner.engine.docker.docker_container import DockerContainer, Identity, container_name
from matrix_runner.engine.docker.docker_persistent import DockerPersistent, remove_containers, told_by_run
from matrix_runner.engine.docker.endpoint import Product
from matrix_runner.engine.docker.image_pull import BACK_OFF, Attempts, fetch_image
from matrix_runner.engine.docker.worker_shell import pid_1_argv
from matrix_runner.engine.hearing import Hearing
from matrix_runner.engine.last_uses import LastUses
from matrix_runner.engine.leasing.leases import LABEL_CELL, LABEL_OWNER, LABEL_RUN, LABEL_SNAPSHOT, Leases
from matrix_runner.engine.proxies import CA_IN_CONTAINER, ca_bundle, network_env
from matrix_runner.engine.surroundings import EngineSurroundings
from matrix_runner.errors import EngineError, ImageError, MachineError
from matrix_runner.model.platforms import Arch

_START_SECONDS: Final = 180.0


class DaemonEngine:
    """`api.Engine` and `api.ImageStore`, with separate connections for each container and each call.

    The SDK's clients are not guaranteed to be thread-safe, and over a unix socket a connection costs nothing.
    """

    def __init__(
        self,
        *,
        run: str,
        surroundings: EngineSurroundings,
        connect: Connect,
        back_off: tuple[float, ...] = BACK_OFF,
        product: Product = Product.DOCKER,
    ) -> None:
        """`run`: the run's id. `back_off`: seconds before each further attempt to fetch an image."""
        environ, state_dir = surroundings.environ, surroundings.state_dir
        self._run = run
        self._product = product
        self._connect = connect
        self._leases = Leases(state_dir, run)
        own = ca_bundle(environ)
        self._ca = own or Path(certifi.where())
        self._environ = environ
        self._network_env = network_env(environ, CA_IN_CONTAINER if own else None)
        self._persistent = DockerPersistent(self._leases, LastUses(state_dir / "uses" / product.value))
        self._guard = threading.Lock()
        self._open: dict[str, DockerContainer] = {}
        self._aborted = threading.Event()
        self._attempts = Attempts(connect=connect, aborted=self._aborted, back_off=back_off)
        self._machine: str | None = None

    @property
    def name(self) -> str:
        """`docker` or `podman`."""
        return self._product.value

    @property
    def owner(self) -> str:
        """This user, on this host, with this state directory."""
        return self._leases.owner

    def check(self, seconds: int = ANSWER_SECONDS) -> EngineInfo:
        """Query the daemon's description. `seconds`: limit for each answer."""
        with self._connection(seconds) as daemon:
            info = daemon.info()
        self._machine = info.machine
        return info

    def resolve(self, reference: str, arch: Arch, hearing: Hearing) -> ResolvedImage:
        """Return an image of the store; fetch a missing one, with a few attempts."""
        with self._connection() as daemon:
            stored = daemon.image(reference)
            if stored is None:
                hearing.on_notice(f"fetching the image {reference}")
                fetch_image(reference, arch, hearing, self._attempts)
                stored = daemon.image(reference)
        return _present(stored, reference).image

    def find(self, reference: str) -> ResolvedImage | None:
        """Return an image of the daemon's store, None if it is missing; fetches nothing."""
        with self._connection() as daemon:
            stored = daemon.image(reference)
        return None if stored is None else stored.image

    @contextlib.contextmanager
    def open(self, spec: ContainerSpec) -> Iterator[Container]:
        """Start a container, and remove it when the context is left."""
        container = self._launched(spec)
        try:
            folder, _, name = CA_IN_CONTAINER.rpartition("/")
            container.put(folder, archive_of_bytes(name, self._ca.read_bytes()))
            yield container
        except MachineError as error:
            if self._aborted.is_set():
                raise EngineError(f"{spec.name} was stopped with its run") from error
            raise
        finally:
            self._put_away(container)

    def _launched(self, spec: ContainerSpec) -> DockerContainer:
        container = self._create(spec)
        try:
            container.launch(_START_SECONDS)
        except BaseException as error:
            self._put_away(container)
            given = spec.arguments
            if isinstance(error, NoProcessLimit) and given.pids_limit is None and given.usual_pids_limit is not None:
                return self._launched(replace(spec, arguments=replace(given, usual_pids_limit=None)))
            if isinstance(error, MachineError) and self._aborted.is_set():
                raise EngineError(f"{spec.name} was stopped with its run") from error
            raise
        return container

    def _put_away(self, container: DockerContainer) -> None:
        try:
            container.release()
        finally:
            with self._guard:
                self._open.pop(container.id, None)

    def sweep(self) -> tuple[str, ...]:
        """Remove containers, snapshots and volumes of this owner's dead runs, but nothing persistent."""
        owner = self._leases.owner
        with self._connection() as daemon:
            containers = remove_containers(daemon, f"{LABEL_OWNER}={owner}", self._is_dead)
            images = []
            for image in daemon.images(LABEL_SNAPSHOT):
                labels = dict(image.labels)
                if labels.get(LABEL_OWNER) == owner and self._is_dead(labels.get(LABEL_SNAPSHOT, "")):
                    images.append((image, labels[LABEL_SNAPSHOT]))
                    daemon.remove_image(image.id, force=True)
            volumes = self._persistent.sweep(daemon, self._is_dead)
        removed = told_by_run([one.run for one in containers], [run for _, run in images], volumes)
        for run in removed:
            self._leases.forget(run)
        self._leases.prune(time.time())
        return tuple(f"removed what the dead run {run} left behind: {what}" for run, what in removed.items())

    def abort(self) -> None:
        """Kill every open container and refuse to open more.

        All lifelines are cut first, which takes no time and is sufficient; the removals then run in parallel.
        """
        self._aborted.set()
        with self._guard:
            containers = tuple(self._open.values())
        for container in containers:
            container.hang_up()
        if containers:
            with ThreadPoolExecutor(max_workers=len(containers)) as pool:
                for done in [pool.submit(container.kill) for container in containers]:
                    with contextlib.suppress(MachineError):
                        done.result()

    def close(self) -> None:
        """Remove this run's snapshots, volumes, and containers that a restart left; release its lease."""
        self.abort()
        if self._leases.is_held:
            with self._connection() as daemon:
                owned = f"{LABEL_OWNER}={self._leases.owner}"
                remove_containers(daemon, owned, lambda run: run == self._run)
                for image in daemon.images(f"{LABEL_SNAPSHOT}={self._run}"):
                    daemon.remove_image(image.id, force=True)
                self._persistent.remove_volumes_of(daemon, self._run)
        self._leases.release()

    def find_persistent_image(self, name: str) -> ResolvedImage | None:
        """Return this owner's persistent image of the name, or None, and record its use."""
        with self._connection() as daemon:
            return self._persistent.find_image(daemon, name)

    def persistent_items(self, *, sized: bool = True) -> tuple[PersistentItem, ...]:
        """Return the persistent images and volumes of this owner."""
        with self._connection() as daemon:
            return self._persistent.items(daemon, sized=sized)

    def remove_persistent(self, item: PersistentItem) -> None:
        """Remove a persistent image or volume; a missing one is no error."""
        with self._connection() as daemon:
            self._persistent.remove(daemon, item)

    def import_root(self, archive: Path, arch: Arch, metadata: ImageMetadata) -> str:
        """Make an image of a tar file with a root filesystem; return its id.

        `arch` is not recorded: `docker import --platform` is ignored by 20.10 (measured), so nothing may rely on it.
        """
        del arch
        self._leases.hold()
        labels = metadata.labels if metadata.name is not None else (*metadata.labels, *self._snapshot_labels())
        config = ImageConfig(
            name=metadata.name, labels=labels, env=metadata.env, entrypoint=metadata.entrypoint or (), command=()
        )
        with self._connection() as daemon:
            return daemon.import_root(archive, config)

    def images(self, label: str) -> tuple[ResolvedImage, ...]:
        """Return the images that carry the label."""
        with self._connection() as daemon:
            return daemon.images(label)

    def remove_image(self, reference: str) -> None:
        """Remove an image; a missing one is no error."""
        with self._connection() as daemon:
            daemon.remove_image(reference, force=False)

    def _create(self, spec: ContainerSpec) -> DockerContainer:
        self._leases.hold()
        labels = ((LABEL_RUN, self._run), (LABEL_OWNER, self._leases.owner), (LABEL_CELL, spec.name))
        name = container_name(spec.name)
        daemon, spare = self._connect(None), self._connect(None)
        try:
            stored = _present(daemon.image(spec.image), spec.image)
            argv = pid_1_argv(linux32=self._needs_linux32(spec.arch))
            self._refuse_if_aborted(spec)
            creation = Creation(
                image=spec.image,
                name=name,
                argv=argv,
                labels=labels,
                memory=spec.memory,
                arguments=spec.arguments,
                volumes=self._persistent.make_volumes(daemon, spec.volumes, self._run),
            )
            identity = Identity(
                id=daemon.create(creation),
                name=name,
                image=stored,
                env=(*self._network_env, *self._argument_env(spec), *spec.env),
                prefix=argv[:1] if self._needs_linux32(spec.arch) else (),
                snapshot_labels=self._snapshot_labels(),
                persistent_labels=self._persistent.image_labels(),
            )
        except BaseException:
            daemon.close()
            spare.close()
            raise
        container = DockerContainer(identity, daemon, spare)
        with self._guard:
            self._open[container.id] = container
        try:
            self._refuse_if_aborted(spec)
        except EngineError:
            container.release()
            raise
        return container

    def _refuse_if_aborted(self, spec: ContainerSpec) -> None:
        if self._aborted.is_set():
            raise EngineError(f"{spec.name} is not started any more: the run is being stopped")

    def _needs_linux32(self, arch: Arch) -> bool:
        if not arch.needs_linux32:
            return False
        machine = Arch.of_machine(self._machine or self.check().machine)
        return machine is None or machine is arch.wider

    def _argument_env(self, spec: ContainerSpec) -> tuple[tuple[str, str], ...]:
        """Return the variables of `create-args`, for commands: snapshots would include those of the container."""
        pairs = ((name, self._environ.get(name) if value is None else value) for name, value in spec.arguments.env)
        return tuple((name, value) for name, value in pairs if value is not None)

    def _snapshot_labels(self) -> tuple[tuple[str, str], ...]:
        return ((LABEL_SNAPSHOT, self._run), (LABEL_OWNER, self._leases.owner))

    def _is_dead(self, run: str) -> bool:
        return bool(run) and not self._leases.is_alive(run)

    def _connection(self, seconds: int | None = None) -> contextlib.AbstractContextManager[Daemon]:
        return contextlib.closing(self._connect(seconds))


def _present(stored: StoredImage | None, reference: str) -> StoredImage:
    if stored is None:
        raise ImageError(f"the engine has no image {reference}", hint="Something removed it meanwhile; run again.")
    return stored
