"""What a cell is made of: equal values have one key, and what differs is said in words."""

import pytest
from store_entries import made_of

from matrix_runner.store.cell_inputs import CellInputs, SourceInputs, differences, key, plain_name, read, write

OLD = made_of(**{"src/x.c": "1", "src/z.c": "1"})


def test_equal_ingredients_have_one_key() -> None:
    """Neither the order in which files were listed nor writing and reading back changes the key."""
    turned = made_of(**{"src/z.c": "1", "src/x.c": "1"})
    assert key(turned) == key(OLD)
    again = read(write(OLD))
    assert again == OLD
    assert again is not None
    assert key(again) == key(OLD)


def changed(**groups: tuple[tuple[str, str], ...]) -> CellInputs:
    """Return the old inputs with other surroundings, options or variables."""
    return CellInputs(
        source=OLD.source,
        surroundings=groups.get("surroundings", OLD.surroundings),
        options=groups.get("options", OLD.options),
        variables=groups.get("variables", OLD.variables),
    )


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (made_of(**{"src/x.c": "2", "src/y.c": "1"}), ("src/x.c changed", "src/y.c added", "src/z.c removed")),
        (
            changed(surroundings=(("image", "sha256:" + "b" * 64), ("tool version", "2"))),
            ("image sha256:aaaaaaaaaaaa -> sha256:bbbbbbbbbbbb", "tool version 1 -> 2"),
        ),
        (changed(options=(("test-command", "z"),)), ("option test-command changed",)),
        (changed(variables=()), ("environment variable CI changed",)),
        (
            changed(surroundings=(*OLD.surroundings, ("tool uv", "uv 0.5"))),
            ("tool uv none -> uv 0.5",),
        ),
        (OLD, ()),
    ],
)
def test_differences_are_said_in_words(new: CellInputs, said: tuple[str, ...]) -> None:
    """Each thing that is not as it was has a line, and each such change another key."""
    assert differences(OLD, new) == said
    assert (key(OLD) == key(new)) == (not said)


def test_names_that_are_no_text_stay_different() -> None:
    """A file's name may be any bytes; no two names become one."""
    names = ["a\udcff", "a\\xff", "a\\\\xff", "aÿ"]
    assert len({plain_name(name) for name in names}) == len(names)
    assert SourceInputs.of((("a\udcff", "1"),)).sha256 != SourceInputs.of((("a\\xff", "1"),)).sha256


@pytest.mark.parametrize("data", [b"", b"{}", b"[1", b"\xff", write(OLD)[:-5], b'{"source": 3}'])
def test_what_is_no_list_of_ingredients_is_none(data: bytes) -> None:
    """Anything else is read as nothing, and never raises."""
    assert read(data) is None
