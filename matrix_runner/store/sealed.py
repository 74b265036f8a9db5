"""Small JSON files that say of themselves whether they are whole: damage, truncation and foreign files are seen."""

import hashlib

import msgspec

FORMAT = 1
"""Raised when what is inside a seal changes its shape; files of another format are not read."""


class _Sealed(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    sha256: str
    content: msgspec.Raw


def seal(content: bytes) -> bytes:
    """Return a JSON document as the content of a file that `unseal` will recognise."""
    digest = hashlib.sha256(content).hexdigest()
    return msgspec.json.encode(_Sealed(format=FORMAT, sha256=digest, content=msgspec.Raw(content))) + b"\n"


def unseal(data: bytes) -> bytes | None:
    """Return what was sealed, byte for byte; None for anything else."""
    try:
        sealed = msgspec.json.decode(data, type=_Sealed)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    content = bytes(sealed.content)
    if sealed.format != FORMAT or hashlib.sha256(content).hexdigest() != sealed.sha256:
        return None
    return content
