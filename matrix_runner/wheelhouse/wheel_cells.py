"""The cell that a wheel is of, by the tags in its name. Pure."""

import re
from collections.abc import Iterator
from typing import Final

from packaging.tags import Tag

from matrix_runner.model.cells import Cell, Interpreter
from matrix_runner.model.platforms import Platform
from matrix_runner.wheelhouse.wheel_name import WheelName

_PLATFORM: Final = re.compile(r"(?:(?P<libc>manylinux|musllinux)(?:_\d+_\d+|1|2010|2014)|linux)_(?P<arch>[a-z]\w*)")
"""As in `wheelhouse.verification`."""


def cell_of(name: WheelName) -> Cell | None:
    """Return the cell that builds such a wheel; None for one of no interpreter, or of another system.

    One for the stable ABI (PEP 384, PEP 803) is built by the lowest Python that it serves, with the GIL if it serves
    both kinds. The name of a wheel that was not repaired says nothing of a C library: glibc is assumed.
    """
    found = sorted(_cells(name.tags), key=lambda cell: (cell.interpreter.version, cell.interpreter.variant, str(cell)))
    return found[0] if found else None


def _cells(tags: frozenset[Tag]) -> Iterator[Cell]:
    abis = {tag.abi for tag in tags}
    for tag in tags:
        platform = _PLATFORM.fullmatch(tag.platform)
        variant = tag.abi.removeprefix(tag.interpreter) if tag.abi.startswith("cp") else ""
        if tag.abi == "abi3t" and "abi3" not in abis:
            variant = "t"
        # CPython 3.7's ABI tag has an `m` that its cell has not; GraalPy's release is in the ABI tag only.
        text = tag.interpreter + (variant if variant in {"t", "mu"} or tag.interpreter == "cp27" else "")
        if platform is None or (tag.abi == "none" and not tag.interpreter.startswith("pp")):
            continue
        libc = platform["libc"] or "manylinux"
        try:
            yield Cell(interpreter=Interpreter.parse(text), platform=Platform.parse(f"{libc}_{platform['arch']}"))
        except ValueError:
            continue
