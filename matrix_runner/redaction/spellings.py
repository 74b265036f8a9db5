"""Spellings of a secret value: plain, base64, percent-encoded, quoted, escaped. Pure."""

import base64
import json
import re
import shlex
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, quote_plus

SHORTEST: Final = 6
"""Minimum length of a spelling in bytes: shorter ones would occur in ordinary words."""

SHORTEST_LINE: Final = 8
"""Minimum length in bytes of a line in a value of several lines."""

_WRAPS: Final = (76, 64)
"""Characters in a line of base64: of coreutils and MIME, and of PEM."""


def spellings(value: str) -> frozenset[bytes]:
    """Return all spellings of a value of at least `SHORTEST` bytes, and of its lines if there are several."""
    texts = {value, value.strip()}
    lines = {line.strip() for line in value.splitlines()} - texts
    found = {form for text in texts for form in _spellings(text)}
    found |= {form for line in lines if len(line) >= SHORTEST_LINE for form in _in_text(line)}
    return frozenset(form for form in found if len(form) >= SHORTEST)


def _spellings(text: str) -> Iterator[bytes]:
    raw = _bytes(text)
    if len(raw) >= SHORTEST:
        yield from _in_text(text)
        yield from _in_base64(raw)


def _in_text(text: str) -> Iterator[bytes]:
    yield _bytes(text)
    yield from map(_bytes, _escaped(text))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _escaped(text: str) -> Iterator[str]:
    import html  # most runs have no secrets

    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(text)[1:-1]
    yield html.escape(text)
    # Of shells: with quotes as written by dash and Python, between double quotes, and as in bash's `%q`.
    yield shlex.quote(text).strip("'")
    yield text.replace("'", "'\\''")
    yield re.sub(r'([$`"\\])', r"\\\1", text)
    yield re.sub(r"([^A-Za-z0-9_@%+=:,./-])", r"\\\1", text)
    raw = _bytes(text)
    for encoded in (quote(raw, safe=""), quote(raw, safe="/"), quote_plus(raw)):
        yield encoded
        yield re.sub(r"%[0-9A-F]{2}", lambda code: code[0].lower(), encoded)


def _in_base64(raw: bytes) -> Iterator[bytes]:
    """Yield the base64 of the value alone, also with the line end of `echo`, and within longer text.

    There only its own characters count: those at either end contain bits of its neighbours. They depend on the value's
    offset in a group of three bytes.
    """
    alone = {base64.b64encode(raw + end) for end in (b"", b"\n")}
    forms = {*alone, *(form.rstrip(b"=") for form in alone)}
    forms |= {form[at : at + width] for form in alone for width in _WRAPS for at in range(0, len(form), width)}
    for before in range(3):
        first, last = -(-before * 8 // 6), (before + len(raw)) * 8 // 6
        forms.add(base64.b64encode(bytes(before) + raw)[first:last])
    for form in forms:
        yield form
        yield form.translate(bytes.maketrans(b"+/", b"-_"))
