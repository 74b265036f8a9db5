"""A project's `[tool.cibuildwheel]` and `CIBW_*` mean here what they mean there (each case tried on release 4.3.3)."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from msgspec.structs import replace
from planning import engine_with

from matrix_runner.config.kinds.values import (
    ArchGroup,
    BuildFrontend,
    ContainerEngine,
    DependencyVersions,
    EnableGroup,
    EngineChoice,
    Frontend,
    LogFolds,
    VersionSource,
)
from matrix_runner.config.loading.loading import load
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.build_options import (
    AUDIT_COMMAND,
    BEFORE_ALL,
    BUILD_FRONTEND,
    BUILD_VERBOSITY,
    CONFIG_SETTINGS,
    DEPENDENCY_VERSIONS,
    ENVIRONMENT,
    ENVIRONMENT_PASS,
    REPAIR_WHEEL_COMMAND,
)
from matrix_runner.config.options.image_options import IMAGES
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.output_options import LOG_FOLDS, OUTPUT_DIR
from matrix_runner.config.options.run_options import CONTAINER_ENGINE
from matrix_runner.config.options.selection_options import ALLOW_EMPTY, ARCHS, BUILD, ENABLE, SKIP, TEST_SKIP
from matrix_runner.config.options.test_options import TEST_COMMAND, TEST_EXTRAS, TEST_GROUPS, TEST_REQUIRES
from matrix_runner.errors import ConfigError
from matrix_runner.model.cells import Cell
from matrix_runner.model.platforms import Arch, Platform

TABLE = "[tool.cibuildwheel]\n"
OVERRIDE = "[[tool.cibuildwheel.overrides]]\n"
NOTHING: Mapping[str, str] = MappingProxyType({})
CELL = Cell.parse("cp311-manylinux_x86_64")
X86_64_IMAGE = IMAGES[Platform.parse("manylinux_x86_64")]
GROUPS = (EnableGroup.CPYTHON_PRERELEASE, EnableGroup.PYPY, EnableGroup.PYPY_EOL, EnableGroup.GRAALPY)
PIP = BuildFrontend(name=Frontend.PIP)
BUILD_IT = BuildFrontend(name=Frontend.BUILD)
PYODIDE_BUILD = replace(BUILD_IT, for_pyodide=True)
SETTINGS = (("a", ("True",)), ("b", ("False", "1")), ("c", ("1.5",)))
PODMAN = ContainerEngine(name=EngineChoice.PODMAN, disable_host_mount=True)
DOCKER = engine_with("-t")
MY_FILE = DependencyVersions(source=VersionSource.FILE, file="my file.txt")
LATEST = DependencyVersions(source=VersionSource.LATEST)


def drop_in(directory: Path, content: str, environ: Mapping[str, str] = NOTHING) -> Settings:
    """Load a file of that content; it must be read as the other tool's."""
    (directory / "pyproject.toml").write_text(content)
    settings = load(directory, environ=environ, flags={})
    assert settings.is_drop_in
    return settings


def remarks(settings: Settings) -> tuple[str, ...]:
    """Return the notices but for the first, which says what was read."""
    first, *others = settings.notices
    assert first.startswith("using ")
    return tuple(others)


def test_the_defaults_are_that_tools(tmp_path: Path) -> None:
    """`auto` and nothing are this machine's own architecture, the frontend is build; one line says whose they are."""
    settings = drop_in(tmp_path, TABLE)
    assert settings[ARCHS] == (ArchGroup.NATIVE,)
    assert settings[BUILD_FRONTEND] == BUILD_IT
    assert settings[REPAIR_WHEEL_COMMAND] == REPAIR_WHEEL_COMMAND.default
    assert str(settings.origin(ARCHS)) == "default"
    (notice,) = settings.notices
    assert notice.startswith("using [tool.cibuildwheel] of pyproject.toml, with cibuildwheel's defaults")


