"""Facts about this machine: its emulators, Pythons and tools, the space of directories, bundles of certificates."""

import os
import platform
import shutil
import ssl
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from matrix_runner.disks.disk_space import Space, space_of
from matrix_runner.doctor.architectures import ArchitectureFacts
from matrix_runner.doctor.ca_bundles import NAMES, Bundle, BundleFacts
from matrix_runner.doctor.local_machine import LocalFacts
from matrix_runner.doctor.subject import Purpose, Subject
from matrix_runner.engine.emulation import find_emulators
from matrix_runner.engine.local.local_engine import TOOLS
from matrix_runner.engine.proxies import ca_bundle


def architecture_facts() -> ArchitectureFacts:
    """Return this machine's architecture and the emulators in its kernel."""
    return ArchitectureFacts(machine=platform.machine(), emulators=find_emulators())


def local_facts(subject: Subject) -> LocalFacts:
    """Return the Pythons of this machine and the tools beside them. Raise MachineError."""
    path = subject.environ.get("PATH", os.defpath)
    return LocalFacts(
        interpreters=subject.local.interpreters(),
        missing=tuple(tool for tool in TOOLS if _tool(tool, path) is None),
        uv=_uv_version(path),
    )


def _tool(name: str, path: str) -> str | None:
    """Return the path of a tool: on PATH, or beside the Python that runs this program."""
    beside = Path(sys.executable).parent / name
    return shutil.which(name, path=path) or (str(beside) if beside.exists() else None)


def _uv_version(path: str) -> str | None:
    found = _tool("uv", path)
    if found is None:
        return None
    try:
        done = subprocess.run((found, "--version"), capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.partition("\n")[0]


def own_spaces(subject: Subject) -> dict[Purpose, Space]:
    """Return the space of each directory that a build writes to."""
    return {purpose: space_of(path, is_written=True) for purpose, path in subject.places}


def bundle_facts(environ: Mapping[str, str]) -> BundleFacts:
    """Return the bundles that variables name."""
    passed = ca_bundle(environ)
    return BundleFacts(
        bundles=tuple(_bundle(name, environ[name]) for name in NAMES if environ.get(name)),
        passed=None if passed is None else str(passed),
        directory=environ.get("SSL_CERT_DIR", ""),
    )


def _bundle(variable: str, path: str) -> Bundle:
    if not Path(path).is_file():
        return Bundle(variable=variable, path=path, is_there=Path(path).is_dir())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(path)
    except OSError as error:
        said = error.reason if isinstance(error, ssl.SSLError) and error.reason else error.strerror
        return Bundle(variable=variable, path=path, is_there=True, error=_in_words(str(said or error)))
    return Bundle(variable=variable, path=path, is_there=True, certificates=context.cert_store_stats()["x509"])


def _in_words(reason: str) -> str:
    """Return OpenSSL's name of an error as words: `NO_CERTIFICATE_OR_CRL_FOUND`."""
    return reason.lower().replace("_", " ") if reason.isupper() else reason
