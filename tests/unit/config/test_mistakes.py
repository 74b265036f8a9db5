"""Every way a configuration can be wrong is one clear line that names file and key."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import pytest
from bad_tables import IN_TABLE

from matrix_runner.config.loading.loading import load
from matrix_runner.config.loading.variable_layers import FlagValue
from matrix_runner.errors import ConfigError, ExitCode

WHOLE_FILES = (
    (b"[tool.matrix-runner\n", "pyproject.toml:1:20: Expected ']' at the end of a table declaration"),
    (b"[project]\nname = x\n", 'pyproject.toml:2:8: Invalid value: "name = x"'),
    (b"[project]\nname = 'a'\nname = 'b'\n", "pyproject.toml:3:11: Cannot overwrite a value"),
    (b"a = '", "pyproject.toml:1:6: "),
    (b"a = " + b"9" * 5000, "pyproject.toml: not readable as TOML: "),
    (b"a = " + b"[" * 100_000, "pyproject.toml: not readable as TOML: nested too deeply"),
    (b"# caf\xe9\n", "pyproject.toml: not UTF-8: byte 0xe9 at offset 5"),
    (b"\xef\xbb\xbf[project]\n", "pyproject.toml: begins with a byte order mark, which pip and build backends refuse"),
    ("a = 1".encode("utf-16"), "pyproject.toml: not UTF-8: byte 0xff at offset 0"),
    (b"#" * (1024**2 + 1), "pyproject.toml: larger than 1 MiB"),
    (b"a." * 100 + b"a = 1", "pyproject.toml: not readable as TOML: a key has more than 100 parts"),
    (b"[a" + b" . 'b'" * 100 + b"]", "pyproject.toml: not readable as TOML: a key has more than 100 parts"),
    (b"tool = 3", "pyproject.toml:1: tool: expected a table, got the integer 3"),
    (b"tool.matrix-runner = 'x'", "pyproject.toml:1: tool.matrix-runner: expected a table, got the string"),
    (b"[[tool.matrix-runner]]", "pyproject.toml:1: tool.matrix-runner: expected a table, got a list"),
    (b"[tool.matrix_runner]", "pyproject.toml:1: tool.matrix_runner: nothing reads this table; it has to be"),
    (b"[matrix-runner]", "pyproject.toml:1: matrix-runner: nothing reads this table"),
    (b"project = 3", "pyproject.toml:1: project: expected a table, got the integer 3"),
    (b"[project]\nname = 3", "pyproject.toml:2: project.name: expected a string, got the integer 3"),
    (b"[project]\nrequires-python = '3.9'", 'pyproject.toml:2: project.requires-python: "3.9" is no version specifier'),
    (b"[project]\nrequires-python = 3.9", "pyproject.toml:2: project.requires-python: expected a string"),
)  # fmt: skip

VARIABLES = (
    ("MATRIX_RUNNER_JOB", "3", 'MATRIX_RUNNER_JOB: unknown variable (did you mean "MATRIX_RUNNER_JOBS"?)'),
    ("MATRIX_RUNNER_", "3", "MATRIX_RUNNER_: unknown variable"),
    ("MATRIX_RUNNER_ALLOW_HOST_COMMANDS", "1", "MATRIX_RUNNER_ALLOW_HOST_COMMANDS: can only be given on the command"),
    ("MATRIX_RUNNER_JOBS", "three", 'MATRIX_RUNNER_JOBS: expected an integer from 0 to 1000, got the string "three"'),
    ("MATRIX_RUNNER_JOBS", "9" * 5000, "MATRIX_RUNNER_JOBS: expected an integer from 0 to 1000, got the string"),
    ("MATRIX_RUNNER_OVERWRITE", "maybe", 'MATRIX_RUNNER_OVERWRITE: expected true or false, got the string "maybe"'),
    ("MATRIX_RUNNER_ARCHS", "x86_64 arm", 'MATRIX_RUNNER_ARCHS: unknown architecture "arm"'),
    ("MATRIX_RUNNER_BEFORE_ALL", "\udc80", "MATRIX_RUNNER_BEFORE_ALL: is not valid UTF-8 text"),
    ("MATRIX_RUNNER_BUILD", "\udc80", "MATRIX_RUNNER_BUILD: is not valid UTF-8 text"),
    ("MATRIX_RUNNER_STEP_TIMEOUT", "1h30", "MATRIX_RUNNER_STEP_TIMEOUT: expected seconds, or a duration"),
)


class Mistakes(Protocol):
    """Returns the lines that a configuration gives."""

    def __call__(
        self, content: bytes = b"", *, environ: Mapping[str, str] = ..., flags: Mapping[str, FlagValue] = ...
    ) -> tuple[str, ...]:
        """Write the content to pyproject.toml, load it, and return the lines of the error that must come."""
        ...


NOTHING: Mapping[str, str] = MappingProxyType({})


@pytest.fixture
def mistakes(tmp_path: Path) -> Mistakes:
    """What a configuration in a fresh directory gives."""

    def run(
        content: bytes = b"", *, environ: Mapping[str, str] = NOTHING, flags: Mapping[str, FlagValue] = NOTHING
    ) -> tuple[str, ...]:
        (tmp_path / "pyproject.toml").write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            load(tmp_path, environ=environ, flags=flags)
        assert caught.value.exit_code is ExitCode.USAGE
        for line in caught.value.mistakes:
            assert line.isprintable(), "one line, and no character that a terminal could choke on"
        return caught.value.mistakes

    return run


def test_table_is_long_enough() -> None:
    """At least sixty ways of writing a configuration badly are tried."""
    assert len(IN_TABLE) + len(WHOLE_FILES) + len(VARIABLES) >= 60


@pytest.mark.parametrize(("body", "key", "said"), IN_TABLE, ids=[body[:60] for body, _, _ in IN_TABLE])
def test_mistake_in_table(mistakes: Mistakes, body: str, key: str, said: str) -> None:
    """A mistake in the table is one line with file, key path, what was wanted and what was found."""
    (line,) = mistakes(f"[tool.matrix-runner]\n{body}\n".encode())
    assert line.startswith(f"pyproject.toml:2: tool.matrix-runner.{key}: ")
    assert said in line


@pytest.mark.parametrize(("content", "line"), WHOLE_FILES, ids=[str(content[:30]) for content, _ in WHOLE_FILES])
def test_unreadable_file(mistakes: Mistakes, content: bytes, line: str) -> None:
    """A file that cannot be read, or whose tables are none, is one line that says where and why."""
    (found,) = mistakes(content)
    assert found.startswith(line)


@pytest.mark.parametrize(("name", "value", "line"), VARIABLES, ids=[name + value[:9] for name, value, _ in VARIABLES])
def test_mistake_in_environment(mistakes: Mistakes, name: str, value: str, line: str) -> None:
    """A mistake in a variable is one line that names it."""
    (found,) = mistakes(environ={name: value})
    assert found.startswith(line)


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        ({"archs": ("i686", "x87")}, '--archs: unknown architecture "x87"'),
        ({"build": ("cp3[",)}, '--only: "[" is not closed'),
        ({"archs": ""}, "--archs: must not be empty"),
        ({"jobs": -1}, "--jobs: expected an integer from 0 to 1000, got the integer -1"),
        ({"container-engine": "lokal"}, '--engine: unknown engine "lokal" (did you mean "local"?)'),
        ({"overwrite": 1}, "--overwrite: expected true or false, got the integer 1"),
    ],
)
def test_mistake_in_flag(mistakes: Mistakes, flags: Mapping[str, FlagValue], line: str) -> None:
    """A mistake in a flag is one line that names the flag as it is spelt."""
    (found,) = mistakes(flags=flags)
    assert found.startswith(line)


def test_all_mistakes_are_reported_at_once(mistakes: Mistakes) -> None:
    """Mistakes of the table, within one value, of the metadata, of the environment and of flags all come together."""
    lines = mistakes(
        b'[project]\nname = 1\n[tool.matrix-runner]\narchs = ["x", "i686", "y"]\njob = 1\nimage = 2\n',
        environ={"MATRIX_RUNNER_JOBS": "x", "MATRIX_RUNNER_X": ""},
        flags={"container-engine": "x"},
    )
    assert [line.split(": ")[:2] for line in lines] == [
        ["pyproject.toml:4", "tool.matrix-runner.archs[0]"],
        ["pyproject.toml:4", "tool.matrix-runner.archs[2]"],
        ["pyproject.toml:5", "tool.matrix-runner.job"],
        ["pyproject.toml:6", "tool.matrix-runner.image"],
        ["MATRIX_RUNNER_JOBS", 'expected an integer from 0 to 1000, got the string "x"'],
        ["MATRIX_RUNNER_X", lines[5].split(": ", 1)[1]],
        ["--engine", 'unknown engine "x"; known'],
        ["pyproject.toml:2", "project.name"],
    ]


def test_three_mistakes_in_one_file(mistakes: Mistakes) -> None:
    """A file with three mistakes names all three."""
    lines = mistakes(b'[tool.matrix-runner]\njobs = "x"\nskipp = ""\nbefore-all = "{projekt}"\n')
    assert len(lines) == 3


def test_two_findings_in_one_command(mistakes: Mistakes) -> None:
    """Two wrong placeholders in one command are two lines."""
    assert len(mistakes(b'[tool.matrix-runner]\nbefore-all = "{a} {b} {a}"\n')) == 2


def test_pyproject_is_a_directory(tmp_path: Path) -> None:
    """A directory of that name is said to be one."""
    (tmp_path / "pyproject.toml").mkdir()
    with pytest.raises(ConfigError, match=r"^pyproject.toml: cannot be read: it is a directory$"):
        load(tmp_path, environ={}, flags={})


def test_pyproject_is_a_pipe(tmp_path: Path) -> None:
    """A named pipe is never opened: that would wait for ever."""
    os.mkfifo(tmp_path / "pyproject.toml")
    with pytest.raises(ConfigError, match=r"^pyproject.toml: cannot be read: it is not a regular file$"):
        load(tmp_path, environ={}, flags={})


def test_pyproject_is_a_dangling_link(tmp_path: Path) -> None:
    """A link to nowhere is a mistake, not a project without the file."""
    (tmp_path / "pyproject.toml").symlink_to("elsewhere")
    with pytest.raises(ConfigError, match=r"^pyproject.toml: cannot be read: it is a link to a file that does not"):
        load(tmp_path, environ={}, flags={})


def test_pyproject_is_a_link_to_itself(tmp_path: Path) -> None:
    """What the system refuses to open is reported with the system's reason."""
    (tmp_path / "pyproject.toml").symlink_to("pyproject.toml")
    with pytest.raises(ConfigError, match=r"^pyproject.toml: cannot be read: too many levels of symbolic links$"):
        load(tmp_path, environ={}, flags={})


