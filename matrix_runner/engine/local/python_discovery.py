"""Discovery of this machine's Pythons, and whether it is a container or a CI machine.

An interpreter has the directory name of the manylinux images, `<python tag>-<abi tag>` (PEP 425), so that a recipe
finds it under the same path everywhere.
"""

import logging
import os
import platform
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
from packaging.version import InvalidVersion, Version
from python_discovery import DiskCache, iter_interpreters

from matrix_runner.engine.local.python_probe import PROBE_SECONDS, ProbeAnswer, directory_name, probe, without_leaks
from matrix_runner.model.platforms import Arch

_DIRECTORY: Final = re.compile(r"(?:cp|pp|graalpy)\d+-\w+")
_EXECUTABLE: Final = re.compile(r"(?:python|pypy|graalpy)(?:\d+(?:\.\d+)?)?[tmd]*")

# Version managers: the variable with their directory, the default under $HOME, and the Pythons within.
_MANAGERS: Final = (
    ("PYENV_ROOT", ".pyenv", "versions/*/bin/python"),
    ("MISE_DATA_DIR", ".local/share/mise", "installs/python/*/bin/python"),
    ("ASDF_DATA_DIR", ".asdf", "installs/python/*/bin/python"),
)


class FoundInterpreter(msgspec.Struct, frozen=True, kw_only=True):
    """A Python on this machine.

    `directory`: its name in the manylinux layout (`cp311-cp311`). `machine`: the architecture of its binaries, by
    platform-tag name; `i686` for a 32-bit Python on a 64-bit kernel. Without headers (Debian's python3 without
    python3-dev) it tests wheels but compiles none.
    """

    directory: str
    executable: Path
    version: str
    bits: int
    machine: str
    has_headers: bool = True


def machine_of(uname: str, bits: int) -> str:
    """Return the architecture of binaries with this width under a kernel's `uname -m`: (`x86_64`, 32) is `i686`."""
    arch = Arch.of_machine(uname)
    if arch is None or arch.bits == bits:
        return uname if arch is None else arch.tag
    return next((narrow.tag for narrow in Arch if narrow.wider is arch and narrow.bits == bits), arch.tag)


def find_interpreters(
    environ: Mapping[str, str],
    *,
    cache_dir: Path | None = None,
    opt_python: Path = Path("/opt/python"),
    probe_seconds: float = PROBE_SECONDS,
) -> tuple[FoundInterpreter, ...]:
    """Return the Pythons of this machine, sorted by directory name; one for each directory name and machine.

    In an image of the manylinux layout these are its own, and no others. Elsewhere: PATH, version managers (all their
    versions, not only the active one) and uv's. Of two with the same name, one with headers wins, then the newest, then
    the first found. Executables without a valid answer within `probe_seconds` are left out.
    """
    names = {path / "bin/python": path.name for path in _manylinux_directories(opt_python)}
    candidates = tuple(names) or tuple(_candidates(environ, cache_dir, probe_seconds))
    with ThreadPoolExecutor(max_workers=4) as pool:
        answers = tuple(pool.map(lambda path: probe(path, environ, probe_seconds), candidates))
    found: dict[tuple[str, str], FoundInterpreter] = {}
    for candidate, answer in zip(candidates, answers, strict=True):
        interpreter = _interpreter(answer, names.get(candidate)) if answer else None
        if interpreter is None:
            continue
        key = (interpreter.directory, interpreter.machine)
        if key not in found or _rank(interpreter) > _rank(found[key]):
            found[key] = interpreter
    return tuple(found[key] for key in sorted(found))


def _interpreter(answer: ProbeAnswer, directory: str | None) -> FoundInterpreter | None:
    directory = directory or directory_name(answer)
    if directory is None:
        return None
    return FoundInterpreter(
        directory=directory,
        executable=_base_executable(answer),
        version=answer.version,
        bits=answer.bits,
        machine=machine_of(platform.machine(), answer.bits),
        has_headers=answer.has_headers,
    )


