"""The resolved configuration: every option's value, and where it came from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar, cast

from matrix_runner.config.option import Option, Source
from matrix_runner.config.options import BY_NAME, IMAGE, IMAGES
from matrix_runner.model.platforms import Platform

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where a value came from; `str(origin)` is what a person reads: `pyproject.toml: tool.matrix-runner.archs`."""

    source: Source
    text: str

    def __str__(self) -> str:
        return self.text

    def on_top_of(self, lower: "Origin") -> "Origin":
        """Say that this layer added to a lower one."""
        return Origin(source=self.source, text=f"{lower} and {self}")


DEFAULT = Origin(source=Source.DEFAULT, text="default")


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """The value of one option and its origin."""

    name: str
    value: object
    origin: Origin


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The whole configuration of a run: `settings[ARCHS]` is the value, `settings.origin(ARCHS)` says whence.

    `resolved` has every option of the table, in its order. `project_name` and `requires_python` are what `[project]`
    in pyproject.toml says, as written, or None. `is_drop_in`: read from the table and variables of cibuildwheel.
    """

    resolved: tuple[Setting, ...]
    project_name: str | None = None
    requires_python: str | None = None
    is_drop_in: bool = False

    def __getitem__(self, option: Option[T]) -> T:
        return cast("T", self._setting(option.name).value)

    def origin(self, option: Option[object]) -> Origin:
        """Say where the option's value came from."""
        return self._setting(option.name).origin

    def items(self) -> Iterator[tuple[Option[object], object]]:
        """Give every option with its value, in the order of the table."""
        return ((BY_NAME[setting.name], setting.value) for setting in self.resolved)

    def image(self, platform: Platform) -> str:
        """Return the image, as the user named it, for the cells of a platform.

        Of `image` and the platform's own option the one from the higher layer wins, in one layer the platform's own.
        """
        own = IMAGES[platform]
        layers = list(Source)
        above = layers.index(self.origin(IMAGE).source) > layers.index(self.origin(own).source)
        return self[IMAGE] if above and self[IMAGE] else self[own]

    def _setting(self, name: str) -> Setting:
        return self.resolved[_POSITION[name]]


_POSITION = {name: position for position, name in enumerate(BY_NAME)}
