"""The shell script that is a container's first process: runs commands, and ends with the driver.

One socket, attached to the container's standard input and output, is lifeline, command channel and output at once:

- PID 1 is a shell. `cat` copies standard input to a worker shell; when input ends (the driver closed it, or was killed
  with SIGKILL and the kernel closed it), PID 1 exits, and the kernel kills every other process of the container, in
  the middle of its work. Measured: removed 0.3 s after the driver's end.
- The worker shell reads one request a line and runs it in a session of its own, with no standard input, both outputs
  in one stream. A command costs about 10 ms this way, 80 ms with an exec of the engine (measured).
- The worker then prints an end mark with the request's random nonce, which the command cannot know. The exit status
  in it was written to a file first and read back: an end of stream, or a full disk, is never taken for success.

PID 1 waits for children all the time, so it also reaps orphans, and no `init` is needed.
"""

import shlex
from collections.abc import Mapping
from typing import Final

import msgspec

MARK: Final = b"\x1e"
"""First and last byte of a mark (ASCII record separator): rare, so that a search for it is fast."""

READY: Final = b"+"
"""The worker's output when it is ready for an archive."""

_PID_1: Final = """\
exec 3<&0 2>&1
trap 'exit 0' TERM
{ cat <&3; kill -TERM 1; } | { sh 3<&- 2>/dev/null; kill -TERM 1; } &
wait
"""

# All processes except those of PID 1's session (the worker's own) and of the caller's: the processes of the command,
# even those in sessions of their own. Field 6 of /proc/PID/stat is the session; the name in field 2 may contain blanks.
_SIGNAL: Final = """\
mr_signal() {
  read -r mr_line </proc/self/stat; mr_line=${mr_line##*) }; set -- "$1" $mr_line; mr_own=$5
  for mr_dir in /proc/[0-9]*; do
    mr_line=; { read -r mr_line <"$mr_dir/stat"; } 2>/dev/null
    [ -n "$mr_line" ] || continue
    mr_line=${mr_line##*) }; set -- "$1" $mr_line
    if [ "$5" != 1 ] && [ "$5" != 0 ] && [ "$5" != "$mr_own" ]; then kill "-$1" "${mr_dir#/proc/}" 2>/dev/null; fi
  done
}
"""

# The file is in /dev/shm if that exists: never part of a snapshot, and not filled by a build. Kills for lack of memory
# are counted from the begin of each command: the kernel may count a further one a moment after a command has ended
# (seen on cgroup v1), which is not the next one's.
_END: Final = """\
mr_file=/tmp/.matrix-runner-status
if [ -d /dev/shm ] && [ -w /dev/shm ]; then mr_file=/dev/shm/.matrix-runner-status; fi
mr_count() {
  mr_killed=0
  for mr_counts in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
    if [ -r "$mr_counts" ]; then
      while read -r mr_key mr_value; do if [ "$mr_key" = oom_kill ]; then mr_killed=$mr_value; fi; done <"$mr_counts"
    fi
  done
}
mr_begin() { mr_count; mr_before=$mr_killed; printf '\\036%s\\036' "$1"; }
mr_end() {
  mr_read=
  { echo "$2" >"$mr_file"; read -r mr_read <"$mr_file"; } 2>/dev/null
  mr_count
  printf '\\036%s %s %s\\036' "$1" "${mr_read:-?}" "$((mr_killed - mr_before))"
}
mr_before=0
"""


def pid_1_argv(*, linux32: bool) -> tuple[str, ...]:
    """Return the container's entry point. Personality is inherited, so one `linux32` here applies to every command."""
    return (*(("linux32",) if linux32 else ()), "/bin/sh", "-c", _PID_1)


def signal_argv(signal: str) -> tuple[str, ...]:
    """Return the command for an engine's exec that sends `TERM` or `KILL` to all processes of a running command."""
    return ("/bin/sh", "-c", f"{_SIGNAL}mr_signal {signal}")


def opening_text(nonce: str) -> bytes:
    """Return the first request: it defines the worker's functions, and its end mark shows that the worker is alive."""
    return f"{_END}{_SIGNAL}mr_end {nonce} 0\n".encode()


def request_text(argv: tuple[str, ...], env: Mapping[str, str], cwd: str | None, nonce: str) -> bytes:
    """Return the line for the worker that runs a command and prints the mark.

    A begin mark comes first: output before it, of an earlier command's background processes, is not this command's. The
    worker's own standard error is discarded, as shells announce a killed child there. The redirections are inside the
    parentheses because dash 0.5.11 ignores those behind them (measured).
    """
    command = shlex.join(("setsid", "env", *(f"{name}={value}" for name, value in env.items()), *argv))
    enter = f"cd {shlex.quote(cwd)} && " if cwd is not None else ""
    text = f"mr_begin {nonce}; ( exec </dev/null 2>&1; {enter}exec {command} ); mr_end {nonce} $?\n"
    return text.encode("utf-8", "surrogateescape")


