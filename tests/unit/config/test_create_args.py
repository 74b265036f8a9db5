"""How the words of `docker create` are read."""

import pytest

from matrix_runner.config.create_args.container_arguments import (
    ContainerArguments,
    Device,
    Gpus,
    Mount,
    MountKind,
    Ulimit,
)
from matrix_runner.config.create_args.create_args import parse_create_args
from matrix_runner.config.mistakes import InvalidValue

MEGA = 1024**2


def refusal(*words: str) -> list[str]:
    """Return what is said against the words; there must be something."""
    with pytest.raises(InvalidValue) as caught:
        parse_create_args(words)
    return [finding.text for finding in caught.value.findings]


def test_no_words_ask_for_nothing() -> None:
    """Without words the container is made as it would be without the option."""
    assert parse_create_args(()) == ContainerArguments()
    assert parse_create_args(()).asks_nothing
    assert not parse_create_args(("--network=host",)).asks_nothing


@pytest.mark.parametrize(
    "words",
    [
        ("--env=A=1", "--env=B"),
        ("--env", "A=1", "--env", "B"),
        ("-e", "A=1", "-e", "B"),
        ("-eA=1", "-e=B"),
        ("-ieA=1", "-eB"),
    ],
)
def test_every_way_to_write_an_option(words: tuple[str, ...]) -> None:
    """Long, short, joined, apart and behind a switch mean the same, and repeated ones add up."""
    assert parse_create_args(words) == ContainerArguments(env=(("A", "1"), ("B", None)))


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("--network=host", ContainerArguments(network="host")),
        ("--net=none", ContainerArguments(network="none")),
        ("--hostname=x", ContainerArguments(hostname="x")),
        ("--add-host=a.example:192.0.2.1", ContainerArguments(add_hosts=("a.example:192.0.2.1",))),
        ("--add-host=a=[2001:db8::1]", ContainerArguments(add_hosts=("a:2001:db8::1",))),
        ("--dns=192.0.2.2", ContainerArguments(dns=("192.0.2.2",))),
        ("--memory=1.5G", ContainerArguments(memory=1536 * MEGA)),
        ("--memory=512mb", ContainerArguments(memory=512 * MEGA)),
        ("--memory=536870912", ContainerArguments(memory=512 * MEGA)),
        ("--memory-swap=-1", ContainerArguments(memory_swap=-1)),
        ("--shm-size=1gib", ContainerArguments(shm_size=1024 * MEGA)),
        ("--cpus=1.5", ContainerArguments(nano_cpus=1_500_000_000)),
        ("--cpuset-cpus=0-2,5", ContainerArguments(cpuset_cpus="0-2,5")),
        ("--cpu-shares=512", ContainerArguments(cpu_shares=512)),
        ("--pids-limit=-1", ContainerArguments(pids_limit=-1)),
        ("--ulimit=nofile=1024", ContainerArguments(ulimits=(Ulimit(name="nofile", soft=1024, hard=1024),))),
        ("--ulimit=core=0:-1", ContainerArguments(ulimits=(Ulimit(name="core", soft=0, hard=-1),))),
        ("--cap-add=SYS_PTRACE", ContainerArguments(cap_add=("SYS_PTRACE",))),
        ("--cap-drop=ALL", ContainerArguments(cap_drop=("ALL",))),
        ("--security-opt=seccomp=unconfined", ContainerArguments(security_opt=("seccomp=unconfined",))),
        ("--privileged", ContainerArguments(privileged=True)),
        ("--privileged=false", ContainerArguments()),
        ("--ipc=host", ContainerArguments(ipc="host")),
        ("--label=a=b", ContainerArguments(labels=(("a", "b"),))),
        ("--sysctl=net.core.somaxconn=10", ContainerArguments(sysctls=(("net.core.somaxconn", "10"),))),
        ("--group-add=video", ContainerArguments(group_add=("video",))),
        ("--runtime=nvidia", ContainerArguments(runtime="nvidia")),
        ("--tmpfs=/x:size=1m", ContainerArguments(tmpfs=(("/x", "size=1m"),))),
        ("--volume=/a:/b:ro", ContainerArguments(binds=("/a:/b:ro",))),
        ("--volume=cache:/b", ContainerArguments(binds=("cache:/b",))),
        ("--volume=/b", ContainerArguments(anonymous_volumes=("/b",))),
        ("--user=root", ContainerArguments()),
        ("--user=0:0", ContainerArguments()),
        ("--rm", ContainerArguments()),
        ("--interactive", ContainerArguments()),
        ("--entrypoint=", ContainerArguments()),
    ],
)
def test_one_word_and_what_it_asks(word: str, expected: ContainerArguments) -> None:
    """Each option means what it means to Docker, and nothing else."""
    assert parse_create_args((word,)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/dev/fuse", Device(host="/dev/fuse", container="/dev/fuse")),
        ("/dev/fuse:rw", Device(host="/dev/fuse", container="/dev/fuse", permissions="rw")),
        ("/dev/a:/dev/b", Device(host="/dev/a", container="/dev/b")),
        ("/dev/a:/dev/b:r", Device(host="/dev/a", container="/dev/b", permissions="r")),
    ],
)
def test_devices(text: str, expected: Device) -> None:
    """A device has its own path inside and all permissions, unless others are given."""
    assert parse_create_args(("--device", text)).devices == (expected,)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all", Gpus(count=-1)),
        ("2", Gpus(count=2)),
        ("count=all,driver=nvidia", Gpus(count=-1, driver="nvidia")),
        ("device=0", Gpus(devices=("0",))),
        ('"device=0,2"', Gpus(devices=("0", "2"))),
        ('all,"capabilities=compute,utility"', Gpus(count=-1, capabilities=("compute", "utility", "gpu"))),
    ],
)
def test_gpus(text: str, expected: Gpus) -> None:
    """All, a number, or devices; a list within a field is in double quotes, as for Docker."""
    assert parse_create_args(("--gpus", text)).gpus == (expected,)