def _base_executable(answer: ProbeAnswer) -> Path:
    """Return the executable of the installation itself, even if a virtual environment answered."""
    if not answer.in_environment:
        return _python_behind(Path(answer.executable))
    version = f"{answer.major}.{answer.minor}"
    names = (f"python{version}", f"pypy{version}", f"python{answer.major}", "python")
    choices = (Path(answer.base_executable or answer.executable), *(Path(answer.prefix, "bin", n) for n in names))
    inside = Path(answer.executable).parent
    return next(
        (_python_behind(path) for path in choices if path.parent != inside and path.is_file()), Path(answer.executable)
    )


def _python_behind(path: Path) -> Path:
    """Resolve all links, unless the target is no Python but a wrapper that depends on its name (Gentoo's)."""
    resolved = path.resolve()
    return resolved if _EXECUTABLE.fullmatch(resolved.name) else path


def _rank(interpreter: FoundInterpreter) -> tuple[bool, Version]:
    try:
        return interpreter.has_headers, Version(interpreter.version.rstrip("+"))
    except InvalidVersion:
        return interpreter.has_headers, Version("0")


def _manylinux_directories(opt_python: Path) -> Iterator[Path]:
    if opt_python.is_dir():
        for path in sorted(opt_python.iterdir()):
            if _DIRECTORY.fullmatch(path.name) and (path / "bin/python").exists():
                yield path


def _candidates(environ: Mapping[str, str], cache_dir: Path | None, seconds: float) -> Iterable[Path]:
    """Return executables that may be Pythons, each once, those on PATH first."""
    home = Path(environ.get("HOME", "/nonexistent"))
    roots = tuple((Path(environ.get(variable) or home / default), below) for variable, default, below in _MANAGERS)
    shims = {str(root / "shims") for root, _ in roots}
    # A shim answers for the version that is active in the working directory, or not at all: use its targets instead.
    directories = tuple(part for part in environ.get("PATH", "").split(os.pathsep) if part and part not in shims)
    paths = [*_from_library(environ, directories, cache_dir, seconds)]
    # The library supports no Python older than 3.6.
    old = (shutil.which(name, path=os.pathsep.join(directories)) for name in ("python2.7", "python2", "pypy"))
    paths.extend(Path(path) for path in old if path)
    for root, below in roots:
        paths.extend(sorted(root.glob(below)))
    return dict.fromkeys(_python_behind(path) for path in paths)


def _from_library(
    environ: Mapping[str, str], directories: tuple[str, ...], cache_dir: Path | None, seconds: float
) -> Iterator[Path]:
    logger = logging.getLogger("python_discovery")
    if not logger.handlers:
        # Without a handler, `logging` prints the library's warnings about broken interpreters on standard error.
        logger.addHandler(logging.NullHandler())
    managers = {variable for variable, _, _ in _MANAGERS}
    variables = {name: value for name, value in without_leaks(environ).items() if name not in managers}
    variables |= {"PATH": os.pathsep.join(directories), "PY_DISCOVERY_TIMEOUT": str(seconds)}
    cache = DiskCache(cache_dir) if cache_dir else None
    # A broken interpreter can make the library raise; its results before that are valid.
    with suppress(OSError, RuntimeError, ValueError):
        for info in iter_interpreters(cache=cache, env=variables):
            yield Path(info.system_executable or info.executable)


def is_inside_container(environ: Mapping[str, str], root: Path = Path("/")) -> bool:
    """Whether this process runs in a container, so that commands for the whole machine change only that.

    Signs: Docker's and Podman's marker files, systemd's `/run/systemd/container`, the `container` variable (systemd's
    container interface; a Flatpak application has it too, but does not count), Kubernetes' variable, control groups
    (v1).
    """
    if environ.get("container", "flatpak") != "flatpak" or "KUBERNETES_SERVICE_HOST" in environ:
        return True
    if any((root / sign).exists() for sign in (".dockerenv", "run/.containerenv", "run/systemd/container")):
        return True
    try:
        groups = (root / "proc/1/cgroup").read_text(errors="replace")
    except OSError:
        return False
    return any(word in groups for word in ("docker", "kubepods", "containerd", "libpod", "/lxc"))


def is_ci(environ: Mapping[str, str]) -> bool:
    """Whether this process runs in a CI service: `CI`, or the variable of a service that does not set it."""
    if environ.get("CI", "").lower() not in {"", "0", "false"}:
        return True
    return any(environ.get(name) for name in ("TF_BUILD", "JENKINS_URL", "TEAMCITY_VERSION", "CODEBUILD_BUILD_ID"))
