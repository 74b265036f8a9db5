"""Layers that are carried: all that a `before-all` has changed in its container, put into containers elsewhere."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from matrix_runner.carry.container_packing import ContainerPacking, packing_python
from matrix_runner.engine.api import SHORT_COMMAND_SECONDS, Container, ExecRequest
from matrix_runner.errors import MachineError
from matrix_runner.probe.image_probe import ProbedImage
from matrix_runner.store.carried_files import CarriedFiles, unpacked

PURPOSE: Final = "layer of before-all"
"""The purpose of these files, for display."""
_GONE: Final = "matrix-runner-gone"
"""The archive's member with the names of all that is gone, as the program in the container calls it."""
_REMOVE: Final = f'cd / && xargs -0 rm -rf -- <"/{_GONE}" && rm -f "/{_GONE}"'


class UnusableLayer(Exception):
    """A carried layer cannot be put into a container; the message is the reason."""


class CarriedLayers:
    """The carried layers of one run. Thread-safe. Its errors never stop a run."""

    def __init__(self, files: CarriedFiles, staging: Path, trouble: Callable[[str], None]) -> None:
        """`staging`: a directory for copies. `trouble`: called with the reason for each layer that is not kept."""
        self._files = files
        self._staging = staging
        self._trouble = trouble

    def find(self, key: str) -> Path | None:
        """Return a copy of the layer with a key; None if there is none, or it is damaged."""
        try:
            return self._files.take(key, self._staging)
        except MachineError as error:
            self._trouble(f"what before-all added in an earlier run cannot be taken: {error.message}")
            return None

    def begin(self, container: Container, image: ProbedImage) -> ContainerPacking | None:
        """List a container's files before `before-all` runs; None if this image cannot be packed."""
        python = packing_python(image)
        if python is None:
            self._trouble(f"{image.display_name} has no Python that packs what before-all adds; it is not carried")
            return None
        packing = ContainerPacking(container=container, python=python)
        try:
            packing.put_program()
            packing.ask("mark", packing.layout.packing, packing.layout.matrix)
        except MachineError as error:
            self._trouble(f"what before-all adds is not carried: {error.message}")
            return None
        return packing

    def keep(self, key: str, packing: ContainerPacking) -> None:
        """Pack and keep all that has changed since `begin`."""
        layout = packing.layout
        try:
            self._files.keep(key, PURPOSE, key, packing.archive("pack", layout.packing, layout.matrix))
        except MachineError as error:
            self._trouble(f"what before-all added is not carried: {error.message}")


def put_layer(layer: Path, container: Container, put: Callable[[str, Iterable[bytes]], None]) -> None:
    """Put a layer into a container that has the source. Raise UnusableLayer, and what `put` raises."""
    try:
        put("/", unpacked(layer))
    except OSError as error:
        raise UnusableLayer(str(error)) from error
    request = ExecRequest(argv=("sh", "-c", _REMOVE), cwd="/", timeout=SHORT_COMMAND_SECONDS)
    if not container.exec(request, lambda _: None).is_success:
        raise UnusableLayer("files that before-all had removed cannot be removed")
