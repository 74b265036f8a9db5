"""What a target of make does in the end: whether it installs packages of the system, as no test in a cell should."""

import re
import shlex
from collections.abc import Iterator
from typing import Final

from matrix_runner.survey.project_files import ProjectFiles

_RULE: Final = re.compile(r"^([\w.-]+)[ \t]*:(?!=)([^\n]*)\n((?:\t[^\n]*\n?|[ \t]*\n)*)", re.MULTILINE)
_AGAIN: Final = re.compile(r"(?:\$\(MAKE\)|\$\{MAKE\}|\bmake)\s+(?:-\S+\s+)*([\w.-]+)")
_SCRIPT: Final = re.compile(r"(?:\./)?([\w./-]+\.sh)\b")
_INSTALLS: Final = re.compile(r"\b(apt-get|apt|yum|dnf|apk|zypper|pacman)\b[^\n]*\b(install|add|-S)\b")


def installs_packages(command: str, files: ProjectFiles) -> bool:
    """Whether a command runs make, and that, by its rules and scripts, a package manager of the system."""
    return any(_INSTALLS.search(text) for target in _targets(command) for text in _texts(target, files))


def _targets(command: str) -> Iterator[str]:
    for part in re.split(r"&&|;|\|\|", command):
        try:
            words = shlex.split(part)
        except ValueError:
            continue
        if words and words[0] == "make":
            plain = [word for word in words[1:] if not word.startswith("-") and "=" not in word and "{" not in word]
            yield from plain


def _texts(target: str, files: ProjectFiles) -> Iterator[str]:
    """Yield the recipes that a target reaches, and the scripts that they name."""
    rules = {name: (before, recipe) for name, before, recipe in _RULE.findall(files.text("Makefile"))}
    todo, done = [target], set[str]()
    while todo:
        name = todo.pop()
        if name in done or name not in rules:
            continue
        done.add(name)
        before, recipe = rules[name]
        yield recipe
        yield from (files.text(script.removeprefix("./")) for script in _SCRIPT.findall(recipe))
        todo += [*before.partition("#")[0].split(), *_AGAIN.findall(recipe)]
