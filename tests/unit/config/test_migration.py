"""From cibuildwheel's table to our own: its text. That all of it means the same: tests/property/test_migration_laws."""

from pathlib import Path

import pytest

from matrix_runner.config.loading.loading import load
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.migration.migration import migrate
from matrix_runner.config.options.build_options import BUILD_FRONTEND, CONFIG_SETTINGS, DEPENDENCY_VERSIONS, ENVIRONMENT
from matrix_runner.config.options.selection_options import ARCHS, BUILD, ENABLE
from matrix_runner.config.options.test_options import TEST_COMMAND
from matrix_runner.errors import UsageError
from matrix_runner.model.cells import Cell
from matrix_runner.model.platforms import Arch
from matrix_runner.toml import loads

CELL = Cell.parse("cp312-manylinux_x86_64")
DEFAULTS = 'archs = ["native"]\nbuild-frontend = "build"\nsource-files = "all"\n'


def added(text: str) -> str:
    """Migrate, see that nothing but an insertion was made, and return what was inserted."""
    new = migrate(text).text
    cut = next(n for n in range(len(text), -1, -1) if new.startswith(text[:n]) and new.endswith(text[n:]))
    assert len(new) > len(text)
    return new[cut : len(new) - len(text) + cut]


def settings_of(directory: Path, text: str) -> Settings:
    """Read a text as a project's pyproject.toml."""
    (directory / "pyproject.toml").write_text(text, encoding="utf-8", newline="")
    return load(directory, environ={}, flags={})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[tool.cibuildwheel]", "[tool.matrix-runner]"),
        ('[ tool . "cibuildwheel" ]  # theirs', '[ tool . "matrix-runner" ]  # theirs'),
        ("['tool'.cibuildwheel]", "['tool'.matrix-runner]"),
        ("  [tool.cibuildwheel]", "  [tool.matrix-runner]"),
    ],
)
def test_comments_and_spelling_of_the_table_are_kept(old: str, new: str) -> None:
    """Header, comments, order and the form of strings and arrays stay; only the name and what means else change."""
    body = """
# which Pythons
build = 'cp3*'   # all of them

skip = [
  "*-musllinux_*",  # later
  "cp38-*",
]
  test-command = \"\"\"
pytest {project}
\"\"\"
# the end
"""
    assert added(old + body) == f"\n{new}\n{DEFAULTS}{body[1:]}"


@pytest.mark.parametrize(
    "text",
    [
        'tool.cibuildwheel.build = "cp312-*"\n\n[project]\nname = "x"\n',
        '[tool]\ncibuildwheel.build = "cp312-*"\n[tool.other]\nx = 1\n',
        '[tool]\ncibuildwheel = { build = "cp312-*" }\n',
        'tool = { cibuildwheel = { build = "cp312-*" }, other = { x = 1 } }\n[project]\nname = "x"\n',
        'tool.cibuildwheel = { build = "cp312-*" }\n',
        '[tool."cibuild\\u0077heel"]\nbuild = "cp312-*"\n',
        '[tool]\n[tool.cibuildwheel.linux]\nbuild = "cp312-*"\n',
    ],
)
def test_a_table_without_a_header_is_migrated(tmp_path: Path, text: str) -> None:
    """Dotted keys and inline tables become a table of ours, all else stays; no lost comment, no note."""
    migration = migrate(text)
    assert loads(added(text) if "tool = {" not in text[:8] else migration.text)["tool"]
    assert migration.notes == ()
    assert settings_of(tmp_path, migration.text)[BUILD] == ("cp312-*",)
    assert settings_of(tmp_path, migration.text).is_drop_in is False


def test_lost_comments_are_told() -> None:
    """Where the table has no header of its own its comments cannot be kept; a note says so."""
    text = '[tool]\ncibuildwheel.build = "cp312-*"  # the only one\n'
    assert migrate(text).notes == ("tool.cibuildwheel: its comments are not taken over",)


def test_scattered_tables_are_gathered_behind_the_last() -> None:
    """Each of the old tables is copied with its comments, in their order; all other things stay where they are."""
    text = """
[[tool.cibuildwheel.overrides]]
select = "*-musllinux_*"
before-all = "apk add lz4-dev"

# ---- lint ----

# black
[tool.black]
line-length = 100

# ---- wheels ----

# for Linux
[tool.cibuildwheel.linux]
before-all = "yum install lz4-devel"

[tool.cibuildwheel.macos]
# for macOS
before-all = "brew install lz4"

# everywhere
[tool.cibuildwheel]
build = "cp3*"
# skip = "cp38-*"

# test-command = "pytest"

# ---- types ----

[tool.mypy]
strict = true
"""
    table = f"""
[[tool.matrix-runner.overrides]]
select = "*-musllinux_*"
before-all = "apk add lz4-dev"

# for Linux
[tool.matrix-runner.linux]
before-all = "yum install lz4-devel"

# everywhere
[tool.matrix-runner]
{DEFAULTS}build = "cp3*"
# skip = "cp38-*"

# test-command = "pytest"
"""
    assert added(text).strip() == table.strip()
    before, _, after = migrate(text).text.partition("\n" + table.strip())
    assert before == text[: text.index("\n# ---- types")]
    assert after.strip() == text[text.index("# ---- types") :].strip()


