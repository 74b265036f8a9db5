"""Rows 35 to 46: the engine, the registry, the host."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from fault_trial import NARROW, WIDE, WIDE_13, Trial
from played_registry import ANSWERS, STALLS, played_registry

NOBODY = 65534


def variable(trial: Trial) -> str:
    """Return the variable that names the engine's address."""
    return "DOCKER_HOST" if trial.rig.name.startswith("docker") else "CONTAINER_HOST"


def soon(seconds: str) -> dict[str, str]:
    """Return the variable by which the engine is not waited for longer."""
    return {"MATRIX_RUNNER_ENGINE_TIMEOUT": seconds}


@pytest.mark.row(35)
def test_no_socket(trial: Trial) -> None:
    """The remedy is to start the engine."""
    environ = {variable(trial): f"unix://{trial.place}/nothing.sock", **soon("1")}
    ended = trial.check(trial.build(trial.project(), variables=environ), code=4, wheels=0)
    assert "nothing.sock" in ended.output
    assert "hint: Start " in ended.output


@pytest.mark.row(35)
def test_no_permission(trial: Trial) -> None:
    """The remedy is another group, or user."""
    project = trial.project()
    with trial.user(NOBODY) as prefix:
        Path(trial.rig.address.removeprefix("unix://")).chmod(0o600)
        ended = trial.build(project, prefix=prefix, variables={"HOME": str(trial.place), **soon("1")})
    trial.check(ended, code=4, says="permission", wheels=0)


@pytest.mark.row(35)
def test_an_engine_that_hangs(trial: Trial) -> None:
    """It accepts connections and answers none; when it goes on, so do later runs."""
    project = trial.project()
    trial.rig.signal(signal.SIGSTOP)
    try:
        ended = trial.build(project, variables=soon("6"))
    finally:
        trial.rig.signal(signal.SIGCONT)
    trial.check(ended, code=4, says="accepts connections but does not answer", wheels=0)
    trial.check(trial.build(project), code=0, wheels=1)


@pytest.mark.row(36)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_engine_that_comes_back(trial: Trial, number: signal.Signals) -> None:
    """Stopped in order, as for an upgrade, or killed; the cells begin anew."""
    project = trial.project(deeds={WIDE: "wait", NARROW: "wait"})
    with trial.started(project, only=f"{WIDE} {NARROW}") as run:
        run.reached("the backend begins")
        if number is signal.SIGKILL:
            trial.rig.signal(number)
        trial.rig.restart()
        ended = run.ended()
    trial.check(ended, code=0, says="waiting for the engine", wheels=2)


@pytest.mark.row(36)
def test_an_engine_that_stays_away(trial: Trial) -> None:
    """The wheel that was finished stays; the other cell says why. What nobody could remove, the next run does."""
    project = trial.project(deeds={WIDE: "wait"})
    variables = {"FAULT_SECONDS": "60", "MATRIX_RUNNER_ENVIRONMENT_PASS": "FAULT_SECONDS", **soon("5")}
    with trial.started(project, only=f"{WIDE} {WIDE_13}", variables=variables) as run:
        run.reached("the backend begins")
        trial.wait_for_wheels(1, run=run)
        trial.rig.signal(signal.SIGKILL)
        ended = run.ended()
    trial.rig.restart()
    assert ended.code == 4, ended.output
    assert len(ended.wheels) == 1
    trial.saw(4)
    trial.check(trial.build(trial.project(name="next")), code=0, wheels=2)


@pytest.mark.row(36)
def test_restarts_at_random_moments(trial: Trial, pytestconfig: pytest.Config) -> None:
    """`--rounds` times: the run completes."""
    project = trial.project(deeds={WIDE: "wait", NARROW: "wait"})
    dice = random.Random(36)  # noqa: S311  no secret
    for _ in range(pytestconfig.getoption("--rounds")):
        with trial.started(project, "--overwrite", only=f"{WIDE} {NARROW}") as run:
            time.sleep(dice.uniform(1, 12))
            trial.rig.restart()
            ended = run.ended()
        trial.check(ended, code=0, wheels=2)


@pytest.mark.row(37)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_containers_that_live_on(trial: Trial, number: signal.Signals) -> None:
    """The engine's own process ends and is started again; its containers go on meanwhile, unheard."""
    project = trial.project(deeds={WIDE: "wait", NARROW: "wait"})
    with trial.rig.outlived_by_containers():
        with trial.started(project, only=f"{WIDE} {NARROW}") as run:
            run.reached("the backend begins")
            trial.rig.signal(number)
            ended = run.ended()
        trial.check(ended, code=0, wheels=2)


@pytest.mark.row(38)
def test_a_full_disk_of_the_engine(trial: Trial) -> None:
    """Filled from outside; with room again, the next run builds."""
    project = trial.project()
    with trial.rig.small_disk("16G") as disk:
        filler = disk / "filler"
        free = shutil.disk_usage(disk).free
        subprocess.run(("fallocate", "--length", str(free - 64 * 1024), filler), check=True)
        ended = trial.build(project)
        assert ended.code == 4, ended.output
        assert "its disk is full" in ended.output, ended.output
        filler.unlink()
        trial.check(trial.build(project), code=0, wheels=1)
        trial.saw(4, "its disk is full")


