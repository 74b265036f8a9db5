"""Packing within containers: the program there, started by an interpreter of the image, and the archive it writes."""

import queue
import threading
from collections.abc import Iterator
from typing import Final

import msgspec

from matrix_runner.archives import archive_of_bytes
from matrix_runner.cell_programs import program_text
from matrix_runner.engine.answer import Answer
from matrix_runner.engine.api import Container, ExecRequest, ExecResult
from matrix_runner.errors import EngineError
from matrix_runner.probe.image_probe import ProbedImage
from matrix_runner.recipe.layout import Layout

_PROGRAM: Final = "packing"
_NAME: Final = f"{_PROGRAM}.py"
_SECONDS: Final = 1800
"""The limit for packing, against hanging: emulated, and of gigabytes."""
_OLDEST: Final = (3, 8)
"""The first Python that runs the program."""
_WAITING: Final = 64
"""Pieces of output that wait for whoever compresses them."""


def packing_python(image: ProbedImage) -> str | None:
    """Return the path of an interpreter that can run the program; None if the image has none."""
    for found in image.facts.interpreters:
        if found.directory.startswith("cp") and found.release >= _OLDEST:
            return f"/opt/python/{found.directory}/bin/python"
    return None


class ContainerPacking(msgspec.Struct, frozen=True, kw_only=True):
    """The program in one container. `python`: as of `packing_python`."""

    container: Container
    python: str

    @property
    def layout(self) -> Layout:
        """The paths in the container."""
        return Layout(root=self.container.root)

    def put_program(self) -> None:
        """Put the program into the container. Raise EngineError."""
        self.container.put(self.layout.packing, archive_of_bytes(_NAME, program_text(_PROGRAM).encode()))

    def ask(self, *arguments: str) -> str:
        """Run the program; return its output. Raise EngineError."""
        answer = Answer()
        self._check(self.container.exec(self._request(arguments), answer.hear))
        return answer.text.strip()

    def archive(self, *arguments: str) -> Iterator[bytes]:
        """Run the program; yield the archive that it writes. Raise EngineError, also for a part of one."""
        pieces: queue.Queue[bytes | None] = queue.Queue(_WAITING)
        results: list[ExecResult] = []

        def work() -> None:
            try:
                results.append(self.container.exec(self._request(arguments), pieces.put))
            finally:
                pieces.put(None)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        is_over = False
        try:
            while (piece := pieces.get()) is not None:
                yield piece
            is_over = True
        finally:
            # Whoever takes the pieces may give up; the command's output must go somewhere all the same.
            while not is_over:
                is_over = pieces.get() is None
            thread.join()
        if not results:
            raise EngineError("the program that packs files in the container ended without a result")
        self._check(results[0])

    def _request(self, arguments: tuple[str, ...]) -> ExecRequest:
        # What the program says of mistakes is no part of the archive.
        script = 'exec "$0" -I "$@" 2>/dev/null'
        argv = ("sh", "-c", script, self.python, f"{self.layout.packing}/{_NAME}", *arguments)
        return ExecRequest(argv=argv, cwd="/", timeout=_SECONDS)

    def _check(self, result: ExecResult) -> None:
        if not result.is_success:
            ended = f"exit status {result.status}" if result.status is not None else result.ending.value
            raise EngineError(f"the program that packs files in the container failed: {ended}")
