"""The framing of the lifeline, and the worker shell's own behaviour, without any engine."""

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from engine_harness import tar_of
from hypothesis import assume, given
from hypothesis import strategies as st

from matrix_runner.engine.api import Ending, ExecRequest
from matrix_runner.engine.docker.command_channel import CommandChannel
from matrix_runner.engine.docker.worker_shell import End, FrameReader, MarkScanner, pid_1_argv, request_text

NONCE = "0123456789abcdef"
PIECES = st.lists(st.integers(1, 40), min_size=1, max_size=30)


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    """Cut data in pieces of the given sizes, over and over."""
    position = turn = 0
    while position < len(data):
        size = sizes[turn % len(sizes)]
        yield data[position : position + size]
        position += size
        turn += 1


def frame(data: bytes) -> bytes:
    """Wrap data as the daemon does for standard output."""
    return b"\x01\x00\x00\x00" + len(data).to_bytes(4, "big") + data


@given(st.lists(st.binary(max_size=60), max_size=8), PIECES)
def test_frames_come_apart_wherever_they_are_cut(payloads: list[bytes], sizes: list[int]) -> None:
    """However the stream is cut, exactly the payloads come out."""
    reader = FrameReader()
    stream = b"".join(frame(payload) for payload in payloads)
    assert b"".join(reader.feed(piece) for piece in cut(stream, sizes)) == b"".join(payloads)


# Parts of marks are put among the noise on purpose.
OUTPUT = st.lists(
    st.sampled_from([b"\x1e", NONCE.encode(), b"\x1e" + NONCE[:5].encode(), b"\x1e\x1e", b"text\n", b"\x00\xff", b" "])
    | st.binary(max_size=20),
    max_size=20,
).map(b"".join)


@given(OUTPUT, OUTPUT, st.integers(0, 255), PIECES)
def test_marks_are_found_wherever_they_are_cut(stray: bytes, output: bytes, status: int, sizes: list[int]) -> None:
    """Only what lies between the marks is output, byte for byte, and the end mark's status is read."""
    begin, end = f"\x1e{NONCE}\x1e".encode(), f"\x1e{NONCE} {status} 3\x1e".encode()
    assume((stray + begin).find(begin) == len(stray))
    assume((output + end).find(f"\x1e{NONCE} ".encode()) == len(output))
    scanner = MarkScanner(NONCE)
    assert b"".join(scanner.feed(piece) for piece in cut(stray + begin + output + end, sizes)) == output
    assert scanner.end == End(status=status, oom_kills=3)


def test_nothing_is_held_back_but_the_beginning_of_a_mark() -> None:
    """Output is handed on at once, so a view shows it and memory stays flat; a false alarm comes out with the rest."""
    scanner = MarkScanner(NONCE, has_begin=False)
    assert scanner.feed(b"a line without end") == b"a line without end"
    assert scanner.feed(b"x\x1e0123") == b"x"
    assert scanner.feed(b"no") == b"\x1e0123no"
    assert scanner.feed(b"\x1e01") == b""
    assert scanner.flush() == b"\x1e01"
    assert scanner.end is None


def test_a_status_that_could_not_be_stored_is_none() -> None:
    """A worker that could not read its status file back says so, and nothing takes that for success."""
    scanner = MarkScanner(NONCE, has_begin=False)
    scanner.feed(f"\x1e{NONCE} ? 0\x1e".encode())
    assert scanner.end == End(status=None, oom_kills=0)


def test_linux32_comes_first() -> None:
    """Everything in a 32-bit container inherits the personality from PID 1."""
    assert pid_1_argv(linux32=True)[0] == "linux32"
    assert pid_1_argv(linux32=True)[1:] == pid_1_argv(linux32=False)


def test_a_request_is_one_line_that_names_no_nonce_to_its_command() -> None:
    """The command's own words are quoted; the nonce stands outside of them, so it cannot forge an end."""
    text = request_text(("echo", "a'b\n$c"), {"K": "v w"}, "/some dir", NONCE).decode()
    before, _, rest = text.partition("( ")
    inside, _, after = rest.rpartition(" );")
    assert NONCE in before
    assert NONCE in after
    assert NONCE not in inside


