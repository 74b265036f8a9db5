"""The address of a cluster's scheduler: how its client is told of it; the errors of one that does not answer."""

import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from matrix_runner.errors import EngineError
from matrix_runner.json_values import NotJson, decode

_RUNNING: Final = "Is it running, and is this the address that it has printed?"
_BARE: Final = re.compile(r"[^\s/:]+:[0-9]{1,5}")


class _SchedulerFile(msgspec.Struct):
    address: str


def place_of(address: str) -> Mapping[str, str]:
    """Return Dask's words for an address, or for the path of a scheduler file. Raise EngineError for an unusable file.

    A file is read here too: what is no such file makes Dask's client fail without a word.
    """
    if "://" in address:
        return {"address": address}
    try:
        decode(Path(address).read_bytes(), _SchedulerFile)
    except FileNotFoundError as error:
        meant = f"tcp://{address}" if _BARE.fullmatch(address) else "tcp://HOST:PORT or tls://HOST:PORT"
        raise EngineError(
            f"there is no scheduler file {address}",
            hint=f"A scheduler writes it (--scheduler-file); an address looks like {meant}.",
        ) from error
    except OSError as error:
        raise EngineError(f"the scheduler file {address} cannot be read: {error.strerror}") from error
    except NotJson as error:
        raise EngineError(
            f"{address} is no scheduler file: {error}", hint="A scheduler writes it: --scheduler-file."
        ) from error
    return {"scheduler_file": address}


def silent(address: str, error: Exception) -> EngineError:
    """Return the error for a scheduler to which there is no connection. `error`: that of Dask's client."""
    words = " ".join(str(error).split()) or type(error).__name__
    hint = _RUNNING
    if not _is_resolved(address):
        words, hint = "its name cannot be resolved", "Correct the name, or look at DNS (/etc/resolv.conf)."
    elif address.startswith("tls://"):
        if "ssl_context" in words:
            words = "Dask's configuration names no certificates"
        hint = (
            "Certificates of Dask's own configuration are used: DASK_DISTRIBUTED__COMM__TLS__CA_FILE and the like"
            " (docs/how-to/cluster.md)."
        )
    elif _is_reset(error):
        words, hint = "it ends the connection", f"If it speaks TLS: {address.replace('tcp://', 'tls://')}."
    return EngineError(f"the cluster's scheduler at {address} does not answer: {words}", hint=hint)


def lost(error: Exception) -> EngineError:
    """Return the error of a cluster that has lost work, or does not answer."""
    words = " ".join(str(error).split())[:300]
    return EngineError(
        f"the cluster has lost it: {type(error).__name__}{f': {words}' if words else ''}",
        hint="See the logs of Dask's scheduler and workers.",
    )


def _is_resolved(address: str) -> bool:
    """Whether a host's name has an address; True where that is not what an address is about."""
    try:
        parts = urlsplit(address)
        if parts.hostname:
            socket.getaddrinfo(parts.hostname, parts.port)
    except socket.gaierror:
        return False
    except ValueError:
        return True
    return True


def _is_reset(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ConnectionResetError) or "ConnectionResetError" in str(error):
            return True
        error = error.__cause__
    return False
