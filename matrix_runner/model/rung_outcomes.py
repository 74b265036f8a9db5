"""Outcomes of a wheel's tests in clean images of other distributions (`test-on`)."""

from enum import Enum

import msgspec


class RungStatus(Enum):
    """What became of a wheel in a clean image (`test-on`)."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"

    def __str__(self) -> str:
        return self.value


class RungOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The test of a cell's wheel in a clean image. `name`: as `test-on` has it.

    `system`: the distribution's name; `libc`: its C library, such as `glibc 2.36`; `python`: the Python that tested;
    each "" if it is not known. `reason`: why it failed, or does not apply.
    """

    name: str
    status: RungStatus
    system: str = ""
    libc: str = ""
    python: str = ""
    image_id: str | None = None
    seconds: float = 0.0
    reason: str | None = None
