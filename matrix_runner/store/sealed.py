"""Sealed JSON files with a checksum of their content, to detect damage, truncation and foreign files."""

import hashlib

import msgspec

from matrix_runner.json_values import NotJson, decode

FORMAT = 1
"""Increased when the content's structure changes; files of another format are not read."""


class _Sealed(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    sha256: str
    content: msgspec.Raw


def seal(content: bytes) -> bytes:
    """Return a JSON document as file content that `unseal` recognises."""
    digest = hashlib.sha256(content).hexdigest()
    return msgspec.json.encode(_Sealed(format=FORMAT, sha256=digest, content=msgspec.Raw(content))) + b"\n"


def unseal(data: bytes) -> bytes | None:
    """Return the sealed document, byte for byte; None for anything else."""
    try:
        sealed = decode(data, _Sealed)
    except NotJson:
        return None
    content = bytes(sealed.content)
    if sealed.format != FORMAT or hashlib.sha256(content).hexdigest() != sealed.sha256:
        return None
    return content