VALUES: tuple[tuple[str, Option[object], object], ...] = (
    ('archs = "auto"', ARCHS, (ArchGroup.NATIVE,)),
    ('archs = ["auto", "aarch64"]', ARCHS, (ArchGroup.NATIVE, Arch.AARCH64)),
    ('archs = "X86_64,i686"', ARCHS, (Arch.X86_64, Arch.I686)),
    ("archs = []", ARCHS, (ArchGroup.NATIVE,)),
    ('archs = ""', ARCHS, (ArchGroup.NATIVE,)),
    ('archs = "all"', ARCHS, (ArchGroup.ALL,)),
    ('enable = "all"', ENABLE, GROUPS),
    ('enable = ["pypy", "all"]', ENABLE, GROUPS),
    ('enable = ["pyodide-prerelease", "pyodide-eol", "pypy"]', ENABLE, (EnableGroup.PYPY,)),
    ('manylinux-x86_64-image = ""', X86_64_IMAGE, "manylinux_2_28"),
    ('build = ""', BUILD, ("*",)),
    ('build = ["", "cp39-*"]', BUILD, ("cp39-*",)),
    ('skip = "cp36-*,pp*"', SKIP, ("cp36-*,pp*",)),
    ('skip = "cp3[19-* $x"', SKIP, ("cp3[19-*", "$x")),
    ('test-skip = ["*-win32", " "]', TEST_SKIP, ("*-win32",)),
    ('test-groups = ["", ""]', TEST_GROUPS, ()),
    ('environment-pass = ["A", ""]', ENVIRONMENT_PASS, ("A",)),
    ('test-extras = "a, b"', TEST_EXTRAS, ("a", "b")),
    ('test-requires = "a -r x.txt # y"', TEST_REQUIRES, ("a", "-r", "x.txt", "#", "y")),
    ('test-command = ["a {projct}", "{b}"]', TEST_COMMAND, "a {projct} && {b}"),
    ('before-all = "awk {print} {dest_dir}"', BEFORE_ALL, "awk {print} {dest_dir}"),
    ('audit-command = ""', AUDIT_COMMAND, ""),
    ('build-frontend = "default"', BUILD_FRONTEND, BUILD_IT),
    ('build-frontend = ""', BUILD_FRONTEND, BUILD_IT),
    ('build-frontend = "build;args:-x"', BUILD_FRONTEND, BuildFrontend(name=Frontend.BUILD, args=("-x",))),
    ('build-frontend = {name = "pip", args = "a b"}', BUILD_FRONTEND, BuildFrontend(name=Frontend.PIP, args=("a b",))),
    ('build-frontend = {name = "pip", args = [1]}', BUILD_FRONTEND, BuildFrontend(name=Frontend.PIP, args=("1",))),
    ('build-frontend = "pyodide-build"', BUILD_FRONTEND, PYODIDE_BUILD),
    ('build-frontend = {name = "pyodide-build", args = ["-v"]}', BUILD_FRONTEND, replace(PYODIDE_BUILD, args=("-v",))),
    ('build-frontend = "name: pyodide-build; args: -v"', BUILD_FRONTEND, replace(PYODIDE_BUILD, args=("-v",))),
    ("build-verbosity = 9", BUILD_VERBOSITY, 3),
    ('build-verbosity = "-2"', BUILD_VERBOSITY, -2),
    ('build-verbosity = ""', BUILD_VERBOSITY, 0),
    ("dependency-versions = {}", DEPENDENCY_VERSIONS, LATEST),
    ('dependency-versions = ""', DEPENDENCY_VERSIONS, LATEST),
    ("dependency-versions = {packages = []}", DEPENDENCY_VERSIONS, LATEST),
    ('dependency-versions = "my file.txt"', DEPENDENCY_VERSIONS, MY_FILE),
    ("config-settings = {a = true, b = [false, 1], c = 1.5}", CONFIG_SETTINGS, SETTINGS),
    ('container-engine = {name = "podman", disable_host_mount = "yes"}', CONTAINER_ENGINE, PODMAN),
    ('container-engine = {name = "docker", create_args = ["-t"]}', CONTAINER_ENGINE, DOCKER),
    # environment: an entry of a table is a word of a shell between double quotes
    ("environment = {A = true, B = 1, C = 10.9}", ENVIRONMENT, (("A", "True"), ("B", "1"), ("C", "10.9"))),
    ("environment = {A = '$(echo \"a b\")'}", ENVIRONMENT, (("A", '$(echo "a b")'),)),
    ("environment = {A = 'x\" B=\"y'}", ENVIRONMENT, (("A", "x"), ("B", "y"))),
    ('environment = "A=1 # comment"', ENVIRONMENT, (("A", "1"),)),
    ('environment = "A=1 \\\\\\n B=2"', ENVIRONMENT, (("A", "1"), ("B", "2"))),
    ("environment = '''A='$x' B=\"$y\" C=a\"b\"'c'#'''", ENVIRONMENT, (("A", "\\$x"), ("B", "$y"), ("C", "abc#"))),
)  # fmt: skip


