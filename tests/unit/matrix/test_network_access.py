"""The network of a cell's commands, by option, sandbox and frontend."""

import pytest
from planning import settings_with

from matrix_runner.config.kinds.values import BuildFrontend, Frontend, Network, Sandbox
from matrix_runner.config.options.build_options import BUILD_FRONTEND
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.run_options import NETWORK, SANDBOX
from matrix_runner.matrix.network_access import network_of

STRICT: dict[Option[object], object] = {SANDBOX: Sandbox.STRICT}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, Network.ALL),
        ({SANDBOX: Sandbox.OFF}, Network.ALL),
        (STRICT, Network.BUILD_REQUIRES),
        ({**STRICT, NETWORK: Network.ALL}, Network.ALL),
        ({**STRICT, NETWORK: Network.NONE}, Network.NONE),
        ({NETWORK: Network.BUILD_REQUIRES}, Network.BUILD_REQUIRES),
        ({**STRICT, BUILD_FRONTEND: BuildFrontend(name=Frontend.BUILD)}, Network.BUILD_REQUIRES),
        (
            {**STRICT, BUILD_FRONTEND: BuildFrontend(name=Frontend.PIP, args=("--no-build-isolation",))},
            Network.BUILD_REQUIRES,
        ),
        ({**STRICT, BUILD_FRONTEND: BuildFrontend(name=Frontend.PIP, args=("--no-clean",))}, Network.ALL),
    ],
)
def test_what_is_chosen_prevails(values: dict[Option[object], object], expected: Network) -> None:
    """Else a strict sandbox restricts it, where our own frontend can fetch in the place of the one that is named."""
    assert network_of(settings_with(values)) is expected
