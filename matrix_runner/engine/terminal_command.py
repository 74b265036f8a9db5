"""The command line of this machine by which a person's terminal gets into a container."""

import msgspec


class TerminalCommand(msgspec.Struct, frozen=True, kw_only=True):
    """A command line of this machine that runs a command in a container on the terminal it is started from.

    `env`: all of its variables; `cwd`: its directory, None for any.
    """

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    cwd: str | None = None
