"""The images that `runner image build` makes: what is in them, what is not, and that they are made once.

`make test` has made them before, by `scripts/test-images`.
"""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Protocol

import pytest
from engine_surroundings import surroundings
from runner_process import runner_argv, runner_environ

from matrix_runner.engine.api import Container, ContainerSpec, ExecRequest
from matrix_runner.engine.docker.sdk.sdk_engine import DockerEngine
from matrix_runner.image.image_inventory import BuiltImage, built_images, find_built
from matrix_runner.image.image_manifest import load_manifests
from matrix_runner.image.image_request import ImageTarget
from matrix_runner.model.platforms import Arch

pytestmark = pytest.mark.own_images

_PYTHONS = [
    pytest.param(arch, directory, id=f"{directory}-{arch}")
    for arch, directories in {
        Arch.X86_64: "cp27-cp27mu cp39-cp39 cp311-cp311 cp313-cp313 cp313-cp313t cp315-cp315 cp315-cp315t",
        Arch.I686: "cp39-cp39 cp311-cp311 cp313-cp313",
    }.items()
    for directory in directories.split()
]
_WIDTHS = [pytest.param(arch, id=arch.tag) for arch in (Arch.X86_64, Arch.I686)]


def _runner(*arguments: str) -> str:
    done = subprocess.run(
        runner_argv(*arguments), env=runner_environ(), capture_output=True, text=True, check=False, timeout=3000
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerEngine]:
    """Connect to the daemon."""
    state: Path = tmp_path_factory.mktemp("state")
    with closing(DockerEngine(run="test-image-build", surroundings=surroundings(state))) as made:
        yield made


@pytest.fixture(scope="module")
def stock(engine: DockerEngine) -> dict[Arch, BuiltImage]:
    """Return both images."""
    manifest, found = load_manifests()[0], built_images(engine)
    images = {arch: find_built(found, ImageTarget(manifest=manifest, arch=arch)) for arch in (Arch.X86_64, Arch.I686)}
    return {arch: image for arch, image in images.items() if image is not None}


@pytest.fixture(scope="module")
def containers(engine: DockerEngine, stock: dict[Arch, BuiltImage]) -> Iterator[dict[Arch, Container]]:
    """Open a container of each image."""
    specs = {arch: ContainerSpec(image=stock[arch].id, arch=arch, name=f"test-image-{arch}") for arch in stock}
    with engine.open(specs[Arch.X86_64]) as wide, engine.open(specs[Arch.I686]) as narrow:
        yield {Arch.X86_64: wide, Arch.I686: narrow}


class Ask(Protocol):
    """Runs a command in the container of a width, and returns what it printed."""

    def __call__(self, arch: Arch, *argv: str) -> str:
        """Fail the test if the command fails."""
        ...


@pytest.fixture
def ask(containers: dict[Arch, Container]) -> Ask:
    """Return a function that runs a command in the container of a width and returns what it printed."""

    def run(arch: Arch, *argv: str) -> str:
        output = bytearray()
        result = containers[arch].exec(ExecRequest(argv=argv, timeout=300), output.extend)
        assert result.is_success, output.decode("utf-8", "replace")
        return output.decode("utf-8", "replace").strip()

    return run


def _config(image: BuiltImage) -> str:
    argv = ("docker", "image", "inspect", "--format", "{{json .Config}}", image.id)
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def test_an_image_is_made_once(stock: dict[Arch, BuiltImage], engine: DockerEngine) -> None:
    """A second `image build` says that all is up to date, and leaves the images as they are."""
    told = _runner("image", "build", "--arch", "x86_64", "--arch", "i686", "--python", "cp311-cp311")
    assert told.count("up to date") == 2
    assert "compiled" not in told
    assert {image.id for image in built_images(engine)} >= {image.id for image in stock.values()}


def test_the_list_shows_name_and_interpreters(stock: dict[Arch, BuiltImage]) -> None:
    """A person sees what is there."""
    listed = _runner("image", "list")
    for image in stock.values():
        (line,) = [line for line in listed.splitlines() if image.reference in line]
        versions = dict(word.split("=") for word in line.split() if "=" in word)
        assert versions.keys() == image.interpreters
        assert all(name.startswith(f"cp{''.join(version.split('.')[:2])}-") for name, version in versions.items())


@pytest.mark.parametrize(("arch", "directory"), _PYTHONS)
def test_every_interpreter_is_complete(ask: Ask, arch: Arch, directory: str) -> None:
    """Modules that need a library are there, the width is right, and pip comes with it."""
    python = f"/opt/python/{directory}/bin/python"
    script = "import bz2, ctypes, sqlite3, ssl, struct, zlib; print(8 * struct.calcsize('P'))"
    assert ask(arch, python, "-c", script) == str(arch.bits)
    assert f"/opt/python/{directory}/" in ask(arch, f"/opt/python/{directory}/bin/pip", "--version")


