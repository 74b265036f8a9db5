"""Every way a configuration can be wrong is one clear line that names file and key."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import pytest

from matrix_runner.config import FlagValue, load
from matrix_runner.errors import ConfigError, ExitCode

IN_TABLE = (
    # unknown names
    ('befor-all = "x"', "befor-all", 'unknown option (did you mean "before-all"?)'),
    ("Jobs = 2", "Jobs", 'did you mean "jobs"?'),
    ('manylinux-x86-64-image = "x"', "manylinux-x86-64-image", 'did you mean "manylinux-x86_64-image"?'),
    ('"a b" = 1', '"a b"', "unknown option"),
    ('"a\\nb" = 1', '"a\\nb"', "unknown option"),
    ("allow-host-commands = true", "allow-host-commands", "on the command line, as --allow-host-commands"),
    # shapes
    ("build = 3", "build", "expected a list of patterns, or a string of them separated by spaces, got the integer 3"),
    ("build = [3]", "build[0]", "expected a string, got the integer 3"),
    ('build = ["*", ["x"]]', "build[1]", "expected a string, got a list"),
    ("build = 1.5", "build", "got the float 1.5"),
    ("skip = 2024-02-03", "skip", "got a date"),
    ("skip = 12:00:00", "skip", "got a time"),
    ("skip = {}", "skip", "got a table"),
    ("skip = nan", "skip", "got the float nan"),
    ("test-command = true", "test-command", "got the boolean true"),
    ("test-command = ['a', 1]", "test-command[1]", "expected a string, got the integer 1"),
    ("test-command = ['a', '']", "test-command[1]", "must not be empty"),
    ('jobs = "many"', "jobs", "expected an integer from 0 to 1000, got the string"),
    ("jobs = 1.0", "jobs", "got the float 1.0"),
    ("jobs = true", "jobs", "got the boolean true"),
    ("jobs = -1", "jobs", "got the integer -1"),
    ("jobs = 0x" + "f" * 6000, "jobs", "got a huge integer"),
    ("build-verbosity = 4", "build-verbosity", "expected an integer from -3 to 3, got the integer 4"),
    ('overwrite = "yes"', "overwrite", "expected true or false, got the string"),
    ("output-dir = ''", "output-dir", "must not be empty"),
    ("output-dir = ['a']", "output-dir", "expected a string, got a list"),
    ('output-dir = "a\\u0000b"', "output-dir", "contains a NUL character"),
    # closed sets
    ('archs = ["i686", "x86-64"]', "archs[1]", 'unknown architecture "x86-64" (did you mean "x86_64"?); known: x86_64'),
    ('archs = "amd64"', "archs", '(did you mean "x86_64"?)'),
    ("archs = []", "archs", "must not be empty"),
    ('archs = ""', "archs", "must not be empty"),
    ('archs = "auto, arm46"', "archs", 'unknown architecture "arm46"'),
    ('enable = ["pyp"]', "enable[0]", 'unknown group "pyp" (did you mean "pypy"?); known: cpython-prerelease'),
    ('container-engine = "dockre"', "container-engine", '"dockre" (did you mean "docker"?); known: auto, docker, podman, local'),
    ('container-engine = ""', "container-engine", "must not be empty"),
    # patterns
    ('build = "cp3[19-*"', "build", '"[" is not closed in the pattern "cp3[19-*"'),
    ('build = "cp3{9,10-*"', "build", '"{" is not closed'),
    ('skip = "cp39}-*"', "skip", '"}" without "{"'),
    ('skip = ["a", "cp39-*,cp310-*"]', "skip[1]", "separated by spaces, not commas"),
    ('test-skip = "cp39-$ARCH"', "test-skip", 'no identifier holds "$"'),
    # images
    ('manylinux-i686-image = ""', "manylinux-i686-image", "must not be empty"),
    ('musllinux-s390x-image = "--privileged"', "musllinux-s390x-image", "cannot be the name of an image"),
    ('image = "a b"', "image", "cannot be the name of an image"),
    # commands
    ('before-all = "cd {projct}"', "before-all", 'unknown placeholder {projct} (did you mean "project"?)'),
    ('before-all = "ls {wheel}"', "before-all", "known here: {project}, {package}; write #{wheel} for the literal"),
    ('before-build = ["a", "b {whel}"]', "before-build[1]", "unknown placeholder {whel}"),
    ('repair-wheel-command = "repair {dest} {wheel}"', "repair-wheel-command", 'did you mean "dest_dir"?'),
    # environment
    ('environment = "A=1 B"', "environment", 'expected NAME=value, got "B"'),
    ('environment = "A=\'1"', "environment", "no closing quotation mark"),
    ('environment = "A=1 && B=2"', "environment", 'expected NAME=value, got "&&"'),
    ('environment = "A=1;B=2"', "environment", '";" needs quotes'),
    ('environment = "A=$(b"', "environment", 'no closing ")"'),
    ('environment = "1A=2"', "environment", '"1A" cannot be the name of an environment variable'),
    ("environment = {A = 1.5}", "environment.A", "expected a string, an integer or a boolean, got the float 1.5"),
    ("environment = {A = ['x']}", "environment.A", "got a list"),
    ('environment = {"A B" = "x"}', 'environment."A B"', "cannot be the name"),
    ("environment = {A = '${x'}", "environment.A", 'no closing "}"'),
    ("environment = ['A=1']", "environment", "expected a table of variables, or a string of assignments"),
    ('environment-pass = ["A", "B-C"]', "environment-pass[1]", '"B-C" cannot be the name'),
    # frontend and backend
    ('build-frontend = "piip"', "build-frontend", 'unknown build frontend "piip" (did you mean "pip"?)'),
    ('build-frontend = "pip; --verbose"', "build-frontend", 'expected "args: ..." after ";", got "--verbose"'),
    ("build-frontend = {args = []}", "build-frontend", "the table needs a name"),
    ('build-frontend = {name = "pip", arg = []}', "build-frontend.arg", 'unknown key "arg" (did you mean "args"?)'),
    ('build-frontend = {name = "pip", args = [1]}', "build-frontend.args[0]", "expected a string, got the integer 1"),
    ("build-frontend = {name = 3}", "build-frontend.name", "expected a string, got the integer 3"),
    ("build-frontend = 3", "build-frontend", "expected one of `auto`"),
    ('config-settings = "a=1 b"', "config-settings", 'expected key=value, got "b"'),
    ("config-settings = \"a='1\"", "config-settings", "no closing quotation mark"),
    ("config-settings = {a = [1, {}]}", "config-settings.a[1]", "a string, an integer or a boolean, got a table"),
    ("config-settings = {a = {b = 1}}", "config-settings.a", "expected a string or a list of strings, got a table"),
    ("config-settings = {'' = 'x'}", 'config-settings.""', "cannot be the key of a setting"),
    # tests
    ("test-requires = \"'pytest\"", "test-requires", "no closing quotation mark"),
    ("test-requires = ['pytest', '']", "test-requires[1]", "must not be empty"),
    ("test-extras = ['a[b]']", "test-extras[0]", '"a[b]" cannot be a name'),
    ("test-groups = {}", "test-groups", "expected a list of dependency groups"),
    ("test-sources = ['tests', '../other']", "test-sources[1]", '"../other" leads out of the project'),
    ("test-sources = 'a/../../b'", "test-sources", "leads out of the project"),
    ("test-sources = ['/etc']", "test-sources[0]", "expected a path relative to the project"),
    # amounts
    ('memory = "2 gigs"', "memory", "expected bytes, or a size such as `512m` or `2g`, got the string"),
    ('memory = "1m"', "memory", 'or 6m to 1024t; got "1m"'),
    ("memory = -5", "memory", "got the integer -5"),
    ('step-timeout = "soon"', "step-timeout", "expected seconds, or a duration"),
    ('step-timeout = "99d"', "step-timeout", "one second to thirty days"),
    ("silence-timeout = 1.5", "silence-timeout", "got the float 1.5"),
)  # fmt: skip

WHOLE_FILES = (
    (b"[tool.matrix-runner\n", "pyproject.toml:1:20: Expected ']' at the end of a table declaration"),
    (b"[project]\nname = x\n", 'pyproject.toml:2:8: Invalid value: "name = x"'),
    (b"[project]\nname = 'a'\nname = 'b'\n", "pyproject.toml:3:11: Cannot overwrite a value"),
    (b"a = '", "pyproject.toml:1:6: "),
    (b"a = " + b"9" * 5000, "pyproject.toml: not readable as TOML: "),
    (b"a = " + b"[" * 100_000, "pyproject.toml: not readable as TOML: nested too deeply"),
    (b"# caf\xe9\n", "pyproject.toml: not UTF-8: byte 0xe9 at offset 5"),
    (b"\xef\xbb\xbf# caf\xe9\n", "pyproject.toml: not UTF-8: byte 0xe9 at offset 8"),
    ("a = 1".encode("utf-16"), "pyproject.toml: not UTF-8: byte 0xff at offset 0"),
    (b"#" * (8 * 1024**2 + 1), "pyproject.toml: larger than 8 MiB"),
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
    with pytest.raises(ConfigError, match=r"nowhere: not a directory$") as caught:
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
