"""The commands as manual pages (man/) and as a page of the documentation (docs/reference/commands.md), made of click's.

`make reference` writes both; a test holds them to the code. What click says of a command comes by way of click-extra,
which also writes roff; what it does not know (exit codes, variables of options, other pages) is added here.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from inspect import cleandoc
from pathlib import Path

from click_extra.command_doc import CommandDoc, DocOptionItem, DocSubcommand, iter_command_docs

from matrix_runner.cli import cli
from matrix_runner.config.options import OPTIONS

DOCS = Path(__file__).resolve().parents[2] / "docs"
MADE = "Made by `make reference`; do not edit."

_MANUAL = "matrix-runner"
_NO_HYPHENS = ".nh\n.ad l"
"""Names of files and options are not hyphenated, and lines not stretched."""
_ROW = re.compile(r"^\| (\d[\d, ]*) \| (.*?) \|", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_CODES = re.compile(r"\n\s*\n[ ]*\x08\n[ ]*Exit codes\n.*\Z", re.DOTALL)
"""The codes in short, at the end of the help of `build`: a manual has them in full."""

_BLOCK = "\b\n"
"""What keeps click from filling a paragraph."""


def documents() -> tuple[CommandDoc, ...]:
    """Return what is said of each command, from the program itself to the last of its commands' commands."""
    plain = {"version": "", "date": "", "manual": _MANUAL, "authors": None}
    return tuple(_completed(document) for _, document in iter_command_docs(cli, "runner", **plain))


def manual() -> dict[str, str]:
    """Return the manual pages by the names of their files, as roff."""
    found = documents()
    names = [document.name.replace(" ", "-") for document in found]
    return {f"{name}.1": _roff(document, names) for name, document in zip(names, found, strict=True)}


def commands_page() -> str:
    """Return the page on the commands, as Markdown: one chapter for each, with the flags it takes."""
    head = (
        f"# Commands\n\n<!-- {MADE} -->\n\n`runner COMMAND --help` says the same in a terminal, and so do the\n"
        "manual pages: `man runner-build`. What a run's commands end with: [exit codes](exit-codes.md)."
    )
    return "\n\n".join([head, *(_chapter(document) for document in documents())]) + "\n"


def _completed(document: CommandDoc) -> CommandDoc:
    groups = tuple(
        replace(group, options=tuple(_without_repeated_values(item) for item in group.options))
        for group in document.option_groups
    )
    flags = {name for group in groups for item in group.options for name in item.names}
    variables = tuple((option.variable, option.help) for option in OPTIONS if option.flag in flags and option.variable)
    tells_codes = document.name in {"runner", "runner build"}
    return replace(
        document,
        description=_CODES.sub("", document.description) if tells_codes else document.description,
        operands=(),
        option_groups=groups,
        environment=() if document.subcommands else tuple(dict((*variables, *document.environment)).items()),
        exit_status=_exit_codes() if tells_codes else (),
    )


def _without_repeated_values(item: DocOptionItem) -> DocOptionItem:
    """Short names first, as manuals have them; and no list of values where the help has named them all."""
    named = all(value in (item.help or "") for value in item.choices)
    return replace(item, names=tuple(sorted(item.names, key=len)), choices=() if named else item.choices)


def _exit_codes() -> tuple[tuple[str, str], ...]:
    """Return the codes and their meaning, from the page on them."""
    page = (DOCS / "reference/exit-codes.md").read_text("utf-8")
    return tuple((code, _LINK.sub(r"\1", meaning)) for code, meaning in _ROW.findall(page))


def _roff(document: CommandDoc, names: list[str]) -> str:
    own = document.name.replace(" ", "-")
    # A group has pages below it; every other command has the program's, and those of its own group.
    group = own if document.subcommands else own.rpartition("-")[0]
    others = [name for name in names if name != own and (name == group or name.rpartition("-")[0] == group)]
    also = ",\n".join(f".BR {name} (1)" for name in dict.fromkeys(["runner", *others]) if name != own)
    # Without the first line, which names click-extra and its version.
    title, _, body = document.to_roff().partition("\n")[2].partition("\n")
    # `apropos` and `whatis` know a page by its name, which has no space.
    body = body.replace(f".SH NAME\n{document.name}", f".SH NAME\n{own}").replace(r"\fR / \fB", r"\fR, \fB")
    return f'.\\" {MADE}\n{title}\n{_NO_HYPHENS}\n{body.rstrip()}\n.SH "SEE ALSO"\n{also}\n'


def _chapter(document: CommandDoc) -> str:
    usage = " ".join((document.name, *document.synopsis_pieces))
    parts = [f"## {document.name}", f"```text\n{usage}\n```", *_paragraphs(document.description)]
    if document.subcommands:
        parts.append("\n".join(_subcommand(document.name, one) for one in document.subcommands))
    items = [item for group in document.option_groups for item in group.options]
    rows = [
        f"| {_flag(item)} | {_escaped(item.help or '')} | {_option(item)} |"
        for item in items
        if "--help" not in item.names
    ]
    if rows:
        parts.append("\n".join(["| flag | | option |", "| --- | --- | --- |", *rows]))
    return "\n\n".join(parts)


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", cleandoc(text)):
        if paragraph.startswith(_BLOCK):
            yield f"```text\n{cleandoc(paragraph.removeprefix(_BLOCK))}\n```"
        else:
            yield _escaped(paragraph)


def _subcommand(program: str, command: DocSubcommand) -> str:
    name = f"{program} {command.name}"
    return f"- [`{name}`](#{name.replace(' ', '-')}): {_escaped(command.short_help)}"


def _flag(item: DocOptionItem) -> str:
    value = f" {item.metavar}".replace("|", r"\|") if item.metavar else ""
    return ", ".join(f"`{name}{value}`" for name in item.names)


def _option(item: DocOptionItem) -> str:
    """Return a link to the option that a flag sets, if it is one of the table's."""
    return ", ".join(f"[`{one.name}`](options.md#{one.name})" for one in OPTIONS if one.flag in item.names)


def _escaped(text: str) -> str:
    """Escape what Markdown would take for its own, outside of code."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([*<>\[\]|])", r"\\\1", part) for part in parts)


def main(pages: Path, page: Path) -> None:
    """Write the manual pages into a directory, and the page of the documentation to a file."""
    for name, text in manual().items():
        (pages / name).write_text(text, encoding="utf-8")
    page.write_text(commands_page(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
