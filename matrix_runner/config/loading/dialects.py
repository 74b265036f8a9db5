"""The two configuration dialects: `[tool.matrix-runner]` with MATRIX_RUNNER_*, and cibuildwheel's with CIBW_*.

In the second, values have cibuildwheel's meaning (facts: its documentation and its behaviour, release 4.3), even where
our own reader is stricter: what it accepts is accepted, with a remark where that is most likely a mistake.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeVar, cast

import msgspec
from msgspec.structs import replace

from matrix_runner.config.kinds import basic, grammars, programs
from matrix_runner.config.kinds.basic import Kind
from matrix_runner.config.kinds.values import ArchChoice, ArchGroup, BuildFrontend, EnableGroup, Frontend, SourceFiles
from matrix_runner.config.loading import lenient
from matrix_runner.config.loading.layers import DEFAULT, Given, Layer
from matrix_runner.config.mistakes import quote
from matrix_runner.config.options import OPTIONS
from matrix_runner.config.options.build_options import (
    AUDIT_COMMAND,
    AUDIT_REQUIRES,
    BEFORE_ALL,
    BEFORE_BUILD,
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
from matrix_runner.config.options.run_options import CONTAINER_ENGINE, DEBUG_KEEP_CONTAINER, DEBUG_TRACEBACK
from matrix_runner.config.options.selection_options import (
    ALLOW_EMPTY,
    ARCHS,
    BUILD,
    ENABLE,
    PROJECT_REQUIRES_PYTHON,
    SKIP,
    TEST_SKIP,
)
from matrix_runner.config.options.source_options import SOURCE_FILES
from matrix_runner.config.options.test_options import (
    BEFORE_TEST,
    TEST_COMMAND,
    TEST_ENVIRONMENT,
    TEST_EXTRAS,
    TEST_GROUPS,
    TEST_REQUIRES,
    TEST_SOURCES,
)

S = TypeVar("S")
T = TypeVar("T")

LINUX = "linux"


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration dialect. `table`: its key under `[tool]`. `prefix`: of its environment variables.

    `in_file`, `in_environment`: its options there, by its names for them. `kinds`, `defaults`: where they differ from
    the table of options. `platforms`, `elsewhere`: tables and options of other systems; `silent`: known variables
    without effect here. `is_strict`: whether a setting without effect is a mistake, not a remark.
    """

    table: str
    prefix: str
    in_file: Mapping[str, Option[object]]
    in_environment: Mapping[str, Option[object]]
    is_strict: bool
    kinds: Mapping[str, Kind[object]] = msgspec.field(default_factory=dict)
    defaults: Mapping[str, object] = msgspec.field(default_factory=dict)
    platforms: frozenset[str] = frozenset()
    elsewhere: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()

    def kind(self, option: Option[object]) -> Kind[object]:
        """The kind of an option's values."""
        return self.kinds.get(option.name, option.kind)

    @property
    def lowest(self) -> Layer:
        """The layer of the dialect's defaults."""
        return Layer(
            given=tuple(Given(name=name, value=value, origin=DEFAULT) for name, value in self.defaults.items())
        )

    def variable(self, name: str) -> str:
        """The environment variable for an option's name, such as `before-all` or `before-all-linux`."""
        return self.prefix + name.upper().replace("-", "_")


_IN_FILE = MappingProxyType({option.name: option for option in OPTIONS if not option.is_flag_only})

OWN = Dialect(
    table="matrix-runner",
    prefix="MATRIX_RUNNER_",
    in_file=_IN_FILE,
    in_environment=_IN_FILE,
    is_strict=True,
    # Set in the environment of a run inside a cell of another run.
    silent=frozenset(
        f"MATRIX_RUNNER_{name}" for name in ("IDENTIFIER", "CONTAINER", "PLATFORM", "ARCH", "LIBC", "IMAGE_NAME")
    ),
)

