"""What a user's `create-args` are in the body that makes a container."""

from matrix_runner.config.create_args.container_arguments import ContainerArguments, Gpus, Mount, MountKind


def host_config(wishes: ContainerArguments) -> dict[str, object]:
    """Return the part that Docker calls HostConfig. What was not asked for is not in it."""
    found: dict[str, object] = {
        "Binds": list(wishes.binds),
        "VolumesFrom": list(wishes.volumes_from),
        "Mounts": [_mount(mount) for mount in wishes.mounts],
        "Tmpfs": dict(wishes.tmpfs),
        "Devices": [
            {"PathOnHost": one.host, "PathInContainer": one.container, "CgroupPermissions": one.permissions}
            for one in wishes.devices
        ],
        "DeviceRequests": [_gpus(one) for one in wishes.gpus],
        "GroupAdd": list(wishes.group_add),
        **_network(wishes),
        **_security(wishes),
        **_limits(wishes),
    }
    return {key: value for key, value in found.items() if not _is_nothing(value)}


def _is_nothing(value: object) -> bool:
    return value is None or value is False or value in ("", [], {})


def _network(wishes: ContainerArguments) -> dict[str, object]:
    return {
        "NetworkMode": wishes.network,
        "ExtraHosts": list(wishes.add_hosts),
        "Dns": list(wishes.dns),
        "DnsSearch": list(wishes.dns_search),
        "DnsOptions": list(wishes.dns_options),
    }


def _security(wishes: ContainerArguments) -> dict[str, object]:
    return {
        "CapAdd": list(wishes.cap_add),
        "CapDrop": list(wishes.cap_drop),
        "SecurityOpt": list(wishes.security_opt),
        "Privileged": wishes.privileged,
        "IpcMode": wishes.ipc,
        "UsernsMode": wishes.userns,
        "CgroupnsMode": wishes.cgroupns,
        "CgroupParent": wishes.cgroup_parent,
        "Runtime": wishes.runtime,
        "Sysctls": dict(wishes.sysctls),
        "StorageOpt": dict(wishes.storage_opt),
    }


def _limits(wishes: ContainerArguments) -> dict[str, object]:
    return {
        "Memory": wishes.memory,
        "MemorySwap": wishes.memory_swap,
        "MemoryReservation": wishes.memory_reservation,
        "NanoCpus": wishes.nano_cpus,
        "CpusetCpus": wishes.cpuset_cpus,
        "CpusetMems": wishes.cpuset_mems,
        "CpuShares": wishes.cpu_shares,
        "ShmSize": wishes.shm_size,
        "PidsLimit": wishes.pids_limit,
        "OomScoreAdj": wishes.oom_score_adj,
        "Ulimits": [{"Name": one.name, "Soft": one.soft, "Hard": one.hard} for one in wishes.ulimits],
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
