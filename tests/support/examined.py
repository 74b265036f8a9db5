"""What `runner doctor --json` says, run as a person does, with nothing of the caller's settings."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from jsonschema import Draft202012Validator
from runner_process import JSON, NO_ENGINE, runner_argv, runner_environ

from matrix_runner.doctor.telling.doctor_document import document_schema

_OF_THE_NETWORK = ("PIP_", "UV_", "SSL_", "REQUESTS_", "CURL_", "GIT_")


@dataclass(frozen=True, kw_only=True, slots=True)
class Examined:
    """An examination that has ended."""

    code: int
    document: JSON
    errors: str

    @property
    def verdicts(self) -> list[JSON]:
        """All verdicts."""
        return cast("list[JSON]", self.document["verdicts"])

    def of(self, topic: str) -> dict[str, JSON]:
        """Return the verdicts on a topic by their names, the first of each name."""
        return {str(one["name"]): one for one in reversed(self.verdicts) if one["topic"] == topic}

    @property
    def problems(self) -> dict[str, str]:
        """The names of verdicts that are not good news, with their levels."""
        return {str(one["name"]): str(one["level"]) for one in self.verdicts if one["level"] in {"warning", "error"}}


def quiet_environ(directory: Path, **variables: str) -> dict[str, str]:
    """Return variables of a user with a home and directories in `directory`, without engine, index or proxy settings.

    pip is told of no index, so that nothing is asked unless a test says what.
    """
    kept = {
        name: value
        for name, value in runner_environ().items()
        if not name.startswith(_OF_THE_NETWORK) and not name.lower().endswith("_proxy")
    }
    own = {name: str(directory / name) for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "HOME")}
    (directory / "HOME").mkdir(exist_ok=True)
    quiet = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return {**kept, **own, **NO_ENGINE, **quiet, **variables}


def examine(place: Path, environ: dict[str, str], *arguments: str) -> Examined:
    """Run the doctor in a directory."""
    done = subprocess.run(
        runner_argv("doctor", "--json", *arguments),
        cwd=place,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Traceback" not in done.stderr, done.stderr
    document = json.loads(done.stdout)
    Draft202012Validator(document_schema()).validate(document)
    assert document["exit_code"] == done.returncode
    return Examined(code=done.returncode, document=document, errors=done.stderr)


def files_below(directory: Path) -> Iterator[str]:
    """Yield the names of all files below a directory."""
    yield from (str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())