@pytest.mark.parametrize(("body", "option", "value"), VALUES, ids=[body for body, _, _ in VALUES])
def test_values_mean_what_they_mean_there(tmp_path: Path, body: str, option: Option[object], value: object) -> None:
    """Spellings that the other tool takes have its meaning, and nothing more is said of them."""
    settings = drop_in(tmp_path, TABLE + body)
    assert settings[option] == value
    assert remarks(settings) == ()


ODD: tuple[tuple[str, str], ...] = (
    ('archs = "x86_64 arm64 universal2"', "2: tool.cibuildwheel.archs: arm64, universal2: not for Linux"),
    ('enable = "cpython-freethreading"', "2: tool.cibuildwheel.enable: cpython-freethreading: no longer a group"),
    ('build-verbosity = "loud"', '2: tool.cibuildwheel.build-verbosity: expected an integer, got "loud": taken as 0'),
    ("build-verbosity = true", "2: tool.cibuildwheel.build-verbosity: expected an integer"),
    ("test-command = 3", '2: tool.cibuildwheel.test-command: taken as the text "3"'),
    ("test-requires = [1]", '2: tool.cibuildwheel.test-requires: taken as the text "1"'),
    ("skip = true", '2: tool.cibuildwheel.skip: taken as the text "True"'),
    ('config-settings = "a=1 b"', '2: tool.cibuildwheel.config-settings: "b" has no value: passed on as "b="'),
    (
        OVERRIDE + 'select = "*"\nbefor-all = "x"',
        "4: tool.cibuildwheel.overrides[0].befor-all: unknown option (did you",
    ),
    (OVERRIDE + 'select = "*"\nskip = "cp39-*"', "4: tool.cibuildwheel.overrides[0].skip: concerns the run as a whole"),
    (OVERRIDE + 'select = "*"\narchs = "vax"', "4: tool.cibuildwheel.overrides[0].archs: concerns the run as a whole"),
    (OVERRIDE + 'select = "*"\nmacos = {}', "4: tool.cibuildwheel.overrides[0].macos: unknown option"),
    (OVERRIDE + 'select = "*"\ninherit.skip = "append"', "4: tool.cibuildwheel.overrides[0].inherit.skip: concerns"),
    (OVERRIDE + 'select = " "', "2: tool.cibuildwheel.overrides[0]: an override needs select"),
)


@pytest.mark.parametrize(("body", "line"), ODD, ids=[body[-50:] for body, _ in ODD])
def test_what_is_odd_is_accepted_and_told(tmp_path: Path, body: str, line: str) -> None:
    """What the other tool lets pass without a word builds here too, with one line that says where it is."""
    (remark,) = remarks(drop_in(tmp_path, TABLE + body))
    assert remark.startswith(f"pyproject.toml:{line}")


