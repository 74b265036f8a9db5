"""What each kind of option accepts, and the one value that all spellings become."""

from pathlib import Path

import pytest
from good_values import SPELLINGS

from matrix_runner.config.loading.loading import load
from matrix_runner.config.options import OPTIONS
from matrix_runner.config.options.build_options import BEFORE_ALL
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.output_options import OVERWRITE
from matrix_runner.config.options.run_options import JOBS
from matrix_runner.config.options.selection_options import ARCHS
from matrix_runner.model.platforms import Arch


@pytest.mark.parametrize(("option", "toml", "value"), SPELLINGS, ids=[f"{o} = {t}" for o, t, _ in SPELLINGS])
def test_spelling(tmp_path: Path, option: Option[object], toml: str, value: object) -> None:
    """A value in the file becomes the one canonical value, and settings say that it came from there."""
    (tmp_path / "pyproject.toml").write_text(f"[tool.matrix-runner]\n{option.name} = {toml}\n")
    settings = load(tmp_path, environ={}, flags={})
    assert settings[option] == value
    assert str(settings.origin(option)) == f"pyproject.toml:2: tool.matrix-runner.{option.name}"


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        (JOBS, " 4 ", 4),
        (OVERWRITE, "Yes", True),
        (OVERWRITE, "0", False),
        (ARCHS, "x86_64,i686", (Arch.X86_64, Arch.I686)),
        (BEFORE_ALL, " make {project} ", "make {project}"),
    ],
)
def test_text(tmp_path: Path, option: Option[object], text: str, value: object) -> None:
    """A variable's text is read as the option's kind wants it."""
    (tmp_path / "setup.py").touch()
    assert load(tmp_path, environ={option.variable: text}, flags={})[option] == value


@pytest.mark.parametrize("option", OPTIONS, ids=str)
def test_default_is_what_the_reader_makes_of_it(tmp_path: Path, option: Option[object]) -> None:
    """A default is a value that the option's own reader gives: whoever writes it out changes nothing."""
    toml = option.kind.write(option.default)
    (tmp_path / "pyproject.toml").write_text(f"[tool.matrix-runner]\n{option.name} = {toml}\n")
    if option.is_flag_only:
        assert option.kind.read_text(toml) == option.default
    else:
        assert load(tmp_path, environ={}, flags={})[option] == option.default


def test_byte_order_mark(tmp_path: Path) -> None:
    """A byte order mark, which some editors put first, is accepted in a file that no build tool reads."""
    (tmp_path / "setup.py").touch()
    (tmp_path / "other.toml").write_bytes(b"\xef\xbb\xbf[tool.matrix-runner]\r\njobs = 3\r\n")
    assert load(tmp_path, environ={}, flags={}, config_file=tmp_path / "other.toml")[JOBS] == 3
