"""Downloads from a Debian mirror for images: the root filesystem (mmdebstrap) and CPython's sources (apt).

The mirror is that of this machine's apt. A file that the recipe names has its digest there; of all others apt checks
the signatures, from Debian's archive key to the file.
"""

import re
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from matrix_runner.errors import MachineError
from matrix_runner.files import replacing, sha256_of
from matrix_runner.image.host_programs import HostPrograms
from matrix_runner.image.image_manifest import SourcePackage
from matrix_runner.image.image_recipe import Root

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
"""Debian's archive keys, as installed by the package debian-archive-keyring."""

APT_HELPER: Final = "/usr/lib/apt/apt-helper"
"""apt's own program for single files, with its proxies and certificates (package apt)."""

_ORIGINAL: Final = re.compile(
    r"^'(?P<uri>[^']+)' \S+\.orig\.tar\.\w+ [0-9]+ SHA256:(?P<sha256>[0-9a-f]{64})$", re.MULTILINE
)

_QUICK = 60.0
_FETCHING = 900.0


def require_programs(host: HostPrograms) -> None:
    """Raise MachineError, with the packages to install, if this machine lacks a program."""
    missing = [program for program in ("mmdebstrap", "apt-get") if not host.has(program)]
    if missing:
        raise MachineError(
            f"making an image needs {' and '.join(missing)}, which this machine does not have",
            hint="Install it with `apt-get install mmdebstrap debian-archive-keyring` (Debian and Ubuntu have both).",
        )


def find_mirror(host: HostPrograms, asked: str | None) -> str:
    """Return the URL of a Debian mirror: the requested one, else that of this machine's apt.

    Raise MachineError if there is none, or if it is unusable.
    """
    mirror = asked or _mirror_of_apt(host)
    if mirror is None:
        raise MachineError(
            "the apt of this machine has no Debian mirror to make an image from",
            hint="Name one with `--mirror URL`, the directory that holds `dists/bullseye`.",
        )
    parts = urlsplit(mirror)
    if parts.scheme not in {"http", "https"} or not parts.hostname or any(mark in mirror for mark in " []"):
        raise MachineError("the address of the Debian mirror is no plain http or https URL", hint="See `--mirror`.")
    if parts.username is not None:
        raise MachineError(
            "the address of the Debian mirror holds a user name, which would stay in the image for all to read",
            hint="Name a mirror that needs none with `--mirror`.",
        )
    return mirror.rstrip("/")


def _mirror_of_apt(host: HostPrograms) -> str | None:
    fields = "$(ORIGIN)|$(REPO_URI)"
    listing = host.run(("apt-get", "indextargets", "--format", fields, "Created-By: Packages"), timeout=_QUICK)
    return choose_mirror(listing.splitlines())


def choose_mirror(lines: Iterable[str]) -> str | None:
    """Return the archive's main mirror among apt's `ORIGIN|URI` lines: security updates have a separate tree."""
    addresses = [uri for origin, _, uri in (line.partition("|") for line in lines) if origin == "Debian"]
    usable = [uri for uri in addresses if urlsplit(uri).scheme in {"http", "https"}]
    main = [uri for uri in usable if uri.rstrip("/").endswith("/debian")]
    others = [uri for uri in usable if "security" not in uri]
    return next(iter((*main, *others)), None)


def make_root(root: Root, mirror: str, host: HostPrograms, archive: Path) -> None:
    """Create the root filesystem, as a tar file. Raise MachineError."""
    kind = ("--variant=extract", "--extract-hook") if root.is_unpacked else ("--variant=minbase", "--customize-hook")
    host.run(
        (
            "mmdebstrap",
            "--quiet",
            kind[0],
            # Skip the check that asks `arch-test` whether this kernel runs the architecture: the plan decides that.
            "--skip=check/qemu",
            # What `minbase` does by itself, of packages named by us.
            '--aptopt=APT::Install-Recommends "false"',
            f"--architectures={root.debian_arch}",
            f"--include={','.join(root.packages)}",
            # The machine's own files, copied in for apt; the engine gives every container its own.
            f'{kind[1]}=rm -f "$1/etc/resolv.conf" "$1/etc/hostname"',
            root.suite,
            str(archive),
            # Without this line mmdebstrap adds bullseye-security, whose i386 index lists packages that no longer exist.
            _line("deb", mirror, root.suite),
        ),
        timeout=_FETCHING,
    )


