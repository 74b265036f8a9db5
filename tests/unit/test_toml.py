"""TOML of anybody: what Python's parsers would not end with, or not tell as a mistake of the document."""

import pytest

from matrix_runner.toml import _MOST_PARTS, TOMLDecodeError, loads


def depth(value: object) -> int:
    """Return the number of tables in one another."""
    count = 0
    while isinstance(value, (dict, list)):
        (value,) = value if isinstance(value, list) else value.values() or (None,)
        count += 1
    return count


@pytest.mark.parametrize("form", ["{} = 1", "[{}]", "[[{}]]", "x = {{ {} = 1 }}"])
@pytest.mark.parametrize("part", ["a", "a-1", '"a b"', "'.'"])
def test_a_key_has_so_many_parts(form: str, part: str) -> None:
    """Parsers take time with the square of their number."""
    assert depth(loads(form.format(".".join([part] * _MOST_PARTS)))) >= _MOST_PARTS
    for point in (".", " . "):
        with pytest.raises(TOMLDecodeError, match="a key has more than 100 parts"):
            loads(form.format(point.join([part] * (_MOST_PARTS + 1))))


def test_what_is_no_key_may_have_any_dots() -> None:
    """In texts and comments there are no keys, and numbers have one."""
    lines = [
        f"a = ['{'.' * 500}', 1.5, 2.5] # {'. ' * 500}",
        "b = 1.25",
        *(f"c{number}.d = 1" for number in range(300)),
    ]
    assert len(loads("\n".join(lines))) == 302


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "{a=" * 100_000])
def test_what_is_nested_too_deeply_is_no_toml(text: str) -> None:
    """It is a mistake of the document, like any other."""
    with pytest.raises(TOMLDecodeError, match=r"."):
        loads(text)


def test_a_million_letters_are_looked_through_once() -> None:
    """The search for long keys does not begin anew at each letter."""
    assert len(loads(f"a = '{'x' * 1_000_000}'\nb = '{'x.' * 40} {'-' * 500_000}'")) == 2