def test_what_is_for_other_systems_is_told_once(tmp_path: Path) -> None:
    """Tables, options and variables of other systems are not read, whatever is in them, and one line names them all."""
    content = (
        'xbuild-tools = ["x"]\npyodide-version = 3\ntest-runtime = "x"\ninherit.xbuild-tools = "append"\n'
        "[tool.cibuildwheel.macos]\nbuid = 3\n[tool.cibuildwheel.windows]\n[tool.cibuildwheel.ios]\nxbuild-tools = 3\n"
    )
    environ = {"CIBW_BEFORE_ALL_WINDOWS": "x", "CIBW_XBUILD_TOOLS": "x", "CIBW_FOO_MACOS": "x"}
    assert remarks(drop_in(tmp_path, TABLE + content, environ)) == (
        (
            "not for Linux, so not read: tool.cibuildwheel.xbuild-tools, tool.cibuildwheel.pyodide-version,"
            " tool.cibuildwheel.test-runtime, [tool.cibuildwheel.macos], [tool.cibuildwheel.windows],"
            " [tool.cibuildwheel.ios], CIBW_BEFORE_ALL_WINDOWS, CIBW_FOO_MACOS, CIBW_XBUILD_TOOLS"
        ),
    )


REFUSED: tuple[tuple[str, str], ...] = (
    ('buid = "*"', '2: tool.cibuildwheel.buid: unknown option (did you mean "build"?)'),
    ('output-dir = "x"', "2: tool.cibuildwheel.output-dir: "),
    ("allow-empty = true", "2: tool.cibuildwheel.allow-empty: "),
    ('image = "debian"', "2: tool.cibuildwheel.image: "),
    ("linux = {buid = 1}", "2: tool.cibuildwheel.linux.buid: unknown option"),
    ("linux = {overrides = []}", "2: tool.cibuildwheel.linux.overrides: unknown option"),
    ("linux = 3", "2: tool.cibuildwheel.linux: expected a table"),
    ('inherit = "befor-all"', '2: tool.cibuildwheel.inherit.befor-all: unknown option (did you mean "before-all"?)'),
    ('inherit.before-all = "x"', "2: tool.cibuildwheel.inherit.before-all: expected one of none, append, prepend"),
    ("inherit.before-all = 1", "2: tool.cibuildwheel.inherit.before-all: expected one of none, append, prepend"),
    ("inherit = 3", "2: tool.cibuildwheel.inherit: expected a table"),
    ('inherit = "before-all-linux"', "2: tool.cibuildwheel.inherit.before-all-linux: unknown option"),
    ('inherit.output-dir = "append"', "2: tool.cibuildwheel.inherit.output-dir: unknown option"),
    ('inherit = "build-verbosity"\nbuild-verbosity = 1', "2: tool.cibuildwheel.inherit.build-verbosity: values of"),
    ('build-frontend = "piip"', '2: tool.cibuildwheel.build-frontend: unknown build frontend "piip"'),
    ('build-frontend = "build -x"', "2: tool.cibuildwheel.build-frontend: expected one name"),
    ('build-frontend = ["build"]', "2: tool.cibuildwheel.build-frontend: expected one of"),
    ('build-frontend = {args = ["x"]}', "2: tool.cibuildwheel.build-frontend: the table needs a name"),
    ("overrides = {}", "2: tool.cibuildwheel.overrides: expected an array of tables"),
    (OVERRIDE + 'before-all = "x"', "2: tool.cibuildwheel.overrides[0]: an override needs select"),
    (OVERRIDE + "select = []", "2: tool.cibuildwheel.overrides[0]: an override needs select"),
    (OVERRIDE + "select = 3", "3: tool.cibuildwheel.overrides[0].select: expected a list of patterns"),
    (OVERRIDE + 'select = "*"\ninherit = "jobs"', "4: tool.cibuildwheel.overrides[0].inherit.jobs: unknown option"),
    ('environment = "A"', '2: tool.cibuildwheel.environment: expected NAME=value, got "A"'),
    ('environment = "A=1;B=2"', "2: tool.cibuildwheel.environment: "),
    ('environment = "A=1 && B=2"', "2: tool.cibuildwheel.environment: expected NAME=value"),
    ('environment = "A=\'1"', "2: tool.cibuildwheel.environment: no closing quotation mark"),
    ("environment = {A = '$(b'}", "2: tool.cibuildwheel.environment.A: no closing"),
    ("environment = {A = 'x\" y'}", "2: tool.cibuildwheel.environment.A: "),
    ("environment = {'A B' = 'x'}", '2: tool.cibuildwheel.environment."A B": '),
    ("environment = ['A=1']", "2: tool.cibuildwheel.environment: expected a table of variables"),
    ('archs = "vax"', '2: tool.cibuildwheel.archs: unknown architecture "vax"'),
    ('enable = "pyp"', '2: tool.cibuildwheel.enable: unknown group "pyp" (did you mean "pypy"?)'),
    ('test-groups = "x"', '2: tool.cibuildwheel.test-groups: no group "x" in [dependency-groups]'),
    ("test-command = {}", "2: tool.cibuildwheel.test-command: expected a shell command"),
    ("test-requires = {}", "2: tool.cibuildwheel.test-requires: expected a list of requirements"),
    ('container-engine = "dockr"', '2: tool.cibuildwheel.container-engine: unknown engine "dockr"'),
    ("dependency-versions = {packages = ['a'], file = 'b'}", "2: tool.cibuildwheel.dependency-versions: expected"),
    (OVERRIDE + 'selct = "*"', "2: tool.cibuildwheel.overrides[0]: an override needs select"),
)


