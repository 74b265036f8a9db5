"""What comes out of a cell: taken in, inspected, held against the cell's promise, published.

`inspection` is not among the names here: half of the room, and of no use to a run that only delivers again.
"""

from matrix_runner.wheelhouse.intake import DEFAULT_LIMIT, receive
from matrix_runner.wheelhouse.publication import Wheelhouse
from matrix_runner.wheelhouse.verification import Promise, is_compatible, reject_pure, serves_several, verify
from matrix_runner.wheelhouse.wheel_name import is_stable_abi

__all__ = (
    "DEFAULT_LIMIT",
    "Promise",
    "Wheelhouse",
    "is_compatible",
    "is_stable_abi",
    "receive",
    "reject_pure",
    "serves_several",
    "verify",
)
