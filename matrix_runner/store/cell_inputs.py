"""A cell's inputs for the cache key: source, image, tools, options, variables; hashing and differences. Pure.

Equal inputs give equal wheels, as far as can be known before a build: downloads from the package index during the build
are not among them (`cache-max-age` bounds how long a change there goes unnoticed).
"""

import hashlib
import json

import msgspec

from matrix_runner.digests import text_digest
from matrix_runner.json_values import NotJson, decode

FORMAT = "3"
"""Increased when cells treat the same inputs differently, which invalidates all earlier entries."""

Named = tuple[tuple[str, str], ...]
"""Values or their digests by name, sorted."""


class SourceInputs(msgspec.Struct, frozen=True, kw_only=True):
    """The packed files, each with its digest, and the digest of them all, computed once per run."""

    files: Named
    sha256: str

    @classmethod
    def of(cls, files: Named) -> "SourceInputs":
        """Create it from files as named on the disk."""
        named = tuple(sorted((plain_name(name), value) for name, value in files))
        return cls(files=named, sha256=hashlib.sha256(_json(named)).hexdigest())


class CellInputs(msgspec.Struct, frozen=True, kw_only=True):
    """The inputs of a cell.

    `source`: the files. `surroundings`: image, interpreter and tools, in readable values. `options` and `variables`:
    digests only, for a value may be a secret.
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
    """Return the digest that stands for a possibly secret value."""
    return text_digest(value)


def plain_name(name: str) -> str:
    """Return a file's name as text that JSON can hold; different names stay different.

    The kernel's names are bytes; those that are not UTF-8 have lone surrogates here.
    """
    escaped = name.replace("\\", "\\\\")
    return escaped.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def write(inputs: CellInputs) -> bytes:
    """Return the inputs as canonical JSON: equal values, equal bytes."""
    return _json(_groups(inputs) | {"source": inputs.source.files})


def read(data: bytes) -> CellInputs | None:
    """Parse the output of `write`; return None for anything else."""
    try:
        written = decode(data, _Written)
    except NotJson:
        return None
    return CellInputs(
        source=SourceInputs(files=written.source, sha256=hashlib.sha256(_json(written.source)).hexdigest()),
        surroundings=written.surroundings,
        options=written.options,
        variables=written.variables,
    )


def key(inputs: CellInputs) -> str:
    """Return the cache key of the inputs: 64 hexadecimal digits."""
    return hashlib.sha256(_json(_groups(inputs) | {"source": inputs.source.sha256})).hexdigest()


def differences(old: CellInputs, new: CellInputs) -> tuple[str, ...]:
    """Return the differences in words, one item each; empty if the inputs are equal."""
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
    """Return a value in readable length: the first twelve digits of a digest."""
    if not value:
        return "none"
    algorithm, _, digits = value.rpartition(":")
    if len(digits) == 64 and algorithm in {"", "sha256"}:
        return value[: len(value) - 52]
    return value
