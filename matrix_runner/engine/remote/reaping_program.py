"""The program of the reaper: removes what a killed run has left at a daemon. `python -m` runs it, with an order."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Final

from msgspec.structs import replace

from matrix_runner.engine.docker.endpoint import Endpoint
from matrix_runner.engine.docker.sdk.reaping_order import ReapingOrder
from matrix_runner.engine.docker.sdk.sdk_engine import DockerEngine
from matrix_runner.engine.remote.ssh_tunnel import SshTunnel
from matrix_runner.engine.surroundings import EngineSurroundings
from matrix_runner.errors import MachineError

_TUNNEL_SECONDS: Final = 20

_PAUSES: Final = (0.0, 1.0, 4.0)
"""Seconds before each sweep: the daemon may still be busy with the dead driver's last request, or be restarting."""


def main() -> None:
    """Sweep, a few times."""
    order = ReapingOrder.of_text(sys.argv[1])
    with _reached(order.endpoint) as endpoint:
        surroundings = EngineSurroundings(environ=os.environ, state_dir=order.state_dir, work_dir=order.state_dir)
        # The run's own name is of a dead one; this engine opens nothing, so it holds no lease.
        with closing(DockerEngine(run=f"{order.run}-reaper", surroundings=surroundings, endpoint=endpoint)) as engine:
            for pause in _PAUSES:
                time.sleep(pause)
                # Nobody is there to be told; the next run's sweep remains.
                with suppress(MachineError):
                    engine.sweep()


@contextmanager
def _reached(endpoint: Endpoint) -> Iterator[Endpoint]:
    if not endpoint.tunnel:
        yield endpoint
        return
    # The dead run's tunnel has ended with it.
    with closing(SshTunnel(endpoint.tunnel, seconds=_TUNNEL_SECONDS)) as tunnel:
        yield replace(endpoint, url=tunnel.open())


if __name__ == "__main__":
    main()
