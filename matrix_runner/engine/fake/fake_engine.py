"""An engine without containers, for tests of everything above engines: fast, scripted, and faulty on demand.

It keeps the contract of `api.py` (the contract suite runs on it as on the real ones), but a command is a line of a
script, a file is an entry of a dictionary and time is a number: nothing sleeps unless `pace` says so.
"""

import contextlib
import io
import posixpath
import tarfile
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from matrix_runner.engine.api import (
    Container,
    ContainerSpec,
    Ending,
    EngineInfo,
    ExecRequest,
    ExecResult,
    ImageMetadata,
    OnOutput,
    PersistentItem,
    PersistentKind,
    ResolvedImage,
)
from matrix_runner.engine.fake.fake_files import Files, pack, unpack
from matrix_runner.engine.fake.fake_host import ANY_IMAGE, FakeHost
from matrix_runner.engine.fake.fake_script import FakeCall, FakeFaults, FakeResult, Script, succeed, table
from matrix_runner.errors import EngineError, ImageError, MachineError
from matrix_runner.model.platforms import Arch

__all__ = [
    "ANY_IMAGE",
    "FakeCall",
    "FakeContainer",
    "FakeEngine",
    "FakeFaults",
    "FakeHost",
    "FakeResult",
    "Script",
    "succeed",
    "table",
]


class FakeEngine:
    """`api.Engine` and `api.ImageStore` for tests. `commands` is every request that was made, in order."""

    def __init__(
        self,
        script: Script = succeed,
        *,
        run: str = "fake",
        host: FakeHost | None = None,
        faults: FakeFaults | None = None,
        pace: float = 0.0,
    ) -> None:
        """`pace`: real seconds for each second of the script, so that tests can see things overlap."""
        self.run = run
        self.host = host or FakeHost()
        self.host.living.add(run)
        self.script = script
        self.faults = faults or FakeFaults()
        self.pace = pace
        self.commands: list[FakeCall] = []
        self._open: dict[int, FakeContainer] = {}
        self._aborted = False

    @property
    def name(self) -> str:
        """`fake`."""
        return "fake"

    @property
    def owner(self) -> str:
        """All runs on a host are one owner's."""
        return "fake"

    def check(self) -> EngineInfo:
        """Say who it is."""
        _raise(self.faults.on_check())
        return EngineInfo(name="fake", version="1", machine="x86_64", endpoint="fake://")

    def resolve(self, reference: str, arch: Arch, on_notice: Callable[[str], None]) -> ResolvedImage:
        """Return the image; one that is not there is not there."""
        del arch, on_notice
        _raise(self.faults.on_resolve(reference))
        return self._image(reference)[0]

    def find(self, reference: str) -> ResolvedImage | None:
        """Return the image if it is there."""
        with self.host.guard:
            found = self.host.images.get(reference)
        return None if found is None else found[0]

    @contextlib.contextmanager
    def open(self, spec: ContainerSpec) -> Iterator[Container]:
        """Make a container with the files of its image."""
        _raise(self.faults.on_open(spec))
        files = self._image(spec.image)[1]
        number = self.host.number()
        self.host.make_volumes(spec.volumes, self.run)
        container = FakeContainer(self, spec, dict(files))
        with self.host.guard:
            if self._aborted:
                raise EngineError(f"{spec.name} is not started any more: the run is being stopped")
            self._open[number] = container
            self.host.containers[number] = self.run
        try:
            yield container
        finally:
            container.kill()
            with self.host.guard:
                self._open.pop(number, None)
                self.host.containers.pop(number, None)

    def die(self) -> None:
        """End as a killed process does: nothing is cleaned up."""
        self.host.living.discard(self.run)

    def sweep(self) -> tuple[str, ...]:
        """Remove what dead runs left."""
        with self.host.guard:
            owners = {volume.run for volume in self.host.volumes.values() if volume.run is not None}
            dead = sorted({*self.host.containers.values(), *self.host.snapshots.values(), *owners} - self.host.living)
            for number in [number for number, run in self.host.containers.items() if run in dead]:
                del self.host.containers[number]
        for run in dead:
            self._remove_snapshots(run)
        return tuple(f"removed what the dead run {run} left behind" for run in dead)

    def abort(self) -> None:
        """Kill every open container and refuse to open more."""
        with self.host.guard:
            self._aborted = True
            containers = tuple(self._open.values())
        for container in containers:
            container.kill()

    def close(self) -> None:
        """Remove this run's snapshots and volumes."""
        self.abort()
        self._remove_snapshots(self.run)
        self.host.living.discard(self.run)

    def kept_image(self, name: str) -> ResolvedImage | None:
        """Return an image that was kept under the name."""
        image, _ = self.host.images.get(name, (None, {}))
        if image is None or image.reference not in self.host.kept:
            return None
        self.host.note_use(name)
        return image

    def kept(self, *, sized: bool = True) -> tuple[PersistentItem, ...]:
        """Return all that is kept on the host."""
        del sized
        with self.host.guard:
            images = [
                PersistentItem(
                    kind=PersistentKind.IMAGE, name=name, labels=image.labels, size=0, **self.host.times(name)
                )
                for name, (image, _) in self.host.images.items()
                if name in self.host.kept
            ]
            volumes = [
                PersistentItem(
                    kind=PersistentKind.VOLUME,
                    name=name,
                    labels=volume.labels,
                    size=sum(map(len, volume.files.values())),
                    **self.host.times(name),
                )
                for name, volume in self.host.volumes.items()
                if volume.run is None
            ]
        return (*images, *volumes)

    def discard(self, kept: PersistentItem) -> None:
        """Remove something kept."""
        if kept.kind is PersistentKind.IMAGE:
            self.remove_image(kept.name)
        else:
            self.host.volumes.pop(kept.name, None)

    def import_root(self, archive: Path, arch: Arch, metadata: ImageMetadata) -> str:
        """Make an image of a tar file."""
        del arch
        with archive.open("rb") as file:
            return self.keep(unpack("/", file), metadata)

    def images(self, label: str) -> tuple[ResolvedImage, ...]:
        """Return the images that carry the label."""
        with self.host.guard:
            found = {image.reference: image for image, _ in self.host.images.values() if label in dict(image.labels)}
        return tuple(found.values())

    def remove_image(self, reference: str) -> None:
        """Remove an image; one that is not there is no error."""
        with self.host.guard:
            if reference in self.host.images:
                image = self.host.images[reference][0]
                # A name that a newer image has taken over stays with it.
                for key in [key for key, (one, _) in self.host.images.items() if one.id == image.id]:
                    del self.host.images[key]
                    self.host.kept.discard(key)
                self.host.snapshots.pop(image.id, None)

    def keep(self, files: Files, metadata: ImageMetadata) -> str:
        """Make an image of files; return its id."""
        if metadata.name is not None and metadata.replaces:
            self.remove_image(metadata.name)
        identity = self.host.add_image(metadata.name or "", files, metadata.labels)
        if metadata.name is None:
            self.host.snapshots[identity] = self.run
        elif metadata.is_kept:
            self.host.kept.add(metadata.name)
            self.host.note_use(metadata.name)
        return identity

    def _remove_snapshots(self, run: str) -> None:
        for identity in [identity for identity, owner in tuple(self.host.snapshots.items()) if owner == run]:
            self.remove_image(identity)
        self.host.remove_volumes(run)

    def _image(self, reference: str) -> tuple[ResolvedImage, Files]:
        try:
            return self.host.images[reference]
        except KeyError:
            raise ImageError(f"the engine has no image {reference}", hint="FakeHost.add_image adds one.") from None


