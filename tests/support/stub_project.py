"""A project whose wheels are made without a compiler, so that a whole run takes a second and needs no index."""

import sys
from dataclasses import dataclass
from pathlib import Path

from runner_process import runner_argv

# STUB=two leaves two wheels: exit code 5.
BACKEND = """
import base64, hashlib, os, sysconfig, zipfile

def build_wheel(directory, config_settings=None, metadata_directory=None):
    made = [wheel(directory, "1")]
    if os.environ.get("STUB") == "two":
        made.append(wheel(directory, "2"))
    return made[0]

def wheel(directory, version):
    python = os.environ["MATRIX_RUNNER_IDENTIFIER"].partition("-")[0]
    platform = sysconfig.get_platform().replace("-", "_").replace("linux_", "manylinux_2_17_")
    tag = "%s-%s-%s" % (python.rstrip("t"), python, platform)
    info = "stub-%s.dist-info/" % version
    files = {
        "stub.py": b"",
        info + "METADATA": b"Metadata-Version: 2.1\\nName: stub\\nVersion: %s\\n" % version.encode(),
        info + "WHEEL": b"Wheel-Version: 1.0\\nRoot-Is-Purelib: false\\nTag: %s\\n" % tag.encode(),
    }
    record = info + "RECORD,,\\n"
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += "%s,sha256=%s,%d\\n" % (name, digest, len(data))
    filename = "stub-%s-%s.whl" % (version, tag)
    with zipfile.ZipFile(os.path.join(directory, filename), "w") as archive:
        for name, data in {**files, info + "RECORD": record.encode()}.items():
            archive.writestr(name, data)
    return filename
"""
BARE = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "stub"
version = "1"
[tool.matrix-runner]
"""
"""A project whose backend is a file of its own; settings may follow."""
PYPROJECT = f"""{BARE}repair-wheel-command = ""
archs = "native"
container-engine = "local"
"""
ONLY = f"cp{sys.version_info.major}{sys.version_info.minor}-*"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stub:
    """A project that builds in a second, and where its wheels go."""

    project: Path
    output: Path

    @property
    def argv(self) -> list[str]:
        """The command that builds it."""
        return runner_argv("build", self.project, "--only", ONLY, "--output-dir", self.output)

    @property
    def wheels(self) -> int:
        """How many wheels there are."""
        return len(tuple(self.output.glob("*.whl")))


def stub_project(directory: Path, settings: str = "") -> Stub:
    """Write the project; `settings`: further lines of its table."""
    project = directory / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(PYPROJECT + settings, encoding="utf-8")
    (project / "backend.py").write_text(BACKEND, encoding="utf-8")
    return Stub(project=project, output=directory / "wheelhouse")
