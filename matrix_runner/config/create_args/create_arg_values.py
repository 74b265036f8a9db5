"""Parsers of single values of `docker create`'s options (sizes, CPUs, devices, ulimits), as in Docker.

All raise InvalidValue, so that an invalid value is reported before anything runs.
"""

import csv
import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from matrix_runner.config.create_args.container_arguments import Device, Gpus, Ulimit
from matrix_runner.config.mistakes import InvalidValue, quote, unknown

_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([kmgtp]?)i?b?")
_LEAST_MEMORY = 6 * 1024**2
_CPUSET = re.compile(r"[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*")
_ULIMITS = (
    *("core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice"),
    *("nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack"),
)


def size(text: str) -> int:
    """Read `512m`, `1.5g`, `1073741824`: bytes; letters are powers of 1024 in any case."""
    found = _SIZE.fullmatch(text.strip().lower())
    if found is None:
        raise InvalidValue.because(f"expected a size such as 512m or 2g, got {quote(text)}")
    power = " kmgtp".index(found[2] or " ")
    return int(Decimal(found[1]) * 1024**power)


def memory(text: str) -> int:
    """Read a memory limit; Docker's minimum is 6m."""
    number = size(text)
    if number < _LEAST_MEMORY:
        raise InvalidValue.because(f"expected a size of at least 6m, got {quote(text)}")
    return number


def memory_swap(text: str) -> int:
    """Read a limit of memory and swap together; -1: no limit."""
    return -1 if text.strip() == "-1" else memory(text)


def whole(text: str) -> int:
    """Read an integer."""
    if not re.fullmatch(r"-?[0-9]{1,18}", text.strip()):
        raise InvalidValue.because(f"expected an integer, got {quote(text)}")
    return int(text)


def cpus(text: str) -> int:
    """Read a number of CPUs such as 1.5, in billionths."""
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        number = Decimal(-1)
    if not number.is_finite() or not 0 < number < 10**6:
        raise InvalidValue.because(f"expected a number of CPUs such as 2 or 1.5, got {quote(text)}")
    return int(number * 10**9)


def cpuset(text: str) -> str:
    """Read a set of processors or memory nodes."""
    if not _CPUSET.fullmatch(text.strip()):
        raise InvalidValue.because(f"expected numbers such as 0-2 or 0,3, got {quote(text)}")
    return text.strip()


def filled(text: str) -> str:
    """Read a non-empty word."""
    if not text.strip():
        raise InvalidValue.because("must not be empty")
    return text


def pair(text: str) -> tuple[str, str]:
    """Read NAME=VALUE; without `=` the value is empty, as Docker does for labels."""
    name, _, value = text.partition("=")
    return filled(name), value


def strict_pair(text: str) -> tuple[str, str]:
    """Read NAME=VALUE."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InvalidValue.because(f"expected NAME=VALUE, got {quote(text)}")
    return name, value


def variable(text: str) -> tuple[str, str | None]:
    """Read NAME=VALUE, or NAME alone for the value on this machine."""
    name, equals, value = text.partition("=")
    if not name or name != name.strip():
        # Without the value, which may be a secret.
        raise InvalidValue.because(f"expected NAME=VALUE or NAME, got {quote(name + equals)}")
    return name, value if equals else None


def label(text: str) -> tuple[str, str]:
    """Read a label; this tool's own prefix, by which leftovers are found, is reserved."""
    name, value = pair(text)
    if name.startswith("matrix-runner."):
        raise InvalidValue.because(f"labels that begin with matrix-runner. are this tool's own, got {quote(name)}")
    return name, value


def absolute(text: str, what: str = "path in the container") -> str:
    """Read an absolute path."""
    if not text.startswith("/"):
        raise InvalidValue.because(f"expected an absolute {what}, got {quote(text)}{_tilde(text)}")
    return text


def _tilde(text: str) -> str:
    return " (no shell reads it: `~` and variables stay as they are)" if text.startswith(("~", "$")) else ""