_FOREIGN_ARCHS = frozenset(
    {
        *("universal2", "arm64", "x86", "amd64", "wasm32"),
        *("arm64_v8a", "arm64_iphoneos", "arm64_iphonesimulator", "x86_64_iphonesimulator"),
    }
)
_FOREIGN_GROUPS = frozenset({"pyodide-eol", "pyodide-prerelease"})
_PAST_GROUPS = frozenset({"cpython-freethreading"})
_ALL_GROUPS = (EnableGroup.CPYTHON_PRERELEASE, EnableGroup.PYPY, EnableGroup.PYPY_EOL, EnableGroup.GRAALPY)


def _after(base: Kind[S], change: Callable[[S], T], remarks: Callable[[S], tuple[str, ...]]) -> Kind[T]:
    """Make a kind that reads like another and then changes the value; `remarks` apply to the value as read."""
    return Kind(
        words=base.words,
        shape=base.shape,
        read=lambda value: change(base.read(value)),
        read_text=lambda text: change(base.read_text(text)),
        may_be_empty=base.may_be_empty,
        join=cast("Callable[[object, object], T] | None", base.join),
        remarks=lambda value: remarks(base.read(value)),
    )


def _words(item: Callable[[str], str]) -> Kind[tuple[str, ...]]:
    return basic.Listing(item=item, words="a list of words", split=basic.split_words, split_items=True).kind()


def _archs() -> Kind[tuple[ArchChoice, ...]]:
    """Make the kind of archs: `auto` is the machine's own architecture; other systems' architectures are ignored."""

    def is_foreign(word: str) -> bool:
        return word.lower() in _FOREIGN_ARCHS

    def check(word: str) -> str:
        return word if is_foreign(word) else str(grammars.arch(word))

    def change(words: tuple[str, ...]) -> tuple[ArchChoice, ...]:
        read = (grammars.arch(word) for word in words if not is_foreign(word))
        return tuple(dict.fromkeys(ArchGroup.NATIVE if one is ArchGroup.AUTO else one for one in read))

    def remarks(words: tuple[str, ...]) -> tuple[str, ...]:
        foreign = ", ".join(filter(is_foreign, words))
        return (f"{foreign}: not for Linux, so nothing is built for it",) if foreign else ()

    return replace(_after(_words(check), change, remarks), may_be_empty=False)


def _groups() -> Kind[tuple[EnableGroup, ...]]:
    member = basic.member(EnableGroup, "group")

    def is_ours(word: str) -> bool:
        return word.lower() not in _FOREIGN_GROUPS | _PAST_GROUPS

    def check(word: str) -> str:
        return str(member(word)) if is_ours(word) else word

    def change(words: tuple[str, ...]) -> tuple[EnableGroup, ...]:
        groups = tuple(map(member, filter(is_ours, words)))
        return _ALL_GROUPS if EnableGroup.ALL in groups else groups

    def remarks(words: tuple[str, ...]) -> tuple[str, ...]:
        past = [word for word in words if word.lower() in _PAST_GROUPS]
        return tuple(f"{word}: no longer a group; free-threaded interpreters need none" for word in past)

    return _after(_words(check), change, remarks)


def _verbosity() -> Kind[int]:
    """Make the kind of a verbosity: any number, clamped to the range of frontends; all else counts as 0."""

    def number(value: object) -> int | None:
        text = str(value).strip()
        return int(text) if isinstance(value, int | str) and re.fullmatch(r"[+-]?[0-9]{1,18}", text) else None

    def read(value: object) -> int:
        return min(3, max(-3, number(value) or 0))

    def remarks(value: object) -> tuple[str, ...]:
        known = number(value) is not None or value == ""
        return () if known else (f"expected an integer, got {quote(str(value))}: taken as 0",)

    return replace(BUILD_VERBOSITY.kind, read=read, read_text=read, remarks=remarks, may_be_empty=True)


_COMMANDS = (BEFORE_ALL, BEFORE_BUILD, BEFORE_TEST, REPAIR_WHEEL_COMMAND, TEST_COMMAND)

