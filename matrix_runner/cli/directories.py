"""Where a run happens: this machine, its engine, its directories. Wiring that `build`, `plan` and `doctor` share."""

import os
import platform
import struct
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_cache_path, user_state_path

from matrix_runner.config.create_args.create_args import parse_create_args
from matrix_runner.config.kinds.values import EngineChoice
from matrix_runner.errors import EngineError, MachineError, UsageError
from matrix_runner.matrix import Host
from matrix_runner.model.platforms import Arch, Libc

if TYPE_CHECKING:
    from matrix_runner.config.loading.settings import Settings
    from matrix_runner.engine.api import Engine, EngineInfo
    from matrix_runner.engine.docker.sdk import DockerEngine
    from matrix_runner.engine.local.local_engine import LocalEngine
    from matrix_runner.engine.surroundings import EngineSurroundings

_NAME = "matrix-runner"


def state_dir() -> Path:
    """Return the directory for locks and leases, the same for all runs of a user."""
    return _of_home(user_state_path)


def scratch_dir() -> Path:
    """Return the directory for what a run needs and does not keep. Not /tmp: that may be small, or memory."""
    return _of_home(user_cache_path) / "runs"


def image_dir() -> Path:
    """Return the directory for what images made here are made of: sources, compiled interpreters, logs. It stays."""
    return _of_home(user_cache_path) / "image"


def surroundings(environ: Mapping[str, str]) -> "EngineSurroundings":
    """Return the surroundings of every engine of this process. Raise MachineError for a user without a home."""
    from matrix_runner.engine.surroundings import EngineSurroundings

    return EngineSurroundings(environ=environ, state_dir=state_dir(), work_dir=scratch_dir() / "local")


def durations_file(project: str) -> Path:
    """Return the file that remembers how long a project's cells take. `project`: its name, or else its path."""
    return _of_home(user_cache_path) / "durations" / f"{sha256(project.encode()).hexdigest()[:16]}.json"


def cache_dir(settings: "Settings") -> Path:
    """Return the directory of finished cells."""
    from matrix_runner.config.options.cache_options import CACHE_DIR

    return Path(settings[CACHE_DIR]).absolute() if settings[CACHE_DIR] else cells_dir()


def cells_dir() -> Path:
    """Return the directory of finished cells where nobody names one."""
    return _of_home(user_cache_path) / "cells"


def _of_home(find: Callable[[str], Path]) -> Path:
    """Return our directory of a kind. Raise MachineError for a user of whom nothing is known, as in many a container.

    For such a one newer releases of platformdirs raise RuntimeError; older ones return a path that begins with `~`.
    """
    with suppress(RuntimeError):
        path = find(_NAME)
        if path.is_absolute():
            return path
    raise MachineError("this user has no home directory", hint="set HOME to a directory that can be written to")


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenEngine:
    """The engine of a run and what it says of itself. `remark`: why it is this one, if the user did not name it."""

    engine: "Engine"
    info: "EngineInfo"
    is_local: bool
    remark: str | None = None


def docker_engine(run: str, environ: Mapping[str, str]) -> "DockerEngine":
    """Make the engine that speaks to Docker; nothing is asked of it yet."""
    from matrix_runner.engine.docker.sdk import DockerEngine

    return DockerEngine(run=run, surroundings=surroundings(environ))


def podman_engine(run: str, environ: Mapping[str, str]) -> "DockerEngine":
    """Make the engine that speaks to Podman by its Docker-compatible socket. Raise EngineError if there is none."""
    from matrix_runner.engine.docker.endpoint import resolve_podman_endpoint
    from matrix_runner.engine.docker.sdk import DockerEngine

    endpoint = resolve_podman_endpoint(environ)
    return DockerEngine(run=run, surroundings=surroundings(environ), endpoint=endpoint)


def local_engine(run: str, environ: Mapping[str, str]) -> "LocalEngine":
    """Make the engine that is this machine."""
    from matrix_runner.engine.local.local_engine import LocalEngine

    return LocalEngine(run=run, surroundings=surroundings(environ))


def choose_engine(choice: EngineChoice, run: str, environ: Mapping[str, str]) -> ChosenEngine:
    """Return an engine that answers. `auto` is Docker when its daemon does, else this machine. Raise EngineError."""
    remark = None
    if choice is EngineChoice.PODMAN:
        podman = podman_engine(run, environ)
        return ChosenEngine(engine=podman, info=podman.check(), is_local=False)
    if choice is not EngineChoice.LOCAL:
        try:
            docker = docker_engine(run, environ)
            return ChosenEngine(engine=docker, info=docker.check(), is_local=False)
        except EngineError as error:
            if choice is EngineChoice.DOCKER:
                raise
            remark = f"container-engine = local: {error.message}"
    local = local_engine(run, environ)
    return ChosenEngine(engine=local, info=local.check(), is_local=True, remark=remark)


def argument_notices(create_args: Iterable[tuple[str, ...]], *, is_local: bool) -> tuple[str, ...]:
    """Return what a user should know of `create-args` before a run, each once. `create_args`: those of each cell."""
    given = tuple(map(parse_create_args, dict.fromkeys(create_args)))
    if is_local:
        ignored = any(not each.asks_nothing for each in given)
        return ("create-args are ignored: this machine itself is the engine, and there is no container",) * ignored
    return tuple(dict.fromkeys(warning for each in given for warning in each.warnings))


def this_host(
    environ: Mapping[str, str], *, local: bool, machine_name: str | None = None, endpoint: str | None = None
) -> Host:
    """Say what machine runs the cells; for a local engine, which interpreters it has.

    `machine_name`: what the engine says of itself, which may be another machine than this one; default: this one.
    `endpoint`: where it listens; for one that has this machine's kernel, the emulators of that are known.
    Raise UsageError for a machine that no wheel platform is known for.
    """
    name = machine_name or platform.machine()
    machine = Arch.of_machine(name)
    if machine is None:
        raise UsageError(
            f"cells would run on a {name}, for which no wheel platform is known",
            hint="run them on one of " + ", ".join(map(str, Arch)),
        )
    if not local:
        from matrix_runner.engine.emulation import emulated_archs, is_on_this_kernel

        emulated = emulated_archs() if endpoint is not None and is_on_this_kernel(endpoint) else None
        return Host(machine=machine, emulated=emulated)
    if machine.bits == 64 and struct.calcsize("P") == 4:
        # A 32-bit userland on a 64-bit kernel, as in an i686 container.
        machine = next((arch for arch in Arch if arch.wider is machine), machine)
    # musl can be there beside glibc, as a package; only where it is alone it is the machine's own.
    has_glibc = "CS_GNU_LIBC_VERSION" in os.confstr_names
    libc = Libc.MUSL if not has_glibc and any(Path("/lib").glob("ld-musl-*")) else Libc.GLIBC
    found = local_engine("plan", environ).interpreters()
    directories = frozenset(each.directory for each in found if each.machine == machine.tag)
    return Host(machine=machine, libc=libc, local=directories)


def likely_endpoint(environ: Mapping[str, str]) -> str | None:
    """Return where an engine would be looked for, for what is said of a plan; None if that is unclear."""
    from matrix_runner.engine.docker.endpoint import resolve_endpoint

    with suppress(EngineError):
        return resolve_endpoint(environ).url
    return None


def processors() -> int:
    """Return how many CPUs this process may use."""
    return len(os.sched_getaffinity(0))