@pytest.mark.parametrize(("body", "line"), REFUSED, ids=[body[-50:] for body, _ in REFUSED])
def test_what_is_refused_there_is_refused_here(tmp_path: Path, body: str, line: str) -> None:
    """What the other tool stops for is one line here too, with its place."""
    with pytest.raises(ConfigError) as caught:
        drop_in(tmp_path, TABLE + body)
    (found,) = caught.value.mistakes
    assert found.startswith(f"pyproject.toml:{line}")


LOWER = TABLE + 'build-verbosity = 1\nbuild-frontend = "pip"\nbefore-all = "lower"\nskip = "pp*"\nenable = "pypy"\n'

IN_VARIABLES: tuple[tuple[dict[str, str], Option[object], object], ...] = (
    ({"CIBW_BUILD_VERBOSITY": ""}, BUILD_VERBOSITY, 0),
    ({"CIBW_BUILD_FRONTEND": ""}, BUILD_FRONTEND, BUILD_IT),
    ({"CIBW_BUILD_FRONTEND_LINUX": "build"}, BUILD_FRONTEND, PIP),
    ({"CIBW_LOG_FOLD_MODE": "disabled"}, LOG_FOLDS, LogFolds.NONE),
    ({"CIBW_LOG_FOLD_MODE": "travis"}, LOG_FOLDS, LogFolds.TRAVIS),
    ({"CIBW_LOG_FOLD_MODE": ""}, LOG_FOLDS, LogFolds.AUTO),
    ({"CIBW_DEPENDENCY_VERSIONS": ""}, DEPENDENCY_VERSIONS, LATEST),
    ({"CIBW_ARCHS": ""}, ARCHS, (ArchGroup.NATIVE,)),
    ({"CIBW_ARCHS": "i686", "CIBW_ARCHS_LINUX": "auto"}, ARCHS, (ArchGroup.NATIVE,)),
    ({"CIBW_SKIP": ""}, SKIP, ()),
    ({"CIBW_BUILD": ""}, BUILD, ("*",)),
    ({"CIBW_ENABLE": "graalpy"}, ENABLE, (EnableGroup.PYPY, EnableGroup.GRAALPY)),
    ({"CIBW_ENABLE": "graalpy", "CIBW_INHERIT": "enable: none"}, ENABLE, (EnableGroup.GRAALPY,)),
    ({"CIBW_ALLOW_EMPTY": "y"}, ALLOW_EMPTY, True),
    ({"CIBW_ALLOW_EMPTY": "0"}, ALLOW_EMPTY, False),
    ({"CIBW_OUTPUT_DIR": "dist"}, OUTPUT_DIR, "dist"),
    ({"CIBW_BEFORE_ALL": "upper"}, BEFORE_ALL, "upper"),
    ({"CIBW_BEFORE_ALL": "upper", "CIBW_BEFORE_ALL_LINUX": ""}, BEFORE_ALL, ""),
    ({"CIBW_BEFORE_ALL": "upper", "CIBW_INHERIT": "before-all"}, BEFORE_ALL, "lower && upper"),
    ({"CIBW_BEFORE_ALL_LINUX": "upper", "CIBW_INHERIT": "before-all-linux: prepend"}, BEFORE_ALL, "upper && lower"),
    ({"CIBW_BEFORE_ALL": "upper", "CIBW_INHERIT": "before-all-macos: append; xbuild-tools-ios"}, BEFORE_ALL, "upper"),
    ({"CIBW_ENVIRONMENT": "A=1 \\\n  B=2"}, ENVIRONMENT, (("A", "1"), ("B", "2"))),
    ({"CIBW_BEFORE_ALL": "theirs", "MATRIX_RUNNER_BEFORE_ALL": "ours"}, BEFORE_ALL, "ours"),
    ({"CIBW_SKIP": "a", "MATRIX_RUNNER_SKIP": "b", "MATRIX_RUNNER_INHERIT": "skip"}, SKIP, ("a", "b")),
)  # fmt: skip