@contextmanager
def working(path: str) -> Iterator[tuple[CommandChannel, "subprocess.Popen[bytes]"]]:
    """Start a worker shell of this machine on a socket, with frames put around what it prints, as a daemon does."""
    ours, theirs = socket.socketpair()
    environ = {**os.environ, "PATH": path}
    # Standard error goes nowhere, as PID 1 has it for the worker.
    with subprocess.Popen(
        ("sh",), stdin=theirs.fileno(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ
    ) as shell:
        theirs_out = theirs.dup()
        theirs.close()

        def pump() -> None:
            assert shell.stdout is not None
            with theirs_out:
                while data := os.read(shell.stdout.fileno(), 4096):
                    theirs_out.sendall(frame(data))
                theirs_out.shutdown(socket.SHUT_RDWR)

        thread = threading.Thread(target=pump)
        thread.start()
        channel = CommandChannel(ours, lambda _: None)
        assert channel.start(10)
        yield channel, shell
        shell.kill()
        thread.join()
        channel.close()


@pytest.fixture
def worker() -> Iterator[tuple[CommandChannel, "subprocess.Popen[bytes]"]]:
    """A worker shell that finds this machine's programs."""
    with working(os.environ["PATH"]) as worker:
        yield worker


def test_a_dead_worker_is_a_lost_command(worker: tuple[CommandChannel, "subprocess.Popen[bytes]"]) -> None:
    """An end of stream without a mark is LOST, however much was printed before, and so is every later command."""
    channel, shell = worker
    output: list[bytes] = []

    def kill_at_output(piece: bytes) -> None:
        output.append(piece)
        shell.send_signal(signal.SIGKILL)

    result = channel.run(ExecRequest(argv=("sh", "-c", "echo printed; sleep 2")), {}, kill_at_output)
    assert (result.ending, result.status, output) == (Ending.LOST, None, [b"printed\n"])
    assert channel.run(ExecRequest(argv=("true",)), {}, output.append).ending is Ending.LOST


def test_a_listener_that_raises_loses_the_place(worker: tuple[CommandChannel, "subprocess.Popen[bytes]"]) -> None:
    """After a listener's error nothing is mistaken for a later command's output: later commands end as LOST."""
    channel, _ = worker

    def refuse(_: bytes) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        channel.run(ExecRequest(argv=("echo", "x")), {}, refuse)
    assert channel.run(ExecRequest(argv=("true",)), {}, refuse).ending is Ending.LOST


def test_an_archive_is_unpacked_by_the_worker(
    worker: tuple[CommandChannel, "subprocess.Popen[bytes]"], tmp_path: Path
) -> None:
    """It goes in by the same socket as commands, whatever bytes it has, and the next command is understood."""
    channel, _ = worker
    data = bytes(range(256)) * 3000 + b"\nexit 3\n"
    target = tmp_path / "it's" / "new"
    assert channel.unpack(str(target), tar_of(file=data))
    assert (target / "file").read_bytes() == data
    output: list[bytes] = []
    assert channel.run(ExecRequest(argv=("echo", "next")), {}, output.append).is_success
    assert b"".join(output) == b"next\n"


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_what_is_no_archive_is_not_read_as_a_command(
    worker: tuple[CommandChannel, "subprocess.Popen[bytes]"], tmp_path: Path, size: int
) -> None:
    """Tar gives up at once; what it has not read is read to its end, and the worker stays usable."""
    channel, _ = worker
    assert not channel.unpack(str(tmp_path / "x"), b"exit 3\n" * (size // 7))
    assert channel.run(ExecRequest(argv=("true",)), {}, lambda _: None).is_success


def test_a_worker_whose_head_reads_too_much_is_sent_no_archive(tmp_path: Path) -> None:
    """Busybox knows no `--version`; its `head` would read the request that follows, so nothing is sent."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "head").write_text('#!/bin/sh\n[ "$1" = --version ] && exit 1\nexec cat\n')
    (programs / "head").chmod(0o755)
    with working(f"{programs}:{os.environ['PATH']}") as (channel, _):
        assert not channel.unpack(str(tmp_path / "x"), tar_of(file=b"x"))
        assert channel.run(ExecRequest(argv=("true",)), {}, lambda _: None).is_success
    assert not (tmp_path / "x").exists()


def test_a_worker_that_is_gone_takes_no_archive(
    worker: tuple[CommandChannel, "subprocess.Popen[bytes]"], tmp_path: Path
) -> None:
    """Neither the archive nor anything after it is taken for done."""
    channel, shell = worker
    shell.kill()
    shell.wait()
    assert not channel.unpack(str(tmp_path / "x"), tar_of(file=b"x"))
    assert channel.run(ExecRequest(argv=("true",)), {}, lambda _: None).ending is Ending.LOST
