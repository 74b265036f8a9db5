"""`runner shell` in real containers: the step's variables, directory and personality; nothing is left behind."""

import re
from contextlib import closing
from pathlib import Path

from image_source import ImageSource
from played_terminal import PlayedTerminal
from runner_process import leftovers, runner_argv, runner_environ
from sample_projects import extension_project, write_project

CELL = "cp311-manylinux_i686"
UP = "\x1b[A"


def test_a_person_mends_a_build_that_fails_in_a_32_bit_cell(images: ImageSource, tmp_path: Path) -> None:
    """In the cell's own container: the history has the build's command, which passes once the code is mended."""
    files = extension_project(settings='environment = "GREETING=hello"\n')
    files["answer.c"] += "\n#error this cannot be compiled\n"
    project = write_project(tmp_path / "project", files)
    argv = runner_argv("shell", CELL, project, *images.flags)
    with closing(PlayedTerminal(argv, cwd=tmp_path, env=runner_environ(TERM="xterm"))) as terminal:
        terminal.wait_for(f"{CELL}, after build has failed", seconds=300)
        terminal.wait_for(f"({CELL}, build) /project")
        terminal.type("sed -i '/#error/d' answer.c; echo $(uname -m) $GREETING $MATRIX_RUNNER_IDENTIFIER\n")
        terminal.wait_for(f"\ni686 hello {CELL}\n")
        terminal.type(f"{UP}{UP}\n")
        terminal.type("echo status $?\n")
        terminal.wait_for("\nstatus 0\n", seconds=300)
        terminal.type("exit\n")
        assert terminal.end() == 0
    (run,) = set(re.findall(r", run ([0-9a-f]+)", terminal.seen))
    assert leftovers(run) == ()
    assert "#error" in (project / "answer.c").read_text()
    assert list(tmp_path.glob("wheelhouse*")) == []