class FakeContainer:
    """`api.Container`: a dictionary of files, and a script."""

    root = ""
    is_disposable = True

    def __init__(self, engine: FakeEngine, spec: ContainerSpec, files: Files) -> None:
        self._engine = engine
        self._spec = spec
        self._killed = threading.Event()
        self.files = files

    def exec(self, request: ExecRequest, on_output: OnOutput) -> ExecResult:
        """Do what the script says."""
        if self._killed.is_set():
            return ExecResult(ending=Ending.LOST, status=None, seconds=0.0)
        wished = ((name, value) for name, value in self._spec.arguments.env if value is not None)
        env = tuple(dict((*wished, *self._spec.env, *request.env)).items())
        for volume in self._spec.volumes:
            self.files.update(self._engine.host.read_volume(volume))
        call = FakeCall(request=request, spec=self._spec, env=env, files=self.files)
        self._engine.commands.append(call)
        result = self._engine.script(call)
        for piece in result.output:
            on_output(piece)
        ending, seconds = _end(request, result)
        if ending is Ending.EXITED and result.hangs:
            self._killed.wait()
        elif self._engine.pace:
            self._killed.wait(seconds * self._engine.pace)
        if self._killed.is_set() or ending is Ending.LOST:
            self.kill()
            return ExecResult(ending=Ending.LOST, status=None, seconds=seconds)
        if ending is not Ending.EXITED:
            return ExecResult(ending=ending, status=None, seconds=seconds)
        self._write(dict(result.files))
        return ExecResult(ending=ending, status=result.status, seconds=seconds)

    def put(self, directory: str, archive: Iterable[bytes]) -> None:
        """Unpack a tar stream."""
        data = io.BytesIO(b"".join(archive))
        self._check(self._engine.faults.on_put(self._spec, directory))
        try:
            self._write(unpack(directory, data))
        except tarfile.TarError as error:
            raise EngineError(f"what was put into {directory} is no tar archive: {error}") from error

    @contextlib.contextmanager
    def get(self, path: str) -> Iterator[Iterator[bytes]]:
        """Stream a file or directory out as tar."""
        self._check(self._engine.faults.on_get(self._spec, path))
        members = pack(posixpath.normpath(path), self.files)
        if members is None:
            raise EngineError(f"{path} cannot be copied out: there is no such file or directory")
        yield self._pieces(members)

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), 65536):
            self._check(None)
            yield data[start : start + 65536]

    def snapshot(self, metadata: ImageMetadata) -> str:
        """Keep the files as an image."""
        self._check(self._engine.faults.on_snapshot(self._spec))
        mounted = tuple(f"{volume.target}/" for volume in self._spec.volumes)
        return self._engine.keep({n: data for n, data in self.files.items() if not n.startswith(mounted)}, metadata)

    def kill(self) -> None:
        """Remove it now."""
        self._killed.set()

    def _write(self, files: Files) -> None:
        self.files.update(files)
        for volume in self._spec.volumes:
            self._engine.host.write_volume(volume, files)

    def _check(self, error: EngineError | None) -> None:
        if self._killed.is_set():
            raise EngineError(f"the container {self._spec.name} is gone")
        _raise(error)


def _end(request: ExecRequest, result: FakeResult) -> tuple[Ending, float]:
    """Return how the command ends and when, in the script's time; EXITED for one that hangs with no limit at all."""
    if result.ending is not Ending.EXITED:
        return result.ending, result.seconds
    limit = request.timeout if request.timeout is not None else float("inf")
    if request.silence is not None and request.silence < limit and (result.hangs or result.silence > request.silence):
        return Ending.WENT_SILENT, request.silence
    if request.timeout is not None and (result.hangs or result.seconds > request.timeout):
        return Ending.TIMED_OUT, request.timeout
    return Ending.EXITED, result.seconds


def _raise(error: MachineError | None) -> None:
    if error is not None:
        raise error
