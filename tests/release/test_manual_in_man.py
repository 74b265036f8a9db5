"""The manual pages, as a reader gets them: by `man`, from the place where the wheel is installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from runner_process import REPOSITORY

PAGES = sorted((REPOSITORY / "man").glob("*.1"))

pytestmark = pytest.mark.network


def output(*argv: str | Path, path: Path | None = None) -> str:
    """Run a command, with a directory at the head of PATH; return what it prints. It may complain of nothing."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("MAN", "PYTHONPATH"))}
    environ |= {"LC_ALL": "C.UTF-8", "MANWIDTH": "80"}
    if path is not None:
        environ["PATH"] = f"{path}:{environ['PATH']}"
    done = subprocess.run(list(map(str, argv)), env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel in it, and nothing else."""
    directory = tmp_path_factory.mktemp("manual")
    uv = (sys.executable, "-m", "uv", "--quiet")
    output(*uv, "build", "--wheel", "--out-dir", directory / "dist", REPOSITORY)
    (wheel,) = (directory / "dist").glob("*.whl")
    output(*uv, "venv", directory / "venv")
    output(*uv, "pip", "install", "--no-deps", "--python", directory / "venv/bin/python", wheel)
    return directory / "venv"


def test_man_finds_them_where_the_program_is_on_the_path(installed: Path) -> None:
    """`man runner` needs nothing but the program's directory in PATH, and shows the page of that installation."""
    assert len(PAGES) > 15
    for page in PAGES:
        found = output("man", "-w", page.stem, path=installed / "bin").strip()
        assert found == str(installed / "share/man/man1" / page.name)
        assert Path(found).read_bytes() == page.read_bytes()
    text = output("man", "-P", "cat", "runner", path=installed / "bin")
    assert "SYNOPSIS\n       runner [OPTIONS] COMMAND [ARGS]..." in text
    assert "runner-build(1)" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_readers_complain_of_nothing(page: Path) -> None:
    """Neither groff with all its warnings nor mandoc, which is stricter; and `apropos` finds what a page is about."""
    shown = output("man", "--warnings=w", "-E", "UTF-8", "-P", "cat", "-l", page)
    assert all(len(line) <= 80 or line.startswith("         ") for line in shown.splitlines())
    # They have no date: it would be another one at each release, with the same words.
    lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True, check=False)
    assert [line for line in lint.stdout.splitlines() if not line.endswith('missing date, using "": TH')] == []
    assert output("lexgrog", page).startswith(f'{page}: "{page.stem} - ')
