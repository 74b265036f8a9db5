"""What is left of a container whose shell never answers: its own words, as far as they fit."""

import socket

from matrix_runner.engine.docker.command_channel import CommandChannel


def frame(data: bytes) -> bytes:
    """Return data as Docker multiplexes it."""
    return bytes([1, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


def start(said: bytes) -> str:
    """Start a channel to a container that says something and is gone; return what is known of that."""
    ours, theirs = socket.socketpair()
    with theirs:
        channel = CommandChannel(ours, lambda _: None)
        theirs.sendall(said)
        theirs.shutdown(socket.SHUT_WR)
        try:
            assert not channel.start(10)
            return channel.first_words
        finally:
            channel.close()


def test_the_reason_why_a_container_does_not_run_is_kept() -> None:
    """What the runtime printed before it gave up is there for the message, also if it came in pieces."""
    said = frame(b"exec /bin/sh: ") + frame(b"exec format error\n")
    assert start(said) == "exec /bin/sh: exec format error"
    assert start(b"") == ""


def test_only_the_beginning_is_kept() -> None:
    """A container that prints without end costs no memory."""
    assert start(frame(b"x" * 5000)) == "x" * 500
