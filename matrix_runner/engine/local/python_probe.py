"""Probe of a Python executable: its interpreter name as in the manylinux images, machine, headers."""

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from matrix_runner.json_values import NotJson, decode

PROBE_SECONDS: Final = 10.0
"""Seconds that an executable may take to identify itself: GraalPy needs two, a shim on a network disk more."""

_LEAKS: Final = frozenset({"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PIP_REQUIRE_VIRTUALENV", "__PYVENV_LAUNCHER__"})
_ELSEWHERE: Final = frozenset({"PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"})

# Runs on every Python from 2.7. The mark is necessary because a sitecustomize may print.
_MARK: Final = "matrix-runner-probe:"

_PROBE: Final = """
import json, os, platform, struct, sys, sysconfig
paths = sysconfig.get_paths()
headers = set(d for d in (paths.get("include"), paths.get("platinclude"), sysconfig.get_config_var("INCLUDEPY")) if d)
base = getattr(sys, "real_prefix", None) or getattr(sys, "base_prefix", sys.prefix)
print("\\n" + sys.argv[1] + json.dumps({
    "implementation": platform.python_implementation(),
    "version": platform.python_version(),
    "major": sys.version_info[0],
    "minor": sys.version_info[1],
    "bits": struct.calcsize("P") * 8,
    "abiflags": getattr(sys, "abiflags", ""),
    "wide": sys.maxunicode > 0xFFFF,
    "pymalloc": bool(sysconfig.get_config_var("WITH_PYMALLOC")),
    "suffix": sysconfig.get_config_var("EXT_SUFFIX") or sysconfig.get_config_var("SO") or "",
    "executable": sys.executable,
    "prefix": base,
    "in_environment": base != sys.prefix,
    "base_executable": getattr(sys, "_base_executable", None) or "",
    "has_headers": any(os.path.exists(os.path.join(d, "Python.h")) for d in headers),
}))
"""


class ProbeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An interpreter's description of itself. `abiflags` is empty if `sys` has none (2.7, PyPy)."""

    implementation: str
    version: str
    major: int
    minor: int
    bits: int
    abiflags: str
    wide: bool
    pymalloc: bool
    suffix: str
    executable: str
    prefix: str
    in_environment: bool
    base_executable: str
    has_headers: bool


def directory_name(answer: ProbeAnswer) -> str | None:
    """Return `<python tag>-<abi tag>` like directory names in manylinux images; None for an unknown implementation.

    The ABI of PyPy and GraalPy comes from the suffix of extension modules: `.pypy311-pp73-x86_64-linux-gnu.so` is
    `pypy311_pp73`, `.graalpy250-312-native-x86_64-linux.so` is `graalpy250_312_native`.
    """
    version = f"{answer.major}{answer.minor}"
    suffix = answer.suffix.strip(".").split(".")[0].split("-")
    match answer.implementation:
        case "CPython" if answer.major == 2:
            flags = ("m" if answer.pymalloc else "") + ("u" if answer.wide else "")
            return f"cp{version}-cp{version}{flags}"
        case "CPython":
            return f"cp{version}-cp{version}{answer.abiflags}"
        case "PyPy" if len(suffix) > 2:
            return f"pp{version}-{'_'.join(suffix[:2])}"
        case "GraalVM" if len(suffix) > 3:
            return f"graalpy{version}-{'_'.join(suffix[:3])}"
        case _:
            return None


def without_leaks(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without those by which the driver's own Python, or its installs, would affect builds."""
    dropped = _LEAKS | _ELSEWHERE
    return {name: value for name, value in environ.items() if name not in dropped and not name.startswith("CONDA_")}


def probe(executable: Path, environ: Mapping[str, str], seconds: float = PROBE_SECONDS) -> ProbeAnswer | None:
    """Query an executable for its Python; return None if it is none, is broken, or does not answer in `seconds`."""
    try:
        process = subprocess.Popen(
            (executable, "-E", "-s", "-c", _PROBE, _MARK),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=without_leaks(environ),
            start_new_session=True,
        )
    except OSError:
        return None
    with process:
        try:
            output = process.communicate(timeout=seconds)[0]
        except subprocess.TimeoutExpired:
            # The whole group: a shim is a shell script, and its child may hold the pipe.
            os.killpg(process.pid, signal.SIGKILL)
            return None
    lines = [line for line in output.decode(errors="replace").splitlines() if line.startswith(_MARK)]
    with suppress(NotJson, IndexError):
        return decode(lines[-1].removeprefix(_MARK), ProbeAnswer)
    return None
