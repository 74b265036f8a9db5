"""The command line of `build_frontend`: what is asked of one build."""

from __future__ import annotations

import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from matrix_runner.cell_programs.build_system import Failed
else:
    from build_system import Failed


class Wish:
    """What is asked for on the command line. Raises Failed. `here`: the directory of the programs."""

    def __init__(self, words: Sequence[str], here: str) -> None:
        self.package, self.product, self.out = os.getcwd(), "wheel", "dist"
        self.environment, self.installer, self.aside = os.path.join(here, "environment"), "pip", "/"
        self.bytecode, self.locked, self.verbosity = "", "", 0
        # `--fetch` installs what the build requires and ends; `--fetched` builds with what is there, without a network.
        self.does_fetch = self.is_fetched = False
        self.also: list[str] = []
        self.config_settings: dict[str, str | list[str]] = {}
        for word in words:
            self._read(word)

    def _read(self, word: str) -> None:
        name, _, value = word.partition("=")
        if word in {"--wheel", "--sdist"}:
            self.product = word[2:]
        elif word == "--fetch":
            self.does_fetch = True
        elif word == "--fetched":
            self.is_fetched = True
        elif name == "--also":
            self.also.append(value)
        elif name in {"--outdir", "--environment", "--installer", "--aside", "--bytecode", "--locked"}:
            setattr(self, {"--outdir": "out"}.get(name, name[2:]), value)
        elif word.startswith("-C"):
            key, _, value = word[2:].partition("=")
            self._set(key, value)
        elif re.match("-v+$|-q+$", word):
            self.verbosity = (len(word) - 1) * (1 if word[1] == "v" else -1)
        elif word.startswith("-"):
            raise Failed(f"unknown argument {word}")
        else:
            self.package = word

    def _set(self, key: str, value: str) -> None:
        given = self.config_settings.get(key)
        if given is None:
            self.config_settings[key] = value
        else:
            self.config_settings[key] = [*given, value] if isinstance(given, list) else [given, value]
