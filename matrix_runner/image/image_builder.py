"""The parts of an image build: root filesystem, compiled interpreters, and the assembled image."""

import shutil
import tempfile
import time
from collections import deque
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from matrix_runner.archives import archive_of
from matrix_runner.config.create_args.container_arguments import ContainerArguments
from matrix_runner.config.create_args.container_rights import restricted
from matrix_runner.engine.answer import Answer
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
from matrix_runner.files import chunks_of, replacing
from matrix_runner.image.build_progress import BuildProgress, OnProgress, Stage
from matrix_runner.image.debian_sources import find_mirror, make_root
from matrix_runner.image.host_programs import HostPrograms
from matrix_runner.image.image_recipe import LABEL, LABEL_PYTHONS, LABEL_ROOT, Compilation, ImageRecipe, Root
from matrix_runner.image.image_request import NAMESPACE
from matrix_runner.image.image_scripts import BUILD_DIRECTORY, PYTHONS, ImageStep, python_versions

SCRATCH: Final = "root-"
"""The beginning of the names of temporary directories."""
_TOLD = 12
"""The number of output lines shown of a failed command."""

_RIGHTS: Final = restricted(ContainerArguments())
"""What is compiled and installed here takes no more rights than cells do."""


class ImageBuilder(msgspec.Struct, frozen=True, kw_only=True):
    """The engine, programs and directories for building images.

    `cache`: a permanent directory for sources, compiled interpreters and logs. `mirror`: a Debian mirror; None: that of
    this machine's apt. `workers`: the number of interpreters compiled at once.
    """

    engine: ImageEngine
    host: HostPrograms
    cache: Path
    on_progress: OnProgress
    workers: int
    mirror: str | None = None

    @property
    def sources(self) -> Path:
        """Directory of CPython's sources."""
        return self.cache / "sources"

    def compiled(self, tag: str, compilation: Compilation) -> Path:
        """Return the path of an interpreter compiled for the images of a platform tag: a tar of its directory."""
        return self.cache / "interpreters" / f"{compilation.directory}-{tag}-{compilation.digest[:16]}.tar"

    def log(self, tag: str, part: str) -> Path:
        """Return the path of the output of a part's commands."""
        return self.cache / "logs" / f"{part}-{tag}.log"


def provide_root(root: Root, builder: ImageBuilder) -> str:
    """Return the id of the image of the root filesystem, created if it is missing. Raise MachineError.

    It stays with the engine: its layers are those of the finished image, so that it takes no space of its own.
    """
    for image in _roots(builder):
        if dict(image.labels)[LABEL_ROOT] == root.digest:
            builder.on_progress(BuildProgress(tag=root.tag, part="Debian", stage=Stage.REUSED, seconds=0))
            return image.id
    name = _root_name(root)
    metadata = ImageMetadata(name=name, labels=((LABEL_ROOT, root.digest),), env=root.environment)
    if not root.steps:
        return _imported(root, metadata, builder)
    # Without the label: a root that is only begun is not taken for one.
    bare = _imported(root, ImageMetadata(name=f"{name}-bare"), builder)
    image_id = _prepared(root, bare, metadata, builder)
    builder.engine.remove_image(f"{name}-bare")
    return image_id


def _imported(root: Root, metadata: ImageMetadata, builder: ImageBuilder) -> str:
    started = time.monotonic()
    builder.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=builder.cache) as scratch:
        archive = Path(scratch) / f"{root.debian_arch}.tar"
        make_root(root, find_mirror(builder.host, builder.mirror), builder.host, archive)
        image_id = builder.engine.import_root(archive, root.arch, metadata)
    _report(builder, root.tag, "Debian", Stage.FETCHED, started)
    return image_id


def _prepared(root: Root, image_id: str, metadata: ImageMetadata, builder: ImageBuilder) -> str:
    """Perform the steps of a root filesystem in a container of it; save and return the image."""
    started = time.monotonic()
    spec = ContainerSpec(image=image_id, arch=root.arch, name=f"prepare-{root.tag}", arguments=_RIGHTS)
    with builder.engine.open(spec) as container:
        for source in root.sources:
            container.put(BUILD_DIRECTORY, archive_of(builder.sources / source.stored, source.stored))
        _perform(container, root.steps, builder.log(root.tag, "libraries"))
        finished = container.snapshot(metadata)
    _report(builder, root.tag, "libraries", Stage.COMPILED, started)
    return finished


