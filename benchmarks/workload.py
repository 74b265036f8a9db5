"""What all contenders are given: a project, the same cells, the same images, the same test."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ARCHS = ("x86_64", "i686")
OUR_IMAGES = "matrix-runner/manylinux_2_31"
ALL_PYTHONS = ("cp39", "cp311", "cp313")


class BenchmarkError(Exception):
    """Something that makes a measurement impossible, or worthless."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """A project on the package index, the compiled module whose import is the test, and Pythons that it supports."""

    name: str
    module: str
    pythons: tuple[str, ...] = ALL_PYTHONS


MARKUPSAFE = Release(name="markupsafe", module="markupsafe._speedups")
ZSTANDARD = Release(name="zstandard", module="zstandard.backend_c", pythons=("cp311", "cp313"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Workload:
    """One thing to measure. `images`: name of the images but for the architecture. `ca_bundle`: the host's, if set.

    `test`: Python statements that need the built module.
    """

    source: Path
    test: str
    images: str
    ca_bundle: Path | None
    pythons: tuple[str, ...] = ALL_PYTHONS
    archs: tuple[str, ...] = ARCHS
    before_all: str = ""

    @property
    def test_command(self) -> str:
        """The test: a shell command."""
        return f'python -c "{self.test}"'

    @property
    def patterns(self) -> str:
        """The cells, as both tools' option `build` wants them."""
        return " ".join(f"{python}-manylinux_*" for python in self.pythons)

    def image(self, arch: str) -> str:
        """Return the image of an architecture."""
        return f"{self.images}_{arch}"

    @property
    def cells(self) -> int:
        """How many wheels each run must give."""
        return len(self.pythons) * len(self.archs)


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


def fetch(release: Release, work: Path, python: Path) -> Path:
    """Return the release's source, downloaded once: what is in `work` is measured again. It is not to be changed."""
    downloads = work / "sdists" / release.name
    if not tuple(downloads.glob("*.tar.gz")):
        pip = (str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "download")
        command((*pip, "--no-deps", "--no-binary", release.name, "--dest", str(downloads), release.name))
    (archive,) = downloads.glob("*.tar.gz")
    source = work / "sources" / archive.name.removesuffix(".tar.gz")
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    command(("tar", "-xf", str(archive), "--strip-components=1", "-C", str(source)))
    return source


def checkout(files: Path, target: Path) -> Path:
    """Copy a project to where nobody has built it before, as a git checkout, as in real life; return that place."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(files, target, symlinks=True)
    command(("git", "init", "--quiet", str(target)))
    return target


def environment(*prefixes: str) -> dict[str, str]:
    """Return this process's environment without the variables that begin so."""
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
