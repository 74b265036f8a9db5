"""Classification of registry errors: daemons report all as HTTP 500, with differing texts (measured)."""

from enum import Enum
from typing import Final

_BUILD_HINT: Final = (
    "Without a registry, `runner image build` makes the images from Debian packages; "
    "the image name `debian` in the configuration uses them."
)


class Refusal(Enum):
    """The reason for a failed fetch: its words in messages of daemons and registries, whether to try again, advice.

    The order matters: the first match wins, and the more specific ones come first.
    """

    RATE_LIMIT = (
        ("toomanyrequests", "too many requests", "rate limit", "429"),
        True,
        "the registry limits how often images may be fetched",
        "Wait, or `docker login` to raise the limit; an image that is present is never fetched again.",
    )
    NO_TLS = (
        ("server gave http response to https client", "first record does not look like a tls handshake"),
        False,
        "the registry speaks HTTP, where the engine expects HTTPS",
        "Name it among the engine's insecure registries (Docker: daemon.json, Podman: registries.conf).",
    )
    UNREACHABLE = (
        (
            "no such host",
            "connection refused",
            "network is unreachable",
            "no route to host",
            "name resolution",
            "server misbehaving",
            "proxyconnect",
            "x509:",
        ),
        False,
        "the registry cannot be reached",
        _BUILD_HINT,
    )
    TIMEOUT = (
        ("timeout", "timed out", "request canceled", "connection reset", "no progress", "unexpected eof", "deadline"),
        True,
        "the registry does not answer in time",
        _BUILD_HINT,
    )
    UNAUTHORISED = (
        ("unauthorized", "authentication required", "403 forbidden", "credential"),
        False,
        "the registry asks for a login, or refuses yours",
        "`docker login REGISTRY`, then run again; some registries say this of images that do not exist.",
    )
    PLATFORM = (
        ("no matching manifest", "does not match the specified platform", "does not match the detected"),
        False,
        "the image does not exist for this architecture",
        "Choose another image for this architecture.",
    )
    INCOMPLETE = (
        ("could not fetch content descriptor", "unknown blob", "blob unknown"),
        False,
        "the registry lacks a part of the image",
        "It was pushed in part, or is being pushed: push it again, or try later.",
    )
    NOT_FOUND = (
        ("manifest unknown", "not found", "does not exist", "name unknown", "invalid reference format"),
        False,
        "there is no such image",
        "Check the image's name and tag. " + _BUILD_HINT,
    )
    DENIED = (
        ("denied",),
        False,
        "the registry refuses it",
        "`docker login REGISTRY`, or check the image's name.",
    )
    DISK = (
        ("no space left on device",),
        False,
        "the engine's disk is full",
        "Free space in the engine's data root; `docker system df` shows what takes it.",
    )
    SERVER = (
        ("500 internal", "502", "503", "504", "unexpected http status", "bad gateway", "service unavailable"),
        True,
        "the registry is out of order",
        "Try again later. " + _BUILD_HINT,
    )
    OTHER = ((), False, "the engine could not fetch it", _BUILD_HINT)

    def __init__(self, words: tuple[str, ...], is_transient: bool, meaning: str, hint: str) -> None:  # noqa: FBT001
        """`words`: lower case. `is_transient`: whether another attempt may succeed."""
        self.words = words
        self.is_transient = is_transient
        self.meaning = meaning
        self.hint = hint

    @classmethod
    def of(cls, text: str) -> "Refusal":
        """Return the reason in a daemon's message."""
        lower = text.lower()
        return next((refusal for refusal in cls if any(word in lower for word in refusal.words)), cls.OTHER)
