"""The tutorial (docs/tutorial/first-wheels.md), as somebody follows it: its files, its commands and what they print."""

import re
from pathlib import Path

from runner_process import REPOSITORY

PAGE = (REPOSITORY / "docs/tutorial/first-wheels.md").read_text("utf-8")

_FILE = re.compile(r"`([\w./]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_VARIES = re.compile(r"\b(?:\d+[hm])*\d+(?:\.\d+)?(?:ms|[sm]| KiB)\b|manylinux_2_\d\d_")


def project(directory: Path) -> Path:
    """Make the directory that the tutorial tells to make."""
    directory.mkdir()
    for name, text in _FILE.findall(PAGE):
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")
    return directory


def shown(chapter: str) -> str:
    """Return what a chapter shows of a command's output: its block of plain text, or what follows its last command."""
    text = PAGE.partition(f"\n## {chapter}\n")[2].partition("\n## ")[0]
    blocks = dict(_BLOCK.findall(text))
    return blocks.get("text") or re.sub(r"(?m)^\$ .*\n", "", blocks["console"])


def comparable(text: str) -> str:
    """Return a text without what differs from run to run: times, sizes, the image's own policy, how lines are laid."""
    return " ".join(_VARIES.sub("", text).split())


def missing(expected: str, output: str) -> list[str]:
    """Return the expected lines that are not in an output: a slow run has others between them, of what it waits for."""
    there = comparable(output)
    return [line for line in expected.splitlines() if comparable(line) not in there]
