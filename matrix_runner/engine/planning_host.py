"""The `Host` that cells are planned for: the machine of a container engine, or this one with its Pythons."""

import os
import platform
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from matrix_runner.errors import UsageError
from matrix_runner.matrix import Host
from matrix_runner.model.platforms import Arch, Libc

if TYPE_CHECKING:
    from matrix_runner.engine.local.local_engine import LocalEngine


def container_host(*, machine: str | None, endpoint: str | None) -> Host:
    """Return the machine behind a container engine.

    `machine`: the engine's own `uname -m`; None for this machine's, if no engine was queried. `endpoint`: the engine's
    address; if it is on this machine's kernel, so are its emulators, else they are unknown. None: unknown. Raise
    UsageError for a machine without a wheel platform.
    """
    from matrix_runner.engine.emulation import emulated_archs, is_on_this_kernel

    emulated = emulated_archs() if endpoint is not None and is_on_this_kernel(endpoint) else None
    return Host(machine=_arch(machine or platform.machine()), emulated=emulated)


def local_host(engine: "LocalEngine") -> Host:
    """Return this machine, with the interpreters of its local engine. Raise UsageError, see `container_host`."""
    machine = _arch(platform.machine())
    if machine.bits == 64 and struct.calcsize("P") == 4:
        # A 32-bit userland on a 64-bit kernel, as in an i686 container.
        machine = next((arch for arch in Arch if arch.wider is machine), machine)
    # musl can exist beside glibc, as a package; only if it is alone is it the machine's own.
    has_glibc = "CS_GNU_LIBC_VERSION" in os.confstr_names
    libc = Libc.MUSL if not has_glibc and any(Path("/lib").glob("ld-musl-*")) else Libc.GLIBC
    directories = frozenset(each.directory for each in engine.interpreters() if each.machine == machine.tag)
    return Host(machine=machine, libc=libc, local=directories)


def _arch(name: str) -> Arch:
    machine = Arch.of_machine(name)
    if machine is None:
        raise UsageError(
            f"cells would run on a {name}, for which no wheel platform is known",
            hint="run them on one of " + ", ".join(map(str, Arch)),
        )
    return machine
