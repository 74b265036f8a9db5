"""Warnings about a plan before it runs: emulators that are missing, old images, variables that uv does not read."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from matrix_runner.config.loading.settings import Settings
from matrix_runner.matrix.host import EMULATED_CELL, EMULATED_CODE, Execution, Host
from matrix_runner.matrix.image_choice import ImageChoice
from matrix_runner.matrix.pip_variables import PipVariables, choice_remark, constraint_note, pip_variables
from matrix_runner.model.cells import Cell
from matrix_runner.model.platforms import Arch
from matrix_runner.wording import first_of

EMULATION_HINT = (
    "set an emulator up with `docker run --privileged --rm tonistiigi/binfmt --install {oci}`,"
    " or in GitHub Actions with docker/setup-qemu-action; or run on a machine that is {arch}"
)
"""`{oci}`: the architecture's name in that image and action, such as `arm64`."""


def emulation_hint(arch: Arch) -> str:
    """Return instructions for running programs of a foreign architecture on a machine."""
    return EMULATION_HINT.format(oci=arch.oci.partition("/")[0], arch=arch)


def remarks(placed: Sequence[tuple[Cell, ImageChoice | None]], host: Host) -> Iterator[str]:
    """Yield a warning for each foreseeable problem of the planned cells and their images."""
    lacking = dict.fromkeys(cell.platform.arch for cell, image in placed if image is not None)
    for arch in lacking:
        if host.lacks_emulator(arch):
            cells = [cell for cell, _ in placed if cell.platform.arch is arch]
            yield (
                f"{_count(cells)} of {arch} cannot run: {_machines(host)} and has no emulator; {emulation_hint(arch)}"
            )
    old = [(cell, image) for cell, image in placed if image is not None and not image.is_updated]
    if old:
        images = tuple(dict.fromkeys(image.reference.rpartition("/")[2] for _, image in old))
        yield (
            f"{_count([cell for cell, _ in old])} in images that nobody updates any more: {first_of(images, 3)}; some"
            " of the certificate authorities that they trust were compromised since"
        )


def _machines(host: Host) -> str:
    if not host.others:
        return f"this machine is {host.machine}"
    return f"none of the machines ({', '.join(map(str, host.machines))}) is one,"


def emulation_notes(cells: Sequence[Cell], host: Host) -> Iterator[str]:
    """Yield a sentence on the cells that an emulator runs, and on what that costs."""
    # Of a machine elsewhere nothing is known.
    emulated = [cell for cell in cells if host.execution(cell.platform.arch) is Execution.EMULATED]
    if emulated:
        archs = ", ".join(dict.fromkeys(str(cell.platform.arch) for cell in emulated))
        yield (
            f"{_count(emulated)} of {archs} under emulation on this {host.machine}: about {EMULATED_CELL} times the"
            f" processor time of a native one, compiled code about {EMULATED_CODE} times"
        )


def frontend_remarks(settings: Iterable[Settings]) -> Iterator[str]:
    """Yield a sentence for each choice between uv and pip that follows from the cells' settings."""
    return _of_variables(settings, choice_remark)


def constraint_notes(settings: Iterable[Settings]) -> Iterator[str]:
    """Yield a sentence for each constraint of pip's that cells are held to."""
    return _of_variables(settings, constraint_note)


def _of_variables(
    settings: Iterable[Settings], sentence: Callable[[Settings, PipVariables], str | None]
) -> Iterator[str]:
    """Yield each sentence on the cells' variables for pip once. Most cells share the same settings."""
    unique = {id(one): one for one in settings}.values()
    return filter(None, dict.fromkeys(sentence(one, pip_variables(one)) for one in unique))


def _count(cells: Sequence[Cell]) -> str:
    return "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
