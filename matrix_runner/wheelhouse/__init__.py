"""Finished wheels: received from a cell, inspected, verified against the cell's promise, published.

`inspection` is not imported here: it is half of the package, and unneeded by a run that only delivers cached wheels.
"""

from matrix_runner.wheelhouse.findings import Finding, settle
from matrix_runner.wheelhouse.intake import DEFAULT_LIMIT, SDIST, WHEEL, Expected, receive
from matrix_runner.wheelhouse.publication import Wheelhouse
from matrix_runner.wheelhouse.verification import Promise, is_compatible, reject_pure, serves_several, verify
from matrix_runner.wheelhouse.wheel_name import is_stable_abi

__all__ = (
    "DEFAULT_LIMIT",
    "SDIST",
    "WHEEL",
    "Expected",
    "Finding",
    "Promise",
    "Wheelhouse",
    "is_compatible",
    "is_stable_abi",
    "receive",
    "reject_pure",
    "serves_several",
    "settle",
    "verify",
)
