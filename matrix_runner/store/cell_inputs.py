"""Everything that decides a cell's wheel and its verdict, as named values. Pure.

Two cells with equal inputs give the same wheel, as far as that can be known before a build: what a build fetches
from the package index is not among them (`cache-max-age` bounds how long that is overlooked).
"""

import hashlib
import json
from dataclasses import dataclass

import msgspec

from matrix_runner.digests import text_digest

FORMAT = "1"
"""Raised when cells do something else with the same inputs, so that no cell of before is taken."""

Named = tuple[tuple[str, str], ...]
"""Values or digests of values by name, sorted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceInputs:
    """The packed files, each with its digest, and the digest of them all, which a run needs once for all cells."""

    files: Named
    sha256: str

    @classmethod
    def of(cls, files: Named) -> "SourceInputs":
        """Make it of files as they are named on the disk."""
        named = tuple(sorted((plain_name(name), value) for name, value in files))
        return cls(files=named, sha256=hashlib.sha256(_json(named)).hexdigest())


@dataclass(frozen=True, kw_only=True, slots=True)
class CellInputs:
    """What a cell is made of.

    `source`: the files. `surroundings`: image, interpreter, tools: values that a person may
    read. `options` and `variables`: digests only, for a value may be a secret.
    """

    source: SourceInputs
    surroundings: Named
    options: Named = ()
    variables: Named = ()


class _Written(msgspec.Struct, frozen=True, kw_only=True):
    format: str
    source: Named
    surroundings: Named
    options: Named
    variables: Named


def digest(value: str) -> str:
    """Return what stands for a value that is not to be read."""
    return text_digest(value)


def plain_name(name: str) -> str:
    """Return a file's name as text that JSON can hold; two names that differ stay different.

    Names are bytes to the kernel; those that are no UTF-8 have lone surrogates here.
    """
    escaped = name.replace("\\", "\\\\")
    return escaped.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def write(inputs: CellInputs) -> bytes:
    """Return the inputs as canonical JSON: equal values, equal bytes."""
    return _json(_groups(inputs) | {"source": inputs.source.files})


def read(data: bytes) -> CellInputs | None:
    """Return the inputs that `write` wrote; None for anything else."""
    try:
        written = msgspec.json.decode(data, type=_Written)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return CellInputs(
        source=SourceInputs(files=written.source, sha256=hashlib.sha256(_json(written.source)).hexdigest()),
        surroundings=written.surroundings,
        options=written.options,
        variables=written.variables,
    )


def key(inputs: CellInputs) -> str:
    """Return the name under which a cell of these inputs is kept: 64 hexadecimal digits."""
    return hashlib.sha256(_json(_groups(inputs) | {"source": inputs.source.sha256})).hexdigest()


def differences(old: CellInputs, new: CellInputs) -> tuple[str, ...]:
    """Say what changed from one to the other, one thing each; nothing if they are equal."""
    return (
        *_files(dict(old.source.files), dict(new.source.files)),
        *_values(dict(old.surroundings), dict(new.surroundings)),
        *(f"option {name} changed" for name in _changed(dict(old.options), dict(new.options))),
        *(f"environment variable {name} changed" for name in _changed(dict(old.variables), dict(new.variables))),
    )


def _groups(inputs: CellInputs) -> dict[str, object]:
    return {
        "format": FORMAT,
        "surroundings": sorted(inputs.surroundings),
        "options": sorted(inputs.options),
        "variables": sorted(inputs.variables),
    }


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=True).encode()


def _changed(old: dict[str, str], new: dict[str, str]) -> tuple[str, ...]:
    return tuple(name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name))


def _files(old: dict[str, str], new: dict[str, str]) -> tuple[str, ...]:
    def word(name: str) -> str:
        if name not in old:
            return "added"
        return "changed" if name in new else "removed"

    return tuple(f"{name} {word(name)}" for name in _changed(old, new))


def _values(old: dict[str, str], new: dict[str, str]) -> tuple[str, ...]:
    return tuple(f"{name} {_short(old.get(name))} -> {_short(new.get(name))}" for name in _changed(old, new))


def _short(value: str | None) -> str:
    """Return a value as a person compares it: of a digest the first twelve digits."""
    if not value:
        return "none"
    algorithm, _, digits = value.rpartition(":")
    if len(digits) == 64 and algorithm in {"", "sha256"}:
        return value[: len(value) - 52]
    return value
