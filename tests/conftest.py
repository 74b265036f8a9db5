"""What every tier shares."""

import signal

import pytest
from hypothesis import settings

# A deadline is an assertion about time, which a busy machine breaks.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the end-to-end tier run on other images than our own, and the opt-in tests run at all."""
    parser.addoption(
        "--images",
        choices=("own", "published"),
        default="own",
        help="what the end-to-end tier builds in: images made here, or the manylinux project's, which are pulled",
    )
    parser.addoption(
        "--peer",
        action="store_true",
        help="also hold us side by side with cibuildwheel, on the configuration of projects on the package index",
    )
    parser.addoption(
        "--ground",
        action="store_true",
        help="also build on architectures and interpreters that take long to set up: ppc64le, riscv64, 3.14",
    )
    parser.addoption(
        "--record-faults",
        action="store_true",
        help="write down what the catalogue of faults saw on this engine, for docs/reference/faults.md",
    )
    parser.addoption(
        "--rounds",
        type=int,
        default=2,
        help="how many random moments each signal comes at, and how often the engine restarts; 50 take an hour",
    )
    parser.addoption(
        "--mishaps",
        type=int,
        default=4,
        help="how many random changes, kills and damages a cached project goes through; 25 take some minutes",
    )


def pytest_configure() -> None:
    """Hear signals: `nohup`, or a shell's background job, has them ignored, and what a test starts inherits that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
