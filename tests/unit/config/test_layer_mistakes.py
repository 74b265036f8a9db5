"""Every mistake in a layer, an override or a rule of inheritance is one clear line that says where it is."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from bad_layers import CELLS, IN_LAYERS, IN_VARIABLES, OVERRIDE, TABLE

from matrix_runner.config.loading.loading import load
from matrix_runner.errors import ConfigError, ExitCode

NOTHING: Mapping[str, str] = MappingProxyType({})


def mistakes(directory: Path, content: str, environ: Mapping[str, str] = NOTHING) -> tuple[str, ...]:
    """Return the lines that a configuration gives, all of them printable."""
    (directory / "pyproject.toml").write_text(content)
    with pytest.raises(ConfigError) as caught:
        load(directory, environ=environ, flags={})
    assert caught.value.exit_code is ExitCode.USAGE
    assert all(line.isprintable() for line in caught.value.mistakes)
    return caught.value.mistakes


@pytest.mark.parametrize(("content", "place", "said"), IN_LAYERS, ids=[text[-60:] for text, _, _ in IN_LAYERS])
def test_mistake_in_a_layer(tmp_path: Path, content: str, place: str, said: str) -> None:
    """One mistake is one line: file, line, key path, what was wanted and the nearest name."""
    (line,) = mistakes(tmp_path, content)
    number, _, key = place.partition(" ")
    assert line.startswith(f"pyproject.toml:{number}: tool.matrix-runner.{key}: ")
    assert said in line


@pytest.mark.parametrize(("name", "value", "line"), IN_VARIABLES, ids=[n + v[:20] for n, v, _ in IN_VARIABLES])
def test_mistake_in_a_variable(tmp_path: Path, name: str, value: str, line: str) -> None:
    """One mistake in a variable is one line that begins with its name."""
    (found,) = mistakes(tmp_path, "", {name: value})
    assert found.startswith(line)


def test_what_is_shown_of_a_value_is_short(tmp_path: Path) -> None:
    """However long a value is, the line that complains about it can be read."""
    for content in (f'archs = "{"y" * 100_000}"', f'skip = "{"{a," * 20_000}"', f'environment = "A=\'{"x" * 100_000}"'):
        (line,) = mistakes(tmp_path, TABLE + content)
        assert len(line) < 400


def test_all_layers_are_read_before_anything_is_said(tmp_path: Path) -> None:
    """Mistakes in the table, for Linux, in each override, in rules and in variables all come together."""
    content = (
        TABLE + 'jobs = "x"\ninherit.foo = "append"\n'
        "[tool.matrix-runner.linux]\nbuid = 1\n"
        + OVERRIDE
        + "before-all = 3\n"
        + OVERRIDE
        + CELLS
        + 'inherit = "jobs"\n'
    )
    lines = mistakes(tmp_path, content, {"MATRIX_RUNNER_INHERIT": "x", "MATRIX_RUNNER_ENABLE": "y"})
    assert [line.split(": ")[:2] for line in lines] == [
        ["pyproject.toml:3", "tool.matrix-runner.inherit.foo"],
        ["pyproject.toml:2", "tool.matrix-runner.jobs"],
        ["pyproject.toml:5", "tool.matrix-runner.linux.buid"],
        ["pyproject.toml:7", "tool.matrix-runner.overrides[0].before-all"],
        ["pyproject.toml:6", "tool.matrix-runner.overrides[0]"],
        ["pyproject.toml:10", "tool.matrix-runner.overrides[1].inherit.jobs"],
        ["MATRIX_RUNNER_INHERIT", "x"],
        ["MATRIX_RUNNER_ENABLE", lines[7].split(": ")[1]],
    ]


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("[project]\nrequires-python = '>=3." + "9" * 5000 + "'", "pyproject.toml:2: project.requires-python: "),
        ("[tool.matrix-runner]\nbuild = '*'\n[tool.Matrix_Runner]\n", "pyproject.toml:3: tool.Matrix_Runner: "),
        (TABLE + OVERRIDE + "\n[[tool.matrix-runner.overrides]]\nselect = 1", "pyproject.toml:2: "),
    ],
)
def test_mistakes_beside_the_table(tmp_path: Path, content: str, place: str) -> None:
    """Numbers too long to compare, a table beside ours, and an empty override are told with their lines."""
    assert mistakes(tmp_path, content)[0].startswith(place)
