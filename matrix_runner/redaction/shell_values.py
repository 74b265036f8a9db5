"""Literal text of values in double quotes of a shell (`config.kinds.assignments`). Pure."""

import re
from typing import Final

# A name; braces, parentheses or backticks with their content (as far as they nest); a character after a backslash.
_EXPANSION: Final = re.compile(r"\$[A-Za-z_][A-Za-z0-9_]*|\$[0-9@*#?$!-]|\$\{|\$\(|`")
_CLOSING: Final = {"${": "}", "$(": ")"}
_ESCAPED: Final = frozenset('$`"\\')


def literal_parts(value: str) -> tuple[str, ...]:
    """Return the literal text before, between and after expansions, as the shell yields it.

    Quotes inside `$(...)` are ignored: text wrongly taken from there is part of a command, and does no harm.
    """
    parts, text, position = [], "", 0
    while position < len(value):
        match = _EXPANSION.match(value, position)
        if value[position] == "\\" and value[position + 1 : position + 2] in _ESCAPED | {"\n"}:
            following = value[position + 1]
            text, position = text + ("" if following == "\n" else following), position + 2
        elif match is not None:
            parts.append(text)
            text, position = "", _end(value, match[0], match.end())
        else:
            text, position = text + value[position], position + 1
    return tuple(part for part in (*parts, text) if part)


def _end(value: str, opening: str, position: int) -> int:
    """Return the end of an expansion; `position`: the end of its opening."""
    if opening == "`":
        end = value.find("`", position)
        return len(value) if end < 0 else end + 1
    closing = _CLOSING.get(opening)
    if closing is None:
        return position
    depth = 1
    while position < len(value) and depth:
        if value[position] == "\\":
            position += 1
        depth += (value[position : position + 1] == opening[1]) - (value[position : position + 1] == closing)
        position += 1
    return position