def unpack_text(directory: str, size: int, nonce: str) -> bytes:
    """Return the line for the worker that unpacks a tar archive in a directory: `size` bytes that follow on `READY`.

    An engine starts a separate program for each archive: 50 ms of a processor against 10 (measured). The worker is not
    ready if `head` is busybox's, which reads more than its limit, and so would consume the next request. Input that a
    failing `tar` leaves unread is consumed.
    """
    where = shlex.quote(directory)
    can = "head --version </dev/null >/dev/null && tar --version </dev/null >/dev/null"
    unpack = f"mkdir -p -- {where} </dev/null && tar --numeric-owner -xf - -C {where}"
    take = f"head -c {size} | {{ {{ {unpack}; }} 2>&1; mr_took=$?; cat >/dev/null; (exit $mr_took); }}"
    end = f"mr_end {nonce} $?"
    return f"mr_begin {nonce}; {can} && printf {READY.decode()} && {take}; {end}\n".encode("utf-8", "surrogateescape")


def reap_text(nonce: str) -> bytes:
    """Return the request that kills a command's remaining processes, from the worker itself: at once, in order."""
    return f"mr_signal KILL; mr_end {nonce} 0\n".encode()


class FrameReader:
    """Decodes Docker's multiplexed stream: 8 bytes of header (stream, 3 zeros, length big-endian), then payload."""

    def __init__(self) -> None:
        self._header = b""
        self._left = 0

    def feed(self, data: bytes) -> bytes:
        """Return the payload in `data`; frames may be cut anywhere. Stores at most a header."""
        payload = []
        view = memoryview(data)
        while view:
            if self._left:
                piece = view[: self._left]
                payload.append(piece)
                self._left -= len(piece)
                view = view[len(piece) :]
                continue
            missing = 8 - len(self._header)
            self._header += bytes(view[:missing])
            view = view[missing:]
            if len(self._header) == 8:
                self._left = int.from_bytes(self._header[4:], "big")
                self._header = b""
        return b"".join(payload)


class End(msgspec.Struct, frozen=True, kw_only=True):
    """The content of an end mark: exit status, and the number of processes killed for lack of memory since the begin.

    `status`: None if the status could not be stored and read back.
    """

    status: int | None
    oom_kills: int


class MarkScanner:
    """Finds the begin and end marks of one request in a stream of bytes, and returns the output between them.

    Holds back only bytes that may start a mark, so memory does not grow with output or line length.
    """

    def __init__(self, nonce: str, *, has_begin: bool = True) -> None:
        """`has_begin`: False for requests that print no begin mark."""
        self._begin = MARK + nonce.encode() + MARK
        self._end = MARK + nonce.encode() + b" "
        self._held = b""
        self._has_begun = not has_begin
        self.end: End | None = None

    def feed(self, data: bytes) -> bytes:
        """Return the output in `data`; set `end` when the end mark is complete."""
        if self._has_begun and not self._held and MARK not in data:
            # The most common case: no byte is copied.
            return data
        self._held += data
        if not self._has_begun:
            self._drop_until_begin()
            if not self._has_begun:
                return b""
        at = self._held.find(self._end)
        if at < 0:
            return self._release(self._end)
        output, self._held = self._held[:at], self._held[at:]
        close = self._held.find(MARK, len(self._end))
        if close >= 0:
            self.end = _parse_end(self._held[len(self._end) : close])
            self._held = b""
        return output

    def flush(self) -> bytes:
        """Return the bytes held back, at the end of the stream."""
        held, self._held = (self._held if self._has_begun else b""), b""
        return held

    def _drop_until_begin(self) -> None:
        _, found, rest = self._held.partition(self._begin)
        if found:
            self._has_begun = True
            self._held = rest
        else:
            self._release(self._begin)

    def _release(self, mark: bytes) -> bytes:
        """Return the bytes held back that cannot start `mark`."""
        at = self._held.find(MARK, max(0, len(self._held) - len(mark)))
        while at >= 0 and not mark.startswith(self._held[at:]):
            at = self._held.find(MARK, at + 1)
        cut = at if at >= 0 else len(self._held)
        output, self._held = self._held[:cut], self._held[cut:]
        return output


def _parse_end(text: bytes) -> End:
    status, _, kills = text.decode("ascii", "replace").partition(" ")
    return End(
        status=int(status) if status.isdecimal() else None,
        oom_kills=int(kills) if kills.isdecimal() else 0,
    )
