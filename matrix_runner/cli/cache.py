"""`runner cache`: lists, prunes and clears what is cached on this machine.

Each kind of cached data is a section, which lists, prunes and clears itself.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click
import msgspec

from matrix_runner.errors import UsageError

if TYPE_CHECKING:
    from matrix_runner.config.options.option import Option
    from matrix_runner.store.entry_pruning import ListedEntry
    from matrix_runner.store.store import Store


class Section(Protocol):
    """A kind of cached data. All three methods yield lines for display."""

    def listed(self) -> Iterator[str]:
        """List the items and their sizes."""
        ...

    def prune(self, limit: int | None, age: float | None) -> Iterator[str]:
        """Remove items older than `age` seconds, then the least recently used ones beyond `limit` bytes."""
        ...

    def clear(self) -> Iterator[str]:
        """Remove everything."""
        ...


def _directory_option(command: "click.decorators.FC") -> "click.decorators.FC":
    return click.option(
        "--cache-dir",
        type=click.Path(path_type=Path),
        envvar="MATRIX_RUNNER_CACHE_DIR",
        metavar="DIRECTORY",
        help="Directory of finished cells; default: the user's cache directory.",
    )(command)


@click.group(short_help="List, prune and clear what is kept from run to run.")
def cache() -> None:
    """List, prune and clear what is kept from run to run.

    A finished cell is not built again while all that it is made of is as it was; `runner explain CELL` says so, or
    what has changed.
    """


@cache.command("list", short_help="Say what is kept, of which projects, and how much it takes up.")
@_directory_option
def list_kept(cache_dir: Path | None) -> None:
    """Say what is kept, of which projects, and how much it takes up."""
    for section in _sections(cache_dir):
        for line in section.listed():
            click.echo(line)


@cache.command(short_help="Remove what is old, or used longest ago.")
@click.option("--size", metavar="SIZE", help="Keep at most this much of finished cells, such as 1g.")
@click.option("--age", metavar="DURATION", help="Remove what was made longer ago, such as 7d.")
@_directory_option
def prune(size: str | None, age: str | None, cache_dir: Path | None) -> None:
    """Remove what is old, or used longest ago. Without an option: what exceeds 5g, as after each build.

    Prepared images and volumes go when they were not used for that long, without an option for seven days.
    """
    from matrix_runner.config.options.cache_options import CACHE_MAX_AGE, CACHE_SIZE

    limit = _measure(CACHE_SIZE, size, "--size") if size is not None or age is None else None
    seconds = None if age is None else _measure(CACHE_MAX_AGE, age, "--age")
    for section in _sections(cache_dir):
        for line in section.prune(limit, seconds):
            click.echo(line)


@cache.command(short_help="Remove everything that is kept.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_directory_option
def clear(cache_dir: Path | None, *, yes: bool) -> None:
    """Remove everything that is kept: the next build builds every cell."""
    if not yes and not click.confirm("Remove all that is kept from run to run?"):
        return
    for section in _sections(cache_dir):
        for line in section.clear():
            click.echo(line)


@cache.command(short_help="Print the directory of finished cells.")
@_directory_option
def path(cache_dir: Path | None) -> None:
    """Print the directory of finished cells: what a CI system is to keep."""
    click.echo(_store(cache_dir).root)


class _FinishedCells(msgspec.Struct, frozen=True, kw_only=True):
    """The section of finished cells."""

    store: "Store"

    def listed(self) -> Iterator[str]:

        from matrix_runner.report.sanitize import clean_line
        from matrix_runner.store.entry_pruning import list_entries
        from matrix_runner.wording import counted, size_text

        entries = sorted(list_entries(self.store), key=lambda each: -each.used)
        projects = dict.fromkeys("damaged" if each.record is None else each.record.project for each in entries)
        total = sum(each.size for each in entries)
        yield f"{counted(len(entries), 'finished cell')}, {size_text(total)}, in {self.store.root}"
        for project in projects:
            own = [each for each in entries if project == ("damaged" if each.record is None else each.record.project)]
            # Anybody with write access to the directory may have written this text.
            yield f"  {clean_line(project)}  {counted(len(own), 'cell')}, {size_text(sum(each.size for each in own))}"
            for each in own:
                yield f"    {self._line(each)}"
        yield from self._carried()

    def _carried(self) -> Iterator[str]:
        from matrix_runner.report.phrases import ago
        from matrix_runner.report.sanitize import clean_line
        from matrix_runner.store.carried_files import list_carried
        from matrix_runner.wording import counted, size_text

        files, now = sorted(list_carried(self.store), key=lambda each: -each.used), time.time()
        if not files:
            return
        yield f"{counted(len(files), 'archive')} carried to other machines, {size_text(sum(f.size for f in files))}"
        for each in files:
            project = "damaged" if each.note is None else clean_line(each.note.project)
            purpose = "" if each.note is None else clean_line(each.note.purpose)
            yield f"  {purpose}  {size_text(each.size)}, used {ago(each.used, now)} ago, of {project}"

    def prune(self, limit: int | None, age: float | None) -> Iterator[str]:
        from matrix_runner.store.entry_pruning import ListedEntry
        from matrix_runner.store.entry_pruning import prune as prune_store
        from matrix_runner.wording import counted, size_text

        removed = prune_store(self.store, limit=limit, age=age)
        freed, cells = sum(each.size for each in removed), sum(isinstance(each, ListedEntry) for each in removed)
        carried = len(removed) - cells
        more = f" and {counted(carried, 'carried archive')}" if carried else ""
        yield f"removed {counted(cells, 'finished cell')}{more}, {size_text(freed)}"

    def clear(self) -> Iterator[str]:
        from matrix_runner.store.entry_pruning import clear as clear_store

        clear_store(self.store)
        yield f"removed the finished cells and all that is carried in {self.store.root}"

    def _line(self, each: "ListedEntry") -> str:
        from matrix_runner.report.phrases import ago
        from matrix_runner.wording import size_text

        if each.record is None:
            return each.path.name
        now = time.time()
        ages = f"made {ago(each.record.created, now)} ago, used {ago(each.used, now)} ago"
        what = each.record.wheel.name if each.record.wheel else f"tested the wheel of {each.record.reused_from}"
        return f"{each.record.cell:<32} {size_text(each.size):>9}  {ages}  {what}"


def _sections(cache_dir: Path | None) -> Iterator[Section]:
    from matrix_runner.cli.wiring.engine_caches import engine_sections

    yield _FinishedCells(store=_store(cache_dir))
    yield from engine_sections()


def _store(cache_dir: Path | None) -> "Store":
    from matrix_runner.cli.wiring.directories import cells_dir
    from matrix_runner.store.store import Store

    return Store(cells_dir() if cache_dir is None or not os.fspath(cache_dir) else cache_dir.absolute())


def _measure(option: "Option[int]", text: str | None, flag: str) -> int:
    """Parse a flag like the option of the same meaning. Raise UsageError."""
    from matrix_runner.config.mistakes import InvalidValue

    if text is None:
        return option.default
    try:
        return option.kind.read_text(text)
    except InvalidValue as bad:
        raise UsageError(f"{flag}: {bad}") from None