def _roots(builder: ImageBuilder) -> tuple[ResolvedImage, ...]:
    return tuple(image for image in builder.engine.images(LABEL_ROOT) if LABEL not in dict(image.labels))


def remove_scraps(builder: ImageBuilder) -> None:
    """Remove partial files of a killed build. The caller ensures that no other build is running."""
    for scrap in (*builder.cache.glob(f"{SCRATCH}*"), *builder.cache.glob("*/*.partial")):
        if scrap.is_dir():
            shutil.rmtree(scrap, ignore_errors=True)
        else:
            scrap.unlink(missing_ok=True)


def _root_name(root: Root) -> str:
    return f"{NAMESPACE}/root_of_{root.tag}:{root.digest[:12]}"


def remove_other_roots(root: Root, builder: ImageBuilder) -> None:
    """Remove a platform tag's root filesystems of older recipes: no image is built on them any more."""
    repository = _root_name(root).partition(":")[0]
    for image in _roots(builder):
        if image.reference.startswith(f"{repository}:") and dict(image.labels)[LABEL_ROOT] != root.digest:
            builder.engine.remove_image(image.reference)


def compile_interpreter(
    compilation: Compilation, root: Root, image_id: str, builder: ImageBuilder, *, afresh: bool
) -> Path:
    """Return a tar of the interpreter's directory, compiled unless it is cached. Raise MachineError."""
    started = time.monotonic()
    kept = builder.compiled(root.tag, compilation)
    if kept.is_file() and not afresh:
        _report(builder, root.tag, compilation.directory, Stage.REUSED, started)
        return kept
    name = f"compile-{compilation.directory}-{root.tag}"
    spec = ContainerSpec(image=image_id, arch=root.arch, name=name, arguments=_RIGHTS)
    with builder.engine.open(spec) as container:
        container.put(
            BUILD_DIRECTORY, archive_of(builder.sources / compilation.source.stored, compilation.source.stored)
        )
        _perform(container, compilation.steps, builder.log(root.tag, compilation.directory))
        with container.get(f"{PYTHONS}/{compilation.directory}") as stream:
            _keep(stream, kept)
    for older in kept.parent.glob(f"{compilation.directory}-{root.tag}-*.tar"):
        if older != kept:
            older.unlink(missing_ok=True)
    _report(builder, root.tag, compilation.directory, Stage.COMPILED, started)
    return kept


def assemble(recipe: ImageRecipe, image_id: str, builder: ImageBuilder) -> str:
    """Add the interpreters to the root filesystem, install the tools, save the image; return its id.

    Raise MachineError.
    """
    started = time.monotonic()
    spec = ContainerSpec(image=image_id, arch=recipe.arch, name=f"assemble-{recipe.tag}", arguments=_RIGHTS)
    with builder.engine.open(spec) as container:
        for compilation in recipe.compilations:
            container.put(PYTHONS, chunks_of(builder.compiled(recipe.tag, compilation)))
        _perform(container, recipe.steps, builder.log(recipe.tag, "image"))
        metadata = ImageMetadata(
            name=f"{recipe.name}:latest",
            labels=(*recipe.labels, (LABEL_PYTHONS, _python_versions(container))),
            env=recipe.environment,
            entrypoint=recipe.entrypoint,
        )
        finished = container.snapshot(metadata)
    _report(builder, recipe.tag, "image", Stage.MADE, started)
    return finished


def _python_versions(container: Container) -> str:
    """Return the interpreters of a container with their versions. Raise EngineError."""
    answer = Answer()
    if not container.exec(python_versions(), answer.hear).is_success:
        raise EngineError(
            "an interpreter of the image that was made does not tell its version",
            hint="It does not start: the log of the image shows how it was compiled.",
        )
    return answer.text.strip()


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


def _keep(stream: Iterable[bytes], path: Path) -> None:
    """Write the file atomically: an interrupted build leaves no partial interpreter."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        with partial.open("wb") as file:
            file.writelines(stream)
        if partial.stat().st_size == 0:
            raise EngineError(
                f"the engine gave an empty archive of {path.stem}, a part of the image", hint="Run it again."
            )


def _report(builder: ImageBuilder, tag: str, part: str, stage: Stage, started: float) -> None:
    builder.on_progress(BuildProgress(tag=tag, part=part, stage=stage, seconds=time.monotonic() - started))
