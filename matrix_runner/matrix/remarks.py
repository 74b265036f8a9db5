"""What a person should know of a plan before it runs: where its cells will be slow, fail, or get old tools."""

from collections.abc import Iterable, Iterator, Sequence

from matrix_runner.matrix.host import Host
from matrix_runner.matrix.image_choice import ImageChoice
from matrix_runner.model.cells import Cell
from matrix_runner.model.platforms import Arch

EMULATION_HINT = (
    "set an emulator up with `docker run --privileged --rm tonistiigi/binfmt --install {oci}`,"
    " or in GitHub Actions with docker/setup-qemu-action; or run on a machine that is {arch}"
)
"""`{oci}`: the architecture as that image and action name it, `arm64` for instance."""


def emulation_hint(arch: Arch) -> str:
    """Say how a machine comes to run programs of an architecture that is not its own."""
    return EMULATION_HINT.format(oci=arch.oci.partition("/")[0], arch=arch)


def remarks(placed: Sequence[tuple[Cell, ImageChoice | None]], host: Host) -> Iterator[str]:
    """Give a sentence for each thing about the planned cells and their images that should not come as a surprise."""
    lacking = dict.fromkeys(cell.platform.arch for cell, image in placed if image is not None)
    for arch in lacking:
        if host.lacks_emulator(arch):
            cells = [cell for cell, _ in placed if cell.platform.arch is arch]
            yield (
                f"{_count(cells)} of {arch} cannot run: this machine is {host.machine} and has no emulator;"
                f" {emulation_hint(arch)}"
            )
    old = [(cell, image) for cell, image in placed if image is not None and not image.is_updated]
    if old:
        images = [image.reference.rpartition("/")[2] for _, image in old]
        yield f"{_count([cell for cell, _ in old])} in images that nobody updates any more: {_some(images)}"


def _count(cells: Sequence[Cell]) -> str:
    return "1 cell" if len(cells) == 1 else f"{len(cells)} cells"


def _some(names: Iterable[str]) -> str:
    each = tuple(dict.fromkeys(names))
    return ", ".join(each[:3]) + (f" and {len(each) - 3} more" if len(each) > 3 else "")
