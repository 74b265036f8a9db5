"""The connection to a Dask scheduler. The one module that imports Dask's client."""

import logging
import warnings
from contextlib import suppress
from typing import Final, cast

from matrix_runner.engine.cluster.dask_shapes import DaskClient
from matrix_runner.engine.cluster.limited_call import LimitedCall
from matrix_runner.engine.cluster.scheduler_address import place_of, silent
from matrix_runner.errors import EngineError

INSTALL: Final = "Install it with: pip install 'matrix-runner[dask]'"

CONNECT_SECONDS: Final = 4.0
"""The time for a scheduler's first answer: what cannot begin is to be said in less than five seconds."""


def connect(address: str) -> DaskClient:
    """Return Dask's client, connected. `address`: as of `dask_client.Cluster`. Raise EngineError."""
    try:
        import distributed
    except ImportError as error:
        raise EngineError(f"a cluster needs Dask, and {error.name or 'it'} is not installed", hint=INSTALL) from error
    # Its own words on lost connections are tracebacks; ours say the same.
    for name in ("distributed", *(name for name in logging.root.manager.loggerDict if name.startswith("distributed."))):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    # Of clients that are closed while they wait; and Dask's advice on large graphs, which a source is.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL + 1)
    warnings.filterwarnings("ignore", module="distributed")
    warnings.filterwarnings("ignore", message="Sending large graph")

    class Client(distributed.Client):
        def __del__(self) -> None:
            # One that never had a connection prints a traceback here (distributed 2026.8.0).
            with suppress(Exception):
                super().__del__()  # type: ignore[no-untyped-call]

    place = place_of(address)

    def attempt() -> Client:
        return Client(  # type: ignore[no-untyped-call]
            **place, timeout=CONNECT_SECONDS, set_as_default=False, name="matrix-runner"
        )

    try:
        # Its own limit is for a connection, and not for whoever accepts it and says nothing.
        client = LimitedCall(attempt).result(CONNECT_SECONDS + 0.7)
    except Exception as error:
        raise silent(address, error) from error
    return cast("DaskClient", client)
