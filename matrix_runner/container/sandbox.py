"""The sandbox of a cell: the rights of its commands in its container, from its settings. Pure."""

import msgspec
from msgspec.structs import replace

from matrix_runner.config.create_args.container_arguments import ContainerArguments
from matrix_runner.config.create_args.container_rights import capabilities, gains_privileges, restricted
from matrix_runner.config.kinds.values import Network, Sandbox
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.run_options import CONTAINER_ENGINE, SANDBOX
from matrix_runner.matrix.network_access import network_of


class Rights(msgspec.Struct, frozen=True, kw_only=True):
    """The rights in force, for people and programs.

    `capabilities`: those of root. `new_privileges`: whether programs can gain rights by setuid bits or file
    capabilities. `processes`: how many a cell may have at once, None: as many as the engine lets it. `network`: which
    commands have one. `network_name`: as of `--network`, "" for the engine's own.
    """

    sandbox: Sandbox
    capabilities: str
    new_privileges: bool
    processes: int | None
    network: Network
    network_name: str

    @property
    def text(self) -> str:
        """A clause that names all of them."""
        root = f"root with capabilities: {self.capabilities}"
        return "; ".join(
            (
                f"before-all as {root}; all else as a user without any" if self.sandbox is Sandbox.STRICT else root,
                "setuid programs gain rights" if self.new_privileges else "no program gains rights",
                "any number of processes" if self.processes is None else f"at most {self.processes} processes",
                self._network,
            )
        )

    @property
    def _network(self) -> str:
        match self.network:
            case Network.NONE:
                return "network: none"
            case Network.BUILD_REQUIRES:
                return f"network: {self._name}, for before-all and installers only"
            case Network.ALL | Network.AUTO:
                return f"network: {self._name}"

    @property
    def _name(self) -> str:
        return self.network_name or "as the engine has it"

    def document(self) -> dict[str, object]:
        """Return them for JSON."""
        return {
            "sandbox": str(self.sandbox),
            "capabilities": self.capabilities,
            "new_privileges": self.new_privileges,
            "processes": self.processes,
            "network": str(self.network),
            "network_name": self.network_name or None,
        }


def container_arguments(settings: Settings) -> ContainerArguments:
    """Return the user's `create-args`, restricted as the sandbox and `network` have it."""
    given = settings[CONTAINER_ENGINE].arguments
    allowed = given if settings[SANDBOX] is Sandbox.OFF else restricted(given)
    return without_network(allowed) if network_of(settings) is Network.NONE else allowed


def without_network(arguments: ContainerArguments) -> ContainerArguments:
    """Return the arguments of a container that has no network but its own loopback."""
    return replace(arguments, network="none", dns=(), dns_search=(), dns_options=())


def rights_of(settings: Settings) -> Rights:
    """Return the rights of a cell that runs in a container."""
    arguments = container_arguments(settings)
    limit = arguments.most_processes
    return Rights(
        sandbox=settings[SANDBOX],
        capabilities=capabilities(arguments),
        new_privileges=gains_privileges(arguments),
        # Docker takes 0 and -1 for no limit.
        processes=limit if limit is not None and limit > 0 else None,
        network=network_of(settings),
        network_name=arguments.network,
    )
