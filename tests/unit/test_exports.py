"""What each package offers to the others, pinned: an addition is a decision, not an accident."""

from importlib import import_module

import pytest

EXPORTS = {
    "matrix_runner": {"__version__"},
    "matrix_runner.matrix": {
        "Answer",
        "Execution",
        "Explanation",
        "Host",
        "Job",
        "LeftOut",
        "Plan",
        "Selector",
        "explain",
        "make_plan",
    },
    "matrix_runner.schedule": {
        "Again",
        "Area",
        "Capacity",
        "Durations",
        "Interrupt",
        "Load",
        "Pool",
        "Slot",
        "StopRequest",
        "Task",
        "queue_order",
    },
    "matrix_runner.wheelhouse": {
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
    },
    "matrix_runner.toml": {"TOMLDecodeError", "TOMLValue", "loads", "table_of", "texts_of"},
}


@pytest.mark.parametrize("package", EXPORTS)
def test_a_package_offers_what_it_says(package: str) -> None:
    """`__all__` is as pinned here, sorted by nobody's memory, and every name in it is there."""
    module = import_module(package)
    assert set(module.__all__) == EXPORTS[package]
    assert len(module.__all__) == len(EXPORTS[package])
    assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("package", ["matrix_runner.model", "matrix_runner.cell", "matrix_runner.engine"])
def test_a_package_of_rooms_offers_only_its_modules(package: str) -> None:
    """Where there is no one entrance, the package itself holds nothing but its modules."""
    module = import_module(package)
    own = {name for name in vars(module) if not name.startswith("_")}
    assert all(type(getattr(module, name)).__name__ == "module" for name in own)
    assert module.__doc__
