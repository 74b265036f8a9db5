"""One part of an image at a time: root filesystem, interpreter, and the image that puts them together."""

import shutil
import tarfile
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from matrix_runner.engine.api import (
    Container,
    ContainerSpec,
    Ending,
    ExecResult,
    ImageEngine,
    ImageMetadata,
    ResolvedImage,
)
from matrix_runner.errors import EngineError, MachineError
from matrix_runner.image.build_progress import BuildProgress, OnProgress, Stage
from matrix_runner.image.debian_sources import find_mirror, make_root
from matrix_runner.image.host_programs import HostPrograms
from matrix_runner.image.image_recipe import (
    BUILD_DIRECTORY,
    LABEL,
    LABEL_ROOT,
    NAMESPACE,
    PYTHONS,
    Compilation,
    ImageRecipe,
    ImageStep,
    Root,
)
from matrix_runner.model.platforms import Arch

_CHUNK = 1 << 20
_SCRATCH = "root-"
_TOLD = 12
"""Lines of a failed command's output that a user is shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageBuilder:
    """Where images are made, and with what.

    `cache`: a directory that stays, for sources, compiled interpreters and logs. `mirror`: a Debian mirror, None for
    the one that this machine's apt uses. `workers`: how many interpreters compile at once.
    """

    engine: ImageEngine
    host: HostPrograms
    cache: Path
    on_progress: OnProgress
    workers: int
    mirror: str | None = None

    @property
    def sources(self) -> Path:
        """Where CPython's sources are kept."""
        return self.cache / "sources"

    def compiled(self, arch: Arch, compilation: Compilation) -> Path:
        """Return where a compiled interpreter is kept: a tar of its directory."""
        return self.cache / "interpreters" / f"{compilation.directory}-{arch}-{compilation.digest[:16]}.tar"

    def log(self, arch: Arch, part: str) -> Path:
        """Return where the output of a part's commands goes."""
        return self.cache / "logs" / f"{part}-{arch}.log"


def provide_root(root: Root, shop: ImageBuilder) -> str:
    """Return the id of the image that is only the root filesystem, made if it is not there. Raise MachineError.

    It stays with the engine: its layers are those of the finished image, so that it takes no room of its own.
    """
    started = time.monotonic()
    for image in _roots(shop):
        if dict(image.labels)[LABEL_ROOT] == root.digest:
            shop.on_progress(BuildProgress(arch=root.arch, part="Debian", stage=Stage.REUSED, seconds=0))
            return image.id
    shop.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=shop.cache) as scratch:
        archive = Path(scratch) / f"{root.debian_arch}.tar"
        make_root(root, find_mirror(shop.host, shop.mirror), shop.host, archive)
        metadata = ImageMetadata(name=_root_name(root), labels=((LABEL_ROOT, root.digest),))
        image_id = shop.engine.import_root(archive, root.arch, metadata)
    _report(shop, root.arch, "Debian", Stage.FETCHED, started)
    return image_id


def _roots(shop: ImageBuilder) -> tuple[ResolvedImage, ...]:
    return tuple(image for image in shop.engine.images(LABEL_ROOT) if LABEL not in dict(image.labels))


def remove_scraps(shop: ImageBuilder) -> None:
    """Remove what a build that was killed left half made. The caller sees to it that there is no other build."""
    for scrap in (*shop.cache.glob(f"{_SCRATCH}*"), *shop.cache.glob("interpreters/*.partial")):
        if scrap.is_dir():
            shutil.rmtree(scrap, ignore_errors=True)
        else:
            scrap.unlink(missing_ok=True)


def _root_name(root: Root) -> str:
    return f"{NAMESPACE}/debian_{root.suite}_{root.arch}:{root.digest[:12]}"


def remove_other_roots(root: Root, shop: ImageBuilder) -> None:
    """Remove the root filesystems of older recipes for the architecture: nothing is made of them any more."""
    repository = _root_name(root).partition(":")[0]
    for image in _roots(shop):
        if image.reference.startswith(f"{repository}:") and dict(image.labels)[LABEL_ROOT] != root.digest:
            shop.engine.remove_image(image.reference)


