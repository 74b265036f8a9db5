"""The class `Kind` of option values, and the basic kinds: strings, lists, choices, booleans, numbers, amounts.

`msgspec` checks the type of a raw value; a kind converts it to its canonical type.
"""

import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Generic, TypeVar, cast

import msgspec

from matrix_runner.config.kinds import shapes, toml_writing
from matrix_runner.config.kinds.shapes import Shape
from matrix_runner.config.mistakes import InvalidValue, Key, describe, quote, read_each, unknown

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")
E = TypeVar("E", bound=Enum)


class Kind(msgspec.Struct, Generic[T_co], frozen=True, kw_only=True):
    """A kind of value: reading, writing and schema. Both readers raise InvalidValue.

    `words`: accepted values, for people. `shape`: the same, for the schema. `read_text`: from an environment variable
    or a flag. `may_be_empty`: if not, an empty variable counts as unset. `join`: adds a higher layer's value to a lower
    one's; None if impossible. `write`: to TOML that `read` accepts. `remarks`: notices for the user about an accepted
    raw value. `is_one_text`: a text holds several values between spaces, which must fit together; so a flag that is
    repeated is read as one text.
    """

    words: str
    shape: Shape
    read: Callable[[object], T_co]
    read_text: Callable[[str], T_co]
    may_be_empty: bool = False
    join: Callable[[object, object], T_co] | None = None
    write: Callable[[object], str] = toml_writing.plain
    remarks: Callable[[object], tuple[str, ...]] = lambda _: ()
    is_one_text: bool = False

    def __hash__(self) -> int:
        # Shapes are not hashable.
        return hash((self.words, self.read, self.read_text))


def shaped(value: object, shape: type[T], words: str) -> T:
    """Return the value if msgspec finds it in the given shape; else raise InvalidValue with the expectation."""
    try:
        return msgspec.convert(value, shape, strict=True)
    except (msgspec.ValidationError, UnicodeEncodeError):  # the latter of text that no file can hold
        raise InvalidValue.because(f"expected {words}, got {describe(value)}") from None


