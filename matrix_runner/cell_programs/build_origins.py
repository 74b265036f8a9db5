"""Notes what a build's environment was filled with, and which files that came from, for `build_frontend`.

pip tells it itself, in a report. uv does not, but answers from its cache what the index has of a version; that takes
30 ms (measured, uv 0.13.9), beside the build and not before or after it.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LONGEST_ANSWER = 10
"""Seconds that are waited for uv's answer when the build has ended."""


class Package:
    """An installed distribution, by the files beside its modules."""

    def __init__(self, folder: str) -> None:
        self.name, _, self.version = os.path.basename(folder)[: -len(".dist-info")].partition("-")
        self.tags = [line[len("Tag:") :].strip() for line in _lines(folder, "WHEEL") if line.startswith("Tag:")]

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"


class Origins:
    """The origins of an environment's packages. `reports`: the files in which pip tells them."""

    def __init__(self, environment: str, here: str, reports: list[str], patience: float = LONGEST_ANSWER) -> None:
        self.here = here
        self.patience = patience
        self.reports = reports
        self.packages = list(_packages(environment))
        self.lock = os.path.join(here, "origins.toml")
        self.asked: subprocess.Popen[bytes] | None = None

    def ask_uv(self, env: Mapping[str, str], *, is_offline: bool = True) -> None:
        """Ask uv for the files of the versions that are there, without waiting for the answer.

        `is_offline`: from its cache alone. Else it also downloads files of which the index does not tell the hash.
        """
        words = ["-q", *(["--offline"] if is_offline else []), "--no-deps", "--no-header"]
        words += ["--format", "pylock.toml", "--python", sys.executable]
        with contextlib.suppress(OSError), open(self.lock, "wb") as answer:
            pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
            command = ["uv", "pip", "compile", *words, "-"]
            self.asked = subprocess.Popen(command, env=dict(env), stdin=pipe, stdout=answer, stderr=nowhere)
            assert self.asked.stdin is not None  # noqa: S101
            with self.asked.stdin as asking:
                asking.write("\n".join(map(str, self.packages)).encode())

    def write(self) -> None:
        """Write all that is known to `origins.json`. Never raises: a note that is missing fails no build."""
        with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):
            note = {
                "packages": [[one.name, one.version, one.tags] for one in self.packages],
                "lock": self._answer(),
                "reported": [entry for path in self.reports for entry in _reported(path)],
            }
            with open(os.path.join(self.here, "origins.json"), "w", encoding="utf-8") as file:
                json.dump(note, file)

    def _answer(self) -> str:
        if self.asked is None:
            return ""
        try:
            status = self.asked.wait(self.patience)
        except subprocess.TimeoutExpired:
            self.asked.kill()
            status = self.asked.wait()
        if status != 0:
            return ""
        with open(self.lock, encoding="utf-8") as file:
            return file.read()


def _packages(environment: str) -> Iterator[Package]:
    library = os.path.join(environment, "lib")
    for place in sorted(os.listdir(library)):
        site = os.path.join(library, place, "site-packages")
        if os.path.isdir(site):
            names = sorted(name for name in os.listdir(site) if name.endswith(".dist-info"))
            yield from (Package(os.path.join(site, name)) for name in names)


def _lines(folder: str, name: str) -> list[str]:
    try:
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except OSError:
        return []


def _reported(path: str) -> Iterator[dict[str, str]]:
    """Yield what a report of pip says of each package (pip's documentation, "Installation Report")."""
    try:
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
    except (OSError, ValueError):
        return
    for entry in report.get("install", ()):
        metadata, origin = entry.get("metadata", {}), entry.get("download_info", {})
        hashes = origin.get("archive_info", {}).get("hashes", {})
        yield {
            "name": str(metadata.get("name", "")),
            "version": str(metadata.get("version", "")),
            "url": str(origin.get("url", "")),
            "sha256": str(hashes.get("sha256", "")),
        }