def test_a_comment_at_the_end_of_a_string_is_none() -> None:
    """Lines in a string that look like comments above the next header are not torn from it."""
    text = "[tool.cibuildwheel]\nbefore-all = '''\nmake\n\n# done\n# really'''\n[tool.other]\nx = 1\n"
    new = loads(migrate(text).text)
    assert new["tool"] == {**loads(text)["tool"], "matrix-runner": loads(added(text))["tool"]["matrix-runner"]}  # type: ignore[index,call-overload,dict-item]


def test_line_ends_and_the_lack_of_one_are_kept() -> None:
    """Windows' line ends stay, ours too; a last line without an end gets one, since something follows."""
    unix = '[project]\nname = "x"\n\n[tool.cibuildwheel]\nbuild = "cp3*"\n\n[tool.x]\ny = 1\n'
    windows = unix.replace("\n", "\r\n")
    assert migrate(windows).text == migrate(unix).text.replace("\n", "\r\n")
    assert migrate(unix.strip()).text == migrate(unix).text.strip()
    last = '[tool.cibuildwheel]\nbuild = "cp3*"'
    assert migrate(last).text == f'{last}\n\n[tool.matrix-runner]\n{DEFAULTS}build = "cp3*"\n'


def test_lines_are_what_toml_calls_lines() -> None:
    """Separators that only Unicode knows are characters like others, in strings and comments."""
    text = '# a\u2028b\x85c\n[tool.x]\ny = "\u2028"\n# \u2029 [tool.y]\n[tool.cibuildwheel]\nbuild = "cp3*"\n'
    assert added(text) == f'\n# \u2029 [tool.y]\n[tool.matrix-runner]\n{DEFAULTS}build = "cp3*"\n'


def test_subtables_keep_their_form_and_change_where_they_must(tmp_path: Path) -> None:
    """Of tables with own headers only the entries change that we would read differently, with their comments."""
    text = """
[tool.cibuildwheel]
[tool.cibuildwheel.linux.environment]
CFLAGS = "-O2"  # fast
DEBUG = true  # as Python writes it
[tool.cibuildwheel.config-settings]
setup-args = ["-Da=b", "-Dc=d"]
verbose = false
[tool.cibuildwheel.build-frontend]
name = "build"  # not pip
args = "--no-isolation -v"
"""
    expected = """
[tool.matrix-runner]
archs = ["native"]
source-files = "all"
[tool.matrix-runner.linux.environment]
CFLAGS = "-O2"  # fast
DEBUG = "True"  # as Python writes it
[tool.matrix-runner.config-settings]
setup-args = ["-Da=b", "-Dc=d"]
verbose = "False"
[tool.matrix-runner.build-frontend]
name = "build"  # not pip
args = ["--no-isolation -v"]
"""
    assert added(text).strip() == expected.strip()
    assert set(migrate(text).notes) == {
        'tool.cibuildwheel.linux.environment.DEBUG: written as "True"',
        'tool.cibuildwheel.config-settings.verbose: written as "False"',
        'tool.cibuildwheel.build-frontend.args: written as ["--no-isolation -v"]',
    }
    before, after = settings_of(tmp_path, text), settings_of(tmp_path, migrate(text).text)
    for option in (ENVIRONMENT, CONFIG_SETTINGS, BUILD_FRONTEND):
        assert before[option] == after[option]


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ('archs = "auto"  # here', 'archs = ["native"]  # here'),
        ('archs = ["auto", "arm64"]', 'archs = ["native"]'),
        ('archs = "all"', 'archs = "all"'),
        ('archs = ""', 'archs = ["native"]'),
        ('enable = ["all"]', 'enable = ["cpython-prerelease", "pypy", "pypy-eol", "graalpy"]'),
        ('enable = ["pypy", "pyodide-prerelease"]', 'enable = ["pypy"]'),
        ('build-frontend = "default"', 'build-frontend = "build"'),
        ("build-verbosity = 5", "build-verbosity = 3"),
        ('environment = { A = true, B = "x" }', 'environment = { A = "True", B = "x" }'),
        ('config-settings = { a = true, b = ["x"] }', 'config-settings = { a = "True", b = ["x"] }'),
        ('test-command = "x {projct} {project}"', 'test-command = "x #{projct} {project}"'),
        ("test-requires = 3", 'test-requires = ["3"]'),
        ('dependency-versions = ""', 'dependency-versions = "latest"'),
        ('manylinux-x86_64-image = ""', None),
        ('xbuild-tools = ["cmake"]', None),
        ('manylinux-pypy_x86_64-image = "x"', None),
        (r"build = 'cp3\*'", 'build = ["cp3*"]'),
        ("build = '{cp3'", 'build = ["none"]'),
        ("skip = '{cp3 cp38-*'", 'skip = ["cp38-*"]'),
    ],
)
def test_what_means_something_else_is_written_anew(tmp_path: Path, line: str, written: str | None) -> None:
    """Each value keeps its meaning and its comment; a note says what changed, and what is left out."""
    text = f"[tool.cibuildwheel]\n{line}\n"
    lines = added(text).split("\n")
    assert (written in lines) if written else (line.partition(" ")[0] not in added(text))
    assert bool(migrate(text).notes) == (written != line)
    before, after = settings_of(tmp_path, text), settings_of(tmp_path, migrate(text).text)
    for option in (ARCHS, ENABLE, BUILD_FRONTEND, ENVIRONMENT, CONFIG_SETTINGS, DEPENDENCY_VERSIONS):
        assert before[option] == after[option]
    assert before.is_drop_in
    assert not after.is_drop_in