def compile_interpreter(
    compilation: Compilation, root: Root, image_id: str, shop: ImageBuilder, *, afresh: bool
) -> Path:
    """Return a tar of the interpreter's directory, compiled unless it is kept from before. Raise MachineError."""
    started = time.monotonic()
    kept = shop.compiled(root.arch, compilation)
    if kept.is_file() and not afresh:
        _report(shop, root.arch, compilation.directory, Stage.REUSED, started)
        return kept
    spec = ContainerSpec(image=image_id, arch=root.arch, name=f"compile-{compilation.directory}-{root.arch}")
    with shop.engine.open(spec) as container:
        container.put(BUILD_DIRECTORY, tar_of(shop.sources / compilation.source.file))
        _perform(container, compilation.steps, shop.log(root.arch, compilation.directory))
        with container.get(f"{PYTHONS}/{compilation.directory}") as stream:
            _keep(stream, kept)
    for older in kept.parent.glob(f"{compilation.directory}-{root.arch}-*.tar"):
        if older != kept:
            older.unlink(missing_ok=True)
    _report(shop, root.arch, compilation.directory, Stage.COMPILED, started)
    return kept


def assemble(recipe: ImageRecipe, image_id: str, shop: ImageBuilder) -> str:
    """Put the interpreters into the root filesystem, install the tools, keep the result; return its id.

    Raise MachineError.
    """
    started = time.monotonic()
    spec = ContainerSpec(image=image_id, arch=recipe.arch, name=f"assemble-{recipe.arch}")
    with shop.engine.open(spec) as container:
        for compilation in recipe.compilations:
            container.put(PYTHONS, _chunks(shop.compiled(recipe.arch, compilation)))
        _perform(container, recipe.steps, shop.log(recipe.arch, "image"))
        metadata = ImageMetadata(
            name=f"{recipe.name}:latest",
            labels=recipe.labels,
            env=recipe.environment,
            entrypoint=recipe.entrypoint,
        )
        finished = container.snapshot(metadata)
    _report(shop, recipe.arch, "image", Stage.MADE, started)
    return finished


def _perform(container: Container, steps: tuple[ImageStep, ...], log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        for step in steps:
            file.write(f"\n== {step.title}\n".encode())
            result = container.exec(step.request, partial(_write, file))
            if not result.is_success:
                file.flush()
                raise _failure(step, result, log)


def _write(file: BinaryIO, data: bytes) -> None:
    file.write(data)


def _failure(step: ImageStep, result: ExecResult, log: Path) -> MachineError:
    how = f"status {result.status}" if result.ending is Ending.EXITED else result.ending.value
    last = "\n".join(f"    {line}" for line in _last_lines(log))
    return MachineError(
        f"making the image stopped at {step.title!r} of {log.stem} ({how}):\n{last}", hint=f"The whole log: {log}"
    )


def _last_lines(log: Path) -> tuple[str, ...]:
    with log.open(encoding="utf-8", errors="replace") as lines:
        kept = deque((line.rstrip() for line in lines), maxlen=_TOLD)
    return tuple("".join(character if character.isprintable() else " " for character in line) for line in kept)


def tar_of(path: Path) -> Iterator[bytes]:
    """Stream a tar with this one file in it."""
    info = tarfile.TarInfo(path.name)
    info.size = path.stat().st_size
    yield info.tobuf()
    yield from _chunks(path)
    yield bytes(-info.size % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _keep(stream: Iterable[bytes], path: Path) -> None:
    """Write the whole, or nothing: an interrupted build leaves no half of an interpreter."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        file.writelines(stream)
    if partial.stat().st_size == 0:
        raise EngineError(f"the engine gave nothing for {path.stem}")
    partial.replace(path)


def _report(shop: ImageBuilder, arch: Arch, part: str, stage: Stage, started: float) -> None:
    shop.on_progress(BuildProgress(arch=arch, part=part, stage=stage, seconds=time.monotonic() - started))
