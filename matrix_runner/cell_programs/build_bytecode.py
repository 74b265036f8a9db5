"""Keeps the bytecode of what builds require, from cell to cell and run to run, for `build_frontend`.

Almost half of a small build's time is the compilation of setuptools (measured: 0.45 s of 1.1 s, Python 3.13), whose
modules are the same files at the same path each time. They are recognised by the digests in RECORD of each package
(PEP 376), and what is put in place is what Python itself would have written there: bytecode that is valid for the file
beside it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import zlib
from base64 import urlsafe_b64encode
from importlib.util import MAGIC_NUMBER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

TAG = sys.implementation.cache_tag
HEADER = 16
"""The length of the header of a file of bytecode (PEP 552)."""

MOST = 64 * 1024**2
"""The most bytes that are kept for a Python."""


def digest_of(path: str) -> str:
    """Return the digest of a file as RECORD has it."""
    with open(path, "rb") as file:
        return "sha256=" + urlsafe_b64encode(hashlib.sha256(file.read()).digest()).rstrip(b"=").decode()


class Bytecode:
    """The bytecode of the packages in one directory (`site-packages`), kept in one file of another directory."""

    def __init__(self, packages: str, store: str) -> None:
        self.packages = packages
        self.kept: dict[str, tuple[str, bytes]] = {}
        # Its parent names the variant, as in lib/python3.13t.
        library = os.path.basename(os.path.dirname(packages))
        self.file = os.path.join(store, f"{library}-{TAG}-{zlib.crc32(MAGIC_NUMBER):x}")

    def restore(self) -> None:
        """Put what is kept beside the modules that it was compiled from."""
        digests = self._digests()
        for path, (digest, code) in self._read().items():
            if digests.get(path) != digest:
                continue
            source, target = os.path.join(self.packages, path), self._target(path)
            try:
                found = os.stat(source)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with open(target, "xb") as file:
                    file.write(self._header(found) + code)
            except OSError:
                continue
            self.kept[path] = (digest, code)

    def save(self) -> None:
        """Keep all that is there, if there is more than what was kept."""
        digests, found = self._digests(), dict(self.kept)
        for path in self._compiled():
            if path in digests and path not in found:
                source = os.path.join(self.packages, path)
                with open(self._target(path), "rb") as file:
                    content = file.read()
                # A build may have changed the module, and then imported it.
                if content[:HEADER] == self._header(os.stat(source)) and digests[path] == digest_of(source):
                    found[path] = (digests[path], content[HEADER:])
        if len(found) > len(self.kept) and sum(len(code) for _, code in found.values()) <= MOST:
            self._write(found)

    def _header(self, source: os.stat_result) -> bytes:
        numbers = (0, int(source.st_mtime) & 0xFFFFFFFF, source.st_size & 0xFFFFFFFF)
        return MAGIC_NUMBER + b"".join(number.to_bytes(4, "little") for number in numbers)

    def _target(self, path: str) -> str:
        folder, name = os.path.split(os.path.join(self.packages, path))
        return os.path.join(folder, "__pycache__", f"{name[:-3]}.{TAG}.pyc")

    def _digests(self) -> dict[str, str]:
        """Return the digest of each module."""
        found: dict[str, str] = {}
        for name in os.listdir(self.packages):
            record = os.path.join(self.packages, name, "RECORD")
            if name.endswith(".dist-info") and os.path.isfile(record):
                with open(record, encoding="utf-8") as file:
                    rows = (line.rsplit(",", 2) for line in file)
                    found.update((row[0], row[1]) for row in rows if row[0].endswith(".py") and row[1:2] > [""])
        return found

    def _compiled(self) -> Iterator[str]:
        ending = f".{TAG}.pyc"
        for folder, _, names in os.walk(self.packages):
            if os.path.basename(folder) == "__pycache__":
                place = os.path.relpath(os.path.dirname(folder), self.packages)
                ours = [name for name in names if name.endswith(ending)]
                yield from (os.path.normpath(f"{place}/{name[: -len(ending)]}.py") for name in ours)

    def _read(self) -> dict[str, tuple[str, bytes]]:
        """Return what is kept, by module; nothing of a file that is damaged."""
        try:
            with open(self.file, "rb") as file:
                checksum, rest = int(file.readline()), file.read()
            if zlib.crc32(rest) != checksum:
                return {}
            listed, _, content = rest.partition(b"\n")
            found, at = {}, 0
            for path, digest, size in json.loads(listed):
                found[path] = (digest, content[at : at + size])
                at += size
        except (OSError, ValueError):
            return {}
        return found

    def _write(self, found: dict[str, tuple[str, bytes]]) -> None:
        listed = json.dumps([(path, digest, len(code)) for path, (digest, code) in found.items()]).encode()
        rest = listed + b"\n" + b"".join(code for _, code in found.values())
        os.makedirs(os.path.dirname(self.file), exist_ok=True)
        new = f"{self.file}.{os.getpid()}-{os.urandom(4).hex()}"
        with open(new, "wb") as file:
            file.write(b"%d\n" % zlib.crc32(rest) + rest)
        os.replace(new, self.file)


def restored(environment: str, store: str) -> list[Bytecode]:
    """Put all bytecode in place that is kept of an environment's packages. `store`: "" to keep none."""
    library = os.path.join(environment, "lib")
    places = [os.path.join(library, name, "site-packages") for name in os.listdir(library)] if store else []
    found = [Bytecode(place, store) for place in places if os.path.isdir(place)]
    for one in found:
        one.restore()
    return found


def save(found: list[Bytecode]) -> None:
    """Keep the bytecode that is there. A place that is full or read-only is nobody's failure."""
    with contextlib.suppress(OSError):
        for one in found:
            one.save()