@pytest.mark.parametrize(
    ("environ", "option", "value"), IN_VARIABLES, ids=[str(environ) for environ, _, _ in IN_VARIABLES]
)
def test_variables(tmp_path: Path, environ: dict[str, str], option: Option[object], value: object) -> None:
    """Variables are above the table as they are there, empty ones included, and ours are above them all."""
    settings = drop_in(tmp_path, LOWER, environ)
    assert settings.for_cell(CELL)[option] == value


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("CIBW_FOO", "x", "CIBW_FOO: unknown variable"),
        ("CIBW_BUILD_LINUX", "x", "CIBW_BUILD_LINUX: unknown variable"),
        ("CIBW_FREE_THREADED_SUPPORT", "1", "CIBW_FREE_THREADED_SUPPORT: unknown variable"),
        ("CIBW_ALLOW_EMPTY", "banana", 'CIBW_ALLOW_EMPTY: expected true or false, got "banana": taken as false'),
        ("CIBW_BUILD_VERBOSITY", "x", 'CIBW_BUILD_VERBOSITY: expected an integer, got "x": taken as 0'),
        ("CIBW_CONFIG_SETTINGS", "a", 'CIBW_CONFIG_SETTINGS: "a" has no value: passed on as "a="'),
    ],
)
def test_odd_variables_are_told(tmp_path: Path, name: str, value: str, line: str) -> None:
    """A variable that the other tool ignores, or takes for something else, gets a line and stops nothing."""
    (remark,) = remarks(drop_in(tmp_path, TABLE, {name: value}))
    assert remark.startswith(line)


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({"CIBW_PLATFORM": "macos"}, 'CIBW_PLATFORM: expected linux or auto, got "macos"'),
        ({"CIBW_INHERIT": "befor-all"}, 'CIBW_INHERIT: befor-all: unknown option (did you mean "before-all"?)'),
        ({"CIBW_INHERIT": "before-all: x"}, "CIBW_INHERIT: before-all: expected one of none, append, prepend"),
        ({"CIBW_INHERIT": "befor-all-macos"}, "CIBW_INHERIT: befor-all-macos: unknown option"),
        ({"CIBW_ENVIRONMENT": "A=1; B=2"}, 'CIBW_ENVIRONMENT: ";" needs quotes'),
        ({"CIBW_PROJECT_REQUIRES_PYTHON": "3.9"}, 'CIBW_PROJECT_REQUIRES_PYTHON: "3.9" is no version specifier'),
        ({"CIBW_ARCHS_LINUX": "vax"}, 'CIBW_ARCHS_LINUX: unknown architecture "vax"'),
        ({"CIBW_BUILD_FRONTEND": "pyodide"}, 'CIBW_BUILD_FRONTEND: unknown build frontend "pyodide"'),
        ({"CIBW_LOG_FOLD_MODE": "jenkins"}, 'CIBW_LOG_FOLD_MODE: unknown kind of folds "jenkins"'),
    ],
)
def test_wrong_variables_are_refused(tmp_path: Path, environ: dict[str, str], line: str) -> None:
    """What the other tool stops for in a variable stops here too, in one line that names the variable."""
    with pytest.raises(ConfigError) as caught:
        drop_in(tmp_path, TABLE, environ)
    (found,) = caught.value.mistakes
    assert found.startswith(line)


