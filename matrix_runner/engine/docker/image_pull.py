"""Pulling of images from a registry, with time limits and retries."""

import contextlib
import queue
import threading
import time
from typing import Final

import msgspec

from matrix_runner.engine.docker.daemon import Connect
from matrix_runner.engine.docker.pull_progress import PullLine, PullProgress
from matrix_runner.engine.docker.registry_errors import Refusal
from matrix_runner.engine.hearing import Hearing
from matrix_runner.errors import EngineError, EngineNotReady, ImageError
from matrix_runner.model.events import Transfer
from matrix_runner.model.platforms import Arch

BACK_OFF: Final = (2.0, 8.0)
"""Seconds before the second and the third attempt."""
_STALL_SECONDS: Final = 60.0
"""Seconds without progress that end an attempt: the SDK itself waits for ever (27 s passed a limit of 3, measured)."""


class Attempts(msgspec.Struct, frozen=True, kw_only=True):
    """The terms of attempts. `back_off`: seconds before each further one. `aborted`: ends them at once."""

    connect: Connect
    aborted: threading.Event
    back_off: tuple[float, ...]


def fetch_image(reference: str, arch: Arch, hearing: Hearing, attempts: Attempts) -> None:
    """Fetch an image, with further attempts after transient errors. Raise ImageError with a hint for each cause."""
    platform: str | None = f"linux/{arch.oci}"
    delays = list(attempts.back_off)
    while True:
        try:
            _fetch_once(reference, platform, hearing, attempts)
        except EngineNotReady:  # noqa: PERF203 - attempts are few and slow
            # The engine, not the registry: whoever fetches knows how long to wait for it.
            raise
        except EngineError as error:
            refusal = Refusal.of(error.message)
            if refusal is Refusal.PLATFORM and platform is not None:
                # An image for one architecture may have another in its metadata; its content is probed later.
                platform = None
            elif refusal.is_transient and delays and not attempts.aborted.is_set():
                delay = delays.pop(0)
                hearing.on_notice(f"fetching {reference} failed, {refusal.meaning}; trying again in {delay:g} s")
                attempts.aborted.wait(delay)
            else:
                # The text before the daemon's own message repeats the image's name, digest and all.
                words = error.message.rpartition(f"fetch {reference}: ")[2]
                name = reference.partition("@")[0]
                message = f"the image {name} cannot be fetched: {refusal.meaning} ({words})"
                raise ImageError(message, hint=refusal.hint) from error
        else:
            return


def _fetch_once(reference: str, platform: str | None, hearing: Hearing, attempts: Attempts) -> None:
    """Fetch in a separate thread, so that neither a stalled registry nor a hung daemon delays an abort."""
    lines: queue.SimpleQueue[PullLine | Exception | None] = queue.SimpleQueue()
    progress = PullProgress()

    def fetch() -> None:
        try:
            # Longer than the wait below: whichever ended first, Docker 20.10's silence was told in two ways (seen).
            with contextlib.closing(attempts.connect(2 * int(_STALL_SECONDS))) as daemon:
                for line in daemon.pull(reference, platform):
                    lines.put(line)
            lines.put(None)
        except Exception as error:  # noqa: BLE001 - raised again by the waiting thread
            lines.put(error)

    threading.Thread(target=fetch, name=f"fetch {reference}", daemon=True).start()
    heard = time.monotonic()
    while True:
        try:
            line = lines.get(timeout=0.2)
        except queue.Empty:
            if attempts.aborted.is_set():
                raise ImageError("the run is being stopped") from None
            if time.monotonic() - heard > _STALL_SECONDS:
                raise ImageError(f"no progress for {_STALL_SECONDS:.0f} s") from None
            continue
        heard = time.monotonic()
        if line is None:
            return
        if isinstance(line, Exception):
            raise line
        _tell(progress.hear(line), hearing)


def _tell(transfer: Transfer | None, hearing: Hearing) -> None:
    if transfer is not None:
        hearing.on_transfer(transfer)
