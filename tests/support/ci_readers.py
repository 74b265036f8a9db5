"""How CI systems find commands in a log: each as its own program does, or a little more willing.

The agents of GitHub and Azure compare text by the rules of a language, which pass over characters that nobody sees.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator

Command = tuple[str, ...]

_GITHUB_COMMANDS = {
    *("group", "endgroup", "error", "warning", "notice", "debug", "stop-commands", "add-mask", "add-path", "echo"),
    *("set-env", "set-output", "save-state", "add-matcher", "remove-matcher"),
}
_SECTION = re.compile(r"section_(start|end):(\d+):([a-zA-Z0-9_.-]+)(\[[^\]\r]*\])?\r\x1b\[0K")
_TRAVIS = re.compile(r"travis_(fold|time):(start|end):([^\r\n]*)")
_HEADER = re.compile(r"(---|\+\+\+|~~~|\^\^\^)(?:\s+(.*))?")
_COLOUR = re.compile(r"\x1b\[[;\d]*[mK]")
_IGNORED = re.compile("[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0]")


def github(text: str) -> list[Command]:
    """Return commands of GitHub Actions: `::name properties::data` at a line's start, `##[name]data` anywhere in it."""
    found: list[Command] = []
    token = None
    for line in _lines(text):
        command = _github_command(_seen(line), {*_GITHUB_COMMANDS, *((token,) if token else ())})
        if command is None:
            continue
        if token is not None:
            token = None if command[0] == token else token
        else:
            found.append(command)
            token = command[2] if command[0] == "stop-commands" else None
    return found


def _github_command(line: str, names: set[str]) -> Command | None:
    start = line.lstrip()
    if start.startswith("::") and "::" in start[2:]:
        head, _, data = start[2:].partition("::")
        name, _, properties = head.partition(" ")
        if name.lower() in names:
            return name.lower(), properties, data
    _, mark, rest = line.partition("##[")
    head, end, data = rest.partition("]")
    name, _, properties = head.partition(" ")
    return (name.lower(), properties, data) if mark and end and name.lower() in names else None


def azure(text: str) -> list[Command]:
    """Return commands of Azure Pipelines, `##vso[area.event]data` anywhere in a line, and its formats, `##[...]`."""
    found = (re.search(r"##(vso)?\[([^\]]*)\](.*)", _seen(line)) for line in _lines(text))
    return [(match[1] or "", match[2], match[3]) for match in found if match]


def gitlab(text: str) -> list[Command]:
    """Return the marks of sections."""
    return [match.groups("") for match in _SECTION.finditer(text)]


def travis(text: str) -> list[Command]:
    """Return the marks of folds and timers."""
    return [match.groups("") for match in _TRAVIS.finditer(text)]


def buildkite(text: str) -> list[Command]:
    """Return the titles of groups, and the marks that open the last group."""
    found = (_HEADER.fullmatch(_COLOUR.sub("", line)) for line in re.split(r"[\r\n]", text))
    return [match.groups("") for match in found if match]


def teamcity(text: str) -> list[Command]:
    """Return service messages, anywhere in a line."""
    return [match.groups("") for line in _lines(text) for match in re.finditer(r"##teamcity\[(\w+)([^\]]*)", line)]


def terminal(text: str) -> list[Command]:
    """Return what a terminal would obey: all control characters but line ends and colours."""
    rest = re.sub(r"\x1b\[[0-9;:]*m|\n", "", text)
    return [(character,) for character in rest if unicodedata.category(character) == "Cc"]


READERS: dict[str, Callable[[str], list[Command]]] = {
    "github": github,
    "azure": azure,
    "gitlab": gitlab,
    "travis": travis,
    "buildkite": buildkite,
    "teamcity": teamcity,
}
"""By the names of `log-folds`."""


def _lines(text: str) -> Iterator[str]:
    """Yield the lines as an agent reads them from a program: a lone carriage return ends one too (.NET's ReadLine)."""
    yield from re.split(r"\r\n|\r|\n", text)


def _seen(line: str) -> str:
    return "".join(each for each in _IGNORED.sub("", line) if unicodedata.category(each) != "Cf")
