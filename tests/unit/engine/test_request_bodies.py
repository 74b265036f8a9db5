"""What a daemon is asked for: the user's wishes, and over them what must hold."""

import pytest

from matrix_runner.config.create_args.create_args import parse_create_args
from matrix_runner.engine.docker.daemon import Creation, ImageConfig
from matrix_runner.engine.docker.endpoint import Endpoint, Product
from matrix_runner.engine.docker.host_config import host_config
from matrix_runner.engine.docker.image_answers import listed_images
from matrix_runner.engine.docker.request_bodies import (
    container_body,
    dialect_of,
    engine_info,
    image_changes,
    image_id,
)


def body(*words: str, memory: int | None = None) -> dict[str, object]:
    """Return the body for a container with create-args."""
    creation = Creation(
        image="i",
        name="n",
        argv=("/bin/sh",),
        labels=(("matrix-runner.run", "r"),),
        memory=memory,
        arguments=parse_create_args(words),
    )
    return container_body(creation)


def test_no_wish_no_word() -> None:
    """A container without create-args is asked for as if there were no such option."""
    assert host_config(parse_create_args(())) == {}
    assert body()["HostConfig"] == {"AutoRemove": True, "LogConfig": {"Type": "none"}}


def test_what_must_hold_holds() -> None:
    """Input, removal, our labels and our first process are ours whatever is wished for."""
    made = body("--rm=false", "--interactive=false", "--label=mine=1", "--entrypoint=", "--log-driver=json-file")
    assert (made["OpenStdin"], made["StdinOnce"], made["Entrypoint"]) == (True, True, ["/bin/sh"])
    assert made["Labels"] == {"mine": "1", "matrix-runner.run": "r"}
    assert made["HostConfig"] == {"AutoRemove": True, "LogConfig": {"Type": "none"}}


def test_variables_are_not_the_containers() -> None:
    """A variable of create-args is no part of the container, whose images would keep it."""
    assert "Env" not in body("--env=SECRET=x")


BIND = {"Type": "bind", "Target": "/b", "ReadOnly": False, "Source": "/a", "BindOptions": {"Propagation": "rslave"}}
FUSE = {"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/fuse", "CgroupPermissions": "r"}
ALL_GPUS = {"Driver": "", "Count": -1, "DeviceIDs": [], "Capabilities": [["gpu"]]}


@pytest.mark.parametrize(
    ("word", "key", "value"),
    [
        ("--privileged", "Privileged", True),
        ("--device=/dev/fuse:r", "Devices", [FUSE]),
        ("--gpus=all", "DeviceRequests", [ALL_GPUS]),
        ("--mount=type=bind,src=/a,dst=/b,bind-propagation=rslave", "Mounts", [BIND]),
        ("--security-opt=apparmor=unconfined", "SecurityOpt", ["apparmor=unconfined"]),
        ("--cpus=0.5", "NanoCpus", 500_000_000),
        ("--cpuset-cpus=0", "CpusetCpus", "0"),
        ("--cpu-shares=2", "CpuShares", 2),
        ("--ipc=host", "IpcMode", "host"),
        ("--userns=host", "UsernsMode", "host"),
        ("--runtime=nvidia", "Runtime", "nvidia"),
        ("--group-add=video", "GroupAdd", ["video"]),
        ("--sysctl=a.b=1", "Sysctls", {"a.b": "1"}),
        ("--dns=192.0.2.1", "Dns", ["192.0.2.1"]),
        ("--volumes-from=other", "VolumesFrom", ["other"]),
        ("--memory-swap=-1", "MemorySwap", -1),
        ("--oom-score-adj=0", "OomScoreAdj", 0),
    ],
)
def test_a_wish_and_its_key(word: str, key: str, value: object) -> None:
    """What this machine cannot show from inside a container is asked for by the key that Docker documents."""
    assert host_config(parse_create_args((word,))) == {key: value}


