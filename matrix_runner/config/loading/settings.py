"""The resolved settings: every option's value and origin, for the run or for one cell."""

from collections.abc import Iterator
from typing import TypeVar, cast

import msgspec
from msgspec.structs import replace

from matrix_runner.config.loading.layers import EMULATED_DEFAULT, Layer, Origin, Setting, resolve
from matrix_runner.config.options import BY_NAME
from matrix_runner.config.options.image_options import IMAGE, IMAGES
from matrix_runner.config.options.option import Option, Source
from matrix_runner.config.options.selection_options import PROJECT_REQUIRES_PYTHON
from matrix_runner.model.cells import Cell
from matrix_runner.model.platforms import Platform

T = TypeVar("T")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration of a run: `settings[ARCHS]` is the value, `settings.origin(ARCHS)` its origin.

    `resolved` has every option of the table, in its order, for the run as a whole; `for_cell` applies the overrides.
    `project_name`, `metadata_python`: name and requires-python from the project's metadata. `is_drop_in`: read from
    cibuildwheel's table and variables. `notices`: messages for the user about the configuration. `package`: the name by
    which cells of a workspace name the package, "" for a single one.
    """

    resolved: tuple[Setting, ...]
    layers: tuple[Layer, ...] = ()
    project_name: str | None = None
    metadata_python: Setting | None = None
    is_drop_in: bool = False
    notices: tuple[str, ...] = ()
    package: str = ""

    def __getitem__(self, option: Option[T]) -> T:
        # Not by way of `_setting`: a cell asks some eighty times.
        return cast("T", self.resolved[_POSITION[option.name]].value)

    def origin(self, option: Option[object]) -> Origin:
        """Return the origin of the option's value."""
        return self._setting(option.name).origin

    @property
    def requires_python(self) -> Setting | None:
        """The Python versions that the project supports, as a version specifier; None if unspecified."""
        option = self._setting(PROJECT_REQUIRES_PYTHON.name)
        return option if option.value else self.metadata_python

    @property
    def overrides(self) -> tuple[Layer, ...]:
        """The layers that apply to some cells only."""
        return tuple(layer for layer in self.layers if layer.select is not None)

    def for_cell(self, cell: Cell) -> "Settings":
        """Return the settings of a cell, with the overrides that select it."""
        if not any(layer.select is not None and layer.select.matches(cell) for layer in self.overrides):
            return self
        layers = [layer for layer in self.layers if layer.select is None or layer.select.matches(cell)]
        return replace(self, resolved=tuple(resolve(option, layers) for option in BY_NAME.values()))

    def under_emulation(self) -> "Settings":
        """Return the settings of a cell that an emulator runs: another default of limits that the user has not set."""
        return replace(self, resolved=tuple(map(_under_emulation, self.resolved)))

    def items(self) -> Iterator[tuple[Option[object], object]]:
        """Return an iterator over every option and its value, in the order of the table."""
        return ((BY_NAME[setting.name], setting.value) for setting in self.resolved)

    def image(self, platform: Platform) -> str:
        """Return the image, as named by the user, for the cells of a platform.

        The option from the higher layer wins; within one layer, the platform's own wins over `image`.
        """
        own = IMAGES[platform]
        above = self._setting(IMAGE.name).rank > self._setting(own.name).rank
        return self[IMAGE] if above and self[IMAGE] else self[own]

    def _setting(self, name: str) -> Setting:
        return self.resolved[_POSITION[name]]


def _under_emulation(setting: Setting) -> Setting:
    value = BY_NAME[setting.name].emulated_default
    if value is None or setting.origin.source is not Source.DEFAULT:
        return setting
    return replace(setting, value=value, origin=EMULATED_DEFAULT)


_POSITION = {name: position for position, name in enumerate(BY_NAME)}
