"""Archives of uv and of a cell's interpreter, packed once in the container of its build, for all clean ones."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from matrix_runner.cell.container_work import lost_on_error
from matrix_runner.cell.steps import StepRunner
from matrix_runner.engine.answer import Answer
from matrix_runner.engine.api import Container
from matrix_runner.files import chunks_of
from matrix_runner.model.outcomes import Reason
from matrix_runner.recipe.after_build.bringing import (
    ELSEWHERE,
    archive_of_python,
    archive_of_uv,
    ask_place,
    pack_python,
    pack_uv,
)
from matrix_runner.recipe.layout import Layout
from matrix_runner.recipe.step import Step

_LIMIT: Final = 4 * 1024**3
"""Bytes of an archive: the largest interpreters, GraalPy's, have a quarter of that."""

_CHUNK: Final = 1024**2


class NotBrought(Exception):
    """The cell's interpreter cannot be brought to another system, or not to this one. `reason`: for people."""

    def __init__(self, reason: str) -> None:
        """`reason`: a clause."""
        super().__init__(reason)
        self.reason = reason


class BroughtArchives:
    """The archives, each packed when it is first asked for. They are not read here: one container's go into another."""

    def __init__(
        self, container: Container, directory: str, scratch: Path, steps: StepRunner, *, serves_uv: bool
    ) -> None:
        """`container`: of the build. `directory`: the interpreter's, of `/opt/python`. `scratch`: for the archives.

        `serves_uv`: whether uv makes the test's environment of it, so that it needs no pip.
        """
        self._container = container
        self._directory = directory
        self._scratch = scratch
        self._steps = steps
        self.serves_uv = serves_uv
        self._kept: dict[str, Path] = {}

    def uv(self) -> Iterator[bytes]:
        """Return the archive with the image's uv, as a stream. Raise CellFailed, RetryCell."""
        layout = Layout(root=self._container.root)
        return self._stream(archive_of_uv(layout), pack_uv(layout))

    def python(self) -> Iterator[bytes]:
        """Return the archive with the interpreter, as a stream. Raise CellFailed, RetryCell, NotBrought."""
        answer = Answer()
        if self._container.exec(ask_place(self._directory), answer.hear).status == ELSEWHERE:
            reason = f"the cell's interpreter is an environment of {answer.text.strip()}, which cannot be brought there"
            raise NotBrought(reason)
        layout = Layout(root=self._container.root)
        return self._stream(
            archive_of_python(layout), pack_python(layout, self._directory, with_packages=not self.serves_uv)
        )

    def remove(self) -> None:
        """Remove them here."""
        for path in self._kept.values():
            path.unlink(missing_ok=True)

    def _stream(self, place: str, step: Step) -> Iterator[bytes]:
        if place not in self._kept:
            self._steps.run(self._container, step)
            self._kept[place] = self._fetched(place)
        return chunks_of(self._kept[place], _CHUNK)

    def _fetched(self, place: str) -> Path:
        self._scratch.mkdir(parents=True, exist_ok=True)
        path, left = self._scratch / f"{place.rpartition('/')[2]}.tar", _LIMIT
        with lost_on_error(), self._container.get(place) as stream, path.open("wb") as file:
            for data in stream:
                left -= len(data)
                if left < 0:
                    message = f"{place} is larger than {_LIMIT} bytes, too large to be brought to another container"
                    raise self._steps.failed(Reason.MISSING_TOOL, message)
                file.write(data)
        return path