def test_mounts() -> None:
    """Each kind of mount, by each spelling of its keys."""
    words = (
        "--mount=type=bind,source=/a,target=/b,readonly",
        "--mount=src=cache,dst=/c,ro=false",
        "--mount=type=tmpfs,destination=/d,tmpfs-size=1m,tmpfs-mode=1777",
    )
    assert parse_create_args(words).mounts == (
        Mount(kind=MountKind.BIND, source="/a", target="/b", read_only=True),
        Mount(kind=MountKind.VOLUME, source="cache", target="/c"),
        Mount(kind=MountKind.TMPFS, target="/d", tmpfs_size=MEGA, tmpfs_mode=0o1777),
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--netwrok=host",), '"--netwrok": this tool has no equivalent for it (did you mean "--network"?)'),
        (("-z", "1"), '"-z": this tool has no equivalent for it'),
        (("debian:12",), '"debian:12": expected an option of docker create'),
        (("--",), '"--": expected an option of docker create'),
        (("--env",), "--env: needs a value"),
        (("-e",), "-e: needs a value"),
        (("--env==x",), "--env: expected NAME=VALUE or NAME"),
        (("--env-file=x",), "--env-file: files of variables are not read"),
        (("--memory=1k",), "--memory: expected a size of at least 6m"),
        (("--memory=lots",), "--memory: expected a size such as 512m or 2g"),
        (("--cpus=none",), "--cpus: expected a number of CPUs"),
        (("--cpus=nan",), "--cpus: expected a number of CPUs"),
        (("--ulimit=nofiles=1",), '--ulimit: unknown limit "nofiles" (did you mean "nofile"?)'),
        (("--ulimit=nofile=9:3",), "--ulimit: the soft limit is above the hard one"),
        (("--user=1000",), "--user: the steps of a cell run as root"),
        (("--user=0:1000",), "--user: the steps of a cell run as root"),
        (("--entrypoint=/x",), "--entrypoint: the container's first process is this tool's own"),
        (("--read-only",), "--read-only: a cell needs a root file system"),
        (("--pid=host",), "--pid: a cell that ends kills every process it can see"),
        (("-p", "80:80"), "-p: nothing outside has to reach a cell"),
        (("--label=matrix-runner.run=x",), "--label: labels that begin with matrix-runner."),
        (("--security-opt=seccomp=/x.json",), "--security-opt: a seccomp profile in a file is not read"),
        (("--volume=~/x:/y",), "no shell reads it"),
        (("--volume=./x:/y",), "--volume: expected an absolute path on this machine"),
        (("--volume=/x:y",), "--volume: expected an absolute path in the container"),
        (("--volume=/x:/",), "--volume: nothing can be mounted over / itself"),
        (("--mount=type=bind,source=x,target=/y",), "--mount: expected an absolute source"),
        (("--mount=type=bind,target=/y",), "--mount: expected an absolute source"),
        (("--mount=source=/x,target=/y",), "a path needs type=bind"),
        (("--mount=type=tmpfs,source=x,target=/y",), "--mount: a tmpfs has no source"),
        (("--mount=type=bnd,target=/y",), '--mount: unknown type "bnd" (did you mean "bind"?)'),
        (("--mount=type=bind,from=/x",), '--mount: unknown key "from"'),
        (('--mount="x',), "--mount: no closing quotation mark"),
        (("--gpus=device=0,1",), "--gpus: count and device exclude each other"),
        (("--privileged=maybe",), "--privileged: expected true or false"),
        (("--network=",), "--network: expected the name of a network"),
        (("--ipc=shared",), '--ipc: unknown mode "shared"'),
    ],
)
def test_what_is_wrong_is_said(words: tuple[str, ...], said: str) -> None:
    """One sentence for one mistake: which option, what was wanted, the nearest name, or why it cannot be had."""
    (found,) = refusal(*words)
    assert said in found


def test_every_mistake_is_said_in_order() -> None:
    """Three mistakes are three findings, in the order of the words; the value of an unknown option is none."""
    said = refusal("--gpu", "all", "--memory", "1k", "--env", "A=1", "stray", "--tmpfs")
    assert [text.split(":")[0] for text in said] == ['"--gpu"', "--memory", '"stray"', "--tmpfs"]


@pytest.mark.parametrize("words", [("--platform=linux/386",), ("-w", "/x"), ("--init",), ("-t",), ("--name", "x")])
def test_what_means_nothing_here_is_a_warning(words: tuple[str, ...]) -> None:
    """An option that can be done without is left out, and a warning says which and why."""
    arguments = parse_create_args((*words, *words))
    assert arguments.asks_nothing
    (warning,) = arguments.warnings
    assert "create-args is ignored" in warning
