"""The command line of `docker` or `podman` by which a person's terminal gets into a container of ours."""

import os
import shutil
from typing import Final

from matrix_runner.engine.api import EngineInfo, ExecRequest
from matrix_runner.engine.terminal_command import TerminalCommand
from matrix_runner.errors import EngineError

_OF_THE_PROGRAM: Final = ("PATH", "HOME", "TERM", "DOCKER_", "CONTAINER_", "CONTAINERS_", "XDG_", "LD_", "SSH_")
"""Beginnings of variables that the program itself heeds: their values for the container go on its command line."""


def terminal_command(engine: EngineInfo, container: str, request: ExecRequest) -> TerminalCommand:
    """Return the command line for a command in a container. Raise EngineError if the program is not here.

    `docker` finds its daemon as we do, by variables and contexts; Podman's program would not use its service unless it
    is told to. Values of variables are inherited where they can be: a command line is there for everybody to read.
    """
    program = engine.name
    if shutil.which(program) is None:
        raise EngineError(
            f"there is no program `{program}` here, which brings a terminal into a container",
            hint=f"Install the client of {program}; a build does without it.",
        )
    words = [program]
    if program == "podman":
        words += ["--url", engine.endpoint]
    words += ["exec", "--interactive", "--tty"]
    if request.cwd is not None:
        words += ["--workdir", request.cwd]
    environ = dict(os.environ)
    # The image has its own terminals; this one tells how to speak to the person's.
    for name, value in (*request.env, ("TERM", os.environ.get("TERM", "xterm"))):
        if name.startswith(_OF_THE_PROGRAM):
            words += ["--env", f"{name}={value}"]
        else:
            environ[name] = value
            words += ["--env", name]
    return TerminalCommand(argv=(*words, container, *request.argv), env=tuple(environ.items()))