def check_text(text: str) -> str:
    """Return the text; raise InvalidValue if no command or file name can contain it."""
    if "\0" in text:
        raise InvalidValue.because("contains a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidValue.because("is not valid UTF-8 text") from None
    return text


def read_string(value: object) -> str:
    """Read a string that can be passed to a program."""
    return check_text(shaped(value, str, "a string"))


def filled(value: object) -> str:
    """Read a string that is not blank."""
    text = read_string(value)
    if not text.strip():
        raise InvalidValue.because("must not be empty")
    return text


def check_specifier(text: str) -> str:
    """Return the text; raise InvalidValue unless it is a version specifier (PEP 440) for comparing versions."""
    # Imported late: it would lengthen the configuration's import by a third.
    from packaging.specifiers import SpecifierSet

    try:
        for one in SpecifierSet(text):
            one.contains("3.9")
    except ValueError:
        # Raised for an invalid specifier; and for numbers of thousands of digits, on comparison.
        raise InvalidValue.because(f'{quote(text)} is no version specifier such as ">=3.9"') from None
    return text


def split_shell(text: str) -> tuple[str, ...]:
    """Split like a shell; raise InvalidValue for an unclosed quotation mark."""
    try:
        return tuple(shlex.split(check_text(text)))
    except ValueError:
        raise InvalidValue.because(f"no closing quotation mark in {quote(text)}") from None


def split_words(text: str) -> tuple[str, ...]:
    """Split at white space and commas."""
    return tuple(word for word in re.split(r"[\s,]+", check_text(text)) if word)


def string(
    *, words: str, read: Callable[[object], str] = read_string, may_be_empty: bool, shape: Shape = shapes.TEXT
) -> Kind[str]:
    """Make the kind of a string."""
    return Kind(words=words, shape=shape, read=read, read_text=read, may_be_empty=may_be_empty)


class Listing(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """The reading of a list of strings that may also be written as one string, cut by `split`.

    `split_items`: list items are cut like the string, as cibuildwheel's users expect of patterns. `unique`: duplicates
    are dropped (not for arguments: `-r a.txt -r b.txt`). `shape`, `item_shape`: of the string, and of a list item.
    """

    item: Callable[[str], T]
    words: str
    split: Callable[[str], tuple[str, ...]]
    split_items: bool = False
    unique: bool = True
    may_be_empty: bool = True
    shape: Shape = msgspec.field(default_factory=lambda: shapes.TEXT)
    item_shape: Shape = msgspec.field(default_factory=lambda: shapes.FILLED)

    def kind(self) -> Kind[tuple[T, ...]]:
        """Make the kind of the list."""
        return Kind(
            words=self.words,
            shape=shapes.either(self.shape, shapes.listing(self.item_shape, may_be_empty=self.may_be_empty)),
            read=self._read,
            read_text=self._read_text,
            may_be_empty=self.may_be_empty,
            join=self._join,
        )

    def _read(self, value: object) -> tuple[T, ...]:
        if isinstance(value, str):
            return self._read_text(value)
        values = shaped(value, list[object], self.words)
        return self._finish(one for several in read_each(enumerate(values), self._read_item) for one in several)

    def _read_item(self, value: object) -> tuple[T, ...]:
        text = filled(value)
        return self._read_text(text) if self.split_items else (self.item(text),)

    def _read_text(self, text: str) -> tuple[T, ...]:
        try:
            return self._finish(read_each(enumerate(self.split(text)), self.item))
        except InvalidValue as bad:
            raise bad.without_place() from None

    def _join(self, lower: object, upper: object) -> tuple[T, ...]:
        return self._finish((*cast("tuple[T, ...]", lower), *cast("tuple[T, ...]", upper)))

    def _finish(self, items: Iterable[T]) -> tuple[T, ...]:
        result = tuple(dict.fromkeys(items)) if self.unique else tuple(items)
        if not result and not self.may_be_empty:
            raise InvalidValue.because("must not be empty")
        return result


def member(values: type[E], what: str) -> Callable[[str], E]:
    """Make a reader of a word from a closed set, in any case."""

    def read(text: str) -> E:
        for one in values:
            if str(one) == text.strip().lower():
                return one
        raise unknown(what, text, map(str, values))

    return read


def choice(values: type[E], what: str) -> Kind[E]:
    """Make the kind of a word from a closed set."""
    read_word = member(values, what)
    words = "one of " + ", ".join(f"`{one}`" for one in values)
    shape = shapes.word(values)
    return Kind(words=words, shape=shape, read=lambda value: read_word(read_string(value)), read_text=read_word)


def boolean() -> Kind[bool]:
    """Make the kind of a boolean; as text `true`, `yes`, `on`, `1` and their opposites."""
    spellings = {
        "true": True,
        "yes": True,
        "on": True,
        "1": True,
        "false": False,
        "no": False,
        "off": False,
        "0": False,
    }

    def read_text(text: str) -> bool:
        if text.strip().lower() not in spellings:
            raise InvalidValue.because(f"expected true or false, got {describe(text)}")
        return spellings[text.strip().lower()]

    return Kind(
        words="`true` or `false`",
        shape=shapes.SWITCH,
        read=lambda value: shaped(value, bool, "true or false"),
        read_text=read_text,
    )


def integer(lowest: int, highest: int) -> Kind[int]:
    """Make the kind of an integer within inclusive bounds."""
    words = f"an integer from {lowest} to {highest}"

    def read(value: object) -> int:
        number = shaped(value, int, words)
        if not lowest <= number <= highest:
            raise InvalidValue.because(f"expected {words}, got {describe(number)}")
        return number

    def read_text(text: str) -> int:
        if not re.fullmatch(r"\s*[+-]?[0-9]{1,18}\s*", text):
            raise InvalidValue.because(f"expected {words}, got {describe(text)}")
        return read(int(text))

    return Kind(words=words, shape=shapes.integer(lowest, highest), read=read, read_text=read_text)


def measured(*, words: str, units: Mapping[str, int], least: int, most: int, least_text: str) -> Kind[int]:
    """Make the kind of an amount with units, such as `1h30m`: an integer in the base unit, where 0 means no limit.

    `units`: names in ascending order; of synonyms, the one to write is last.
    """
    part = rf"([0-9]{{1,18}})\s*({'|'.join(map(re.escape, sorted(units, key=len, reverse=True)))})\s*"

    def bounded(number: int, shown: str) -> int:
        if number != 0 and not least <= number <= most:
            raise InvalidValue.because(f"expected {words}: 0, or {least_text}; got {shown}")
        return number

    def read_text(text: str) -> int:
        folded = text.strip().lower()
        if not folded:
            return 0
        if re.fullmatch(r"[0-9]{1,18}", folded):
            return bounded(int(folded), quote(text))
        if not re.fullmatch(rf"({part})+", folded):
            raise InvalidValue.because(f"expected {words}, got {describe(text)}")
        return bounded(sum(int(n) * units[unit] for n, unit in re.findall(part, folded)), quote(text))

    def read(value: object) -> int:
        if isinstance(value, str):
            return read_text(value)
        return bounded(shaped(value, int, words), describe(value))

    def write(value: object) -> str:
        number = shaped(value, int, words)
        unit = next((one for one in reversed(tuple(units)) if number and number % units[one] == 0), None)
        return toml_writing.string(f"{number // units[unit]}{unit}") if unit else str(number)

    shape = shapes.amount(units, most)
    return Kind(words=words, shape=shape, read=read, read_text=read_text, may_be_empty=True, write=write)


def read_table(value: object, words: str, read: Callable[[tuple[str, object]], T]) -> tuple[T, ...]:
    """Read each entry of a table; raise one InvalidValue with all findings."""
    table = shaped(value, dict[str, object], words)
    items: list[tuple[Key, tuple[str, object]]] = [(name, (name, entry)) for name, entry in table.items()]
    return read_each(items, read)


def read_scalar(value: object, *, true: str = "true", false: str = "false") -> str:
    """Read a string, integer or boolean as its TOML text, a boolean as the given words."""
    match value:
        case bool():
            return true if value else false
        case int():
            if abs(value) >= 1 << 63:
                raise InvalidValue.because("expected an integer of at most 64 bits")
            return str(value)
        case str():
            return check_text(value)
        case _:
            raise InvalidValue.because(f"expected a string, an integer or a boolean, got {describe(value)}")
