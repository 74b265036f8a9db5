"""Images of former days that still hold interpreters which today's have no more."""

from dataclasses import dataclass
from importlib import resources

import msgspec

from matrix_runner.model.cells import Cell, Interpreter
from matrix_runner.model.platforms import Platform
from matrix_runner.toml import loads


@dataclass(frozen=True, kw_only=True, slots=True)
class LegacyImage:
    """An image, one for each platform, that nobody updates any more. `pattern`: its reference, with `{arch}` in it."""

    pattern: str
    interpreters: frozenset[Interpreter]
    platforms: frozenset[Platform]

    def holds(self, cell: Cell) -> bool:
        """Whether the cell's interpreter is in the image for its platform."""
        return cell.interpreter in self.interpreters and cell.platform in self.platforms

    def reference(self, platform: Platform) -> str:
        """The image for a platform's architecture."""
        return self.pattern.replace("{arch}", platform.arch.tag)


class _Row(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    reference: str
    interpreters: tuple[str, ...]
    platforms: tuple[str, ...]


def load_legacy() -> tuple[LegacyImage, ...]:
    """Read the data file; of several images that hold an interpreter the best comes first."""
    text = resources.files("matrix_runner.catalog").joinpath("legacy.toml").read_text("utf-8")
    rows = msgspec.convert(loads(text)["image"], tuple[_Row, ...])
    return tuple(
        LegacyImage(
            pattern=row.reference,
            interpreters=frozenset(map(Interpreter.parse, row.interpreters)),
            platforms=frozenset(map(Platform.parse, row.platforms)),
        )
        for row in rows
    )
