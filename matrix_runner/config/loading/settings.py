"""The resolved configuration: every option's value, and where it came from."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar, cast

from matrix_runner.config.loading.layers import Layer, Origin, Setting, resolve
from matrix_runner.config.options import BY_NAME
from matrix_runner.config.options.image_options import IMAGE, IMAGES
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.selection_options import PROJECT_REQUIRES_PYTHON
from matrix_runner.model.cells import Cell
from matrix_runner.model.platforms import Platform

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The whole configuration of a run: `settings[ARCHS]` is the value, `settings.origin(ARCHS)` says whence.

    `resolved` has every option of the table, in its order, for the run as a whole; `for_cell` applies the overrides.
    `project_name`: what the project's metadata says. `metadata_python`: its requires-python, with where it stands.
    `is_drop_in`: read from the table and variables of cibuildwheel. `notices`: what the user should know of it all.
    """

    resolved: tuple[Setting, ...]
    layers: tuple[Layer, ...] = ()
    project_name: str | None = None
    metadata_python: Setting | None = None
    is_drop_in: bool = False
    notices: tuple[str, ...] = ()

    def __getitem__(self, option: Option[T]) -> T:
        # Not by way of `_setting`: a cell asks some eighty times.
        return cast("T", self.resolved[_POSITION[option.name]].value)

    def origin(self, option: Option[object]) -> Origin:
        """Say where the option's value came from."""
        return self._setting(option.name).origin

    @property
    def requires_python(self) -> Setting | None:
        """Return which Python versions the project supports, as a version specifier, None if nothing says so."""
        option = self._setting(PROJECT_REQUIRES_PYTHON.name)
        return option if option.value else self.metadata_python

    @property
    def overrides(self) -> tuple[Layer, ...]:
        """The layers that are for some cells only."""
        return tuple(layer for layer in self.layers if layer.select is not None)

    def for_cell(self, cell: Cell) -> "Settings":
        """Apply the overrides that select a cell."""
        if not any(layer.select is not None and layer.select.matches(cell) for layer in self.overrides):
            return self
        layers = [layer for layer in self.layers if layer.select is None or layer.select.matches(cell)]
        return replace(self, resolved=tuple(resolve(option, layers) for option in BY_NAME.values()))

    def items(self) -> Iterator[tuple[Option[object], object]]:
        """Give every option with its value, in the order of the table."""
        return ((BY_NAME[setting.name], setting.value) for setting in self.resolved)

    def image(self, platform: Platform) -> str:
        """Return the image, as the user named it, for the cells of a platform.

        Of `image` and the platform's own option the one from the higher layer wins, in one layer the platform's own.
        """
        own = IMAGES[platform]
        above = self._setting(IMAGE.name).rank > self._setting(own.name).rank
        return self[IMAGE] if above and self[IMAGE] else self[own]

    def _setting(self, name: str) -> Setting:
        return self.resolved[_POSITION[name]]


_POSITION = {name: position for position, name in enumerate(BY_NAME)}
