"""What is seen from a place where cells run, this machine or a container: package indexes, proxies, disk. Pure.

It is the answer of `cell_programs/place_report`.
"""

import re
from typing import Final

import msgspec

_LOGIN: Final = re.compile(r"(?<=//)(?<!ssh://)[^/@\s]+(?=@)|(?<=ssh://)[^/@:\s]+:[^/@\s]+(?=@)")
"""Of ssh only with a password: a user's name is none, and one's key is another matter."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A package index, or a place of files, that was asked.

    `origin`: the setting that names it. `is_main`: it is not one besides others. `outcome`: `answered`, or why not.
    `said`: the reason in the words of the library that asked. `status`: of HTTP. `code`: OpenSSL's for a certificate.
    `clock`: the server's, `asked` and `answered`: ours, in Unix time. `age`: seconds for which a cache may have kept
    the answer.
    """

    url: str
    origin: str
    is_main: bool
    outcome: str
    said: str = ""
    status: int = 0
    code: int = 0
    clock: float | None = None
    age: float = 0.0
    asked: float = 0.0
    answered: float = 0.0


class PlaceReport(msgspec.Struct, frozen=True, kw_only=True):
    """What is seen from one place. `knocks`: by the proxy's variable, "" or why nothing is there.

    `free`, `size`: bytes of the file system at `/`.
    """

    indexes: tuple[Asked, ...]
    knocks: dict[str, str]
    free: int
    size: int


def without_login(text: str) -> str:
    """Return a text with `***` for user and password in each URL."""
    return _LOGIN.sub("***", text)
