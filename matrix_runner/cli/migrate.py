"""`runner migrate`: writes `[tool.matrix-runner]` from `[tool.cibuildwheel]`, and shows the difference first."""

import difflib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from matrix_runner.config import fill
from matrix_runner.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from matrix_runner.config import Settings


@click.command(short_help="Write [tool.matrix-runner] from a project's [tool.cibuildwheel].")
@click.argument("package", default=".", type=click.Path(path_type=Path))
@click.option("--config-file", metavar="FILE", type=click.Path(path_type=Path), help="In place of pyproject.toml.")
@click.option("-y", "--yes", is_flag=True, help="Write without asking.")
@click.option("--check", is_flag=True, help="Only show what would be written.")
def migrate(package: Path, config_file: Path | None, *, yes: bool, check: bool) -> None:
    """Write the [tool.matrix-runner] table that gives the same wheels as the project's [tool.cibuildwheel].

    The difference is shown first. The old table stays, because wheels for other systems may need it; ours wins.

    \b
      runner migrate           show, ask, write
      runner migrate --check   show
    """
    from matrix_runner.config import load
    from matrix_runner.config.dialects import CIBUILDWHEEL, OWN
    from matrix_runner.config.migration import migrate as migrated
    from matrix_runner.toml import loads

    file = config_file or package / "pyproject.toml"
    # What cannot be read at all says so here, in the reader's own words.
    settings = load(package, environ={}, flags={}, config_file=config_file)
    text = _read(file)
    tool = loads(text).get("tool", {})
    if not isinstance(tool, dict) or CIBUILDWHEEL.table not in tool:
        hint = f"variables such as CIBW_BUILD become {OWN.prefix}BUILD, or stay: they are read where there is no table"
        raise UsageError(f"{file}: no table [tool.{CIBUILDWHEEL.table}] to migrate", hint=hint)
    if OWN.table in tool:
        raise UsageError(f"{file}: it has [tool.{OWN.table}] already", hint="remove it to have it written anew")
    migration = migrated(text)
    lines = (text.splitlines(keepends=True), migration.text.splitlines(keepends=True))
    for line in difflib.unified_diff(*lines, fromfile=str(file), tofile=str(file)):
        click.secho(line.rstrip("\r\n"), fg={"+": "green", "-": "red"}.get(line[:1]))
    for note in migration.notes:
        click.echo(f"note: {note}", err=True)
    _verify(settings, package, migration.text)
    if check:
        return
    if yes or click.confirm("Write it?", default=True, err=True):
        _write(file, migration.text)
        click.echo(f"{file}: written; `runner plan` shows what is built", err=True)


def _read(file: Path) -> str:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        return stream.read()


def _write(file: Path, text: str) -> None:
    """Put the new text in the file's place, whole or not at all."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
        Path(name).chmod(file.stat().st_mode & 0o7777)
        Path(name).replace(file)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise UsageError(f"{file}: cannot be written: {error.strerror}") from error


def _verify(before: "Settings", package: Path, text: str) -> None:
    """Read the new text and compare every option of every cell; say what differs, which would be a fault of ours."""
    from matrix_runner import catalog
    from matrix_runner.config import load

    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "pyproject.toml")
        file.write_text(text, encoding="utf-8", newline="")
        try:
            after = load(package, environ={}, flags={}, config_file=file)
        except ConfigError as error:
            click.echo("warning: the new table has mistakes, which need your hand:", err=True)
            for mistake in error.mistakes:
                click.echo(f"  {mistake.replace(f'{file}', 'pyproject.toml')}", err=True)
            return
    for cell in catalog.load().cells:
        old, new = before.for_cell(cell), after.for_cell(cell)
        changed = [option.name for option, value in old.items() if _literal(new[option]) != _literal(value)]
        if changed:
            click.echo(f"warning: {cell}: {', '.join(changed)} would differ; please look at them", err=True)
            return


def _literal(value: object) -> object:
    """Return a command with `#{name}` as the `{name}` that it stands for: the other tool leaves unknown ones alone."""
    return fill(value, {}) if isinstance(value, str) else value
