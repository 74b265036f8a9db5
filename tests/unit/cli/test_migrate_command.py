"""`runner migrate` as a command: what it shows, when it asks, and what it leaves on the disk."""

import os
import pty
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from runner_process import runner_argv, runner_environ

from matrix_runner.cli import cli
from matrix_runner.errors import UsageError

OLD = '[project]\nname = "demo"\nversion = "1"\n\n[tool.cibuildwheel]\nbuild = "cp3*"  # why\n'
NEW = (
    OLD
    + '\n[tool.matrix-runner]\narchs = ["native"]\nbuild-frontend = "build"\nsource-files = "all"\n'
    + 'build = "cp3*"  # why\n'
)


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    file = tmp_path / "demo" / "pyproject.toml"
    file.parent.mkdir()
    file.write_bytes(OLD.encode())
    return file


def migrate(*arguments: str | Path, **variables: str) -> Result:
    """Run the command within this process, where standard input is no terminal."""
    return CliRunner().invoke(cli, ["migrate", *map(str, arguments)], env={"CIBW_BUILD": None, **variables})


def refusal(result: Result) -> UsageError:
    """Return the mistake that ended the command."""
    assert isinstance(result.exception, UsageError), result.output
    return result.exception


def test_yes_writes_and_shows(file: Path) -> None:
    """`--yes` shows the difference, writes it and says so; doing it again changes nothing and says why."""
    result = migrate("--yes", file.parent)
    assert result.exit_code == 0
    assert [line for line in result.stdout.splitlines() if line.startswith(("+", "-"))] == [
        f"--- {file}",
        f"+++ {file}",
        "+",
        *(f"+{line}" for line in NEW[len(OLD) + 1 :].splitlines()),
    ]
    assert f"{file}: written" in result.stderr
    assert file.read_bytes() == NEW.encode()
    again = refusal(migrate("--yes", file.parent))
    assert "[tool.matrix-runner] already" in again.message
    assert file.read_bytes() == NEW.encode()


def test_check_writes_nothing(file: Path) -> None:
    """`--check` shows the same and ends with 0."""
    result = migrate("--check", file.parent)
    assert (result.exit_code, file.read_bytes()) == (0, OLD.encode())
    assert "+[tool.matrix-runner]" in result.stdout


def test_without_a_terminal_it_does_not_ask(file: Path) -> None:
    """Where nobody can answer nothing is written, and both ways out are named."""
    error = refusal(migrate(file.parent))
    assert "no terminal" in error.message
    assert "--yes" in str(error.hint)
    assert "--check" in str(error.hint)
    assert file.read_bytes() == OLD.encode()


