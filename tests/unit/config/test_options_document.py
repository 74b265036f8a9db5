"""The reference of all options says what the table says."""

import subprocess
import sys
from pathlib import Path

import pytest

from matrix_runner.config.loading.loading import load
from matrix_runner.config.options import OPTIONS
from matrix_runner.config.options.option import Option
from matrix_runner.config.reference.options_document import reference

REFERENCE = Path(__file__).parents[3] / "docs/reference/options.md"


def test_reference_is_up_to_date() -> None:
    """docs/reference/options.md is what the table gives; if not: `make reference`."""
    assert REFERENCE.read_text(encoding="utf-8") == reference()


@pytest.mark.parametrize("option", OPTIONS, ids=str)
def test_reference_names_every_option(option: Option[object]) -> None:
    """Each option can be found in the reference, by name, and by flag and variable where it has them."""
    text = reference()
    assert f"`{option.name}`" in text
    assert option.flag is None or f"`{option.flag}" in text
    assert option.is_flag_only == (f"`{option.variable}`" not in text)


@pytest.mark.parametrize("option", [option for option in OPTIONS if not option.is_flag_only], ids=str)
def test_example_is_read(option: Option[object], tmp_path: Path) -> None:
    """Each option has an example, and the reader takes it as a value for that option."""
    groups = "[dependency-groups]\ntest = []\n"
    (tmp_path / "pyproject.toml").write_text(f"{groups}[tool.matrix-runner]\n{option.example}\n")
    assert str(load(tmp_path, environ={}, flags={}).origin(option)).endswith(option.name)


@pytest.mark.parametrize("option", OPTIONS, ids=str)
def test_help_is_one_sentence(option: Option[object]) -> None:
    """Help fits in one line of a terminal's help page and ends like a sentence."""
    assert option.help.endswith(".")
    assert "\n" not in option.help
    assert len(option.help) <= 100


def test_import_is_light() -> None:
    """Importing the configuration brings in nothing that a `--help` does not need."""
    script = "import sys, matrix_runner.config; print(*sys.modules)"
    result = subprocess.run((sys.executable, "-c", script), capture_output=True, text=True, check=True)
    assert "matrix_runner.config" in result.stdout.split()
    assert not {"docker", "rich", "click", "packaging", "asyncio", "http.client"} & set(result.stdout.split())


def test_names_are_unique() -> None:
    """No two options share a name, a variable or a flag."""
    flags = [option.flag for option in OPTIONS if option.flag]
    assert len({option.name for option in OPTIONS}) == len({option.variable for option in OPTIONS}) == len(OPTIONS)
    assert len(set(flags)) == len(flags)
