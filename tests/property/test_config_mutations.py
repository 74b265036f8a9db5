"""Good configurations, damaged: whatever comes of it, they are read or refused with lines for people."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from option_tables import OURS, THEIRS

from matrix_runner.config.loading.loading import load
from matrix_runner.config.options import OPTIONS
from matrix_runner.errors import ConfigError
from matrix_runner.model.cells import Cell

VALUES = (
    *("3", "true", "1.5", "nan", '""', "[]", "{}", "[[]]", "[{}]", "{ a = {} }", "2024-01-01", "12:00:00", "[1, 'a']"),
    *('"\\u0000"', '"\\u001b[2J"', "-9223372036854775808", "1" * 400, '"""\n\n"""', "['']", "[' ']", "{ '' = '' }"),
    *("{ name = 1 }", "{ name = 'pip', args = {} }", "{ a = 1.5, b = [[]] }", "'$('", "'${'", '"`"', "'{'", "'[!'"),
    *("'{a,'", "'{1..}'", "'{{}}'", "'\\'", "'a: b: c'", "'; ;'", "'args:'", "': :'", "'file:'", "'packages:'", "'=1'"),
)  # fmt: skip
PIECES = (
    *("overrides", "inherit", "select", "linux", "matrix-runner", "cibuildwheel", "{", "}", "[", "]", '"', "'", "\\"),
    *("\n", "=", ".", ",", "#", "$(", "\0", "\x7f", "\ufeff", "\u202e", "..", "!", "*", "é"),
)  # fmt: skip
NAMES = tuple(
    f"{prefix}{name.upper().replace('-', '_')}{suffix}"
    for prefix in ("MATRIX_RUNNER_", "CIBW_")
    for name in (*(option.name for option in OPTIONS), "inherit", "platform")
    for suffix in ("", "_LINUX")
)
CELLS = (Cell.parse("cp311-manylinux_x86_64"), Cell.parse("pp310-musllinux_i686"))


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Draw a file in which lines are doubled, gone or have other values, and characters are put in or changed."""
    lines = draw(st.sampled_from((OURS, THEIRS))).split("\n")
    for _ in range(draw(st.integers(1, 3))):
        number = draw(st.integers(0, len(lines) - 1))
        line = lines[number]
        match draw(st.sampled_from(("value", "value", "double", "drop", "piece"))):
            case "value" if "=" in line:
                lines[number] = f"{line.partition('=')[0]}= {draw(st.sampled_from(VALUES))}"
            case "double":
                lines.insert(draw(st.integers(0, len(lines) - 1)), line)
            case "drop" if len(lines) > 1:
                del lines[number]
            case _:
                at = draw(st.integers(0, len(line)))
                lines[number] = line[:at] + draw(st.sampled_from(PIECES)) + line[at:]
    data = bytearray("\n".join(lines).encode())
    if data and draw(st.integers(0, 4)) == 0:
        data[draw(st.integers(0, len(data) - 1))] ^= 1 << draw(st.integers(0, 7))
    return bytes(data)


@settings(max_examples=200, deadline=None)
@given(
    content=damaged(),
    environ=st.dictionaries(
        st.sampled_from(NAMES), st.sampled_from(VALUES).map(lambda text: text.strip("'\"")), max_size=2
    ),
)
def test_a_damaged_file_is_read_or_refused(
    content: bytes, environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """There is a value for every option of every cell, or printable lines that say what is wrong; nothing else."""
    project = tmp_path_factory.mktemp("project")
    (project / "pyproject.toml").write_bytes(content)
    try:
        loaded = load(project, environ=environ, flags={})
    except ConfigError as error:
        said = error.mistakes
        assert said
    else:
        said = loaded.notices
        for cell in CELLS:
            assert len(tuple(loaded.for_cell(cell).items())) == len(OPTIONS)
            assert all(option.kind.write(value) for option, value in loaded.for_cell(cell).items())
    assert all(line.isprintable() for line in said)


@pytest.mark.parametrize("content", [OURS, THEIRS])
def test_undamaged_they_are_good(content: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Before anything is done to them, both files are read without a mistake."""
    project = tmp_path_factory.mktemp("project")
    (project / "pyproject.toml").write_text(content)
    assert load(project, environ={}, flags={}).overrides
