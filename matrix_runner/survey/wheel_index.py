"""What the package index has of a project's requirements: asked through uv, which knows the user's index."""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from matrix_runner.toml import TOMLDecodeError, TOMLValue, loads

_SECONDS: Final = 60
"""uv needs one or two; a network that answers nothing must not stop the rest."""


class IndexAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The packages of a lock file (PEP 751) as tables; or why there is none, in `problem`."""

    packages: tuple[Mapping[str, TOMLValue], ...] = ()
    problem: str = ""


def lock(requirements: Iterable[str], python: str, environ: Mapping[str, str]) -> IndexAnswer:
    """Resolve requirements for all systems and for Pythons from `python` (such as `3.9`) on. Nothing is installed."""
    program = _uv()
    if program is None:
        return IndexAnswer(problem="the package index was not asked: `pip install uv` lets it be")
    words = (program, "pip", "compile", "--universal", "--format", "pylock.toml", "--python-version", python)
    quiet = ("--quiet", "--no-header", "--no-annotate", "--no-python-downloads", "--no-config", "-")
    text = "".join(f"{each}\n" for each in requirements)
    try:
        done = subprocess.run(
            (*words, *quiet),
            input=text,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
            env=dict(environ),
        )
    except subprocess.TimeoutExpired:
        return IndexAnswer(problem=f"the package index did not answer within {_SECONDS} s")
    except OSError as error:
        return IndexAnswer(problem=f"the package index was not asked: {program}: {error.strerror}")
    if done.returncode:
        return IndexAnswer(problem=f"the package index: {_cause(done.stderr)}")
    try:
        packages = loads(done.stdout).get("packages", [])
    except TOMLDecodeError:
        return IndexAnswer(problem="uv's answer is no lock file (PEP 751)")
    return IndexAnswer(
        packages=tuple(each for each in packages if isinstance(each, dict)) if isinstance(packages, list) else ()
    )


def _uv() -> str | None:
    """Return the program: on PATH, or beside this Python, where an environment that is not activated has it."""
    beside = Path(sys.executable).with_name("uv")
    return shutil.which("uv") or (str(beside) if beside.exists() else None)


def _cause(stderr: str) -> str:
    lines = [line.strip(" \t\u00d7\u2570\u2500\u25b6\u2502\u251c|`-x") for line in stderr.splitlines()]
    return next((line for line in lines if line and not line.startswith("warning")), "it gave no reason")
