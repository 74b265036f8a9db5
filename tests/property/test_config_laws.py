"""Laws of the configuration, tried on whatever values a generator can think of."""

import subprocess
from collections.abc import Callable
from datetime import date, datetime, time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from toml_values import values, words

from matrix_runner.config.kinds.assignments import quotable
from matrix_runner.config.kinds.placeholders import fill
from matrix_runner.config.loading.loading import load
from matrix_runner.config.loading.variable_layers import FlagValue
from matrix_runner.config.mistakes import InvalidValue, printable
from matrix_runner.config.options import OPTIONS
from matrix_runner.config.options.option import Option
from matrix_runner.errors import ConfigError
from matrix_runner.toml import TOMLValue, loads

IN_FILE = tuple(option for option in OPTIONS if not option.is_flag_only)
SEVERAL = {"repair-wheel-command", "config-settings", "environment", "build-frontend", "archs", "build"}
FORMS = tuple(option for option in IN_FILE if option.name in SEVERAL)


def accepted(read: Callable[[], object]) -> tuple[object, ...]:
    """Return the value, or nothing if it was refused as it should be: with reasons, all of them printable lines."""
    try:
        return (read(),)
    except InvalidValue as bad:
        reasons = tuple(finding.text for finding in bad.findings)
    assert reasons
    assert all(reason.isprintable() for reason in reasons)
    return ()


@given(option=st.sampled_from(IN_FILE), value=values)
def test_any_value_is_read_or_refused(option: Option[object], value: TOMLValue) -> None:
    """Whatever TOML can hold, an option reads it or says what is wrong; no other exception ever comes."""
    for result in accepted(lambda: option.kind.read(value)):
        hash(result)


@given(option=st.sampled_from(OPTIONS), text=words)
def test_any_text_is_read_or_refused(option: Option[object], text: str) -> None:
    """The same for the text of a variable or a flag."""
    for result in accepted(lambda: option.kind.read_text(text)):
        hash(result)


@given(option=st.sampled_from(IN_FILE) | st.sampled_from(FORMS), value=values)
def test_what_is_written_is_read_back(option: Option[object], value: TOMLValue) -> None:
    """A value that was read, written as TOML and read again is the same value."""
    for result in accepted(lambda: option.kind.read(value)):
        assert option.kind.read(loads(f"x = {option.kind.write(result)}")["x"]) == result


@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode(errors="replace")))
@example(content=b"[tool.matrix-runner]\r")
def test_any_file_is_read_or_refused(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever a file holds, it is read, or it is a ConfigError of printable lines that name the file."""
    project = tmp_path_factory.mktemp("project")
    (project / "pyproject.toml").write_bytes(content)
    lines: tuple[str, ...] = ("pyproject.toml is fine",)
    try:
        load(project, environ={}, flags={})
    except ConfigError as error:
        lines = error.mistakes
    assert lines
    assert all(line.isprintable() and line.startswith("pyproject.toml") for line in lines)


LAYERS: tuple[tuple[str, tuple[str, str, str]], ...] = (
    ("jobs", ("1", "2", "3")),
    ("before-all", ("one", "two", "three")),
    ("archs", ("i686", "s390x", "all")),
    ("manylinux-i686-image", ("one", "two", "three")),
    ("step-timeout", ("1m", "2m", "3m")),
    ("environment", ("A=1", "B=1", "C=1")),
    ("config-settings", ("a=1", "b=1", "c=1")),
    ("skip", ("a", "b", "c")),
    ("build-frontend", ("pip", "uv", "build")),
)


@given(case=st.sampled_from(LAYERS), present=st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_highest_layer_wins(
    case: tuple[str, tuple[str, str, str]],
    present: tuple[bool, bool, bool],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Of the layers that set an option the highest wins, whichever are there, and the origin says which it was."""
    name, (low, middle, high) = case
    option = next(option for option in OPTIONS if option.name == name)
    project = tmp_path_factory.mktemp("project")
    quoted = low if name == "jobs" else f'"{low}"'
    (project / "pyproject.toml").write_text(f"[tool.matrix-runner]\n{name} = {quoted}\n" if present[0] else "")
    flags: dict[str, FlagValue] = {name: high} if present[2] else {}
    settings = load(project, environ={option.variable: middle} if present[1] else {}, flags=flags)

    layers = zip(present, (low, middle, high), ("file", "environment", "flag"), strict=True)
    winner = [(option.kind.read_text(text), source) for is_there, text, source in layers if is_there]
    value, source = winner[-1] if winner else (option.default, "default")
    assert settings[option] == value
    assert settings.origin(option).source.value == source


@given(text=st.text(alphabet=st.characters(blacklist_categories=["Cs"], blacklist_characters="\0$`\\")))
def test_value_without_expansion_is_literal_in_a_shell(text: str) -> None:
    """A table's value that holds nothing to expand reaches the shell's environment unchanged."""
    script = f'A="{quotable(text)}"; printf %s "$A"'
    assert subprocess.run(("sh", "-c", script), capture_output=True, check=True).stdout.decode() == text


@given(command=words, project=words)
def test_filling_touches_only_placeholders(command: str, project: str) -> None:
    """A command without braces stays as it is; one placeholder becomes the value, whatever that holds."""
    plain = command.replace("{", "").replace("}", "")
    assert fill(plain, {"project": project}) == plain
    assert fill(" {project} ", {"project": project}) == f" {project} "


@given(text=st.text())
def test_printable(text: str) -> None:
    """What is shown stays on its line, and text that was printable is shown as it is."""
    assert printable(text).isprintable()
    assert not text.isprintable() or printable(text) == text


def test_scalars_cover_toml() -> None:
    """The generator knows every type that TOML has, so that the laws above speak of all."""
    assert set(TOMLValue.__args__) >= {str, int, float, bool, date, time, datetime}
