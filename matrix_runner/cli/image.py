"""`runner image`: make images in the manylinux layout on this machine, and list them."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

import click

from matrix_runner.cli.wiring.directories import image_dir, processors, surroundings
from matrix_runner.errors import MachineError, UsageError

if TYPE_CHECKING:
    from matrix_runner.config.kinds.values import EngineChoice
    from matrix_runner.engine.api import ImageEngine
    from matrix_runner.engine.selection import ChosenContainers
    from matrix_runner.image.build_progress import BuildProgress, OnProgress
    from matrix_runner.image.image_builder import ImageBuilder
    from matrix_runner.image.image_inventory import BuiltImage
    from matrix_runner.image.image_request import ImageRequest
    from matrix_runner.matrix import Host
    from matrix_runner.model.platforms import Arch, Platform


def _engine_option(command: "click.decorators.FC") -> "click.decorators.FC":
    return click.option(
        "--engine",
        envvar="MATRIX_RUNNER_CONTAINER_ENGINE",
        metavar="ENGINE",
        help="Where images are: docker, podman, or auto. Default: auto, which is Docker if it answers, else Podman.",
    )(command)


@click.group(short_help="Make images in the manylinux layout where none can be pulled, and list them.")
def image() -> None:
    """Make images in the manylinux layout where none can be pulled, and list them.

    The short name `debian` in an image option, or `--image debian`, stands for what is made here.
    """


@image.command(short_help="Make an image from Debian packages and CPython's sources.")
@click.argument("cells", nargs=-1, metavar="[CELL]...")
@click.option(
    "--arch",
    "archs",
    multiple=True,
    metavar="ARCH",
    help="x86_64, i686, aarch64, armv7l, ppc64le, s390x or riscv64. Default: those that this machine runs by itself.",
)
@click.option(
    "--python",
    "pythons",
    multiple=True,
    metavar="PYTHON",
    help="An interpreter: 3.15, 3.15t, pp311, or its directory under /opt/python, such as cp311-cp311. Default: those "
    "that the image has, else the usual ones. An image that has more is kept; one that has fewer gets the rest too.",
)
@click.option(
    "--libc",
    type=click.Choice(("glibc", "musl")),
    help="The C library: of manylinux (the default), or of musllinux.",
)
@click.option("--rebuild", is_flag=True, help="Compile everything again, though nothing has changed.")
@click.option("--mirror", metavar="URL", help="A Debian mirror. Default: the one in this machine's apt configuration.")
@click.option(
    "--jobs", type=click.IntRange(min=1), metavar="N", help="Interpreters that compile at once. Default: the CPUs."
)
@_engine_option
def build(  # noqa: PLR0913  each is a parameter of the command line
    cells: tuple[str, ...],
    archs: tuple[str, ...],
    pythons: tuple[str, ...],
    libc: str | None,
    engine: str | None,
    *,
    rebuild: bool,
    mirror: str | None,
    jobs: int | None,
) -> None:
    """Make an image in the manylinux layout from Debian packages and CPython's sources; or all images for some cells.

    A CELL is an identifier, such as cp311-manylinux_s390x. Or it is a clean system that wheels are tested on by the
    option test-on: debian:bullseye, debian:bookworm or debian:trixie, for the architectures of --arch.

    It stands in for manylinux_2_31 (Debian bullseye: glibc 2.31, GCC 10). It is not published by PyPA and carries no
    security support: build wheels in it, and run nothing else on it.

    It needs Docker or Podman, mmdebstrap, a Debian mirror and the package index, and takes about ten minutes on two
    cores, once: what has been fetched and compiled is kept, and an image whose recipe has not changed is never made
    again. The images are called matrix-runner/manylinux_2_31_x86_64 and matrix-runner/manylinux_2_31_i686.

    For an architecture that this machine emulates, for RISC-V and for PyPy, Debian's own interpreters are taken, which
    is done in two minutes: matrix-runner/manylinux_2_36_aarch64, for example. With --libc musl it stands in for
    musllinux_1_2, compiled in six.
    """
    from matrix_runner.engine.planning_host import container_host
    from matrix_runner.image.clean_systems import asked_systems, ensure_systems
    from matrix_runner.image.image_build import build_images

    systems = asked_systems(cells, tuple(platform.arch for platform in _platforms(archs, None)))
    if systems:
        with _open_engine(_choice(engine)) as opened:
            builder = image_builder(opened.engine, _say, mirror=mirror, jobs=jobs)
            for image in ensure_systems(systems, builder, click.echo, rebuild=rebuild):
                click.echo(f"{image.reference}  {image.size / 1e6:.0f} MB")
        return
    if cells and (archs or pythons or libc):
        raise UsageError("cells say all that --arch, --python and --libc do", hint="Give the one or the other.")
    wanted = _pythons_of(cells) if cells else dict.fromkeys(_platforms(archs, libc), pythons)
    # A mistake is told before any engine is asked what it emulates.
    _requests(wanted, lambda _: False)
    with _open_engine(_choice(engine)) as opened:
        for removed in opened.engine.sweep():
            click.echo(removed, err=True)
        host = container_host(machine=opened.info.machine, endpoint=opened.info.endpoint)
        _require_emulators(wanted, host)
        requests = _requests(wanted, host.emulates)
        builder = image_builder(opened.engine, _say, mirror=mirror, jobs=jobs)
        for made in build_images(requests, builder, rebuild=rebuild):
            click.echo(_line(made))


@image.command("list", short_help="List the images made on this machine.")
@_engine_option
def list_images(engine: str | None) -> None:
    """List the images made on this machine: name, interpreters, size; and the clean systems for tests."""
    from matrix_runner.image.clean_systems import made_systems
    from matrix_runner.image.image_inventory import built_images

    with _open_engine(_choice(engine)) as opened:
        stock, systems = built_images(opened.engine), made_systems(opened.engine)
    for made in stock:
        click.echo(_line(made))
    for name, system in sorted(systems.items()):
        click.echo(f"{name}  {system.size / 1e6:.0f} MB")
    if not stock and not systems:
        click.echo("No image has been made on this machine. `runner image build` makes one.", err=True)


def _choice(text: str | None) -> "EngineChoice":
    """Parse the flag like the option container-engine. Raise UsageError, also for an engine without images."""
    from matrix_runner.config.kinds.values import EngineChoice
    from matrix_runner.config.mistakes import InvalidValue
    from matrix_runner.config.options.run_options import CONTAINER_ENGINE

    try:
        choice = CONTAINER_ENGINE.default.name if text is None else CONTAINER_ENGINE.kind.read_text(text).name
    except InvalidValue as bad:
        raise UsageError(f"--engine: {bad}") from None
    if choice is EngineChoice.LOCAL:
        raise UsageError(
            "--engine: local is this machine itself, which has no images", hint="use docker, podman or auto"
        )
    return choice


def _engine_timeout(environ: "Mapping[str, str]") -> int:
    """Return the option engine-timeout as the environment sets it, in seconds. Raise UsageError."""
    from matrix_runner.config.mistakes import InvalidValue
    from matrix_runner.config.options.run_options import ENGINE_TIMEOUT

    text = environ.get(ENGINE_TIMEOUT.variable)
    try:
        return ENGINE_TIMEOUT.default if text is None else ENGINE_TIMEOUT.kind.read_text(text)
    except InvalidValue as bad:
        raise UsageError(f"{ENGINE_TIMEOUT.variable}: {bad}") from None


@contextmanager
def _open_engine(choice: "EngineChoice") -> "Iterator[ChosenContainers]":
    """Open a container engine that answers; print a remark if it is not the usual one. Closes it at the end.

    Raise EngineError.
    """
    from uuid import uuid4

    from matrix_runner.engine.selection import Patience, choose_container_engine

    around = surroundings()
    patience = Patience(seconds=_engine_timeout(around.environ), say=partial(click.echo, err=True))
    chosen = choose_container_engine(choice, f"image-{uuid4().hex[:12]}", around, patience)
    with closing(chosen.engine):
        if chosen.remark:
            click.echo(chosen.remark, err=True)
        yield chosen


def image_builder(
    engine: "ImageEngine", on_progress: "OnProgress", *, mirror: str | None = None, jobs: int | None = None
) -> "ImageBuilder":
    """Return the builder of images on this machine, also for the short name `debian` in `runner build`.

    `on_progress` is called by one thread at a time.
    """
    from matrix_runner.image.host_programs import MachinePrograms
    from matrix_runner.image.image_builder import ImageBuilder

    lock = threading.Lock()

    def one_at_a_time(progress: "BuildProgress") -> None:
        with lock:
            on_progress(progress)

    return ImageBuilder(
        engine=engine,
        host=MachinePrograms(dict(os.environ)),
        cache=image_dir(),
        on_progress=one_at_a_time,
        workers=jobs or processors(),
        mirror=mirror,
    )


def _pythons_of(identifiers: tuple[str, ...]) -> "dict[Platform, tuple[str, ...]]":
    """Return the interpreters of cells, by platform. Raise UsageError."""
    from matrix_runner.model.cells import Cell

    wanted: dict[Platform, tuple[str, ...]] = {}
    for identifier in identifiers:
        try:
            cell = Cell.parse(identifier)
        except ValueError as error:
            hint = "A cell is named as `runner plan` does: cp311-manylinux_s390x."
            raise UsageError(f"{identifier}: {error}", hint=hint) from None
        wanted[cell.platform] = (*wanted.get(cell.platform, ()), str(cell.interpreter))
    return wanted


def _platforms(names: tuple[str, ...], libc: str | None) -> "tuple[Platform, ...]":
    from matrix_runner.model.platforms import Arch, Libc, Platform

    try:
        asked = tuple(Arch.parse(name) for name in names)
    except ValueError as error:
        raise UsageError(str(error), hint="`--arch` takes a name such as i686 or s390x, once for each.") from None
    native = Arch.of_machine(os.uname().machine)
    archs = asked or tuple(arch for arch in Arch if native is not None and native in {arch, arch.wider})
    # The musllinux image is one of the machine's own width.
    return tuple(
        Platform(libc=Libc.MUSL if libc == "musl" else Libc.GLIBC, arch=arch)
        for arch in archs
        if asked or libc != "musl" or arch is native
    )


def _require_emulators(platforms: "Iterable[Platform]", host: "Host") -> None:
    """Raise MachineError for an architecture whose programs do not run on the engine's machine."""
    from matrix_runner.matrix.remarks import emulation_hint

    for arch in (platform.arch for platform in platforms):
        if host.lacks_emulator(arch):
            raise MachineError(
                f"no image can be made for {arch}: this machine is {host.machine} and has no emulator",
                hint=emulation_hint(arch),
            )


