"""The one table of options; each row is also a constant here."""

from collections.abc import Mapping
from types import MappingProxyType

from matrix_runner.config.option import Option
from matrix_runner.config.table import build, cache, images, run, selection, test
from matrix_runner.config.table.build import (
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
    REPAIR_COMPRESSION,
    REPAIR_WHEEL_COMMAND,
)
from matrix_runner.config.table.cache import (
    BEFORE_ALL_INPUTS,
    CACHE_DIR,
    CACHE_MAX_AGE,
    CACHE_REMOTE,
    CACHE_REMOTE_READ_ONLY,
    CACHE_SIZE,
    COMPILER_CACHE,
    NO_CACHE,
    REBUILD,
)
from matrix_runner.config.table.images import IMAGE, IMAGES
from matrix_runner.config.table.run import (
    ALLOW_HOST_COMMANDS,
    CONTAINER_ENGINE,
    CPUS,
    DEBUG_KEEP_CONTAINER,
    DEBUG_TRACEBACK,
    JOBS,
    MEMORY,
    OUTPUT_DIR,
    OVERWRITE,
    SILENCE_TIMEOUT,
    STEP_TIMEOUT,
)
from matrix_runner.config.table.selection import (
    ALLOW_EMPTY,
    ARCHS,
    BUILD,
    ENABLE,
    PROJECT_REQUIRES_PYTHON,
    SKIP,
    TEST_SKIP,
)
from matrix_runner.config.table.test import (
    BEFORE_TEST,
    TEST_COMMAND,
    TEST_ENVIRONMENT,
    TEST_EXTRAS,
    TEST_GROUPS,
    TEST_REQUIRES,
    TEST_SOURCES,
)

OPTIONS: tuple[Option[object], ...] = (
    *selection.OPTIONS,
    *images.OPTIONS,
    *build.OPTIONS,
    *test.OPTIONS,
    *cache.OPTIONS,
    *run.OPTIONS,
)

BY_NAME: Mapping[str, Option[object]] = MappingProxyType({option.name: option for option in OPTIONS})

FLAGS: Mapping[str, Option[object]] = MappingProxyType({option.flag: option for option in OPTIONS if option.flag})
"""The options that have a flag, by its spelling: from these the command line makes its flags and their help."""

__all__ = [
    "ALLOW_EMPTY",
    "ALLOW_HOST_COMMANDS",
    "ARCHS",
    "AUDIT_COMMAND",
    "AUDIT_REQUIRES",
    "BEFORE_ALL",
    "BEFORE_ALL_INPUTS",
    "BEFORE_BUILD",
    "BEFORE_TEST",
    "BUILD",
    "BUILD_FRONTEND",
    "BUILD_VERBOSITY",
    "BY_NAME",
    "CACHE_DIR",
    "CACHE_MAX_AGE",
    "CACHE_REMOTE",
    "CACHE_REMOTE_READ_ONLY",
    "CACHE_SIZE",
    "COMPILER_CACHE",
    "CONFIG_SETTINGS",
    "CONTAINER_ENGINE",
    "CPUS",
    "DEBUG_KEEP_CONTAINER",
    "DEBUG_TRACEBACK",
    "DEPENDENCY_VERSIONS",
    "ENABLE",
    "ENVIRONMENT",
    "ENVIRONMENT_PASS",
    "FLAGS",
    "IMAGE",
    "IMAGES",
    "JOBS",
    "MEMORY",
    "NO_CACHE",
    "OPTIONS",
    "OUTPUT_DIR",
    "OVERWRITE",
    "PROJECT_REQUIRES_PYTHON",
    "REBUILD",
    "REPAIR_COMPRESSION",
    "REPAIR_WHEEL_COMMAND",
    "SILENCE_TIMEOUT",
    "SKIP",
    "STEP_TIMEOUT",
    "TEST_COMMAND",
    "TEST_ENVIRONMENT",
    "TEST_EXTRAS",
    "TEST_GROUPS",
    "TEST_REQUIRES",
    "TEST_SKIP",
    "TEST_SOURCES",
]
