"""What each layer gives, and how layers become settings: lowest first, a higher one replaces or adds."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from matrix_runner.config.kinds.selectors import Selector
from matrix_runner.config.options.option import Option, Source


class Inherit(Enum):
    """What a layer's value does to the value of the layers below."""

    NONE = "none"
    APPEND = "append"
    PREPEND = "prepend"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where a value came from; `str(origin)` is what a person reads: `pyproject.toml:7: tool.matrix-runner.archs`."""

    source: Source
    text: str

    def __str__(self) -> str:
        return self.text

    def on_top_of(self, lower: "Origin") -> "Origin":
        """Say that this layer added to a lower one."""
        return Origin(source=self.source, text=f"{lower} and {self}")


DEFAULT = Origin(source=Source.DEFAULT, text="default")


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """The value that one layer gives an option, of that name."""

    name: str
    value: object
    origin: Origin
    rule: Inherit = Inherit.NONE


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """What one layer gives. `select`: the cells it is for, None for all; `position`: of that."""

    given: tuple[Given, ...]
    select: Selector | None = None
    position: str = ""

    def get(self, name: str) -> Given | None:
        """Return what it gives an option, or None."""
        return next((one for one in self.given if one.name == name), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """The value of one option and its origin. `rank`: of the highest layer that had a say; 0 is the default."""

    name: str
    value: object
    origin: Origin
    rank: int = 0


def resolve(option: Option[object], layers: Sequence[Layer]) -> Setting:
    """Let the layers have their say, lowest first; below them is the option's own default."""
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
    # Nobody who reads an origin wants to hear that something was added to an empty default.
    is_first = below.origin.source is Source.DEFAULT and not below.value
    is_same = below.origin == given.origin
    origin = given.origin if is_first or is_same else given.origin.on_top_of(below.origin)
    return Setting(name=option.name, value=join(*pair), origin=origin, rank=rank)
