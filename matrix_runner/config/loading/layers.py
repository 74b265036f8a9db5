"""Configuration layers and their resolution: lowest first, a higher layer replaces a value or adds to it."""

from collections.abc import Sequence
from enum import Enum

import msgspec

from matrix_runner.config.kinds.selectors import Selector
from matrix_runner.config.options.option import Option, Source


class Inherit(Enum):
    """The effect of a layer's value on the value of the layers below."""

    NONE = "none"
    APPEND = "append"
    PREPEND = "prepend"

    def __str__(self) -> str:
        return self.value


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """The origin of a value; `str(origin)` is its readable form: `pyproject.toml:7: tool.matrix-runner.archs`."""

    source: Source
    text: str

    def __str__(self) -> str:
        return self.text

    def on_top_of(self, lower: "Origin") -> "Origin":
        """Return the combined origin of this layer and a lower one that it added to."""
        return Origin(source=self.source, text=f"{lower} and {self}")


DEFAULT = Origin(source=Source.DEFAULT, text="default")
EMULATED_DEFAULT = Origin(source=Source.DEFAULT, text="default under emulation")


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """The value that one layer gives to the option `name`."""

    name: str
    value: object
    origin: Origin
    rule: Inherit = Inherit.NONE


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """The values of one layer. `select`: the cells it applies to, None for all; `position`: of `select`."""

    given: tuple[Given, ...]
    select: Selector | None = None
    position: str = ""

    def get(self, name: str) -> Given | None:
        """Return the layer's value for an option, or None."""
        return next((one for one in self.given if one.name == name), None)


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """An option's value and origin. `rank`: of the highest layer that contributed; 0 is the default."""

    name: str
    value: object
    origin: Origin
    rank: int = 0


def resolve(option: Option[object], layers: Sequence[Layer]) -> Setting:
    """Resolve an option from its layers, lowest first, above its own default."""
    result = Setting(name=option.name, value=option.default, origin=DEFAULT)
    for rank, layer in enumerate(layers, start=1):
        given = layer.get(option.name)
        if given is not None:
            result = _apply(option, result, given, rank)
    return result


def _apply(option: Option[object], below: Setting, given: Given, rank: int) -> Setting:
    join = option.kind.join
    if given.rule is Inherit.NONE or join is None:
        return Setting(name=option.name, value=given.value, origin=given.origin, rank=rank)
    pair = (below.value, given.value) if given.rule is Inherit.APPEND else (given.value, below.value)
    # An addition to an empty default is not worth mentioning in an origin.
    is_first = below.origin.source is Source.DEFAULT and not below.value
    is_same = below.origin == given.origin
    origin = given.origin if is_first or is_same else given.origin.on_top_of(below.origin)
    return Setting(name=option.name, value=join(*pair), origin=origin, rank=rank)