@pytest.mark.parametrize("platform", ["auto", "linux", ""])
def test_platform_may_be_linux(tmp_path: Path, platform: str) -> None:
    """A CI that says which platform it builds for is understood where that is ours."""
    assert remarks(drop_in(tmp_path, TABLE, {"CIBW_PLATFORM": platform})) == ()


def test_variables_alone_make_a_drop_in(tmp_path: Path) -> None:
    """A project that keeps all of it in its CI's variables is read as the other tool does, and one line says so."""
    settings = drop_in(tmp_path, "[project]\nname = 'x'\n", {"CIBW_SKIP": "pp*", "CIBW_CACHE_PATH": "/x"})
    assert settings[SKIP] == ("pp*",)
    assert settings[ARCHS] == (ArchGroup.NATIVE,)
    assert settings.notices == ("using the variables of cibuildwheel (CIBW_CACHE_PATH, CIBW_SKIP), with its defaults",)


def test_our_own_table_wins(tmp_path: Path) -> None:
    """With both tables ours alone is read, with our defaults, and a line says what is not, mistakes in it included."""
    (tmp_path / "pyproject.toml").write_text(TABLE + "buid = 3\n[tool.matrix-runner]\nskip = 'pp*'\n")
    environ = {f"CIBW_X{number}": "?" for number in range(5)}
    settings = load(tmp_path, environ=environ, flags={})
    assert not settings.is_drop_in
    assert settings[SKIP] == ("pp*",)
    assert settings[ARCHS] == (ArchGroup.AUTO,)
    assert settings.notices == (
        (
            "pyproject.toml has [tool.matrix-runner], so not read: [tool.cibuildwheel],"
            " CIBW_X0, CIBW_X1, CIBW_X2 and 2 more"
        ),
    )


def test_overrides_there_and_here(tmp_path: Path) -> None:
    """Overrides apply in their order to the cells they select, above the table for Linux and below the variables."""
    content = (
        'before-build = "a"\ntest-requires = "one"\n[tool.cibuildwheel.linux]\nbefore-build = "b"\n'
        + OVERRIDE + 'select = "cp311-*"\ninherit.before-build = "append"\nbefore-build = "c"\ntest-requires = "two"\n'
        + OVERRIDE + 'select = ["*x86_64", "nothing"]\ninherit = "before-build: prepend"\nbefore-build = ["d", "e"]\n'
    )  # fmt: skip
    settings = drop_in(
        tmp_path, TABLE + content, {"CIBW_TEST_REQUIRES_LINUX": "three", "CIBW_INHERIT": "test-requires-linux"}
    )
    explained = {option.name: value for option, value in settings.for_cell(CELL).items()}
    assert explained["before-build"] == "d && e && b && c"
    assert explained["test-requires"] == ("two", "three")
    other = settings.for_cell(Cell.parse("cp310-musllinux_aarch64"))
    assert other == settings
    assert {option.name: value for option, value in other.items()}["before-build"] == "b"
