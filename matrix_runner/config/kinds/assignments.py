"""Parser of environment variables (`A=1 B="two words"`), into values that fit between double quotes in `sh`.

A value may contain `$NAME`, `${NAME:-x}` and `$(command)`, which only the container can evaluate. They are found and
left whole here; everything around them is escaped as necessary.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from matrix_runner.config.kinds.values import Variables
from matrix_runner.config.mistakes import InvalidValue, quote

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME_AND_EQUALS = re.compile(r"([^\s=]+)=")
_BETWEEN = re.compile(r"\s*(?:(?:\\\n|#[^\n]*)\s*)*")
_METACHARACTERS = frozenset(";&|<>()")
_CLOSING = {"$(": ")", "${": "}", "`": "`"}


def check_name(name: str) -> str:
    """Return the name; raise InvalidValue unless a shell can set a variable of that name."""
    if not _NAME.fullmatch(name):
        what = "cannot be the name of an environment variable"
        raise InvalidValue.because(f"{quote(name)} {what}", unquoted=f"what stands before `=` {what}")
    return name


def quotable(value: str) -> str:
    r"""Return a table entry's value in a form that fits between double quotes; raise InvalidValue for an unclosed `$(`.

    As always between double quotes, `\$` is a literal dollar sign. Quotes are literal outside `$(...)`.
    """
    with _bounded_depth(value):
        return _quotable(value)


def _quotable(value: str) -> str:
    result, position = "", 0
    while position < len(value):
        end = _expansion_end(value, position)
        if end is not None:
            result += value[position:end]
            position = end
        elif value[position] == "\\":
            pair = value[position : position + 2]
            # A trailing backslash would escape the closing quote, and one before a quote would end that quote's
            # escaping.
            result += pair if len(pair) == 2 and pair[1] != '"' else "\\\\"
            position += 2 if len(pair) == 2 and pair[1] != '"' else 1
        else:
            result += '\\"' if value[position] == '"' else value[position]
            position += 1
    return result


def parse_assignments(text: str) -> Variables:
    """Parse `A=1 B="two words" C=$(command)`; raise InvalidValue for anything but a list of assignments.

    As in a shell, a backslash continues a line, and `#` before a word begins a comment.
    """
    with _bounded_depth(text):
        return _assignments(text)


@contextmanager
def _bounded_depth(text: str) -> Iterator[None]:
    """Raise InvalidValue for text with absurdly nested expansions."""
    try:
        yield
    except RecursionError:
        raise InvalidValue.because(f"nested too deeply: {quote(text)}", unquoted="nested too deeply") from None


def _assignments(text: str) -> Variables:
    variables: list[tuple[str, str]] = []
    position = 0
    while True:
        position = _match_end(_BETWEEN, text, position)
        if position == len(text):
            return tuple(variables)
        match = _NAME_AND_EQUALS.match(text, position)
        if match is None:
            word = text[position:].split(maxsplit=1)[0]
            number = len(variables) + 1
            unquoted = f"expected NAME=value as assignment number {number}"
            raise InvalidValue.because(f"expected NAME=value, got {quote(word)}", unquoted=unquoted)
        name = check_name(match[1])
        value, position = _word(text, match.end())
        variables.append((name, value))


def _match_end(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position


def _word(text: str, position: int) -> tuple[str, int]:
    """Read one shell word as a double-quotable value; return it and its end position."""
    result = ""
    while position < len(text) and not text[position].isspace():
        character = text[position]
        end = _expansion_end(text, position)
        if end is not None:
            result, position = result + text[position:end], end
        elif character == "'":
            end = _find(text, "'", position + 1)
            result, position = result + _escape(text[position + 1 : end]), end + 1
        elif character == '"':
            end = _double_quote_end(text, position)
            result, position = result + text[position + 1 : end - 1], end
        elif character == "\\" and position + 1 < len(text):
            # A backslash at the end of a line joins it with the next one.
            following = text[position + 1]
            result, position = result + ("" if following == "\n" else _escape(following)), position + 2
        elif character in _METACHARACTERS:
            needed = f"{quote(character)} needs quotes: only assignments are accepted, no commands"
            raise InvalidValue.because(needed, unquoted=needed)
        else:
            result, position = result + _escape(character) if character == "\\" else result + character, position + 1
    return result, position


def _expansion_end(text: str, position: int) -> int | None:
    """Return the end of the `$(...)`, `${...}` or backtick expansion at a position; None if there is none."""
    for opening, closing in _CLOSING.items():
        if text.startswith(opening, position):
            return _closing_end(text, position, opening, closing)
    return None


def _closing_end(text: str, start: int, opening: str, closing: str) -> int:
    """Return the position after the closing character that belongs to the opening at `start`."""
    position, depth = start + len(opening), 1
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 2
        elif character == closing:
            depth, position = depth - 1, position + 1
            if depth == 0:
                return position
        elif opening == "`":
            position += 1
        elif character == "'":
            position = _find(text, "'", position + 1) + 1
        elif character == '"':
            position = _double_quote_end(text, position)
        elif (inner := _expansion_end(text, position)) is not None:
            position = inner
        else:
            depth += character == opening[-1] and closing == ")"
            position += 1
    unclosed = f"no closing {quote(closing)} for {quote(opening)}"
    raise InvalidValue.because(f"{unclosed} in {quote(text)}", unquoted=unclosed)


def _double_quote_end(text: str, start: int) -> int:
    """Return the position after the quote that closes the one at `start`."""
    position = start + 1
    while position < len(text):
        if text[position] == "\\":
            position += 2
        elif text[position] == '"':
            return position + 1
        else:
            position = _expansion_end(text, position) or position + 1
    raise _no_closing_quote(text)


def _find(text: str, character: str, start: int) -> int:
    end = text.find(character, start)
    if end < 0:
        raise _no_closing_quote(text)
    return end


def _no_closing_quote(text: str) -> InvalidValue:
    unclosed = "no closing quotation mark"
    return InvalidValue.because(f"{unclosed} in {quote(text)}", unquoted=unclosed)


def _escape(literal: str) -> str:
    return re.sub(r'([$`"\\])', r"\\\1", literal)
