"""The tool that this project is a drop-in for, in an environment of its own, and the projects that it is held to."""

import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from index_sdists import fetch_sdists
from runner_process import runner_argv, runner_environ

PROJECTS = (
    "aiohttp",
    "asyncpg",
    "contourpy",
    "coverage",
    "cymem",
    "frozenlist",
    "httptools",
    "immutables",
    "kiwisolver",
    "line-profiler",
    "lru-dict",
    "lxml",
    "MarkupSafe",
    "multidict",
    "numpy",
    "pandas",
    "propcache",
    "psutil",
    "pyzmq",
    "scikit-image",
    "setproctitle",
    "shapely",
    "SQLAlchemy",
    "websockets",
    "xxhash",
    "yarl",
    "zstandard",
)

_ANSWERS = Path(__file__).parents[1] / "peer" / "peer_answers.py"
_CONFIGURATION = ("pyproject.toml", "setup.py", "setup.cfg")
# What would configure either tool, or make uv something else than a reader of the index.
_FOREIGN = ("CIBW_", "CIBUILDWHEEL", "UV_PYTHON", "UV_PROJECT", "COLUMNS", "LINES")

Values = dict[str, object]

FORMER_GROUP = "cpython-freethreading"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a command printed on standard output, by lines, and how it ended. `complaint`: standard error."""

    code: int
    lines: tuple[str, ...]
    complaint: str


def environ(**variables: str) -> dict[str, str]:
    """Return this process's environment without what configures either tool, and with these variables."""
    clean = {name: value for name, value in runner_environ().items() if not name.startswith(_FOREIGN)}
    return {**clean, **variables}


def ask(*argv: str | Path, directory: Path | None = None, variables: Mapping[str, str]) -> Answer:
    """Run a command to its end, in a directory."""
    done = subprocess.run(
        list(map(str, argv)),
        cwd=directory,
        env=environ(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=600,
    )
    output, complaint = (stream.decode("utf-8", "replace") for stream in (done.stdout, done.stderr))
    return Answer(code=done.returncode, lines=tuple(output.splitlines()), complaint=complaint)


@dataclass(frozen=True, kw_only=True, slots=True)
class Peer:
    """cibuildwheel, as pip installs it today. `bin`: the directory of its commands."""

    bin: Path

    def identifiers(self, project: Path, archs: str | None, variables: Mapping[str, str]) -> Answer:
        """Return what it prints as identifiers for Linux; `archs` None: for what the project says."""
        chosen = ("--archs", archs) if archs else ()
        command = (self.bin / "cibuildwheel", "--platform", "linux", *chosen, "--print-build-identifiers", ".")
        return ask(*command, directory=project, variables=variables)

    def reads(self, project: Path, variables: Mapping[str, str]) -> dict[str, str]:
        """Return the variables, so changed that the peer does not refuse a group of former days, as ours does not.

        scikit-image 0.26 still enables `cpython-freethreading`, of which no interpreter is left.
        """
        answer = self.identifiers(project, "all", variables)
        if not (answer.code and FORMER_GROUP in answer.complaint):
            return dict(variables)
        inherit = "; ".join(filter(None, ("enable: none", variables.get("CIBW_INHERIT"))))
        return {"CIBW_ENABLE": "", **variables, "CIBW_INHERIT": inherit}

    def options(self, project: Path, archs: str, variables: Mapping[str, str]) -> dict[str, Values]:
        """Return the options that it resolves for each identifier."""
        answer = ask(self.bin / "python", _ANSWERS, ".", archs, directory=project, variables=variables)
        assert answer.code == 0, answer.complaint
        return cast("dict[str, Values]", json.loads("\n".join(answer.lines)))


def install_peer(directory: Path) -> Peer:
    """Install the newest release that pip finds, and uv, into a new environment."""
    subprocess.run((_python(), "-m", "venv", directory), check=True)
    pip = (directory / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--quiet", "install")
    subprocess.run((*pip, "cibuildwheel", "uv"), check=True, stdin=subprocess.DEVNULL)
    return Peer(bin=directory / "bin")


def _python() -> str:
    """Return the newest Python on the path, or this one: today's releases of the peer do not install on 3.10."""
    for name in ("python3.14", "python3.13", "python3.12", "python3.11"):
        found = shutil.which(name)
        if found and subprocess.run((found, "-c", ""), capture_output=True, check=False).returncode == 0:
            return found
    return sys.executable


def fetch_configurations(directory: Path) -> dict[str, Path]:
    """Download the newest sdist of each project; return the directories with what configures it, by name."""
    return {
        name: _unpack(sdist, directory / name)
        for name, sdist in fetch_sdists(directory, PROJECTS, environ=environ()).items()
    }


def _unpack(archive: Path, directory: Path) -> Path:
    directory.mkdir()
    with tarfile.open(archive) as opened:
        for member in opened:
            root, _, name = member.name.partition("/")
            if root and name in _CONFIGURATION and (stream := opened.extractfile(member)):
                (directory / name).write_bytes(stream.read())
    return directory


def our_identifiers(project: Path, archs: str | None, variables: Mapping[str, str]) -> Answer:
    """Return what our command prints as identifiers."""
    chosen = ("--archs", archs) if archs else ()
    argv = runner_argv("plan", ".", "--format", "identifiers", *chosen)
    return ask(*argv, directory=project, variables=variables)


def our_options(project: Path, identifier: str, variables: Mapping[str, str]) -> Values:
    """Return the values that our command explains for one cell."""
    answer = ask(*runner_argv("explain", identifier, ".", "--json"), directory=project, variables=variables)
    assert answer.code == 0, answer.complaint
    explained = cast("dict[str, dict[str, Values]]", json.loads("\n".join(answer.lines)))
    return {name: option["value"] for name, option in explained["options"].items()}


def representatives(resolved: dict[str, Values]) -> tuple[str, ...]:
    """Return the first identifier of each set of those for which the peer resolves the same, the image's name apart."""
    seen: dict[str, str] = {}
    for identifier, values in resolved.items():
        known = {"image" if name.endswith("-image") else name: value for name, value in values.items()}
        seen.setdefault(json.dumps(known, sort_keys=True), identifier)
    return tuple(seen.values())
