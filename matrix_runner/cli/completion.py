"""`runner completion`: the script by which a shell completes commands, flags and identifiers, and its installation."""

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from matrix_runner.errors import OutputError, UsageError

_SHELLS = ("bash", "zsh", "fish")
_PROGRAM = "runner"
_VARIABLE = "_RUNNER_COMPLETE"


@click.command(short_help="Have the shell complete commands, flags and identifiers.")
@click.argument("shell", required=False, type=click.Choice(_SHELLS))
@click.option("--install", is_flag=True, help="Write the script where the shell finds it, in the home directory.")
def completion(shell: str | None, *, install: bool) -> None:
    """Print the script by which SHELL completes commands, flags and identifiers of cells, or install it.

    SHELL is bash, zsh or fish; without it, the one of $SHELL.

    \b
      runner completion --install
      runner completion zsh > ~/.zfunc/_runner
    """
    name = shell or _own_shell()
    script = _script(name)
    if not install:
        click.echo(script)
        return
    target = _place(name)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(f"{script}\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"cannot write {target}: {error.strerror}", hint="Print the script without --install."
        ) from error
    click.echo(f"written to {target}; new shells complete `{_PROGRAM}`")
    if name == "zsh":
        click.echo(f"if they do not: ~/.zshrc needs `fpath+=({target.parent})` before its `compinit`")


def _own_shell() -> str:
    name = Path(os.environ.get("SHELL", "")).name
    if name not in _SHELLS:
        raise UsageError("$SHELL names no shell that this is for", hint=f"Name one: {', '.join(_SHELLS)}.")
    return name


def _script(shell: str) -> str:
    from matrix_runner.cli import cli

    found = get_completion_class(shell)
    assert found is not None  # noqa: S101  click has these three
    return found(cli, {}, _PROGRAM, _VARIABLE).source().strip()


def _place(shell: str) -> Path:
    """Return the place from which a shell loads a user's completions: as documented by each of them."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return {
        "bash": data / "bash-completion/completions" / _PROGRAM,
        "zsh": data / "zsh/site-functions" / f"_{_PROGRAM}",
        "fish": config / "fish/completions" / f"{_PROGRAM}.fish",
    }[shell]
