"""Digests of values are the same in every release: names on users' disks are made of them."""

import pytest

from matrix_runner.digests import json_digest, text_digest


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (("host/0/ab", "/home/me/project"), "9b77d1ab02f529af649fc63e78f2a8083bc6eea1339919d8a4a4579c2e958dbc"),
        # A path of bytes that are no UTF-8, as Python has it.
        (("caf\udce9",), "dafd66c0b98965e688be1fc12942c09f0350e6be0685017c3f234e97d0adc92e"),
    ],
)
def test_texts_have_the_digest_of_their_bytes_joined_by_nul(parts: tuple[str, ...], expected: str) -> None:
    """As `printf 'a\\0b' | sha256sum` prints it."""
    assert text_digest(*parts) == expected


def test_values_have_the_digest_of_their_json() -> None:
    """As `sha256sum` prints it of the JSON that Python writes, in ASCII and with blanks."""
    value = ("1", [("A", None)], "\udce9", True)
    assert json_digest(value) == "80191bfcf42c62ba84aa874f8fc822e46fbf4e7023f9461ccd46d5d7b0952276"


def test_joined_values_are_not_mistaken_for_one_another() -> None:
    """Where one text ends and the next begins makes a difference, and so does nesting."""
    assert text_digest("ab", "c") != text_digest("a", "bc")
    assert json_digest(("a", ("b",))) != json_digest((("a",), "b"))
