"""What all contenders are given: a project, the same six cells, the same images, the same test."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

INTERPRETERS = ("cp39", "cp311", "cp313")
ARCHS = ("x86_64", "i686")
OUR_IMAGES = "matrix-runner/manylinux_2_31"


class BenchmarkError(Exception):
    """Something that makes a measurement impossible, or worthless."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """A project on the package index, and the compiled module whose import is the test."""

    name: str
    module: str

    @property
    def test_command(self) -> str:
        """The test: a shell command."""
        return f'python -c "import {self.module}"'


PROJECTS = {
    "markupsafe": Project(name="markupsafe", module="markupsafe._speedups"),
    "msgpack": Project(name="msgpack", module="msgpack._cmsgpack"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Workload:
    """One thing to measure. `images`: name of the images but for the architecture. `ca_bundle`: the host's, if set."""

    project: Project
    source: Path
    images: str
    ca_bundle: Path | None

    def image(self, arch: str) -> str:
        """Return the image of an architecture."""
        return f"{self.images}_{arch}"

    @property
    def cells(self) -> int:
        """How many wheels each run must give."""
        return len(INTERPRETERS) * len(ARCHS)


def command(argv: tuple[str, ...], *, cwd: Path | None = None) -> str:
    """Run a command that is not measured and return what it printed; raise BenchmarkError if it fails."""
    try:
        done = subprocess.run(
            argv,
            cwd=cwd,
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    except FileNotFoundError as error:
        raise BenchmarkError(f"{argv[0]} is not installed") from error
    except subprocess.CalledProcessError as error:
        raise BenchmarkError(
            f"{' '.join(argv)} failed ({error.returncode}):\n{error.stderr or error.stdout}"
        ) from error
    return done.stdout.strip()


def fetch(project: Project, work: Path, python: Path) -> Path:
    """Return the directory of the project's source, unpacked anew, a git checkout as in real life.

    The newest release is downloaded, once: what is in `work` is measured again.
    """
    downloads = work / "sdists" / project.name
    if not tuple(downloads.glob("*.tar.gz")):
        pip = (str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "download")
        command((*pip, "--no-deps", "--no-binary", ":all:", "--dest", str(downloads), project.name))
    (archive,) = downloads.glob("*.tar.gz")
    source = work / "sources" / archive.name.removesuffix(".tar.gz")
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    command(("tar", "-xf", str(archive), "--strip-components=1", "-C", str(source)))
    command(("git", "init", "--quiet", str(source)))
    return source


def environment(prefix: str) -> dict[str, str]:
    """Return this process's environment without the variables of the contender that has this prefix."""
    return {name: value for name, value in os.environ.items() if not name.startswith(prefix)}
