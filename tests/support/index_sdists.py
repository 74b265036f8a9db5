"""Sdists from the package index, as they are published."""

import hashlib
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import cast
from urllib.request import urlopen

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from matrix_runner.toml import loads

_Table = dict[str, object]


def fetch_sdists(directory: Path, requirements: Iterable[str], *, environ: dict[str, str]) -> dict[str, Path]:
    """Download the sdist of each requirement, `name` or `name==1.0`, into a new directory; return them by name.

    pip would build the metadata of each, which takes minutes and compilers. A lock file (PEP 751) only says where an
    sdist is.
    """
    directory.mkdir(parents=True)
    wanted = tuple(requirements)
    (directory / "names.in").write_text("\n".join(wanted))
    where = ("--no-python-downloads", "--python", sys.executable, "--python-version", "3.14")
    what = ("--no-deps", "--format", "pylock.toml", "--output-file", "pylock.toml")
    command = (sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-cache", *where, *what, "names.in")
    subprocess.run(command, cwd=directory, env=environ, check=True, stdin=subprocess.DEVNULL)
    lock = loads((directory / "pylock.toml").read_text("utf-8"))
    packages = {str(package["name"]): package for package in cast("list[_Table]", lock["packages"])}
    names = [Requirement(each).name for each in wanted]
    return {name: _fetch(packages[canonicalize_name(name)], directory) for name in names}


def _fetch(package: _Table, directory: Path) -> Path:
    sdist = cast("_Table", package["sdist"])
    with urlopen(str(sdist["url"]), timeout=300) as response:  # noqa: S310  the index's own address
        content: bytes = response.read()
    assert hashlib.sha256(content).hexdigest() == cast("_Table", sdist["hashes"])["sha256"]
    archive = directory / os.path.basename(str(sdist["url"]))  # noqa: PTH119  of an address
    archive.write_bytes(content)
    return archive


def unpack_sdist(sdist: Path, directory: Path) -> Path:
    """Unpack an sdist into a directory; return that of its project."""
    with tarfile.open(sdist) as archive:
        if hasattr(tarfile, "data_filter"):
            archive.extractall(directory, filter="data")
        else:
            archive.extractall(directory)  # noqa: S202  3.10 before its data filter; the index is trusted here
    (project,) = directory.iterdir()
    return project
