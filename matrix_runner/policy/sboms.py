"""The software bills of materials in a wheel (PEP 770), and the grafted libraries that none of them lists. Pure.

auditwheel's names the package of each library's origin, and the library by a digest of its path there
(`auditwheel.sboms`, CycloneDX); it leaves out what the image's package manager does not find by that path.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator

import msgspec

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

    names: frozenset[str]
    digests: frozenset[str]


def read_bill(documents: Iterable[bytes]) -> Bill:
    """Read documents in CycloneDX or SPDX, as JSON; what cannot be read lists nothing."""
    names: set[str] = set()
    digests: set[str] = set()
    for data in documents:
        try:
            document = json.loads(data)
        except (ValueError, RecursionError):
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
    rest: list[str] = []
    matched: set[str] = set()
    for path in sorted(grafted):
        name = path.rpartition("/")[2]
        origin = _HASH.sub("", name, count=1)
        own = {hashlib.sha256(place.encode()).hexdigest() for place in _origins(origin, arch)} & bill.digests
        matched |= own
        if not own and not bill.names & {name, origin, origin.partition(".so")[0]}:
            rest.append(path)
    return tuple(rest) if len(rest) > len(bill.digests - matched) else ()


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
