"""Who hears what is said while an image is fetched: notices, and how much of it has come."""

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from matrix_runner.model.events import OnTransfer, Transfer

OnNotice: TypeAlias = Callable[[str], None]


def unheard(_: Transfer) -> None:
    """Hear nothing."""


class Hearing(msgspec.Struct, frozen=True, kw_only=True):
    """The hearers of both."""

    on_notice: OnNotice
    on_transfer: OnTransfer = unheard
