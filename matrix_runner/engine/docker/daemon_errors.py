"""Errors of the connection to a daemon: cause and hint for each. No SDK."""

import socket
import ssl
from collections.abc import Iterator

from matrix_runner.engine.docker.endpoint import Endpoint, Product
from matrix_runner.errors import EngineError, EngineNotReady, MachineError


class NoProcessLimit(EngineError):
    """The engine's machine cannot limit the processes of a container."""


def unreachable(endpoint: Endpoint, error: BaseException) -> EngineError:
    """Return the error for a daemon that does not answer.

    HTTP libraries wrap the operating system's error several times over, so the whole chain is searched.
    """
    product = endpoint.product
    where = endpoint.words
    causes = tuple(_chain(error))
    if any(isinstance(cause, PermissionError) for cause in causes):
        return EngineError(
            f"{product.title}'s socket {where} may not be opened by this user: permission denied",
            hint="Join the group that owns the socket (`sudo usermod -aG docker $USER`, then log in again), "
            f"or use a rootless daemon and {endpoint.remedy}."
            if product is Product.DOCKER
            else f"Use a service of this user's own: {product.start}.",
        )
    if any(isinstance(cause, FileNotFoundError) for cause in causes):
        return EngineNotReady(
            f"there is no {product.title} socket at {where}",
            hint=f"Start {product.title} ({product.start}), or {endpoint.remedy}"
            + (
                "."
                if endpoint.is_listed
                else f"; on a machine without {product.title}, `--engine local` builds in this machine itself."
            ),
            is_busy=False,
        )
    if any(isinstance(cause, TimeoutError) for cause in causes) or "timed out" in str(error).lower():
        return EngineNotReady(
            f"{product.title} at {where} accepts connections but does not answer",
            hint=f"It has too much to do, or hangs: look at its log (`journalctl -u {product.value}`);"
            " `engine-timeout` sets how long to wait for it.",
            is_busy=True,
        )
    if any(isinstance(cause, (ConnectionRefusedError, ConnectionResetError, socket.gaierror)) for cause in causes):
        return _not_there(endpoint, causes)
    of_tls = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None)
    if of_tls is not None:
        return _tls_fails(endpoint, of_tls)
    return EngineError(
        f"the connection to {product.title} at {where} failed: {_last_words(causes)}",
        hint=f"`{product.value} version` tells whether the daemon runs; then run again.",
    )


def _not_there(endpoint: Endpoint, causes: tuple[BaseException, ...]) -> EngineNotReady:
    """Return the error for an address at which nobody listens, yet.

    A service beside a CI job gets its name and its socket when it has started (`docker:dind` in GitLab).
    """
    product, is_reset = endpoint.product, any(isinstance(cause, ConnectionResetError) for cause in causes)
    if endpoint.tunnel:
        # The far ssh opens the socket only now, and cannot say more than that it could not.
        return EngineNotReady(
            f"no engine listens at the far end of {endpoint.words}",
            hint="Is it started there, is the path of its socket right, and may this user open it?",
            is_busy=False,
        )
    unnamed = next((cause for cause in causes if isinstance(cause, socket.gaierror)), None)
    if unnamed is not None:
        return EngineNotReady(
            f"the host of {endpoint.words} has no address: {unnamed.strerror}",
            hint=f"Start {product.title} there if it is what gives the host its name, or {endpoint.remedy}.",
            is_busy=False,
        )
    wants_tls = is_reset and endpoint.tls is None and endpoint.socket_path is None
    return EngineNotReady(
        f"{'nothing answers' if is_reset else 'nothing listens'} at {endpoint.words}: {_last_words(causes)}",
        hint=f"Start {product.title} ({product.start}), or {endpoint.remedy}"
        + ("; it may want TLS, and then ends what comes without." if wants_tls else "."),
        is_busy=False,
    )


def _tls_fails(endpoint: Endpoint, error: ssl.SSLError) -> EngineError:
    """Return the error for a connection that ends over certificates, with what is to be looked at."""
    place = "`tls` of the engine" if endpoint.is_listed else "DOCKER_CERT_PATH"
    directory = "" if endpoint.tls is None or endpoint.tls.ca is None else f" ({endpoint.tls.ca.parent})"
    reason = error.reason or ""
    if isinstance(error, ssl.SSLCertVerificationError):
        words = f"its certificate is not trusted: {error.verify_message}"
        hint = f"ca.pem in {place}{directory} must be its authority's, and the certificate name its host."
    elif "ALERT" in reason or isinstance(error, ssl.SSLEOFError):
        # Which of the two is a matter of time: whether its alert arrives before our request has failed.
        words = "it refuses our certificate" + (f": {_in_words(reason)}" if reason else " and ends the connection")
        hint = f"cert.pem and key.pem in {place}{directory} must be there, and of the authority that it trusts."
    elif reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}:
        words = "no TLS is spoken there"
        hint = f"Give the port of its TLS, 2376 as a rule, or leave {place} out."
    else:
        words = _in_words(reason) or str(error)
        hint = f"Look at ca.pem, cert.pem and key.pem in {place}{directory}: they are texts (PEM)."
    return EngineError(f"the connection to {endpoint.product.title} at {endpoint.words} fails: {words}", hint=hint)


def _in_words(reason: str) -> str:
    """Return OpenSSL's name of an error as words: `NO_CERTIFICATE_OR_CRL_FOUND`."""
    return reason.lower().replace("_", " ")


def refused(what: str, text: str, data_root: str) -> MachineError:
    """Return the error for a daemon that answers, but could not do `what`. `text`: its own message."""
    lower = text.lower()
    if "no space left on device" in lower:
        return MachineError(
            f"the engine could not {what}: its disk is full ({data_root})",
            hint=f"Free space in {data_root}; `docker system df` shows what takes it.",
        )
    if "http request to an https server" in lower:
        return EngineError(
            f"the engine could not {what}: it wants TLS",
            hint="Name the directory of ca.pem, cert.pem and key.pem: `tls` of an engine in `engines`, or"
            " DOCKER_CERT_PATH with DOCKER_TLS_VERIFY=1.",
        )
    if "linux32" in lower and ("not found" in lower or "no such file" in lower):
        return EngineError(
            f"the engine could not {what}: the image has no `linux32`",
            hint="A 32-bit image needs it (package util-linux); choose another image.",
        )
    if "pids" in lower and ("controller" in lower or "cgroup" in lower):
        # Podman with cgroup v2, of which it has not been given this controller: it says so only now.
        return NoProcessLimit(
            f"the engine could not {what}: {text.strip()}",
            hint="Leave `--pids-limit` out of create-args, or give the engine the cgroup controller `pids`.",
        )
    if "exec format error" in lower:
        return EngineError(
            f"the engine could not {what}: the image is for another processor",
            hint="Choose an image for this machine's architecture, or install QEMU's binfmt handlers.",
        )
    return EngineError(f"the engine could not {what}: {text.strip()}")


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    todo = [error]
    while todo:
        cause = todo.pop()
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        linked = (cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args)
        todo.extend(link for link in linked if isinstance(link, BaseException))


def _last_words(causes: tuple[BaseException, ...]) -> str:
    return next((str(cause) for cause in reversed(causes) if str(cause)), type(causes[0]).__name__)
