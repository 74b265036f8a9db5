"""`runner verify --provenance`, as a person runs it: what it says, and its exit codes."""

import subprocess
import sys
from pathlib import Path

from checkouts import commit, git, write
from msgspec.structs import replace
from runner_process import runner_environ
from stated_wheels import COMMIT, stated_wheel, statement_for
from stated_wheels import write as write_stated
from wheel_builder import I686, X86_64, build_wheel

from matrix_runner.files import sha256_of


def verify(*arguments: str | Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run `runner verify`."""
    argv = (sys.executable, "-m", "matrix_runner", "verify", *map(str, arguments))
    return subprocess.run(
        argv, cwd=cwd, env=runner_environ(), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


def test_wheels_that_are_what_is_said_of_them(tmp_path: Path) -> None:
    """A line each, by the report directory beside them, a directory of statements, or a single one."""
    wheel, report = stated_wheel(tmp_path)
    single = report / "provenance" / f"{X86_64}.json"
    for place in ((), ("--statements", report), ("--statements", single.parent), ("--statements", single)):
        # A report directory is known by the report of its run.
        (report / "report.json").write_text("{}")
        done = verify("--provenance", *place, wheel, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"{X86_64}: cp311-manylinux_x86_64, by matrix-runner 1.0, from git+https://")


def test_a_wheel_that_is_not_is_refused(tmp_path: Path) -> None:
    """By another content, without a statement, or with one that cannot be read; the right one is told all the same."""
    wheel, report = stated_wheel(tmp_path)
    other, _ = stated_wheel(tmp_path, I686)
    write_stated(report, statement_for(I686, "b" * 64))
    done = verify("--provenance", "--statements", report, wheel, other, cwd=tmp_path)
    assert done.returncode == 5
    assert done.stdout.startswith(X86_64)
    assert f"error: {I686}: its sha256 is {sha256_of(other)}, and its statement is of {'b' * 64}" in done.stderr
    (report / "provenance" / f"{I686}.json").write_text("{}")
    done = verify("--provenance", "--statements", report, other, cwd=tmp_path)
    assert done.returncode == 5
    assert f"error: {I686}: its statement cannot be read: it is no statement" in done.stderr
    (report / "provenance" / f"{I686}.json").unlink()
    done = verify("--provenance", "--statements", report, other, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (5, f"error: {I686}: no statement is of it\n")


def test_what_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    """Of the command line: no method, no statements, no wheel; one right wheel is told all the same."""
    wheel, report = stated_wheel(tmp_path)
    assert verify(wheel, cwd=tmp_path).returncode == 2
    empty = tmp_path / "empty"
    empty.mkdir()
    done = verify("--provenance", "--statements", empty, wheel, cwd=tmp_path)
    assert done.returncode == 2
    assert "has no statements of provenance" in done.stderr
    (tmp_path / "single.json").write_text("[]")
    done = verify("--provenance", "--statements", tmp_path / "single.json", wheel, cwd=tmp_path)
    assert done.returncode == 2
    assert "it is no statement of SLSA provenance" in done.stderr
    (tmp_path / "broken-1.0-py3-none-any.whl").write_text("x")
    done = verify("--provenance", "--statements", report, wheel, "broken-1.0-py3-none-any.whl", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout.startswith(X86_64)


def test_the_commit_that_is_asked_for(tmp_path: Path) -> None:
    """A whole hash anywhere, a revision in a checkout."""
    project = write(tmp_path / "project", setup_py="x")
    git(project, "init", "-q")
    commit(project, "first")
    head = git(project, "rev-parse", "HEAD").strip()
    wheel, report = stated_wheel(project)
    right = ("--provenance", "--statements", report, wheel)
    assert verify(*right, "--commit", COMMIT, cwd=project).returncode == 0
    done = verify(*right, "--commit", "HEAD", cwd=project)
    assert done.returncode == 5
    assert f"it was built from commit {COMMIT}, not from {head}" in done.stderr
    source = replace(
        statement_for(X86_64, "").predicate.build_definition.resolved_dependencies[0], digest={"gitCommit": head}
    )
    write_stated(report, statement_for(X86_64, sha256_of(wheel), source=source))
    assert verify(*right, "--commit", "HEAD", cwd=project).returncode == 0
    for wrong in ("HEAD~9", "--version"):
        done = verify(*right, f"--commit={wrong}", cwd=project)
        assert (done.returncode, f"{wrong!r} is no revision" in done.stderr) == (2, True)


def test_what_a_statement_says_is_no_command_to_a_terminal(tmp_path: Path) -> None:
    """It may come from anywhere."""
    wheel, report = stated_wheel(tmp_path)
    write_stated(report, statement_for(X86_64, sha256_of(build_wheel(tmp_path)), cell="\x1b[2J::error::x"))
    done = verify("--provenance", "--statements", report, wheel, cwd=tmp_path)
    assert done.returncode == 5
    assert "\x1b" not in done.stderr