@pytest.mark.parametrize(("answer", "left"), [(b"\n", NEW), (b"y\n", NEW), (b"n\n", OLD)])
def test_at_a_terminal_it_asks(file: Path, answer: bytes, left: str) -> None:
    """The question comes after the difference; no means no."""
    mine, theirs = pty.openpty()
    os.write(mine, answer)
    try:
        done = subprocess.run(
            runner_argv("migrate", file.parent),
            stdin=theirs,
            env=runner_environ(),
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        os.close(mine)
        os.close(theirs)
    assert "Write it?" in done.stderr
    assert ("nothing is written" in done.stderr) == (left == OLD)
    assert file.read_text("utf-8") == left


def test_mode_mark_and_line_ends_are_kept(file: Path) -> None:
    """The file's permissions, its byte order mark and its line ends are what they were."""
    windows = "\ufeff" + OLD.replace("\n", "\r\n")
    # Build tools read pyproject.toml, and refuse the mark.
    file.rename(file.with_name("wheels.toml"))
    file.write_text("[project]\nname = 'demo'\n")
    file = file.with_name("wheels.toml")
    file.write_bytes(windows.encode())
    file.chmod(0o640)
    assert migrate("--yes", "--config-file", str(file), file.parent).exit_code == 0
    assert file.read_bytes() == ("\ufeff" + NEW.replace("\n", "\r\n")).encode()
    assert file.stat().st_mode & 0o7777 == 0o640
    assert {path.name for path in file.parent.iterdir()} == {"pyproject.toml", "wheels.toml"}


def test_a_link_stays_a_link(file: Path, tmp_path: Path) -> None:
    """What is written is the file that the link leads to."""
    other = tmp_path / "other"
    other.mkdir()
    link = other / "pyproject.toml"
    link.symlink_to("../demo/pyproject.toml")
    assert migrate("--yes", other).exit_code == 0
    assert link.is_symlink()
    assert file.read_bytes() == NEW.encode()


def test_another_file_is_migrated_in_its_place(file: Path) -> None:
    """`--config-file`, with `{package}` in it, is read and written; pyproject.toml is left alone."""
    other = file.parent / "wheels.toml"
    other.write_text('[tool.cibuildwheel]\nskip = "pp*"\n')
    assert migrate("--yes", "--config-file", "{package}/wheels.toml", file.parent).exit_code == 0
    assert '[tool.matrix-runner]\narchs = ["native"]\n' in other.read_text()
    assert file.read_bytes() == OLD.encode()
    missing = refusal(migrate("--yes", "--config-file", "{package}/none.toml", file.parent))
    assert missing.message == f"{file.parent}/none.toml: no such file"


def test_what_cannot_be_written_is_told(file: Path) -> None:
    """Where no file can be made beside it, the reason is one line; nothing is left behind.

    A name as long as names can be is an obstacle for the superuser too, other than a directory's permissions.
    """
    long = file.rename(file.parent / f"{'x' * 250}.toml")
    (file.parent / "setup.py").touch()
    error = refusal(migrate("--yes", "--config-file", long, file.parent))
    assert error.message == f"{long}: cannot be written: File name too long"
    assert "--check" in str(error.hint)
    assert long.read_bytes() == OLD.encode()
    assert sorted(path.name for path in file.parent.iterdir()) == ["setup.py", long.name]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[project]\nname = "x"\n', "no table [tool.cibuildwheel] to migrate"),
        ("[tool]\nx = 1\n", "no table [tool.cibuildwheel] to migrate"),
        ("[tool.cibuildwheel\n", "pyproject.toml:1:"),
        ("[tool.cibuildwheel]\nbuidl = 1\n", 'tool.cibuildwheel.buidl: unknown option (did you mean "build"?)'),
        ("[tool.cibuildwheel]\n[tool.matrix-runner]\n", "it has [tool.matrix-runner] already"),
        ('[tool.cibuildwheel]\narchs = "universal2"\n', "tool.matrix-runner.archs: must not be empty"),
    ],
)
def test_what_cannot_be_migrated_is_told(file: Path, text: str, words: str) -> None:
    """No table, no TOML, a mistake, a table of ours: each is a line, and the file stays."""
    file.write_text(text)
    assert words in refusal(migrate("--yes", file.parent)).message
    assert file.read_text() == text


def test_a_project_without_the_file_is_told(tmp_path: Path) -> None:
    """A project of setup.py alone has nothing to migrate; variables do not need to."""
    (tmp_path / "setup.py").write_text("from setuptools import setup\nsetup()\n")
    error = refusal(migrate("--yes", tmp_path))
    assert error.message == f"{tmp_path}/pyproject.toml: no such file"
    assert "CIBW_BUILD" in str(error.hint)


def test_what_a_table_cannot_take_over_is_noted(file: Path) -> None:
    """Variables that are no longer read are named; and what refuses a wheel that the old table delivers."""
    (file.parent / "setup.py").write_text('import os\nif "CIBUILDWHEEL" in os.environ:\n    pass\n')
    notes = migrate("--check", file.parent, CIBW_SKIP="pp*").stderr
    assert "note: CIBW_SKIP: set here, and not read with a table of our own" in notes
    assert "CIBUILDWHEEL" not in notes, "it is set in cells with either table"
    assert "note" not in migrate("--check", file.parent, CIBW_SKIP="pp*").stdout
    (line,) = migrate("--check", file.parent).stderr.splitlines()
    assert line.startswith("note: a finding about a finished wheel refuses it from now on")
    assert "`accept`" in line


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("test-command = 'x'", ()),
        ("test-requires = 'y'", ()),
        ("test-command = 'x'\ntest-requires = 'y'", ("installed together",)),
        ("test-command = 'x'\ntest-groups = 'y'", ("installed together",)),
        ("test-command = 'x'\nbuild-frontend = 'build[uv]'", ("[tool.uv] and uv.toml",)),
        (
            "test-command = 'x'\ntest-requires = 'y'\noverrides = [{ select = 'cp312*', build-frontend = 'uv' }]",
            ("installed together", "[tool.uv] and uv.toml"),
        ),
    ],
)
def test_what_tests_do_otherwise_is_noted(file: Path, table: str, words: tuple[str, ...]) -> None:
    """Where tests are installed for in another way from now on, and only there, a note says so."""
    file.write_text(f"[dependency-groups]\ny = []\n[tool.cibuildwheel]\n{table}\n")
    _, *notes = [line for line in migrate("--check", file.parent).stderr.splitlines() if "from now on" in line]
    assert len(notes) == len(words)
    assert all(word in note for word, note in zip(words, notes, strict=True))
