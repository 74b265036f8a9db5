"""`runner init` on sdists from the package index, and the first `runner build` after it, with no edit between them."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from index_sdists import fetch_sdists, unpack_sdist
from runner_process import run_build, run_command, runner_environ

pytestmark = [pytest.mark.network, pytest.mark.own_images]


@dataclass(frozen=True, kw_only=True, slots=True)
class FirstRun:
    """A release on the index. `says`: a word of the reasons that the command gives; `cells`: how many are built.

    Four: 3.11 and 3.13, 64 and 32 bits; fewer where the project or what it needs leaves some out.
    """

    release: str
    says: str
    cells: int = 4

    @property
    def name(self) -> str:
        """The project's name."""
        return self.release.partition("==")[0]


RUNS = (
    FirstRun(release="MarkupSafe==3.0.4", says="[tool.cibuildwheel]"),
    FirstRun(release="msgpack==1.2.4", says="test/"),
    FirstRun(release="psutil==7.2.2", says="[tool.cibuildwheel]"),
    FirstRun(release="PyYAML==6.0.4", says="yaml"),
    FirstRun(release="cffi==2.1.1", says="libffi"),
    # setuptools: C, and Cython.
    FirstRun(release="simplejson==4.3.0", says="simplejson/tests/"),
    FirstRun(release="wrapt==2.5.2", says="tests/"),
    FirstRun(release="zfec==1.6.0.0", says="zfec/test/"),
    FirstRun(release="marisa-trie==1.4.1", says="hypothesis"),
    FirstRun(release="pyclipper==1.4.0", says="ci.yml"),
    # pybind11, without numpy for 32 bits.
    FirstRun(release="hnswlib==0.8.0", says="numpy", cells=2),
    # Libraries of the system.
    FirstRun(release="pylibacl==0.7.3", says="acl"),
    FirstRun(release="pyxattr==0.8.1", says="tests/"),
    FirstRun(release="python-ldap==3.4.8", says="sasl"),
    # meson-python.
    FirstRun(release="dbus-python==1.5.1", says="dbus-1"),
    FirstRun(release="pycairo==1.29.2", says="wheels.yml"),
    # scikit-build-core: C, and nanobind; by their own tables for 64 bits.
    FirstRun(release="argon2-cffi-bindings==26.2.0", says="stable ABI", cells=2),
    FirstRun(release="mapbox-earcut==2.1.0", says="[tool.cibuildwheel]", cells=2),
    FirstRun(release="soxr==1.1.0", says="[tool.cibuildwheel]", cells=2),
)
IN_EACH_RUN = {"PyYAML"}
"""It needs a library and has tests; the others take an hour."""


@pytest.mark.parametrize(
    "run", [pytest.param(one, id=one.name, marks=() if one.name in IN_EACH_RUN else pytest.mark.ground) for one in RUNS]
)
def test_the_first_run_passes(run: FirstRun, tmp_path: Path) -> None:
    """The table says why it is as it is, and every cell passes by it."""
    sdists = fetch_sdists(tmp_path / "index", [run.release], environ=runner_environ())
    project = unpack_sdist(sdists[run.name], tmp_path / "source")
    written = run_command("init", "--yes", project)
    assert written.returncode == 0, written.stderr
    assert run.says in written.stderr
    wanted = ("cp311-manylinux_*", "cp313-manylinux_*")
    ended = run_build(project, tmp_path / "out", "--image", "debian", "--only", " ".join(wanted))
    assert ended.code == 0, ended.output
    assert len(ended.cells) == run.cells
