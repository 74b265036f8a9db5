"""Our verdicts held against auditwheel's, on wheels as the world makes them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest

from matrix_runner.catalog.policies import load_policies
from matrix_runner.policy import Provider, Verdict, analyse, read_wheel

pytestmark = pytest.mark.network

WHEELS = [
    ("numpy==2.1.0", "3.11", "manylinux2014_x86_64"),
    ("cffi==1.15.1", "3.9", "manylinux_2_17_i686"),
    ("psutil==6.1.1", "3.11", "manylinux2014_x86_64"),
    ("cryptography==43.0.3", "3.11", "manylinux_2_28_x86_64"),
    ("lxml==5.3.0", "3.11", "manylinux_2_28_x86_64"),
    ("lxml==5.3.0", "3.11", "musllinux_1_2_x86_64"),
    ("MarkupSafe==3.0.2", "3.11", "manylinux2014_aarch64"),
    ("MarkupSafe==3.0.2", "3.11", "musllinux_1_2_aarch64"),
    ("psycopg2-binary==2.9.10", "3.11", "manylinux2014_x86_64"),
    ("greenlet==3.1.1", "3.11", "manylinux_2_24_x86_64"),
    ("ruff==0.6.9", "3.11", "manylinux2014_x86_64"),
]


def _download(directory: Path, requirement: str, python: str, platform: str) -> Path:
    """Fetch one wheel of a project, of exactly that version, for a Python and a platform."""
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    wanted = ("--no-deps", "--only-binary", ":all:", "--python-version", python, "--platform", platform, requirement)
    subprocess.run([*pip, "download", "--dest", directory, *wanted], check=True)
    (wheel,) = directory.glob("*.whl")
    return wheel


def _auditwheel(wheel: Path) -> dict[str, object]:
    """Return what auditwheel says of a wheel."""
    argv = (sys.executable, "-m", "auditwheel", "show", "--json", wheel)
    shown = subprocess.run(argv, check=True, stdout=subprocess.PIPE).stdout
    return cast("dict[str, object]", json.loads(shown))


def _verdict(wheel: Path) -> Verdict:
    (verdict,) = analyse(read_wheel(wheel), load_policies()).verdicts
    return verdict


@pytest.mark.parametrize(("requirement", "python", "platform"), WHEELS)
def test_the_verdict_is_auditwheels(tmp_path: Path, requirement: str, python: str, platform: str) -> None:
    """The same platform, from symbols and libraries alone; the same versions; and nothing needed that is not there.

    For musl there are no versions: auditwheel takes the tag, we say the oldest, and that the tag decides.
    """
    wheel = _download(tmp_path, requirement, python, platform)
    said = _auditwheel(wheel)
    found = _verdict(wheel)
    assert found.keeps_its_promise
    assert not [each for each in found.libraries if each.provider is Provider.MISSING]
    if "musllinux" in platform:
        assert said["overall_tag"] == f"{found.platform.libc}_1_2_{found.platform.arch}"
        assert (str(found.policy), str(found.needs)) == (f"musllinux_1_1_{found.platform.arch}", "1.2")
        return
    assert str(found.policy) == said["overall_tag"] == said["sym_tag"]
    assert _versions(wheel, found) == {
        library: set(versions) for library, versions in cast("dict[str, list[str]]", said["versioned_symbols"]).items()
    }


def _versions(wheel: Path, verdict: Verdict) -> dict[str, set[str]]:
    """Return all symbol versions that a wheel's files need, but for the loader's, by library."""
    found: dict[str, set[str]] = {}
    for binary in read_wheel(wheel).binaries:
        for each in binary.requirements:
            if binary.arch is verdict.platform.arch and not each.library.startswith("ld-linux"):
                found.setdefault(each.library, set()).add(each.version)
    return found


def test_what_holds_a_wheel_back_is_what_auditwheel_sees(tmp_path: Path) -> None:
    """Each rung of the ladder is a policy that auditwheel has, and the symbols are in the versions that it lists."""
    wheel = _download(tmp_path, "cryptography==43.0.3", "3.11", "manylinux_2_28_x86_64")
    top = _verdict(wheel).rungs[0]
    assert (str(top.policy), str(top.without)) == ("manylinux_2_28_x86_64", "manylinux_2_26_x86_64")
    assert [(demand.what, demand.symbols) for demand in top.demands] == [("GLIBC_2.28", ("statx",))]
