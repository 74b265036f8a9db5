"""Where the keys of a TOML document stand."""

import pytest

from matrix_runner.config.loading.positions import locate
from matrix_runner.toml import loads

Path = tuple[str | int, ...]

CASES: tuple[tuple[str, str, dict[Path, int]], ...] = (
    ("nothing", "", {}),
    ("only a comment", "# [a]\n# b = 1", {}),
    ("a key", "\n\na = 1", {("a",): 3}),
    ("a table and its keys", "[a]\nb = 1\n\nc = 2 # d = 3\n", {("a",): 1, ("a", "b"): 2, ("a", "c"): 4}),
    ("a parent without header", "[a.b]\n[a.c]", {("a",): 1, ("a", "b"): 1, ("a", "c"): 2}),
    ("a parent with a later header", "[a.b]\n[a]", {("a", "b"): 1, ("a",): 2}),
    ("a dotted key", "a.b = 1\na.c = 2", {("a",): 1, ("a", "b"): 1, ("a", "c"): 2}),
    (
        "spaces around dots",
        '[ a . "b" ]\nc . d=1',
        {("a",): 1, ("a", "b"): 1, ("a", "b", "c"): 2, ("a", "b", "c", "d"): 2},
    ),
    ("an indented key", "[a]\n \t b = 1", {("a",): 1, ("a", "b"): 2}),
    ("quoted keys", "'a.b' = 1\n\"c\\\"\\u00e9\\t#\" = 2\n'' = 3", {("a.b",): 1, ('c"é\t#',): 2, ("",): 3}),
    ("a long escape", '"\\U0001F40D" = 1', {("🐍",): 1}),
    ("a quoted header", "[\"a]b\" . '#c'] # d\ne = 1", {("a]b",): 1, ("a]b", "#c"): 1, ("a]b", "#c", "e"): 2}),
    ("CRLF", "a = 1\r\n[b] # x\r\nc = '''\r\n\r\n'''\r\nd = 1", {("a",): 1, ("b",): 2, ("b", "c"): 3, ("b", "d"): 6}),
    (
        "a date",
        "a = 1979-05-27 07:32:00Z\nb = [1979-05-27 07:32:00,\n 2]",
        {("a",): 1, ("b",): 2, ("b", 0): 2, ("b", 1): 3},
    ),
    ("strings that look like TOML", 'a = "[b] # \\" = 1"\nb = \'c = "\'\nc = 1', {("a",): 1, ("b",): 2, ("c",): 3}),
    ("a long string", 'a = """\n[x]\ny = 1 \\""" "" """\nb = 1', {("a",): 1, ("b",): 4}),
    ("a long string that ends in quotes", 'a = """x"""""\nb = """"y""""\nc = 1', {("a",): 1, ("b",): 2, ("c",): 3}),
    ("an empty long string", "a = \"\"\"\"\"\"\nb = ''''''\nc = 1", {("a",): 1, ("b",): 2, ("c",): 3}),
    ("a long literal string", "a = '''\n[x] '' \\\n''''\nb = 1", {("a",): 1, ("b",): 4}),
    (
        "an array",
        "a = ['x', \"]\",\n # 'y',\n 'z' # ,\n , ]\nb = 1",
        {("a",): 1, ("a", 0): 1, ("a", 1): 1, ("a", 2): 3, ("b",): 5},
    ),
    (
        "an array in an array",
        "a = [\n [],\n [1,\n 2]]",
        {("a",): 1, ("a", 0): 2, ("a", 1): 3, ("a", 1, 0): 3, ("a", 1, 1): 4},
    ),
    (
        "an inline table",
        "a = { b = 1, c.d = '}' }\ne = {}",
        {("a",): 1, ("a", "b"): 1, ("a", "c"): 1, ("a", "c", "d"): 1, ("e",): 2},
    ),
    (
        "inline tables in an array",
        'a = [\n {b = """\n""", c = [2]},\n {d = 1}]',
        {
            ("a",): 1,
            ("a", 0): 2,
            ("a", 0, "b"): 2,
            ("a", 0, "c"): 3,
            ("a", 0, "c", 0): 3,
            ("a", 1): 4,
            ("a", 1, "d"): 4,
        },
    ),
    (
        "an array of tables",
        "[[a]]\nb = 1\n\n[[a]]\nb = 2",
        {("a",): 1, ("a", 0): 1, ("a", 0, "b"): 2, ("a", 1): 4, ("a", 1, "b"): 5},
    ),
    (
        "a table in an entry",
        "[[x.a]]\n[x.a.b]\nc = 1\n[[x.a]]\n[x.a.b]",
        {
            ("x",): 1,
            ("x", "a"): 1,
            ("x", "a", 0): 1,
            ("x", "a", 0, "b"): 2,
            ("x", "a", 0, "b", "c"): 3,
            ("x", "a", 1): 4,
            ("x", "a", 1, "b"): 5,
        },
    ),
    (
        "an array of tables in each entry",
        "[[a]]\n[[a.b]]\n[[a.b]]\n[[a]]\n[[a.b]]",
        {("a",): 1, ("a", 0): 1, ("a", 0, "b"): 2, ("a", 0, "b", 0): 2, ("a", 0, "b", 1): 3}
        | {("a", 1): 4, ("a", 1, "b"): 5, ("a", 1, "b", 0): 5},
    ),
)


@pytest.mark.parametrize(("text", "lines"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_every_key_has_its_line(text: str, lines: dict[Path, int]) -> None:
    """What a valid document holds is found, no more and no less, each in its line."""
    loads(text)
    assert locate(text) == lines


def test_newlines_in_an_inline_table_are_followed() -> None:
    """TOML 1.1 allows inline tables over several lines, with comments; a reader that takes them has them located."""
    assert locate("a = {\n b = 1, # c\n d = 2,\n}\ne = 1") == {("a",): 1, ("a", "b"): 2, ("a", "d"): 3, ("e",): 5}


def test_what_is_too_deep_does_not_fill_the_memory() -> None:
    """Paths end at 32 keys, and what comes after the deep value is found all the same."""
    lines = locate("a = " + "[" * 50_000 + "]" * 50_000 + "\n" + ".".join("k" * 50_000) + " = 1\nb = 1")
    assert max(map(len, lines)) == 32
    assert lines["b",] == 3


@pytest.mark.parametrize(
    "text", ["[", "[[", "[a", "a", "a =", "a = [", "a = {b", "a = [{", 'a = "', "]", "=", "[]\na = {]"]
)
def test_half_a_document_is_no_error(text: str) -> None:
    """What was found before the text went wrong is returned."""
    assert locate(f"first = 1\n{text}")["first",] == 1