@pytest.mark.parametrize(("arch", "directory"), [one for one in _PYTHONS if "cp27" not in str(one.id)])
def test_every_interpreter_has_the_tag_of_its_directory(ask: Ask, arch: Arch, directory: str) -> None:
    """The wheel that `build` makes has the tag that the directory promises."""
    script = "import sys, sysconfig; print('cp%d%d-cp' % sys.version_info[:2], sysconfig.get_config_var('SOABI'))"
    tag, soabi = ask(arch, f"/opt/python/{directory}/bin/python", "-c", script).split()
    abi = directory.partition("-cp")[2]
    assert directory.startswith(tag)
    assert f"cpython-{abi}-" in soabi
    ask(arch, f"/opt/python/{directory}/bin/python", "-m", "build", "--version")


def test_python_2_has_the_unicode_of_its_directory(ask: Ask) -> None:
    """`mu` is wide."""
    assert (
        ask(Arch.X86_64, "/opt/python/cp27-cp27mu/bin/python", "-c", "import sys; print(sys.maxunicode)") == "1114111"
    )


@pytest.mark.parametrize(("arch", "directory"), _PYTHONS)
def test_extension_modules_are_optimised(ask: Ask, arch: Arch, directory: str) -> None:
    """The hurry in which the interpreter was compiled does not reach the user's wheels."""
    script = "import sysconfig; print(sysconfig.get_config_var('CFLAGS'))"
    flags = ask(arch, f"/opt/python/{directory}/bin/python", "-c", script).split()
    assert "-O3" in flags
    assert "-O1" not in flags


@pytest.mark.parametrize(("arch", "directory"), _PYTHONS)
def test_the_library_is_compiled(ask: Ask, arch: Arch, directory: str) -> None:
    """A fresh container starts a Python without compiling what it imports."""
    # Python 2 has no specifications of modules, and 3.15 no `__cached__`.
    script = (
        "import json, email; spec = getattr(email, '__spec__', None); print(spec.cached if spec else email.__file__)"
    )
    cached = ask(arch, f"/opt/python/{directory}/bin/python", "-B", "-c", script)
    assert cached.endswith(".pyc")
    ask(arch, "test", "-f", cached)


@pytest.mark.parametrize("arch", _WIDTHS)
def test_the_tools_are_on_the_path(ask: Ask, arch: Arch) -> None:
    """Auditwheel refuses a patchelf older than 0.14.5."""
    version = ask(arch, "patchelf", "--version").split()[1]
    assert tuple(int(number) for number in version.split(".")[:2]) >= (0, 15)
    assert "auditwheel" in ask(arch, "auditwheel", "--version")
    assert "uv" in ask(arch, "uv", "--version")


@pytest.mark.network
@pytest.mark.parametrize("arch", _WIDTHS)
def test_a_package_is_installed_without_a_word_of_lists(ask: Ask, arch: Arch) -> None:
    """As dnf and yum do it, for which projects' scripts are written; the image itself has no lists, which age."""
    assert ask(arch, "sh", "-c", "ls /var/lib/apt/lists/*_Packages* 2>/dev/null | wc -l") == "0"
    assert "yaml.h" in ask(arch, "sh", "-c", "apt-get install -y -q libyaml-dev >&2 && ls /usr/include/yaml.h")


@pytest.mark.parametrize("arch", _WIDTHS)
def test_the_environment_names_the_platform(ask: Ask, arch: Arch) -> None:
    """Auditwheel's --plat comes from the image."""
    assert ask(arch, "sh", "-c", 'echo "$AUDITWHEEL_PLAT"') == f"manylinux_2_31_{arch}"


@pytest.mark.parametrize("arch", _WIDTHS)
def test_nothing_of_this_machine_stays_in_the_image(stock: dict[Arch, BuiltImage], arch: Arch) -> None:
    """Its certificates and proxies are lent to each container; they are nobody else's."""
    config = _config(stock[arch])
    assert "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt" in config
    assert "proxy" not in config.lower()
    argv = ("docker", "run", "--rm", stock[arch].id, "ls", "-A", "/etc/matrix-runner", "/tmp/matrix-runner")  # noqa: S108
    listed = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert listed.stdout == ""
    assert listed.stderr.count("No such file") == 2


@pytest.mark.parametrize("arch", _WIDTHS)
def test_the_image_alone_tells_its_width(stock: dict[Arch, BuiltImage], arch: Arch) -> None:
    """Also without this program: its entrypoint runs commands under linux32 where that is needed."""
    argv = ("docker", "run", "--rm", stock[arch].id, "uname", "-m")
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip() == arch.tag