_FILE_OPTIONS: tuple[Option[object], ...] = (
    *(BUILD, SKIP, TEST_SKIP, ARCHS, ENABLE, *IMAGES.values(), *_COMMANDS),
    *(BUILD_FRONTEND, CONFIG_SETTINGS, BUILD_VERBOSITY, ENVIRONMENT, ENVIRONMENT_PASS, AUDIT_REQUIRES, AUDIT_COMMAND),
    *(DEPENDENCY_VERSIONS, TEST_REQUIRES, TEST_EXTRAS, TEST_GROUPS, TEST_SOURCES, TEST_ENVIRONMENT, CONTAINER_ENGINE),
)

_VARIABLE_OPTIONS: tuple[Option[object], ...] = (
    *_FILE_OPTIONS,
    *(PROJECT_REQUIRES_PYTHON, OUTPUT_DIR, ALLOW_EMPTY, DEBUG_KEEP_CONTAINER, DEBUG_TRACEBACK),
)

CIBUILDWHEEL = Dialect(
    table="cibuildwheel",
    prefix="CIBW_",
    in_file=MappingProxyType({option.name: option for option in _FILE_OPTIONS}),
    in_environment=MappingProxyType(
        {**{option.name: option for option in _VARIABLE_OPTIONS}, "log-fold-mode": LOG_FOLDS}
    ),
    is_strict=False,
    kinds=MappingProxyType(
        {
            **dict.fromkeys((option.name for option in _COMMANDS), lenient.texts(grammars.command(strict=False))),
            **dict.fromkeys((ENVIRONMENT.name, TEST_ENVIRONMENT.name), lenient.environment()),
            **{one.name: lenient.texts(one.kind) for one in (*IMAGES.values(), TEST_REQUIRES, AUDIT_REQUIRES)},
            **{one.name: lenient.texts(one.kind) for one in (TEST_EXTRAS, TEST_SOURCES)},
            **{one.name: lenient.words(one.kind) for one in (ENVIRONMENT_PASS, TEST_GROUPS)},
            **{one.name: lenient.switch(one.kind) for one in (ALLOW_EMPTY, DEBUG_KEEP_CONTAINER, DEBUG_TRACEBACK)},
            BUILD.name: lenient.words(grammars.patterns(empty_means=("*",), strict=False)),
            SKIP.name: lenient.words(grammars.patterns(strict=False)),
            TEST_SKIP.name: lenient.words(grammars.patterns(strict=False)),
            ARCHS.name: _archs(),
            ENABLE.name: lenient.words(_groups()),
            AUDIT_COMMAND.name: lenient.texts(grammars.audit_command(strict=False)),
            BUILD_FRONTEND.name: lenient.build_frontend(programs.frontend(default=Frontend.BUILD)),
            BUILD_VERBOSITY.name: _verbosity(),
            LOG_FOLDS.name: lenient.log_folds(LOG_FOLDS.kind),
            CONTAINER_ENGINE.name: lenient.container_engine(CONTAINER_ENGINE.kind),
            # Numbers and booleans are written in Python's form there.
            CONFIG_SETTINGS.name: lenient.config_settings(grammars.config_settings(true="True", false="False")),
            DEPENDENCY_VERSIONS.name: lenient.dependency_versions(DEPENDENCY_VERSIONS.kind),
        }
    ),
    defaults=MappingProxyType(
        {
            ARCHS.name: (ArchGroup.NATIVE,),
            BUILD_FRONTEND.name: BuildFrontend(name=Frontend.BUILD),
            # No option there: the whole directory is copied.
            SOURCE_FILES.name: SourceFiles.ALL,
        }
    ),
    platforms=frozenset({"macos", "windows", "android", "ios", "pyodide"}),
    elsewhere=frozenset(
        {
            *("xbuild-tools", "xbuild-files", "test-runtime", "pyodide-version"),
            *(f"manylinux-pypy_{arch}-image" for arch in ("x86_64", "i686", "aarch64")),
        }
    ),
    silent=frozenset({"CIBW_CACHE_PATH", "CIBW_INTERNAL_PINNED_DOCKER_IMAGES"}),
)


def is_for_other_systems(pattern: str) -> bool:
    """Whether a selector clearly names other systems, as in projects built for several."""
    return re.search(r"win|macos|pyodide|wasm|android|ios|arm64|universal2|amd64", pattern) is not None