def fields(text: str) -> tuple[str, ...]:
    """Split at commas, with double quotes as in a CSV file, like Docker."""
    try:
        rows = list(csv.reader([text], strict=True))
    except csv.Error:
        raise InvalidValue.because(f"no closing quotation mark in {quote(text)}") from None
    return tuple(rows[0]) if rows else ()


def boolean(text: str) -> bool:
    """Read a boolean like Docker's flags."""
    if text.lower() in {"1", "t", "true"}:
        return True
    if text.lower() in {"0", "f", "false"}:
        return False
    raise InvalidValue.because(f"expected true or false, got {quote(text)}")


def ulimit(text: str) -> Ulimit:
    """Read `nofile=1024` or `nofile=1024:4096`; -1: no limit."""
    name, limits = strict_pair(text)
    if name not in _ULIMITS:
        raise unknown("limit", name, _ULIMITS)
    soft, colon, hard = limits.partition(":")
    made = Ulimit(name=name, soft=whole(soft), hard=whole(hard if colon else soft))
    if made.hard != -1 and (made.soft == -1 or made.soft > made.hard):
        raise InvalidValue.because(f"the soft limit is above the hard one in {quote(text)}")
    return made


def device(text: str) -> Device:
    """Read `/dev/x`, `/dev/x:/dev/y`, `/dev/x:rw` or `/dev/x:/dev/y:rw`."""
    host, *rest = text.split(":")
    permissions = rest.pop() if rest and re.fullmatch(r"[rwm]{1,3}", rest[-1]) else "rwm"
    if len(rest) > 1:
        raise InvalidValue.because(f"expected HOST[:CONTAINER[:PERMISSIONS]], got {quote(text)}")
    absolute(host, "path of a device on this machine")
    return Device(host=host, container=absolute(rest[0]) if rest else host, permissions=permissions)


def gpus(text: str) -> Gpus:
    """Read `all`, a number, or fields: `device=0`, `"device=0,1"`, `driver=nvidia,capabilities=compute`."""
    known = ("count", "device", "driver", "capabilities")
    found: dict[str, str] = {}
    for field in fields(text):
        key, equals, value = field.partition("=")
        name, value = (key.strip(), value) if equals else ("count", key.strip())
        if name not in known:
            raise unknown("key", name, known)
        if name in found:
            raise InvalidValue.because(f"{name} is given twice in {quote(text)}")
        found[name] = value
    if "count" in found and "device" in found:
        raise InvalidValue.because(
            f'count and device exclude each other; several devices need quotes, "device=0,1": {quote(text)}'
        )
    devices = _listed(found.get("device", ""))
    count = found.get("count", "0" if devices else "1")
    return Gpus(
        count=-1 if count == "all" else whole(count),
        devices=devices,
        driver=found.get("driver", ""),
        capabilities=(*_listed(found.get("capabilities", "")), "gpu"),
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(",")))


def host_entry(text: str) -> str:
    """Read `NAME:ADDRESS` or `NAME=ADDRESS`; IPv6 addresses may be in brackets."""
    name, mark, address = text.partition("=") if "=" in text else text.partition(":")
    if not (name and mark and address):
        raise InvalidValue.because(f"expected NAME:ADDRESS, got {quote(text)}")
    return f"{name}:{address.removeprefix('[').removesuffix(']')}"


def security_opt(text: str) -> str:
    """Read a security option. Files of seccomp profiles are not supported: Docker's command line would read them."""
    name, _, value = filled(text).partition("=" if "=" in text else ":")
    if name == "seccomp" and value not in {"unconfined", "builtin"}:
        raise InvalidValue.because(
            f"a seccomp profile in a file is not read, got {quote(value)}; known: unconfined, builtin"
        )
    return text


def network(text: str) -> str:
    """Read the name of the one network of cells' containers."""
    if not text.strip() or any(mark in text for mark in "=,"):
        raise InvalidValue.because(f"expected the name of a network, host, none or bridge, got {quote(text)}")
    return text.strip()


def one_of(text: str, known: Iterable[str], what: str) -> str:
    """Read a word from a closed set."""
    words = tuple(known)
    if text not in words:
        raise unknown(what, text, words)
    return text
