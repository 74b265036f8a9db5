"""The commands that the documentation shows are there, with the flags that it shows, and so are their manual pages."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from manual_pages import commands_page, documents, manual

from matrix_runner.cli import cli

ROOT = Path(__file__).parents[3]
PAGES = (*sorted(ROOT.glob("docs/**/*.md")), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")))

_CODE = re.compile(r"^ *```.*?^ *```$|(?<=\n\n)(?: {4}.*\n)+|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_BEFORE = r"(?:^|[$`]|run:|script:|- )\s*(?:exec |(?:[A-Z_]+=\S+ ))*(?:\S*/)?"
_COMMAND = re.compile(_BEFORE + r"(runner [a-z].*?)(?=`|  | #| \||\s*$)", re.MULTILINE)


def shown(text: str) -> Iterator[str]:
    """Return the command lines in the code of a page: in blocks, indented or fenced, and in sentences."""
    for code in _CODE.finditer(text):
        for found in _COMMAND.finditer(code[0]):
            line = found[1].partition(" > ")[0].partition(" && ")[0]
            if "[OPTIONS]" not in line:
                yield line


def mistake(line: str) -> str | None:
    """Return what is wrong with a command line, as click would say it: a command, a flag, too many words."""
    words = shlex.split(line)[1:]
    command: click.Command = cli
    context = _context(cli, "runner")
    while isinstance(command, click.Group):
        if not words:
            return None
        found = command.get_command(context, words[0])
        if found is None:
            return f"no command {words[0]}"
        command, words = found, words[1:]
        context = _context(command, command.name, context)
    try:
        values, left_over, _ = command.make_parser(context).parse_args(list(words))
        for parameter in command.params:
            if isinstance(values.get(parameter.name or ""), str) and isinstance(parameter.type, click.Choice):
                parameter.type_cast_value(context, values[parameter.name])
    except click.UsageError as error:
        return error.format_message()
    return f"not understood: {left_over}" if left_over else None


def _context(command: click.Command, name: str | None, parent: click.Context | None = None) -> click.Context:
    """Make a context as click does: what it finds out about `--help` by one, the command keeps."""
    return command.context_class(command, info_name=name, parent=parent, **command.context_settings)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_are_there(page: Path) -> None:
    """Whatever is shown as a command line of ours is one that the program understands."""
    lines = dict.fromkeys(shown(page.read_text("utf-8")))
    wrong = {line: found for line in lines if (found := mistake(line))}
    assert wrong == {}


def test_the_check_can_fail() -> None:
    """Commands are found wherever they stand, and wrong ones are told."""
    text = (
        "Say `runner paln` or\n\n    runner build --no-such-flag  # why\n\nor\n\n"
        "```console\n$ MATRIX_RUNNER_JOBS=2 exec runner plan --format yaml | wc\n```\n\n"
        "```yaml\nsteps:\n  - run: exec runner explain one two three\n```\n\n`runner shell CELL --step test`"
    )
    assert [mistake(line) is None for line in shown(text)] == [False, False, False, False, True]
    assert sum(len(list(shown(page.read_text("utf-8")))) for page in PAGES) > 100


def test_the_manual_is_up_to_date() -> None:
    """man/ has the pages that the command line gives; if not: `make reference`."""
    assert {path.name: path.read_text("utf-8") for path in (ROOT / "man").iterdir()} == manual()


def test_the_page_on_commands_is_up_to_date() -> None:
    """docs/reference/commands.md is what the command line gives; if not: `make reference`."""
    assert (ROOT / "docs/reference/commands.md").read_text("utf-8") == commands_page()


def test_every_command_and_flag_has_its_place() -> None:
    """No command lacks a page of the manual and a chapter, and no flag is left out of them."""
    pages, chapters = manual(), commands_page()
    known = list(_all(cli, "runner"))
    assert [document.name for document in documents()] == [name for name, _ in known]
    for name, command in known:
        page = pages[f"{name.replace(' ', '-')}.1"].replace("\\-", "-")
        flags = [flag for one in command.params if _is_shown(one) for flag in one.opts]
        assert [flag for flag in flags if f"\\fB{flag}\\fR" not in page] == []
        chapter = chapters.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        assert [flag for flag in flags if f"`{flag}" not in chapter and flag not in {"-h", "--help"}] == []


def _is_shown(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Option) and not parameter.hidden


def _all(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = _context(command, name)
        for each in command.list_commands(context):
            below = command.get_command(context, each)
            assert below is not None
            yield from _all(below, f"{name} {each}")


def test_codes_stand_in_the_manual() -> None:
    """The manual of a build has every exit code, with the words of the page on them."""
    page = manual()["runner-build.1"]
    codes = re.findall(r"^\| (\d+) \|", (ROOT / "docs/reference/exit-codes.md").read_text("utf-8"), re.MULTILINE)
    assert [code for code in codes if f"\\fB{code}\\fR" not in page] == []
    assert len(codes) > 5


def test_places_in_messages_are_there() -> None:
    """A page of the documentation that the program or a comment names is there."""
    texts = (path.read_text("utf-8") for path in (ROOT / "matrix_runner").rglob("*") if path.suffix in {".py", ".toml"})
    named = {found for text in texts for found in re.findall(r"(?<![\w/])docs/[a-z/-]+\.md", text)}
    assert len(named) > 5
    assert [place for place in named if not (ROOT / place).is_file()] == []
