"""`runner lock`: writes the images and requirements that cells are built with into matrix-runner.lock."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from matrix_runner.cli.wiring.flags import LockCommand
from matrix_runner.cli.wiring.opened_project import project_parameters
from matrix_runner.errors import ExitCode

if TYPE_CHECKING:
    from matrix_runner.cli.locked.lock_making import MadeLock
    from matrix_runner.model.outcomes import Outcome


@click.command(cls=LockCommand, short_help="Write matrix-runner.lock, which `build --locked` builds from.")
@project_parameters
@click.option("-U", "--upgrade", is_flag=True, help="Keep nothing of the old lock: the newest versions and images.")
@click.option(
    "-P",
    "--upgrade-package",
    "names",
    multiple=True,
    metavar="NAME",
    help="The newest version of this package that fits, and its files as they are now; all else stays.",
)
def lock(
    package: Path,
    project: Path | None,
    config_file: str | None,
    *,
    upgrade: bool,
    names: tuple[str, ...],
    **flags: object,
) -> ExitCode:
    """Write matrix-runner.lock: the images, and what builds, tests and tools require, each file with its hash.

    Each cell of the plan resolves in its own container, with the installer that its build has, and builds nothing.
    What is locked already stays as long as it satisfies what is asked for; cells that are not selected stay as they
    are. The file is written when all cells have resolved, or not at all. `runner build --locked` builds from it.

    \b
      runner lock                                   make it, or bring it up to date
      runner lock --upgrade                         everything anew
      runner lock --upgrade-package numpy           one package
      runner lock --exclude-newer 7d                nothing that is younger than a week
    """
    from packaging.utils import canonicalize_name

    from matrix_runner.cli.locked.lock_making import Upgrade, make_lock

    wanted = Upgrade(names=frozenset(map(canonicalize_name, names)), everything=upgrade)
    made = make_lock(package, project, config_file, flags, wanted)
    if made.exit_code is not ExitCode.OK:
        _tell_failures(made)
        return made.exit_code
    _write(made)
    return ExitCode.OK


def _write(made: "MadeLock") -> None:
    from matrix_runner.errors import OutputError
    from matrix_runner.files import cause_of, write_whole
    from matrix_runner.locking.lock_changes import lock_changes
    from matrix_runner.locking.lock_file import write_lock
    from matrix_runner.wording import counted

    text = write_lock(made.new).encode()
    changes = lock_changes(made.old, made.new)
    try:
        before = made.file.read_bytes() if made.file.exists() else b""
        if before != text:
            write_whole(made.file, text)
    except OSError as error:
        raise OutputError(f"{made.file} cannot be written: {cause_of(error)}") from error
    for line in changes:
        click.echo(line)
    cells = sum(len(each.cells) for each in made.new.environments)
    word = "is as it was" if before == text else "is written"
    click.echo(f"{made.file} {word}: {counted(cells, 'cell')}, {counted(len(made.new.packages), 'package')}")


def _tell_failures(made: "MadeLock") -> None:
    click.echo(f"error: {made.file} is not written: not all cells have resolved what they require", err=True)
    for outcome in made.report.outcomes:
        for line in _failure(outcome):
            click.echo(line, err=True)


def _failure(outcome: "Outcome") -> tuple[str, ...]:
    from matrix_runner.report.sanitize import clean_line

    if outcome.failure is None:
        return ()
    lines = (f"{outcome.cell}: {outcome.failure.step}: {outcome.failure.message}", *outcome.failure.excerpt)
    hint = (f"hint: {outcome.failure.hint}",) if outcome.failure.hint else ()
    return tuple(map(clean_line, (*lines, *hint)))
