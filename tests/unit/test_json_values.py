"""JSON of anybody: whatever is wrong with it, one exception says so."""

import pytest

from matrix_runner.json_values import NotJson, Seconds, Time, decode, decode_surrogates, is_deeper


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b'"\xff"', "\ud800", b"[" * 100_000, b'{"a":' * 100_000, b"1" * 5000, b"1e999", b'["a"]', b"null"],
    ids=["empty", "cut", "no UTF-8", "no text", "deep lists", "deep objects", "digits", "infinite", "words", "none"],
)
def test_what_is_wrong_is_one_exception(data: bytes | str) -> None:
    """Of the form and of the values alike."""
    with pytest.raises(NotJson, match=r"."):
        decode(data, list[int])


def test_names_of_files_are_read_as_they_are() -> None:
    """A name that is no UTF-8 has a lone surrogate in it; what is wrong is one exception there too."""
    assert decode_surrogates(b'["\\udcff"]', list[str]) == ["\udcff"]
    for data in (b"", b"[" * 100_000, b"[1]", b"1" * 5000, b'"\xff"'):
        with pytest.raises(NotJson, match=r"."):
            decode_surrogates(data, list[str])


def test_nesting_where_nobody_looks_is_found_too() -> None:
    """A key that nothing reads has any value."""
    with pytest.raises(NotJson, match="nested too deeply"):
        decode(b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", dict[str, object])


@pytest.mark.parametrize(
    ("value", "deepest"), [(1, 0), ([], 0), ([1], 1), ({"a": []}, 1), ({"a": [{"b": 1}]}, 3), ([[], [[[1]]]], 4)]
)
def test_depth_is_counted(value: object, deepest: int) -> None:
    """Of lists and objects in one another; an empty one has nothing in it."""
    assert not is_deeper(value, deepest)
    assert deepest == 0 or is_deeper(value, deepest - 1)


def test_times_have_bounds() -> None:
    """Ten years is more than any run lasts, and the calendar ends with the year 9999."""
    assert decode(b"316224000", Seconds) == decode(b"316224000.0", Seconds) == 316_224_000
    assert decode(b"253402300799", Time) == 253_402_300_799
    for form, data in ((Seconds, b"316224001"), (Seconds, b"-1e300"), (Time, b"-1"), (Time, b"253402300800")):
        with pytest.raises(NotJson, match="Expected `float`"):
            decode(data, form)
