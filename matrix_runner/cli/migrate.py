"""`runner migrate`: writes `[tool.matrix-runner]` from `[tool.cibuildwheel]`, and shows the difference first."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from matrix_runner.cli.wiring.file_changes import (
    BYTE_ORDER_MARK,
    FileChange,
    load_changed,
    read_text,
    show_change,
    write_if_agreed,
)
from matrix_runner.config.kinds.placeholders import fill
from matrix_runner.config.kinds.selectors import Selector
from matrix_runner.config.options.build_options import ACCEPT
from matrix_runner.config.options.selection_options import BUILD, SKIP, TEST_SKIP
from matrix_runner.config.options.source_options import PROJECT_DIR
from matrix_runner.errors import UsageError
from matrix_runner.wording import first_of

if TYPE_CHECKING:
    from matrix_runner.config.loading.settings import Settings
    from matrix_runner.config.options.option import Option
    from matrix_runner.model.cells import Cell


@click.command(short_help="Write [tool.matrix-runner] from a project's [tool.cibuildwheel].")
@click.argument("package", default=".", type=click.Path(path_type=Path))
@click.option("--config-file", metavar="FILE", help="In place of PACKAGE/pyproject.toml; may hold {package}.")
@click.option("-y", "--yes", is_flag=True, help="Write without asking.")
@click.option("--check", is_flag=True, help="Only show what would be written.")
def migrate(package: Path, config_file: str | None, *, yes: bool, check: bool) -> None:
    """Write the [tool.matrix-runner] table that gives the same wheels as the project's [tool.cibuildwheel].

    The difference is shown first. The old table stays, because wheels for other systems may need it; ours wins.

    \b
      runner migrate           show, ask, write
      runner migrate --check   show
    """
    from matrix_runner.config.loading.loading import load
    from matrix_runner.config.migration.migration import migrate as migrated

    named = None if config_file is None else Path(fill(config_file, {"package": str(package)}))
    # An unreadable file is an error here, with the loader's own message.
    settings = load(package, environ={}, flags={}, config_file=named)
    file = named or package / "pyproject.toml"
    before = read_text(file)
    text = (before or "").removeprefix(BYTE_ORDER_MARK)
    mark = (before or "").removesuffix(text)
    _require_old_table_only(file, text)
    around = _project_dir(package.resolve())
    migration = migrated(text, around)
    change = FileChange(file=file, before=before, after=mark + migration.text)
    show_change(change)
    notes = (*migration.notes, *_about_project(package, around), *_left_behind(), *_stricter(settings))
    for note in notes:
        click.echo(f"note: {note}", err=True)
    _verify(settings, package, migration.text)
    if check:
        return
    write_if_agreed((change,), yes=yes, command="runner migrate", then="`runner plan` shows what is built")


def _require_old_table_only(file: Path, text: str) -> None:
    from matrix_runner.config.loading.dialects import CIBUILDWHEEL, OWN
    from matrix_runner.toml import loads

    tool = loads(text).get("tool", {})
    if not isinstance(tool, dict) or CIBUILDWHEEL.table not in tool:
        what = f"no table [tool.{CIBUILDWHEEL.table}] to migrate" if file.exists() else "no such file"
        hint = f"variables such as CIBW_BUILD become {OWN.prefix}BUILD, or stay: they are read where there is no table"
        raise UsageError(f"{file}: {what}", hint=hint)
    if OWN.table in tool:
        raise UsageError(
            f"{file}: it has [tool.{OWN.table}] already, which is read in place of [tool.{CIBUILDWHEEL.table}]",
            hint="remove it to have it written anew",
        )


def _project_dir(package: Path) -> str:
    """Return the directory that cibuildwheel copies if it is run here, from the package's own; "" for that itself."""
    here = Path.cwd().resolve()
    return Path(os.path.relpath(here, package)).as_posix() if here != package and package.is_relative_to(here) else ""


def _about_project(package: Path, project_dir: str) -> Iterator[str]:
    """Yield a note where the meaning of the old table depends on the directory in which the command is run."""
    if project_dir:
        yield (
            f'{PROJECT_DIR} = "{project_dir}": the old table takes the directory in which the command is run for the'
            " project, and that is this one; remove the line if wheels are built from within the package"
        )
    elif any((directory / ".git").exists() for directory in package.resolve().parents):
        yield (
            "the old table takes the directory in which the command is run for the project: if wheels are not built"
            f" from within {package.resolve().name}, run `runner migrate` where they are: {PROJECT_DIR} is written then"
        )


def _left_behind() -> Iterator[str]:
    """Yield a note on the other tool's variables that are set here: they are not read beside a table of our own."""
    from matrix_runner.config.loading.dialects import CIBUILDWHEEL, OWN

    variables = [name for name in sorted(os.environ) if name.startswith(CIBUILDWHEEL.prefix)]
    if variables:
        shown = first_of(variables, 3)
        yield f"{shown}: set here, and not read with a table of our own: write {OWN.prefix} for {CIBUILDWHEEL.prefix}"


def _stricter(settings: "Settings") -> Iterator[str]:
    """Yield notes on what the old table lets pass, with a warning or without, and ours refuses or does otherwise."""
    from matrix_runner import catalog
    from matrix_runner.config.options.test_options import TEST_COMMAND, TEST_GROUPS, TEST_REQUIRES
    from matrix_runner.matrix.pip_variables import chooses_uv

    yield f"a finding about a finished wheel refuses it from now on, where the old table warns; see `{ACCEPT}`"
    tested = [cell for cell in map(settings.for_cell, catalog.load().cells) if cell[TEST_COMMAND]]
    if any(cell[TEST_REQUIRES] or cell[TEST_GROUPS] for cell in tested):
        yield "the wheel and what its tests require are installed together from now on, in versions that fit both"
    if any(map(chooses_uv, tested)):
        yield (
            "where uv installs what tests require, [tool.uv] and uv.toml are not heeded from now on, and a requirement"
            " that is not for the cell's Python fails the test"
        )


def _verify(before: "Settings", package: Path, text: str) -> None:
    """Load the new text and compare every option of every cell; warn of differences, which would be bugs of ours.

    Two options have no counterpart there: where the project is, which wheels are accepted.
    Raise ConfigError if our loader, which is stricter, rejects the text.
    """
    from matrix_runner import catalog

    hint = "nothing is written: [tool.matrix-runner] cannot say this; change it in [tool.cibuildwheel] first"
    after = load_changed(package, text, hint=hint)
    for cell in catalog.load().cells:
        new = after.for_cell(cell)
        changed = [
            option.name
            for option, value in before.for_cell(cell).items()
            if option not in (PROJECT_DIR, ACCEPT)
            and _meaning(option, value, cell) != _meaning(option, new[option], cell)
        ]
        if changed:
            click.echo(f"warning: {cell}: {', '.join(changed)} would differ; please look at them", err=True)
            return


def _meaning(option: "Option[object]", value: object, cell: "Cell") -> object:
    """Return the effective value of an option for a cell, regardless of its spelling."""
    if option.name in {BUILD.name, SKIP.name, TEST_SKIP.name} and isinstance(value, tuple):
        return Selector(patterns=value).matches(cell)
    # The other tool leaves unknown placeholders unchanged; ours writes `#{name}` for the literal text `{name}`.
    return fill(value, {}) if isinstance(value, str) else value
