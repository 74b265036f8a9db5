"""Cells whose own code has no network: what it tries, what it gets all the same, and what a failure says."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest
from image_source import ImageSource
from runner_process import JSON, Ended, report_dir, run_build
from sample_projects import extension_project, write_project

pytestmark = pytest.mark.network
CELL, CELL_32 = "cp311-manylinux_x86_64", "cp311-manylinux_i686"

TRY = """\
import os, socket, subprocess, sys, time
who = sys.argv[1]
if who == "before-all":
    routes = [line.split() for line in open("/proc/net/route")][1:]
    word = next(one[2] for one in routes if one[1] == "00000000")
    gateway = ".".join(str(int(word[at : at + 2], 16)) for at in (6, 4, 2, 0))
    open("/gateway", "w").write(gateway)
gateway = open("/gateway").read()
def reach():
    listener = os.environ["LISTENER"].split(":")
    for host, port in [(listener[0], int(listener[1])), (gateway, 53), ("1.1.1.1", 53)]:
        try:
            connection = socket.create_connection((host, port), timeout=5)
            connection.sendall(who.encode() + b" ")
            connection.close()
            yield f"{host}:{port}"
        except OSError as error:
            print(who, "cannot reach", host, error)
    try:
        yield socket.gethostbyname("example.com")
    except OSError:
        pass
for one in reach():
    print(who, "reaches", one)
print("interfaces of", who, sorted(name for _, name in socket.if_nameindex()))
if who == "hook":
    # One that outlives the step, should there be a network later.
    again = "import runpy, sys, time; sys.argv[1:] = ['left-over']\\nwhile True: runpy.run_path(%r); time.sleep(0.3)"
    subprocess.Popen([sys.executable, "-c", again % __file__], start_new_session=True,
                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
"""
"""A program that tries to get out: to a server of the machine, the bridge's gateway and the name servers."""

BACKEND = """\
import os, subprocess, sys
from setuptools import build_meta
from setuptools.build_meta import *
HERE = os.path.dirname(os.path.abspath(__file__))
def reach(who):
    subprocess.check_call([sys.executable, os.path.join(HERE, "reach.py"), who])
def get_requires_for_build_wheel(settings=None):
    reach("hook")
    return ["ninja"]
def build_wheel(*args, **kwargs):
    import ninja
    reach("backend")
    return build_meta.build_wheel(*args, **kwargs)
"""

LOOPBACK = """\
import socket
def test_loopback():
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(server.getsockname())
    server.accept()[0].sendall(b"here")
    assert client.recv(4) == b"here"
def test_what_the_wheel_requires():
    import idna
"""

SETTINGS = """\
environment-pass = ["LISTENER"]
before-all = "python3 {project}/reach.py before-all"
before-build = "python {project}/reach.py before-build"
before-test = "python {project}/reach.py before-test"
test-requires = ["pytest"]
test-command = "python {project}/reach.py test && pytest -q {project}/test_loopback.py"
"""


def log(output: Path) -> str:
    """Return what the cell printed."""
    return (report_dir(output) / "logs" / f"{CELL}.log").read_text("utf-8")


def failure(ended: Ended) -> JSON:
    """Return why the cell failed."""
    found = ended.cells[CELL]["failure"]
    assert isinstance(found, dict), ended.output
    return cast("JSON", found)


@contextmanager
def listener(host: str) -> Iterator[tuple[str, list[str]]]:
    """Give host and port of a server at an address of this machine, and the words that it is told."""
    heard: list[str] = []
    server = socket.create_server((host, 0))

    def listen() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                heard.extend(connection.recv(100).decode().split())

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield f"{host}:{server.getsockname()[1]}", heard
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(10)


def hostile_project(directory: Path) -> Path:
    """Write a project all of whose code tries to get out."""
    files = {
        **extension_project(settings=SETTINGS),
        "reach.py": TRY,
        "backend.py": BACKEND,
        "test_loopback.py": LOOPBACK,
    }
    table = 'build-backend = "backend"\nbackend-path = ["."]\n'
    text = files["pyproject.toml"].replace('build-backend = "setuptools.build_meta"\n', table)
    assert table in text
    files["pyproject.toml"] = text.replace("[project]\n", '[project]\ndependencies = ["idna"]\n', 1)
    files["setup.py"] = files["setup.py"].replace("setup(", "setup(py_modules=[], ", 1)
    return write_project(directory / "project", files)


@pytest.mark.parametrize("sandbox", ["default", "strict"])
def test_no_code_of_the_project_gets_out(images: ImageSource, tmp_path: Path, address: str, sandbox: str) -> None:
    """Neither to a server of this machine nor to a name server; what it requires is there, and its own loopback."""
    project = hostile_project(tmp_path)
    with listener(address) as (place, heard):
        words = ("--network", "build-requires", "--sandbox", sandbox)
        ended = run_build(project, tmp_path / "out", *images.only(CELL), *words, LISTENER=place)
    text = log(tmp_path / "out")
    assert ended.code == 0, text
    assert set(heard) == {"before-all"}
    assert "before-all reaches" in text
    for who in ("before-build", "hook", "backend", "before-test", "test"):
        assert f"{who} reaches" not in text
        assert f"{who} cannot reach" in text
        assert f"interfaces of {who} ['lo']" in text
    assert "2 passed" in text


def test_with_a_network_the_same_code_gets_out(images: ImageSource, tmp_path: Path, address: str) -> None:
    """So the test above shows what it is meant to show."""
    project = hostile_project(tmp_path)
    with listener(address) as (place, heard):
        ended = run_build(project, tmp_path / "out", *images.only(CELL), LISTENER=place)
    assert ended.code == 0, log(tmp_path / "out")
    assert set(heard) >= {"before-all", "before-build", "hook", "backend", "before-test", "test"}


def test_an_installation_is_refused_with_the_reason(images: ImageSource, tmp_path: Path) -> None:
    """A `before-build` that installs fails once, and the hint names the option; a 32-bit cell beside it builds."""
    settings = f"""network = "build-requires"
[[tool.matrix-runner.overrides]]
select = "{CELL}"
before-build = "pip install --retries 1 six"
"""
    project = write_project(tmp_path / "project", extension_project(settings=settings))
    ended = run_build(project, tmp_path / "out", *images.only(CELL, CELL_32))
    assert ended.code == 1, ended.output
    found = failure(ended)
    assert found["step"] == "before-build"
    assert 'the option `network` is "build-requires"' in str(found["hint"])
    assert "trying it again" not in ended.output
    assert ended.cells[CELL_32]["status"] == "passed"
