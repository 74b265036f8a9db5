"""Digests of values. They name users' files, images and volumes, so they must never change."""

import hashlib
import json


def text_digest(*parts: str) -> str:
    """Return the SHA-256, in hexadecimal, of texts joined by NUL, which none of them may contain."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def json_digest(value: object) -> str:
    """Return the SHA-256, in hexadecimal, of a value as JSON: for nested values, and texts that may contain NUL.

    Raise TypeError for a value that JSON cannot express.
    """
    return hashlib.sha256(json.dumps(value).encode("ascii")).hexdigest()
