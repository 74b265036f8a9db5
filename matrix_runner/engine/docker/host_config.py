"""The `HostConfig` of a container's creation, from a user's `create-args`."""

from matrix_runner.config.create_args.container_arguments import ContainerArguments, Gpus, Mount, MountKind


def host_config(arguments: ContainerArguments) -> dict[str, object]:
    """Return Docker's HostConfig for the arguments, without keys for missing arguments."""
    found: dict[str, object] = {
        "Binds": list(arguments.binds),
        "VolumesFrom": list(arguments.volumes_from),
        "Mounts": [_mount(mount) for mount in arguments.mounts],
        "Tmpfs": dict(arguments.tmpfs),
        "Devices": [
            {"PathOnHost": one.host, "PathInContainer": one.container, "CgroupPermissions": one.permissions}
            for one in arguments.devices
        ],
        "DeviceRequests": [_gpus(one) for one in arguments.gpus],
        "GroupAdd": list(arguments.group_add),
        **_network(arguments),
        **_security(arguments),
        **_limits(arguments),
    }
    return {key: value for key, value in found.items() if not _is_nothing(value)}


def _is_nothing(value: object) -> bool:
    return value is None or value is False or value in ("", [], {})


def _network(arguments: ContainerArguments) -> dict[str, object]:
    return {
        "NetworkMode": arguments.network,
        "ExtraHosts": list(arguments.add_hosts),
        "Dns": list(arguments.dns),
        "DnsSearch": list(arguments.dns_search),
        "DnsOptions": list(arguments.dns_options),
    }


def _security(arguments: ContainerArguments) -> dict[str, object]:
    return {
        "CapAdd": list(arguments.cap_add),
        "CapDrop": list(arguments.cap_drop),
        "SecurityOpt": list(arguments.security_opt),
        "Privileged": arguments.privileged,
        "IpcMode": arguments.ipc,
        "UsernsMode": arguments.userns,
        "CgroupnsMode": arguments.cgroupns,
        "CgroupParent": arguments.cgroup_parent,
        "Runtime": arguments.runtime,
        "Sysctls": dict(arguments.sysctls),
        "StorageOpt": dict(arguments.storage_opt),
    }


def _limits(arguments: ContainerArguments) -> dict[str, object]:
    return {
        "Memory": arguments.memory,
        "MemorySwap": arguments.memory_swap,
        "MemoryReservation": arguments.memory_reservation,
        "NanoCpus": arguments.nano_cpus,
        "CpusetCpus": arguments.cpuset_cpus,
        "CpusetMems": arguments.cpuset_mems,
        "CpuShares": arguments.cpu_shares,
        "ShmSize": arguments.shm_size,
        "PidsLimit": arguments.most_processes,
        "OomScoreAdj": arguments.oom_score_adj,
        "Ulimits": [{"Name": one.name, "Soft": one.soft, "Hard": one.hard} for one in arguments.ulimits],
    }


def _mount(mount: Mount) -> dict[str, object]:
    body: dict[str, object] = {"Type": str(mount.kind), "Target": mount.target, "ReadOnly": mount.read_only}
    if mount.source:
        body["Source"] = mount.source
    if mount.kind is MountKind.BIND and mount.propagation:
        body["BindOptions"] = {"Propagation": mount.propagation}
    if mount.kind is MountKind.TMPFS:
        options: dict[str, object] = {"SizeBytes": mount.tmpfs_size}
        if mount.tmpfs_mode is not None:
            options["Mode"] = mount.tmpfs_mode
        body["TmpfsOptions"] = options
    return body


def _gpus(gpus: Gpus) -> dict[str, object]:
    return {
        "Driver": gpus.driver,
        "Count": gpus.count,
        "DeviceIDs": list(gpus.devices),
        "Capabilities": [list(gpus.capabilities)],
    }
