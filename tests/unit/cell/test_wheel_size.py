"""The size of a wheel: the limit of the index, and growth since the last report."""

from matrix_runner.cell.wheel_size import growth, size_warning
from matrix_runner.model.outcomes import PackedFile, WheelRecord

MIB = 1024**2


def wheel(size: int, **files: int) -> WheelRecord:
    """Return a wheel of a size with these largest files, in MiB."""
    largest = tuple(PackedFile(path=path, size=number * MIB) for path, number in files.items())
    return WheelRecord(name="demo.whl", size=size * MIB, sha256="0" * 64, largest=largest)


def test_a_wheel_above_the_limit_is_told_with_its_largest_files() -> None:
    """At the limit it is not; without a limit never."""
    large = wheel(120, lib=80, code=30, data=5, text=1)
    warning = size_warning(large, 100 * MIB)
    assert warning is not None
    assert "demo.whl has 120.0 MiB, more than max-wheel-size = 100.0 MiB" in warning
    assert warning.endswith("as packed: lib 80.0 MiB, code 30.0 MiB, data 5.0 MiB")
    assert size_warning(large, 120 * MIB) is None
    assert size_warning(large, 0) is None


def test_growth_is_told_by_file() -> None:
    """What grew most comes first; a new file has grown from nothing; what shrank is not named."""
    told = growth(wheel(30, lib=15, code=8, new=4, data=3), wheel(20, lib=9, code=7, data=4))
    assert told is not None
    assert told.startswith("demo.whl has 30.0 MiB, and demo.whl of the last report had 20.0 MiB")
    assert told.endswith("grown: lib by 6.0 MiB, new by 4.0 MiB, code by 1.0 MiB")


def test_little_growth_is_not_told() -> None:
    """Neither a few per cent, nor a few bytes of a small wheel, nor what nobody has measured before."""
    assert growth(wheel(21), wheel(20)) is None
    small = WheelRecord(name="demo.whl", size=2000, sha256="0" * 64)
    assert growth(small, WheelRecord(name="demo.whl", size=1000, sha256="1" * 64)) is None
    assert growth(wheel(30), None) is None
    assert growth(wheel(10), wheel(30)) is None


def test_a_file_that_was_not_among_the_largest_has_grown_by_what_is_sure() -> None:
    """Ten are kept: another may have been as large as the smallest of them."""
    before = wheel(100, **{f"f{n}": 5 for n in range(10)})
    told = growth(wheel(130, lib=35), before)
    assert told is not None
    assert told.endswith("grown: lib by 30.0 MiB")
