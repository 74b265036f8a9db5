"""Where keys stand, tried on documents that are written in every style TOML knows, and on text that is no TOML."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from matrix_runner.config.kinds.toml_writing import string
from matrix_runner.config.loading.positions import locate
from matrix_runner.toml import TOMLValue, loads

Path = tuple[str | int, ...]
Tree = str | list["Tree"] | dict[str, "Tree"]
"""What to write; a text is a scalar, as it stands in the document."""

NASTY = "a1_-.=[]{}#,'\" \n\té"
long_literals = st.text(NASTY.replace("'", ""), max_size=8).map(lambda text: f"'''{text}'''")
long_basics = st.text(NASTY, max_size=8).map(lambda text: '"""' + text.replace('"', '""\\"') + '"""')
plain = st.sampled_from(("1", "-1.5e3", "true", "1979-05-27 07:32:00", "'a = [1'", "''''''", '""" " ""x"""'))
scalars = plain | long_literals | long_basics | st.text(NASTY, max_size=8).map(string)
keys = st.sampled_from(("a", "b", "c-d", "1")) | st.text(NASTY, max_size=4)
trees: st.SearchStrategy[Tree] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=12
)
documents = st.dictionaries(keys, trees, max_size=5)


class Writer:
    """Writes a document, in a style that is drawn as it goes, and keeps book of the line in which each key stands."""

    def __init__(self, data: st.DataObject) -> None:
        self.text = ""
        self.lines: dict[Path, int] = {}
        self._data = data

    def body(self, path: Path, table: dict[str, Tree]) -> None:
        """Write all of a table below its header: first what stands in it, then the tables that have a header."""
        headed = [key for key, value in table.items() if is_headed(value) and self._decide()]
        for key, value in table.items():
            if key not in headed:
                self._assignment(path, (key,), value)
                self._put(self._one_of("\n", "\n\n", " # x = 1\n", "\n# [x]\n\t"))
        for key in headed:
            value = table[key]
            if isinstance(value, dict):
                # One of tables only may stand without a header, as its first table will mention it.
                is_implicit = any(map(is_filled_table, value.values())) and self._decide()
                self._table((*path, key), value, is_implicit=is_implicit)
            else:
                for index, entry in enumerate(value):
                    self._header((*path, key, index), "[[", "]]")
                    self.body((*path, key, index), entry if isinstance(entry, dict) else {})

    def _table(self, path: Path, table: dict[str, Tree], *, is_implicit: bool) -> None:
        if is_implicit:
            first = next(key for key, value in table.items() if is_filled_table(value))
            inner = table[first]
            self._table((*path, first), inner if isinstance(inner, dict) else {}, is_implicit=False)
            table = {key: value for key, value in table.items() if key != first}
            if not table:
                return
        self.lines.pop(path, None)
        self._header(path, "[", "]")
        self.body(path, table)

    def _header(self, path: Path, opening: str, closing: str) -> None:
        space = self._one_of("", " ", "\t ")
        names = [key for key in path if isinstance(key, str)]
        self._put(self._one_of("", "  "))
        for end in range(1, len(path) + 1):
            self._note(path[:end])
        self._put(f"{opening}{space}{self._dotted(names)}{space}{closing}{space}{self._one_of('', '# y')}\n")

    def _assignment(self, path: Path, names: tuple[str, ...], value: Tree) -> None:
        if is_filled_table(value) and isinstance(value, dict) and self._decide():
            for count, (key, inner) in enumerate(value.items()):
                if count:
                    self._put(self._one_of("\n", "\n  ") if self._is_free else ", ")
                self._assignment(path, (*names, key), inner)
            return
        for end in range(1, len(names) + 1):
            self._note((*path, *names[:end]))
        self._put(f"{self._dotted(names)}{self._one_of('=', ' = ')}")
        self._value((*path, *names), value)

    _is_free = True
    """Whether a statement may end here: not within an inline table."""

    def _value(self, path: Path, value: Tree) -> None:
        if isinstance(value, str):
            self._put(value)
        elif isinstance(value, list):
            self._put("[")
            for index, element in enumerate(value):
                self._put(self._one_of("", " ", "\n", " # ]\n  "))
                self._note((*path, index))
                self._value((*path, index), element)
                self._put(self._one_of("", " ", "\n") + ("," if index + 1 < len(value) else self._one_of("", ",")))
            self._put("]")
        else:
            was_free, self._is_free = self._is_free, False
            self._put("{")
            for count, (key, inner) in enumerate(value.items()):
                self._put((", " if count else "") + self._one_of("", " "))
                self._assignment(path, (key,), inner)
            self._put("}")
            self._is_free = was_free

    def _dotted(self, names: list[str] | tuple[str, ...]) -> str:
        return self._one_of(".", " . ").join(map(self._key, names))

    def _key(self, name: str) -> str:
        forms = [string(name)]
        if name.replace("-", "a").replace("_", "a").isalnum() and name.isascii():
            forms.append(name)
        if not set(name) & {"'", "\n"}:
            forms.append(f"'{name}'")
        return self._one_of(*forms)

    def _put(self, text: str) -> None:
        self.text += text

    def _note(self, path: Path) -> None:
        self.lines.setdefault(path, 1 + self.text.count("\n"))

    def _decide(self) -> bool:
        return self._data.draw(st.booleans())

    def _one_of(self, *choices: str) -> str:
        return self._data.draw(st.sampled_from(choices))


def is_filled_table(value: Tree) -> bool:
    """Whether it can be written without being mentioned itself."""
    return isinstance(value, dict) and bool(value)


def is_headed(value: Tree) -> bool:
    """Whether it can be written with headers."""
    return isinstance(value, dict) or (bool(value) and isinstance(value, list) and all(type(e) is dict for e in value))


def paths(value: TOMLValue, at: Path = ()) -> Iterator[Path]:
    """Every key path in a document that was read."""
    below: Iterator[tuple[str | int, TOMLValue]] = iter(())
    if isinstance(value, dict):
        below = iter(value.items())
    elif isinstance(value, list):
        below = iter(enumerate(value))
    for key, inner in below:
        yield (*at, key)
        yield from paths(inner, (*at, key))


@given(data=st.data(), tree=documents, newline=st.sampled_from(("\n", "\r\n")))
def test_every_key_of_any_document_is_found_where_it_was_written(
    data: st.DataObject, tree: dict[str, Tree], newline: str
) -> None:
    """All key paths the reader sees are located, no others, and in the lines in which they were written."""
    writer = Writer(data)
    writer.body((), tree)
    text = writer.text.replace("\n", newline)
    found = locate(text)
    assert found.keys() == set(paths(loads(text)))
    assert found == writer.lines


@given(text=st.text(NASTY + "\r\\\x00u", max_size=60) | st.text())
def test_no_text_is_too_odd(text: str) -> None:
    """Text that is no TOML raises nothing, and what is found lies within it."""
    assert all(1 <= line <= 1 + text.count("\n") for line in locate(text).values())
