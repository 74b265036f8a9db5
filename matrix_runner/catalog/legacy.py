"""Unmaintained images that still contain interpreters dropped from current images (`legacy.toml`)."""

from importlib import resources

import msgspec

from matrix_runner.model.cells import Cell, Interpreter
from matrix_runner.model.platforms import Platform
from matrix_runner.toml import loads


class LegacyImage(msgspec.Struct, frozen=True, kw_only=True):
    """An unmaintained image, one for each platform. `pattern`: its reference, with a placeholder `{arch}`."""

    pattern: str
    interpreters: frozenset[Interpreter]
    platforms: frozenset[Platform]

    def holds(self, cell: Cell) -> bool:
        """Whether the image for the cell's platform contains the cell's interpreter."""
        return cell.interpreter in self.interpreters and cell.platform in self.platforms

    def reference(self, platform: Platform) -> str:
        """Return the image reference for a platform's architecture."""
        return self.pattern.replace("{arch}", platform.arch.tag)


class _Row(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    reference: str
    interpreters: tuple[str, ...]
    platforms: tuple[str, ...]


def load_legacy() -> tuple[LegacyImage, ...]:
    """Read `legacy.toml`, best image of an interpreter first."""
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
