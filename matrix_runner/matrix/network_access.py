"""The network of a cell's commands: by the option, the sandbox and the build frontend. Pure."""

from matrix_runner.config.kinds.values import Network, Sandbox
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.build_options import BUILD_FRONTEND
from matrix_runner.config.options.run_options import NETWORK, SANDBOX


def network_of(settings: Settings) -> Network:
    """Return the network of a cell's commands; never `auto`."""
    chosen = settings[NETWORK]
    if chosen is not Network.AUTO:
        return chosen
    is_strict = settings[SANDBOX] is Sandbox.STRICT
    return Network.BUILD_REQUIRES if is_strict and fetches_apart(settings) else Network.ALL


def is_restricted(settings: Settings) -> bool:
    """Whether some of the cell's commands have no network."""
    return network_of(settings) is not Network.ALL


def fetches_apart(settings: Settings) -> bool:
    """Whether a build can do without a network: our own frontend takes the place of others, or nothing is installed."""
    frontend = settings[BUILD_FRONTEND]
    return not frontend.is_isolated or not frontend.args