def test_not_a_project(tmp_path: Path) -> None:
    """A directory without any project file is refused, and the files that were looked for are named."""
    with pytest.raises(ConfigError, match=r"it has no pyproject.toml, setup.py, setup.cfg$"):
        load(tmp_path, environ={}, flags={})


def test_no_directory(tmp_path: Path) -> None:
    """A project that is not there is refused, with a hint."""
    with pytest.raises(ConfigError, match=r"nowhere: no such directory$") as caught:
        load(tmp_path / "nowhere", environ={}, flags={})
    assert caught.value.hint is not None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such file"),
        ("[tool.other]", "has no table [tool.matrix-runner]"),
        ("[tool.matrix-runner", ":1:20: "),
        ("[tool.matrix-runner]\njob = 1", ":2: tool.matrix-runner.job: unknown option"),
    ],
)
def test_config_file(tmp_path: Path, content: str | None, said: str) -> None:
    """A file named on the command line has to be there and to hold our table; mistakes name it as it was given."""
    (tmp_path / "pyproject.toml").write_text("[tool.matrix-runner]\nthis-is = 'not read'")
    other = tmp_path / "other.toml"
    if content is not None:
        other.write_text(content)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, environ={}, flags={}, config_file=other)
    (line,) = caught.value.mistakes
    assert line.startswith(str(other))
    assert said in line
