"""The command line. One file a command: parse, wire, map errors to exit codes; no logic.

Commands are imported on demand, so that `runner --version` and `--help` need neither engine nor terminal library.
"""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import click

from matrix_runner import __version__
from matrix_runner.errors import ConfigError, ExitCode, RunnerError

_COMMANDS = (
    "init",
    "build",
    "watch",
    "plan",
    "explain",
    "matrix",
    "collect",
    "logs",
    "report",
    "shell",
    "migrate",
    "schema",
    "inspect",
    "lock",
    "verify",
    "image",
    "cache",
    "doctor",
    "completion",
)
_IN_A_ROOM = {
    "lock": "locked.lock",
    "verify": "verifying.verify",
    "watch": "watching.watch",
    "matrix": "sharding.matrix",
    "collect": "sharding.collect",
}
"""Commands whose module is in a directory with what belongs to it."""


class _Commands(click.Group):
    """The group of commands, each imported from the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return super().get_command(ctx, cmd_name)
        with _nothing_collected():
            place = _IN_A_ROOM.get(cmd_name, cmd_name)
            command = getattr(import_module(f"matrix_runner.cli.{place}"), cmd_name)
        assert isinstance(command, click.Command)  # noqa: S101
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command. A closed pipe (`runner plan | head`) counts as success; click would exit with 1."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            return ExitCode.OK


@click.command(
    cls=_Commands,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "--version", "-V", prog_name="matrix-runner", message="%(prog)s %(version)s")
def cli() -> None:
    """Build every Linux wheel of a Python project: all interpreters, 64- and 32-bit, in parallel.

    \b
      runner plan      show what would be built, and what is left out and why
      runner build     build, repair, test and collect the wheels in wheelhouse/

    Configuration is [tool.matrix-runner] in pyproject.toml; every option can also be a MATRIX_RUNNER_* variable.
    """


def main() -> NoReturn:
    """Run the command line and exit; the only function that maps errors to exit codes."""
    _open_closed_streams()
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        code = _say("interrupted", None, ExitCode.INTERRUPTED)
    except KeyboardInterrupt:
        code = _say("interrupted", None, ExitCode.INTERRUPTED)
    except click.ClickException as error:
        error.show()
        code = ExitCode.USAGE
    except ConfigError as error:
        for mistake in error.mistakes:
            click.echo(mistake, err=True)
        code = _say(None, error.hint, error.exit_code)
    except RunnerError as error:
        code = _say(error.message, error.hint, error.exit_code)
    except OSError as error:
        # Other modules translate their own errors; this one is most often an output that cannot be written.
        code = _say(str(error), None, ExitCode.ENVIRONMENT)
    _give_up_broken_streams()
    sys.exit(int(code or 0))


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Import without the garbage collector, and exempt the modules' objects from all later collections.

    Saves 20 ms of 400 in a build in which nothing is new.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _open_closed_streams() -> None:
    """Open /dev/null for closed streams (`runner build >&-`); else the next file or socket would receive the output."""
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  as long as the process
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115


def _give_up_broken_streams() -> None:
    """Redirect unwritable streams to /dev/null; else Python's flush at exit would complain, and exit with 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # noqa: PERF203  two iterations
            with Path(os.devnull).open("wb") as nowhere:
                os.dup2(nowhere.fileno(), stream.fileno())


def _say(message: str | None, hint: str | None, code: ExitCode) -> ExitCode:
    with suppress(OSError):
        if message:
            click.echo(f"error: {message}", err=True)
        if hint:
            click.echo(f"hint: {hint}", err=True)
    return code