@pytest.mark.row(39)
@pytest.mark.parametrize(
    ("repository", "says", "asked"),
    [
        ("missing", "there is no such image", 1),
        ("private", "the registry asks for a login, or refuses yours", 1),
        ("limited", "the registry limits how often images may be fetched", 3),
        ("broken", "the registry is out of order", 3),
    ],
)
def test_a_registry_that_refuses(trial: Trial, repository: str, says: str, asked: int) -> None:
    """By the status of its answer; what may pass is asked again, each with an announcement."""
    assert repository in ANSWERS
    with played_registry(trial.rig.host) as registry:
        ended = trial.build(trial.project(), image=registry.reference(repository))
    trial.check(ended, code=4, says=says, wheels=0)
    assert ended.output.count("trying again in") == asked - 1


@pytest.mark.row(39)
@pytest.mark.parametrize("host", ["{host}:{port}", "registry.invalid"])
def test_a_registry_that_is_not_there(trial: Trial, host: str) -> None:
    """Nobody listens, or the name is unknown."""
    with socket.socket() as taken:
        taken.bind((trial.rig.host, 0))
        image = host.format(host=trial.rig.host, port=taken.getsockname()[1]) + "/image:latest"
        ended = trial.build(trial.project(), image=image)
    trial.check(ended, code=4, says="the registry cannot be reached", wheels=0)


@pytest.mark.row(40)
@pytest.mark.row(41)
def test_a_registry_that_stops(trial: Trial) -> None:
    """Given up after a minute and tried again; Ctrl-C ends that at once."""
    with played_registry(trial.rig.host) as registry:
        image = registry.reference(STALLS)
        with trial.rig.started(trial.project(), trial.output, "--only", WIDE, image=image) as run:
            run.printed("the registry does not answer in time; trying again in", seconds=90)
            began = time.monotonic()
            run.process.send_signal(signal.SIGINT)
            ended = run.ended(seconds=10)
            assert time.monotonic() - began < 3
    trial.check(ended, code=130, says="the registry does not answer in time; trying again in", wheels=0)


@pytest.mark.row(42)
def test_an_image_of_another_architecture(trial: Trial) -> None:
    """That of 32 bits for a cell of 64, under a name that does not tell."""
    trial.rig.docker("tag", "matrix-runner/manylinux_2_31_i686", "fault-of-row-42")
    ended = trial.build(trial.project(), image="fault-of-row-42")
    trial.rig.docker("rmi", "fault-of-row-42")
    trial.check(ended, code=4, wheels=0)
    trial.check_failures(ended, {WIDE: ("wrong-image", "i686")})


@pytest.mark.row(43)
def test_an_image_without_tools(trial: Trial) -> None:
    """One of Debian's essential packages: no interpreter, no auditwheel."""
    ended = trial.build(trial.project(), image="matrix-runner-contract:x86_64")
    trial.check(ended, code=4, wheels=0)
    trial.check_failures(ended, {WIDE: ("missing-tool", "/opt/python/cp311-cp311")})
    assert b"put" not in trial.log(ended)


@pytest.mark.row(44)
def test_a_proxy(trial: Trial) -> None:
    """Its address is handed on; its password is not shown anywhere."""
    project = trial.project(deeds={WIDE: "environment"})
    proxy = {"HTTPS_PROXY": f"http://user:canary-of-proxy@{trial.rig.host}:3128", "NO_PROXY": "localhost"}
    ended = trial.check(trial.build(project, variables=proxy), code=0, wheels=1)
    log = trial.log(ended).decode()
    assert f"{trial.rig.host}:3128" in log
    for text in (ended.output, *(path.read_text("utf-8", "replace") for path in files_of(trial))):
        assert "canary-of-proxy" not in text


@pytest.mark.row(45)
def test_old_files(trial: Trial) -> None:
    """Of 1970, where zip archives have no such year."""
    project = trial.project()
    for path in project.iterdir():
        os.utime(path, (0, 0))
    trial.check(trial.build(project), code=0, wheels=1)


@pytest.mark.row(45)
def test_an_epoch_that_is_no_number(trial: Trial) -> None:
    """Named before anything starts."""
    ended = trial.build(trial.project(), variables={"SOURCE_DATE_EPOCH": "abc"})
    trial.check(ended, code=2, says="SOURCE_DATE_EPOCH", wheels=0)


@pytest.mark.row(46)
def test_nothing_of_the_host_is_mounted(trial: Trial) -> None:
    """Only volumes that the engine itself has made."""
    project = trial.project(deeds={WIDE: "wait"})
    with trial.started(project) as run:
        run.reached("the backend begins")
        (container,) = trial.rig.container_ids()
        (found,) = json.loads(trial.rig.docker("inspect", container))
        ended = run.ended()
    assert not found["HostConfig"]["Binds"] or all(not bind.startswith("/") for bind in found["HostConfig"]["Binds"])
    assert {mount["Type"] for mount in found["Mounts"]} <= {"volume"}
    trial.check(ended, code=0, wheels=1)


def files_of(trial: Trial) -> list[Path]:
    """Return all files of a trial."""
    return [path for path in trial.place.rglob("*") if path.is_file()]
