"""Selectors against a model of their own: braces written out by hand, globs matched a character at a time."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from matrix_runner import catalog
from matrix_runner.config.kinds.grammars import patterns
from matrix_runner.config.kinds.selectors import Selector
from matrix_runner.config.mistakes import InvalidValue
from matrix_runner.model.cells import Cell

CELLS = catalog.load().cells
IDENTIFIERS = tuple(map(str, CELLS))
READ = patterns().read


def matches(glob: str, text: str) -> bool:
    """Whether a glob without braces matches a text, whole; the slow way that needs no thought."""
    if not glob:
        return not text
    if glob[0] == "*":
        return any(matches(glob[1:], text[start:]) for start in range(len(text) + 1))
    if not text:
        return False
    if glob[0] == "?":
        return matches(glob[1:], text[1:])
    if glob[0] == "[":
        end = glob.index("]", 3 if glob.startswith("[!") else 2)
        inside = glob[1:end]
        is_member = text[0] in members(inside.removeprefix("!"))
        return is_member is not inside.startswith("!") and matches(glob[end + 1 :], text[1:])
    return glob[0] == text[0] and matches(glob[1:], text[1:])


def members(inside: str) -> set[str]:
    """Return the characters of a set, ranges written out."""
    found: set[str] = set()
    while inside:
        if len(inside) >= 3 and inside[1] == "-":
            found |= {chr(code) for code in range(ord(inside[0]), ord(inside[2]) + 1)}
            inside = inside[3:]
        else:
            found.add(inside[0])
            inside = inside[1:]
    return found


_LITERALS = st.sampled_from(
    ("cp", "pp", "gp", "3", "1", "11", "39", "t", "-", "_", "many", "musl", "linux_", "x86", "64", "i686")
)
_SETS = st.sampled_from(("[13]", "[!13]", "[0-9]", "[!a-z]", "[p-]", "[!]]", "[]p]", "[cp]", "[!_-]"))
_WILD = st.sampled_from(("*", "?", "*-*", "??", "*_"))

Drawn = tuple[str, tuple[str, ...]]
"""A pattern, and the globs without braces that it stands for."""

atoms: st.SearchStrategy[Drawn] = (_LITERALS | _SETS | _WILD).map(lambda glob: (glob, (glob,)))
ranges: st.SearchStrategy[Drawn] = st.tuples(st.integers(0, 14), st.integers(0, 14)).map(
    lambda ends: (
        f"{{{ends[0]}..{ends[1]}}}",
        tuple(str(n) for n in (range(ends[0], ends[1] + 1) if ends[0] <= ends[1] else range(ends[0], ends[1] - 1, -1))),
    )
)


def in_a_row(parts: list[Drawn]) -> Drawn:
    """Put patterns one after another."""
    globs: tuple[str, ...] = ("",)
    for _, several in parts:
        globs = tuple(head + tail for head in globs for tail in several)
    return "".join(text for text, _ in parts), globs


def alternatives(options: list[Drawn]) -> Drawn:
    """Put patterns between braces."""
    return f"{{{','.join(text for text, _ in options)}}}", tuple(glob for _, several in options for glob in several)


EMPTY: Drawn = ("", ("",))

drawn_patterns: st.SearchStrategy[Drawn] = st.recursive(
    atoms | ranges,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(in_a_row)
        | st.lists(inner | st.just(EMPTY), min_size=2, max_size=3).map(alternatives)
    ),
    max_leaves=7,
).filter(lambda drawn: len(drawn[1]) <= 200)


@settings(max_examples=60, deadline=None)
@given(drawn=st.lists(drawn_patterns, min_size=1, max_size=3))
@example(drawn=[("cp3{9,1{0..3}}-*[!6]", ("cp39-*[!6]", "cp310-*[!6]", "cp311-*[!6]", "cp312-*[!6]", "cp313-*[!6]"))])
@example(drawn=[("{cp39,}-*", ("cp39-*", "-*")), ("*-*_{i686,x86_64}", ("*-*_i686", "*-*_x86_64"))])
def test_selectors_select_what_a_model_selects(drawn: list[Drawn]) -> None:
    """Over the whole catalog, patterns select exactly what their alternatives, written out, match by hand.

    Read as one string or as a list, they are the same patterns.
    """
    texts = [text for text, _ in drawn]
    if any(not text for text in texts):
        return
    read = READ(" ".join(texts))
    assert read == READ(texts) == tuple(dict.fromkeys(texts))
    selector = Selector(patterns=read)
    globs = {glob for _, several in drawn for glob in several}
    selected = {identifier for identifier in IDENTIFIERS if any(matches(glob, identifier) for glob in globs)}
    assert {str(cell) for cell in CELLS if selector.matches(cell)} == selected


@settings(max_examples=60, deadline=None)
@given(text=st.text(alphabet="cp3901{},.!*?[]-_ix86", max_size=14))
def test_any_pattern_is_refused_or_selects_as_a_model_does(text: str) -> None:
    """Whatever someone types is a mistake that is told or a pattern; one without braces means what the model says."""
    try:
        read = READ(text)
    except InvalidValue:
        return
    selector = Selector(patterns=read)
    selected = {str(cell) for cell in CELLS if selector.matches(cell)}
    if "{" not in text:
        assert selected == {name for name in IDENTIFIERS if any(matches(glob, name) for glob in read)}


def test_an_identifier_selects_its_cell_alone() -> None:
    """Each identifier of the catalog is read back as its cell, and as a pattern selects that cell and no other."""
    assert len(IDENTIFIERS) > 200
    assert len(set(IDENTIFIERS)) == len(IDENTIFIERS)
    for cell, identifier in zip(CELLS, IDENTIFIERS, strict=True):
        assert Cell.parse(identifier) == cell
        assert str(Cell.parse(identifier)) == identifier
        assert READ(identifier) == (identifier,)
        selector = Selector(patterns=(identifier,))
        assert [other for other in CELLS if selector.matches(other)] == [cell]


def test_no_pattern_selects_nothing_and_a_star_all() -> None:
    """The two ends."""
    assert not any(Selector(patterns=()).matches(cell) for cell in CELLS)
    assert all(Selector(patterns=("*",)).matches(cell) for cell in CELLS)
