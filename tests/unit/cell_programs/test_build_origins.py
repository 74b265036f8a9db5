"""What `build_frontend` notes of its environment, with uv and with pip's reports; never at the cost of a build."""

import json
import os
import sys
from pathlib import Path

import pytest

from matrix_runner.cell_programs.build_origins import Origins


def environment(root: Path) -> Path:
    """Make an environment with one package, as far as it is looked at."""
    site = root / "environment" / "lib" / "python3.11" / "site-packages"
    info = site / "flit_core-3.12.dist-info"
    info.mkdir(parents=True)
    (info / "WHEEL").write_text("Wheel-Version: 1.0\nTag: py3-none-any\n")
    (site / "bare-1.dist-info").mkdir()
    return root / "environment"


def note(root: Path) -> dict[str, object]:
    """Return what was noted."""
    found: dict[str, object] = json.loads((root / "origins.json").read_text("utf-8"))
    return found


def program(root: Path, script: str) -> dict[str, str]:
    """Make a program called uv; return the variables by which it is found."""
    folder = root / "bin"
    folder.mkdir()
    (folder / "uv").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "uv").chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


PACKAGES = [["bare", "1", []], ["flit_core", "3.12", ["py3-none-any"]]]


def test_what_is_installed(tmp_path: Path) -> None:
    """Name, version and tags; with nobody to ask, no origin."""
    Origins(str(environment(tmp_path)), str(tmp_path), []).write()
    assert note(tmp_path) == {"packages": PACKAGES, "lock": "", "reported": []}


def test_uv_is_asked_for_just_these_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its cache alone, for the interpreter of the cell; its answer is noted as it is."""
    found = program(tmp_path, 'echo "$*"; cat')
    monkeypatch.setenv("PATH", found["PATH"])
    origins = Origins(str(environment(tmp_path)), str(tmp_path), [])
    origins.ask_uv(found)
    origins.write()
    words, *asked = str(note(tmp_path)["lock"]).splitlines()
    assert words.startswith("pip compile -q --offline --no-deps")
    assert sys.executable in words
    assert asked == ["bare==1", "flit_core==3.12"]


@pytest.mark.parametrize("script", ["exit 1", "echo half; exit 2"])
def test_a_uv_that_fails_answers_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Nor does one that hears nothing, or that is not there."""
    found = program(tmp_path, script)
    monkeypatch.setenv("PATH", found["PATH"])
    origins = Origins(str(environment(tmp_path)), str(tmp_path), [])
    origins.ask_uv(found)
    origins.write()
    assert note(tmp_path) == {"packages": PACKAGES, "lock": "", "reported": []}


def test_no_uv_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its packages are noted all the same."""
    monkeypatch.setenv("PATH", "/nonexistent")
    origins = Origins(str(environment(tmp_path)), str(tmp_path), [])
    origins.ask_uv({"PATH": "/nonexistent"})
    origins.write()
    assert note(tmp_path)["packages"] == PACKAGES


def test_pips_reports(tmp_path: Path) -> None:
    """Of each installation; one that is missing or damaged is passed over."""
    report = {
        "version": "1",
        "install": [
            {
                "metadata": {"name": "flit_core", "version": "3.12"},
                "download_info": {"url": "https://i.example/f.whl", "archive_info": {"hashes": {"sha256": "f"}}},
            },
            {"metadata": {"name": "x", "version": "1"}, "download_info": {"url": "file:///x", "dir_info": {}}},
        ],
    }
    (tmp_path / "report-0.json").write_text(json.dumps(report))
    (tmp_path / "report-1.json").write_text("{")
    reports = [str(tmp_path / f"report-{number}.json") for number in range(3)]
    Origins(str(environment(tmp_path)), str(tmp_path), reports).write()
    assert note(tmp_path)["reported"] == [
        {"name": "flit_core", "version": "3.12", "url": "https://i.example/f.whl", "sha256": "f"},
        {"name": "x", "version": "1", "url": "file:///x", "sha256": ""},
    ]


def test_a_note_that_cannot_be_written_fails_no_build(tmp_path: Path) -> None:
    """Nobody reads it then."""
    Origins(str(environment(tmp_path)), str(tmp_path / "missing"), []).write()