def _requests(
    wanted: "Mapping[Platform, tuple[str, ...]]", emulates: "Callable[[Arch], bool]"
) -> "tuple[ImageRequest, ...]":
    """Return the images to make, of each platform with some interpreters. Raise UsageError for an impossible one."""
    from matrix_runner.image.image_manifest import load_manifests
    from matrix_runner.image.image_request import image_requests, image_targets

    manifests = load_manifests()
    requests: list[ImageRequest] = []
    for platform, pythons in wanted.items():
        targets = image_targets(platform, manifests, is_emulated=emulates(platform.arch))
        if not targets:
            raise UsageError(f"image debian does not exist for {platform}", hint="`runner image build --help`")
        requests += image_requests(targets, pythons)
    return tuple(requests)


def _say(progress: "BuildProgress") -> None:
    click.echo(format_progress(progress))


def format_progress(progress: "BuildProgress") -> str:
    """Return one line: `manylinux_2_31_x86_64   cp311-cp311   compiled     61 s`."""
    took = f"{progress.seconds:4.0f} s" if progress.seconds >= 0.5 else ""
    return f"{progress.tag or '':22} {progress.part:18} {progress.stage!s:10} {took}".rstrip()


def _line(made: "BuiltImage") -> str:
    return f"{made.reference}  {made.size / 1e6:.0f} MB  {' '.join(sorted(made.pythons or made.interpreters))}"
