"""The local engine where it is at home: inside a manylinux container, as in a GitLab or `container:` job."""

import subprocess
import tarfile
from os import environ
from pathlib import Path

import pytest
from engine_surroundings import surroundings
from runner_process import REPOSITORY

from matrix_runner import catalog
from matrix_runner.engine.api import ContainerSpec, ExecRequest
from matrix_runner.engine.docker.sdk.sdk_engine import DockerEngine
from matrix_runner.engine.hearing import Hearing
from matrix_runner.model.platforms import Arch
from matrix_runner.project.source_archive import pack
from matrix_runner.project.source_files import SourceSelection
from matrix_runner.wheelhouse.inspection import inspect

pytestmark = [pytest.mark.network, pytest.mark.own_images]

_SCRIPT = """
set -e
/opt/python/cp311-cp311/bin/python -m venv /runner
/runner/bin/python -m pip install --quiet /project
cd /project/example-project
/runner/bin/runner plan --engine local
/runner/bin/runner build --engine local --only 'cp39-* cp313-*' --output-dir /out
"""


@pytest.mark.parametrize("arch", [Arch.X86_64, pytest.param(Arch.I686, marks=pytest.mark.ground)], ids=str)
def test_builds_without_docker_inside_an_image(arch: Arch, tmp_path: Path) -> None:
    """`runner build --engine local` in the image itself finds /opt/python, runs before-all, and gives right wheels."""
    reference = catalog.load().families("debian")[0].reference(arch)
    assert reference is not None
    source = pack(SourceSelection(project=REPOSITORY, environ=environ), tmp_path / "source.tar")
    engine = DockerEngine(run=f"inside-{arch}", surroundings=surroundings(tmp_path))
    output = bytearray()
    try:
        image = engine.resolve(reference, arch, Hearing())
        with engine.open(ContainerSpec(image=image.id, arch=arch, name=f"inside-{arch}")) as container:
            container.put("/project", source.read())
            result = container.exec(ExecRequest(argv=("sh", "-c", _SCRIPT), timeout=600), output.extend)
            assert result.is_success, output.decode("utf-8", "replace")
            with container.get("/out") as stream:
                (tmp_path / "out.tar").write_bytes(b"".join(stream))
    finally:
        engine.close()
    with tarfile.open(tmp_path / "out.tar") as archive:
        wheels = [name for name in archive.getnames() if name.endswith(".whl")]
    assert len(wheels) == 2
    subprocess.run(("tar", "-xf", tmp_path / "out.tar", "-C", tmp_path), check=True)
    for name in wheels:
        contents = inspect(tmp_path / name)
        assert {(file.bits, file.machine) for file in contents.elf_files} == {(arch.bits, arch.elf_machine)}
        assert [library for library in contents.grafted if library.startswith("liblz4")]
    printed = output.decode("utf-8", "replace")
    assert f"this machine runs manylinux_{arch} only" in printed
