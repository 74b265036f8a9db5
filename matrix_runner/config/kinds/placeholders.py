"""Placeholders in commands (`{project}`, `{wheel}`, ...): validation and substitution, with one grammar.

A placeholder is a plain name in braces. `#{name}` is the literal text `{name}`. Braces of shells, printf formats and
other languages pass untouched: `${VAR}`, `%{http_code}`, `@{upstream}`, `{}`, `{a,b}`, `{ cmd; }`, `{print $1}`, and
between single quotes any name that does not resemble a placeholder: `awk '{print}'`.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping

from matrix_runner.config.mistakes import Finding, InvalidValue, did_you_mean, nearest

_PLACEHOLDER = re.compile(r"(?P<before>[#$%@]?)\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}")
_QUOTED = re.compile(r"""\\.|"(?:\\.|[^"\\])*"|'[^']*'""", re.DOTALL)

PLACEHOLDERS = ("project", "package", "wheel", "abi3_wheel", "dest_dir", "plat")
"""All placeholders; each command's option declares the ones it accepts."""


def check(command: str, allowed: tuple[str, ...]) -> None:
    """Raise InvalidValue for every placeholder in the command that is not in `allowed`."""
    wrong = _unknown(command, allowed)
    known = ", ".join(f"{{{name}}}" for name in allowed)
    if wrong:
        raise InvalidValue(
            *(
                Finding(
                    text=f"unknown placeholder {{{name}}}{did_you_mean(name, allowed)}; "
                    f"known here: {known}; write #{{{name}}} for the literal text"
                )
                for name in wrong
            )
        )


def escape_unknown(command: str, is_accepted: Callable[[str], bool]) -> str:
    """Write `#{name}`, the literal text, for each `{name}` that makes a command unacceptable."""
    position = 0
    while match := _PLACEHOLDER.search(command, position):
        position = match.end()
        alone = f"{match['before']}{{{match['name']}}}"
        if not match["before"] and not is_accepted(alone):
            command = f"{command[: match.start()]}#{command[match.start() :]}"
            position += 1
    return command


def _unknown(command: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names in braces that are not `allowed`, each once.

    Between single quotes, only names that resemble a placeholder: all others most likely belong to another language,
    and the shell passes them on.
    """
    ends = [(token.start(), token.end()) for token in _QUOTED.finditer(command) if token[0].startswith("'")]
    starts = [start for start, _ in ends]
    names: dict[str, None] = {}
    near: dict[str, bool] = {}
    for match in _PLACEHOLDER.finditer(command):
        name = match["name"]
        if match["before"] or name in allowed or name in names:
            continue
        token = bisect_left(starts, match.start()) - 1
        is_quoted = token >= 0 and match.end() < ends[token][1]
        if is_quoted and name not in near:
            near[name] = nearest(name, PLACEHOLDERS) is not None
        if not is_quoted or near[name]:
            names[name] = None
    return tuple(names)


def fill(command: str, values: Mapping[str, str]) -> str:
    """Replace each placeholder that has a value, unquoted; turn `#{name}` into the literal text `{name}`."""

    def replace(match: re.Match[str]) -> str:
        name = match["name"]
        match match["before"]:
            case "":
                return values.get(name, match[0])
            case "#":
                return f"{{{name}}}"
            case _:
                return match[0]

    return _PLACEHOLDER.sub(replace, command)
