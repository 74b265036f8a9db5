"""Who hears what is said while an image is fetched: notices, and how much of it has come."""

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from matrix_runner.model.events import OnTransfer

OnNotice: TypeAlias = Callable[[str], None]


def unheard(_: object) -> None:
    """Hear nothing."""


class Hearing(msgspec.Struct, frozen=True, kw_only=True):
    """The hearers of both, who hear nothing unless they are named."""

    on_notice: OnNotice = unheard
    on_transfer: OnTransfer = unheard
