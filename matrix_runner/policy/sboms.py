"""The software bills of materials in a wheel (PEP 770), and the grafted libraries that none of them lists. Pure.

auditwheel's names the package of each library's origin, and the library by a digest of its path there
(`auditwheel.sboms`, CycloneDX); it leaves out what the image's package manager does not find by that path.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from matrix_runner.json_values import NotJson, decode
from matrix_runner.model.platforms import Arch

_HASH = re.compile(r"-[0-9a-f]{8}(?=\.)")
"""What repair puts into a grafted library's name."""

_DIRECTORIES = ("/usr/lib", "/lib", "/usr/lib64", "/lib64", "/usr/local/lib", "/usr/local/lib64")
_TRIPLETS = {
    Arch.X86_64: "x86_64-linux-gnu",
    Arch.I686: "i386-linux-gnu",
    Arch.AARCH64: "aarch64-linux-gnu",
    Arch.PPC64LE: "powerpc64le-linux-gnu",
    Arch.S390X: "s390x-linux-gnu",
    Arch.ARMV7L: "arm-linux-gnueabihf",
    Arch.RISCV64: "riscv64-linux-gnu",
}
"""Debian's directories for libraries."""

_FRAGMENT = re.compile(r"#([0-9a-f]{64})$")


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """The entries of all of a wheel's documents: names of components and files, and digests of libraries' paths."""

    names: frozenset[str] = frozenset()
    digests: frozenset[str] = frozenset()


NO_BILL: Final = Bill()
"""Of a wheel without documents."""


def read_bill(documents: Iterable[bytes]) -> Bill:
    """Read documents in CycloneDX or SPDX, as JSON; what cannot be read lists nothing."""
    names: set[str] = set()
    digests: set[str] = set()
    for data in documents:
        try:
            document = decode(data, object)
        except NotJson:
            continue
        for key, text in _texts(document):
            if key in {"name", "fileName", "packageFileName"}:
                names.add(text.rpartition("/")[2])
            elif key == "bom-ref" and (found := _FRAGMENT.search(text)):
                digests.add(found[1])
    return Bill(names=frozenset(names), digests=frozenset(digests))


def unlisted(grafted: Iterable[str], bill: Bill, arch: Arch) -> tuple[str, ...]:
    """Return the grafted libraries (paths in the wheel) that the documents do not list.

    A digest whose path cannot be guessed may stand for any of them: if there are as many, nothing is returned.
    """
    libraries = tuple(grafted)
    rest = without_entry(libraries, bill, arch)
    matched = {digest for path in libraries for digest in _guessed(path, bill, arch)}
    return rest if len(rest) > len(bill.digests - matched) else ()


def without_entry(grafted: Iterable[str], bill: Bill, arch: Arch) -> tuple[str, ...]:
    """Return the grafted libraries (paths in the wheel) that are listed neither by name nor by a path to be guessed."""
    return tuple(
        path
        for path in sorted(grafted)
        if not _guessed(path, bill, arch)
        and not bill.names & {path.rpartition("/")[2], origin_name(path), origin_name(path).partition(".so")[0]}
    )


def origin_name(path: str) -> str:
    """Return the name that a grafted library had before: without what repair has put into it."""
    return _HASH.sub("", path.rpartition("/")[2], count=1)


def has_path(bill: Bill, path: str) -> bool:
    """Whether a document lists the library that was at a path of the image."""
    return _digest(path) in bill.digests


def _guessed(path: str, bill: Bill, arch: Arch) -> frozenset[str]:
    return frozenset(map(_digest, _origins(origin_name(path), arch))) & bill.digests


def _digest(path: str) -> str:
    return hashlib.sha256(path.encode(errors="ignore")).hexdigest()


def _origins(name: str, arch: Arch) -> Iterator[str]:
    for directory in (*_DIRECTORIES, f"/usr/lib/{_TRIPLETS[arch]}", f"/lib/{_TRIPLETS[arch]}"):
        yield f"{directory}/{name}"


def _texts(document: object) -> Iterator[tuple[str, str]]:
    """Yield the strings of a JSON document with their keys."""
    pending = [document]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            for key, entry in value.items():
                if isinstance(entry, str):
                    yield key, entry
                else:
                    pending.append(entry)
        elif isinstance(value, list):
            pending.extend(value)
