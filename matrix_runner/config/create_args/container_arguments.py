"""The parsed `create-args`: mounts, limits, devices, network and more, as one value."""

from enum import Enum

import msgspec


class MountKind(Enum):
    """The kind of a mount."""

    BIND = "bind"
    """A path on the engine's machine."""
    VOLUME = "volume"
    """A volume of the engine, created if it is missing."""
    TMPFS = "tmpfs"

    def __str__(self) -> str:
        return self.value


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """A `--mount`. `source`: empty for tmpfs and for an anonymous volume. `tmpfs_size` in bytes, 0: no limit."""

    kind: MountKind
    target: str
    source: str = ""
    read_only: bool = False
    propagation: str = ""
    tmpfs_size: int = 0
    tmpfs_mode: int | None = None


class Ulimit(msgspec.Struct, frozen=True, kw_only=True):
    """A resource limit, in the unit of its name in setrlimit(2); -1: none."""

    name: str
    soft: int
    hard: int


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A device node of the engine's machine, with permissions: `r`, `w`, `m` (mknod)."""

    host: str
    container: str
    permissions: str = "rwm"


class Gpus(msgspec.Struct, frozen=True, kw_only=True):
    """Graphics processors: `count` of them (-1: all), or those named in `devices`."""

    count: int = 0
    devices: tuple[str, ...] = ()
    driver: str = ""
    capabilities: tuple[str, ...] = ("gpu",)


class ContainerArguments(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Parsed `create-args`. Each default means no request.

    `words`: as the user wrote them; two spellings of one request are equal. `env`: a value of None stands for the
    variable's value on this machine when the container is created; if it is unset there, it stays unset. `memory`,
    `memory_swap`, `memory_reservation`, `shm_size`: bytes, `memory_swap` -1 for no limit. `nano_cpus`: billionths of a
    CPU. `usual_pids_limit`: holds if `pids_limit` says nothing, and the engine can limit processes. `binds`:
    `SOURCE:TARGET[:OPTIONS]`; `anonymous_volumes`: targets. `tmpfs`: target and options. `warnings`: accepted options
    without effect, a sentence each.
    """

    env: tuple[tuple[str, str | None], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    binds: tuple[str, ...] = ()
    anonymous_volumes: tuple[str, ...] = ()
    volumes_from: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    tmpfs: tuple[tuple[str, str], ...] = ()
    network: str = ""
    add_hosts: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    hostname: str = ""
    memory: int | None = None
    memory_swap: int | None = None
    memory_reservation: int | None = None
    nano_cpus: int | None = None
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    cpu_shares: int | None = None
    shm_size: int | None = None
    pids_limit: int | None = None
    usual_pids_limit: int | None = None
    oom_score_adj: int | None = None
    ulimits: tuple[Ulimit, ...] = ()
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    privileged: bool = False
    devices: tuple[Device, ...] = ()
    gpus: tuple[Gpus, ...] = ()
    ipc: str = ""
    userns: str = ""
    cgroupns: str = ""
    cgroup_parent: str = ""
    runtime: str = ""
    sysctls: tuple[tuple[str, str], ...] = ()
    storage_opt: tuple[tuple[str, str], ...] = ()
    group_add: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ContainerArguments) and self._meaning() == other._meaning()

    def __hash__(self) -> int:
        return hash(self._meaning())

    def _meaning(self) -> tuple[object, ...]:
        """Return everything but the words: two spellings may mean the same."""
        return tuple(getattr(self, name) for name in self.__struct_fields__ if name != "words")

    @property
    def most_processes(self) -> int | None:
        """The limit of processes that holds; None for the engine's own."""
        return self.usual_pids_limit if self.pids_limit is None else self.pids_limit

    @property
    def asks_nothing(self) -> bool:
        """Whether the arguments request nothing."""
        return self == ContainerArguments(warnings=self.warnings)