def fetch_sources(sources: Iterable[SourcePackage], mirror: str, host: HostPrograms, store: Path) -> None:
    """Download missing sources into a directory. Raise MachineError."""
    missing = {source.file: source for source in sources if not has_source(source, store)}
    if not missing:
        return
    store.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="matrix-runner-apt-") as scratch:
        for source in missing.values():
            if not source.rolling:
                _fetch(source, mirror, host, Path(scratch), store)
        rolling = tuple(source for source in missing.values() if source.rolling)
        if rolling:
            _fetch_newest(rolling, mirror, host, Path(scratch), store)


def has_source(source: SourcePackage, store: Path) -> bool:
    """Whether the source file exists, with the digest in the recipe; of a rolling release in whatever version."""
    path = store / source.stored
    return path.is_file() and (bool(source.rolling) or sha256_of(path) == source.sha256)


def _fetch(source: SourcePackage, mirror: str, host: HostPrograms, scratch: Path, store: Path) -> None:
    """Download the file that the recipe names, by its place in the archive's pool.

    Not by `apt-get source`, which wants all files of a source package, and ends if the mirror has dropped another one.
    """
    directory = source.package[:4] if source.package.startswith("lib") else source.package[0]
    address = f"{mirror}/pool/main/{directory}/{source.package}/{quote(source.file)}"
    try:
        _download(address, source.sha256, host, scratch, store / source.stored)
    except MachineError as error:
        raise MachineError(
            f"{source.file} cannot be had from the Debian mirror: {error.message}",
            hint="Name another mirror with `--mirror`, or take a newer matrix-runner.",
        ) from error


def _fetch_newest(
    sources: tuple[SourcePackage, ...], mirror: str, host: HostPrograms, scratch: Path, store: Path
) -> None:
    """Download the newest release of each that the mirror serves, else the one that the recipe names."""
    suites = sorted({suite for source in sources for suite in source.rolling})
    apt = _private_apt(suites, mirror, scratch)
    host.run((*apt, "update"), timeout=_FETCHING)
    for source in sources:
        for suite in source.rolling:
            with suppress(MachineError):
                listed = host.run(
                    (*apt, "source", "--download-only", "--print-uris", f"{source.package}/{suite}"), timeout=_QUICK
                )
                found = _original(listed)
                if found is not None:
                    _download(*found, host, scratch, store / source.stored)
                    break
        else:
            _fetch(source, mirror, host, scratch, store)


def _original(listed: str) -> tuple[str, str] | None:
    """Return address and SHA-256 of upstream's archive among the files of a source package, as apt lists them."""
    match = _ORIGINAL.search(listed)
    return None if match is None else (match["uri"], match["sha256"])


def _download(address: str, sha256: str, host: HostPrograms, scratch: Path, target: Path) -> None:
    """Download a file by apt, which knows the machine's proxies, and compare its digest. Raise MachineError."""
    arrived = scratch / target.name
    argv = (APT_HELPER, "-o", "APT::Sandbox::User=root", "download-file", address, str(arrived), f"SHA256:{sha256}")
    host.run(argv, timeout=_FETCHING)
    if not arrived.is_file() or sha256_of(arrived) != sha256:
        raise MachineError(
            f"{target.name} from the Debian mirror is not the file that was announced",
            hint="A mirror under update gives such files: run it again later, or name another with `--mirror`.",
        )
    with replacing(target) as partial:
        shutil.copyfile(arrived, partial)


def _private_apt(suites: Iterable[str], mirror: str, scratch: Path) -> tuple[str, ...]:
    """Return an apt command for sources. Its state is its own: the machine's is neither needed nor touched."""
    for part in ("state/lists/partial", "cache/archives/partial"):
        (scratch / part).mkdir(parents=True)
    (scratch / "status").touch()
    (scratch / "sources.list").write_text("".join(f"{_line('deb-src', mirror, suite)}\n" for suite in suites), "utf-8")
    options = {
        "Dir::Etc::sourcelist": scratch / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State": scratch / "state",
        "Dir::State::status": scratch / "status",
        "Dir::Cache": scratch / "cache",
        "Acquire::Languages": "none",
        # Only our user has access to the scratch directory; apt's own user could not write to it.
        "APT::Sandbox::User": "root",
        # A mirror may have stopped to follow them: their index counts beyond its last day.
        "Acquire::Check-Valid-Until": "false",
    }
    return ("apt-get", "-qq", *(word for key, text in options.items() for word in ("-o", f"{key}={text}")))


def _line(kind: str, mirror: str, suite: str) -> str:
    """Return a line of sources.list; without Debian's keyring installed, apt's trusted keys decide."""
    signed = f"[signed-by={KEYRING}] " if KEYRING.is_file() else ""
    return f"{kind} {signed}{mirror} {suite} main"