def test_overrides_for_other_systems_are_left_out() -> None:
    """What selects no Linux cell is told and left out; what selects one besides stays; nothing is left of none."""
    text = """
[tool.cibuildwheel]
[[tool.cibuildwheel.overrides]]
select = "*-macosx_* *-win32"  # not ours
before-test = "brew install x"
[[tool.cibuildwheel.overrides]]
select = "*-[!win]*"
before-test = "y"
[[tool.cibuildwheel.overrides]]
select = ["*-win*", "*-musllinux_*"]
before-test = "z"
"""
    assert 'select = "*-[!win]*"' in added(text)
    assert 'select = ["*-win*", "*-musllinux_*"]' in added(text)
    assert "brew" not in added(text)
    assert migrate(text).notes == ("tool.cibuildwheel.overrides[0]: for other systems (*-macosx_* *-win32), left out",)
    inline = '[tool.cibuildwheel]\noverrides = [{ select = "*-win*", test-command = "" }]\n'
    assert "overrides" not in added(inline)


def test_what_no_override_can_set_is_left_out_with_its_rule(tmp_path: Path) -> None:
    """Ignored there, a mistake here: left out, and so are rules for it, in a string as in a table."""
    text = """
[tool.cibuildwheel]
[[tool.cibuildwheel.overrides]]
select = "*-manylinux_*"
inherit = "before-test; archs: append; build prepend"
archs = "i686"
before-test = "a"
[[tool.cibuildwheel.overrides]]
select = "*-manylinux_*"
inherit.build = "append"
inherit.before-test = "prepend"
build = "x"
before-test = "b"
[[tool.cibuildwheel.overrides]]
select = "*-manylinux_*"
inherit = { skip = "append" }
"""
    after = settings_of(tmp_path, migrate(text.replace("build prepend", "build: prepend")).text).for_cell(CELL)
    before = settings_of(tmp_path, text.replace("build prepend", "build: prepend")).for_cell(CELL)
    assert [value for _, value in after.items()] == [value for _, value in before.items()]


def test_what_adds_to_a_default_that_is_not_ours_is_written_out(tmp_path: Path) -> None:
    """`inherit` in the table itself adds to the other tool's default, so that has to be named."""
    text = '[tool.cibuildwheel]\ninherit.archs = "append"\narchs = "i686"\n'
    assert 'archs = ["native", "i686"]' in added(text).split("\n")
    assert settings_of(tmp_path, text)[ARCHS] == settings_of(tmp_path, migrate(text).text)[ARCHS]


def test_archs_for_other_systems_do_not_matter_where_linux_has_its_own(tmp_path: Path) -> None:
    """An empty list would be a mistake of ours; where it is never looked at it is none."""
    text = '[tool.cibuildwheel]\narchs = "universal2"\nlinux.archs = "i686"\n'
    assert settings_of(tmp_path, text)[ARCHS] == settings_of(tmp_path, migrate(text).text)[ARCHS] == (Arch.I686,)


def test_unknown_placeholders_stay_literal(tmp_path: Path) -> None:
    """Both for the shell, as the other tool leaves them, and in commands that are lists."""
    text = """[tool.cibuildwheel]\ntest-command = ["echo {a}", "echo {b} '{c}' ${d}"]\n"""
    command = settings_of(tmp_path, migrate(text).text)[TEST_COMMAND]
    assert command == "echo #{a} && echo #{b} '#{c}' ${d}"


def test_where_nothing_can_be_added_it_says_so() -> None:
    """A file whose text cannot take another table is a usage error with advice, not a broken file."""
    text = 'tool.cibuildwheel.build = "cp3*"\n'
    assert loads(migrate(text).text)
    with pytest.raises(UsageError, match="no table can be added"):
        migrate('x = 1\n["tool"]\n"cibuildwheel" = { build = "cp3*" }\n"matrix-runner".a = 1\n')


def test_pyodides_frontend_is_left_to_pyodide(tmp_path: Path) -> None:
    """It builds nothing for Linux: in the table itself the default takes its place, and a note says so."""
    text = '[tool.cibuildwheel]\nbuild-frontend = "pyodide-build"\n'
    assert 'build-frontend = "build"' in added(text).split("\n")
    assert migrate(text).notes
    assert settings_of(tmp_path, migrate(text).text)[BUILD_FRONTEND].for_pyodide is False
