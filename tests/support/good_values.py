"""Values that options accept, as TOML spells them, and what all spellings become."""

from matrix_runner.config.kinds.values import (
    ArchGroup,
    BuildFrontend,
    CompilerCache,
    CompilerCacheBackend,
    CompilerCacheChoice,
    ContainerEngine,
    EnableGroup,
    EngineChoice,
    Frontend,
)
from matrix_runner.config.options.build_options import (
    ACCEPT,
    BEFORE_ALL,
    BUILD_FRONTEND,
    CONFIG_SETTINGS,
    ENVIRONMENT,
    ENVIRONMENT_PASS,
    REPAIR_WHEEL_COMMAND,
)
from matrix_runner.config.options.cache_options import COMPILER_CACHE
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.run_options import CONTAINER_ENGINE, JOBS, MEMORY, STEP_TIMEOUT
from matrix_runner.config.options.selection_options import ARCHS, BUILD, ENABLE, SKIP
from matrix_runner.config.options.test_options import TEST_COMMAND, TEST_EXTRAS, TEST_REQUIRES, TEST_SOURCES
from matrix_runner.model.checks import Accepted, Check
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
    (COMPILER_CACHE, '"CCache"', CompilerCacheChoice(name=CompilerCache.CCACHE)),
    (COMPILER_CACHE, '"sccache; backend: gha"',
     CompilerCacheChoice(name=CompilerCache.SCCACHE, backend=CompilerCacheBackend.GITHUB)),
    (COMPILER_CACHE, '{name = "sccache", backend = "gha"}',
     CompilerCacheChoice(name=CompilerCache.SCCACHE, backend=CompilerCacheBackend.GITHUB)),
    (COMPILER_CACHE, '{name = "ccache", backend = "volume"}', CompilerCacheChoice(name=CompilerCache.CCACHE)),
    (CONFIG_SETTINGS, "{a = 'x', b = ['y', 'z'], c = 1, d = true}",
     (("a", ("x",)), ("b", ("y", "z")), ("c", ("1",)), ("d", ("true",)))),
    (CONFIG_SETTINGS, '"a=x b=\'y z\' a=w c="', (("a", ("x", "w")), ("b", ("y z",)), ("c", ("",)))),
    (ENVIRONMENT, "{A = 'x y', B = 2, C = true}", (("A", "x y"), ("B", "2"), ("C", "true"))),
    (ENVIRONMENT, '\'A=1 B="x $Y" C=$(a "b c")\'', (("A", "1"), ("B", "x $Y"), ("C", '$(a "b c")'))),
    (ENVIRONMENT_PASS, '"A B_C"', ("A", "B_C")),
    (TEST_REQUIRES, '"-r a.txt -r b.txt \'x; y\'"', ("-r", "a.txt", "-r", "b.txt", "x; y")),
    (TEST_REQUIRES, '["pytest >= 8"]', ("pytest >= 8",)),
    (TEST_EXTRAS, '"a,b"', ("a", "b")),
    (ACCEPT, '"foreign-elf Missing-Library:demo/*.so"',
     (Accepted(check=Check.FOREIGN_ELF), Accepted(check=Check.MISSING_LIBRARY, pattern="demo/*.so"))),
    (ACCEPT, '["foreign-elf:a b/*", "foreign-elf:a b/*"]', (Accepted(check=Check.FOREIGN_ELF, pattern="a b/*"),)),
    (TEST_SOURCES, "[\"tests/\", 'a/../b c']", ("tests", "b c")),
    (STEP_TIMEOUT, '"1h30m"', 5400),
    (STEP_TIMEOUT, '"90"', 90),
    (STEP_TIMEOUT, "0", 0),
    (MEMORY, "1_000_000_000_000_001", 10**15 + 1),
    (MEMORY, '"1000000000000001b"', 10**15 + 1),
    (MEMORY, '"2g"', 2 * 1024**3),
    (MEMORY, '"512 MiB"', 512 * 1024**2),
    (MEMORY, '""', 0),
    (JOBS, "4", 4),
)  # fmt: skip
