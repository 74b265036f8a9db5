"""What each kind of option accepts, and the one value that all spellings become."""

from pathlib import Path

import pytest

from matrix_runner.config import (
    ARCHS,
    BEFORE_ALL,
    BUILD,
    BUILD_FRONTEND,
    CONFIG_SETTINGS,
    CONTAINER_ENGINE,
    ENABLE,
    ENVIRONMENT,
    ENVIRONMENT_PASS,
    JOBS,
    MEMORY,
    OPTIONS,
    OVERWRITE,
    REPAIR_WHEEL_COMMAND,
    SKIP,
    STEP_TIMEOUT,
    TEST_COMMAND,
    TEST_EXTRAS,
    TEST_REQUIRES,
    TEST_SOURCES,
    ArchGroup,
    BuildFrontend,
    ContainerEngine,
    EnableGroup,
    EngineChoice,
    Frontend,
    Option,
    load,
)
from matrix_runner.model.platforms import Arch

SPELLINGS: tuple[tuple[Option[object], str, object], ...] = (
    (BUILD, '"cp39-* cp31?-*"', ("cp39-*", "cp31?-*")),
    (BUILD, '["cp39-* cp310-*", "cp311-*"]', ("cp39-*", "cp310-*", "cp311-*")),
    (BUILD, '"\\n  cp39-*\\n  cp310-*\\n"', ("cp39-*", "cp310-*")),
    (BUILD, '""', ("*",)),
    (BUILD, "[]", ("*",)),
    (BUILD, '"cp3{9,1{0,1}}-*_{x86_64,i686}"', ("cp3{9,1{0,1}}-*_{x86_64,i686}",)),
    (BUILD, '"cp3[!]]*"', ("cp3[!]]*",)),
    (SKIP, '"pp* pp* *-win32 *_universal2:arm64"', ("pp*", "*-win32", "*_universal2:arm64")),
    (ARCHS, '"auto64 I686, AArch64"', (ArchGroup.AUTO64, Arch.I686, Arch.AARCH64)),
    (ARCHS, '["x86_64", "x86_64"]', (Arch.X86_64,)),
    (ENABLE, '"pypy CPython-Prerelease"', (EnableGroup.PYPY, EnableGroup.CPYTHON_PRERELEASE)),
    (CONTAINER_ENGINE, '"Local"', ContainerEngine(name=EngineChoice.LOCAL)),
    (BEFORE_ALL, '["yum install -y x", "make"]', "yum install -y x && make"),
    (BEFORE_ALL, '"""\\n  a\\n  b\\n"""', "a\n  b"),
    (BEFORE_ALL, "[]", ""),
    (TEST_COMMAND, "\"awk '{print $1}' {project}/${X}/#{y} %{z}\"", "awk '{print $1}' {project}/${X}/#{y} %{z}"),
    (REPAIR_WHEEL_COMMAND, '""', ""),
    (BUILD_FRONTEND, '"build[uv]"', BuildFrontend(name=Frontend.BUILD_UV)),
    (BUILD_FRONTEND, "\"pip; args: --a 'b c'\"", BuildFrontend(name=Frontend.PIP, args=("--a", "b c"))),
    (BUILD_FRONTEND, '"name: pip; args: -v"', BuildFrontend(name=Frontend.PIP, args=("-v",))),
    (BUILD_FRONTEND, '{name = "uv", args = ["-q"]}', BuildFrontend(name=Frontend.UV, args=("-q",))),
    (BUILD_FRONTEND, '{name = "uv", args = "-q -v"}', BuildFrontend(name=Frontend.UV, args=("-q", "-v"))),
    (CONFIG_SETTINGS, "{a = 'x', b = ['y', 'z'], c = 1, d = true}",
     (("a", ("x",)), ("b", ("y", "z")), ("c", ("1",)), ("d", ("true",)))),
    (CONFIG_SETTINGS, '"a=x b=\'y z\' a=w c="', (("a", ("x", "w")), ("b", ("y z",)), ("c", ("",)))),
    (ENVIRONMENT, "{A = 'x y', B = 2, C = true}", (("A", "x y"), ("B", "2"), ("C", "true"))),
    (ENVIRONMENT, '\'A=1 B="x $Y" C=$(a "b c")\'', (("A", "1"), ("B", "x $Y"), ("C", '$(a "b c")'))),
    (ENVIRONMENT_PASS, '"A B_C"', ("A", "B_C")),
    (TEST_REQUIRES, '"-r a.txt -r b.txt \'x; y\'"', ("-r", "a.txt", "-r", "b.txt", "x; y")),
    (TEST_REQUIRES, '["pytest >= 8"]', ("pytest >= 8",)),
    (TEST_EXTRAS, '"a,b"', ("a", "b")),
    (TEST_SOURCES, "[\"tests/\", 'a/../b c']", ("tests", "b c")),
    (STEP_TIMEOUT, '"1h30m"', 5400),
    (STEP_TIMEOUT, '"90"', 90),
    (STEP_TIMEOUT, "0", 0),
    (MEMORY, '"2g"', 2 * 1024**3),
    (MEMORY, '"512 MiB"', 512 * 1024**2),
    (MEMORY, '""', 0),
    (JOBS, "4", 4),
)  # fmt: skip


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
    """A byte order mark, which some editors put first, is accepted."""
    (tmp_path / "pyproject.toml").write_bytes(b"\xef\xbb\xbf[tool.matrix-runner]\r\njobs = 3\r\n")
    assert load(tmp_path, environ={}, flags={})[JOBS] == 3