def test_memory_of_the_option_outranks() -> None:
    """The option `memory` sets both limits, whatever create-args say of them."""
    host = body("--memory=1g", "--memory-swap=-1", memory=64 * 1024**2)["HostConfig"]
    assert isinstance(host, dict)
    assert (host["Memory"], host["MemorySwap"]) == (64 * 1024**2, 64 * 1024**2)


def test_each_reads_its_own_quotes() -> None:
    """Docker unescapes what is in quotes, and Podman takes it as it is: the same value reaches all."""
    config = ImageConfig(name=None, labels=(("a", 'x"$y'),), env=(), entrypoint=(), command=())
    docker, old, new = (dialect_of(version_of(*each)) for each in ENGINES)
    assert image_changes(config, docker) == [r'LABEL "a"="x\"\$y"']
    assert image_changes(config, old) == image_changes(config, new) == ['LABEL "a"="x"$y"']
    assert [each.product for each in (docker, old, new)] == [Product.DOCKER, Product.PODMAN, Product.PODMAN]
    assert [each.is_old_podman for each in (docker, old, new)] == [False, True, False]
    assert not dialect_of(version_of("Podman Engine", "devel")).is_old_podman


ENGINES = (("Engine", "4.9"), ("Podman Engine", "4.3.1"), ("Podman Engine", "5.4.2"))


def version_of(name: str, version: str) -> dict[str, object]:
    """Return the answer of an engine to a version request."""
    return {"Version": version, "Components": [{"Name": name}]}


@pytest.mark.parametrize(
    ("listed", "given"),
    [
        ("localhost/matrix-runner/x:1", "matrix-runner/x:1"),
        ("docker.io/library/x:1", "x:1"),
        ("docker.io/a/x:1", "a/x:1"),
        ("quay.io/a/x:1", "quay.io/a/x:1"),
    ],
)
def test_a_name_is_listed_as_it_was_given(listed: str, given: str) -> None:
    """Podman names a registry for an image that has none; Docker's names stay as they are."""
    rows = [{"Id": "i", "RepoTags": [listed]}]
    assert [image.reference for image in listed_images(rows, Product.PODMAN)] == [given]
    assert [image.reference for image in listed_images(rows, Product.DOCKER)] == [listed]


def test_an_id_says_how_it_was_made() -> None:
    """Podman's bare id gets the prefix without which it takes the id for a name; others stay."""
    assert image_id("0" * 64) == "sha256:" + "0" * 64
    assert image_id("sha256:" + "0" * 64) == "sha256:" + "0" * 64


VERSION = {"Version": "28.5"}
ENDPOINT = Endpoint(url="unix:///run/docker.sock", origin="test")
CONTAINERD = {"DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]], "DockerRootDir": "/data"}


@pytest.mark.parametrize(
    ("said", "storage"),
    [
        ({}, None),
        ({"DockerRootDir": "/data", "DriverStatus": [["Backing Filesystem", "extfs"]]}, "/data"),
        ({**CONTAINERD, "Containerd": {"Address": "/run/containerd/containerd.sock"}}, "/var/lib/containerd"),
        ({**CONTAINERD, "Containerd": {"Address": "/var/run/docker/containerd/containerd.sock"}}, "/data"),
        (CONTAINERD, "/data"),
    ],
)
def test_where_images_are(said: dict[str, object], storage: str | None) -> None:
    """In the daemon's own directory, or in that of containerd where it is a service of its own."""
    assert engine_info(VERSION, {"Architecture": "x86_64", **said}, ENDPOINT, asked=0).storage == storage


@pytest.mark.parametrize(
    ("said", "ahead"),
    [
        ("1970-01-01T00:01:40.250000001Z", 0.25),
        ("1970-01-01T02:01:30+02:00", -10),
        ("", None),
        ("yesterday", None),
    ],
)
def test_the_engine_s_clock(said: str, ahead: float | None) -> None:
    """With nanoseconds, in any time zone; what makes no sense is not known."""
    found = engine_info(VERSION, {"Architecture": "x86_64", "SystemTime": said}, ENDPOINT, asked=100)
    assert found.clock_ahead == (None if ahead is None else pytest.approx(ahead, abs=1e-6))
