"""The table of all options, by topic; flags, variables, schema and reference derive from it."""

from collections.abc import Mapping
from types import MappingProxyType

from matrix_runner.config.options import (
    build_options,
    cache_options,
    engine_options,
    image_options,
    lock_options,
    output_options,
    run_options,
    selection_options,
    source_options,
    test_options,
    wheel_options,
)
from matrix_runner.config.options.option import Option

OPTIONS: tuple[Option[object], ...] = (
    *selection_options.OPTIONS,
    *image_options.OPTIONS,
    *source_options.OPTIONS,
    *build_options.OPTIONS,
    *lock_options.OPTIONS,
    *wheel_options.OPTIONS,
    *test_options.OPTIONS,
    *cache_options.OPTIONS,
    *run_options.OPTIONS,
    *engine_options.OPTIONS,
    *output_options.OPTIONS,
)

BY_NAME: Mapping[str, Option[object]] = MappingProxyType({option.name: option for option in OPTIONS})

FLAGS: Mapping[str, Option[object]] = MappingProxyType({option.flag: option for option in OPTIONS if option.flag})
"""The options with a flag, by its spelling: the source of the command line's flags and their help."""

__all__ = ["BY_NAME", "FLAGS", "OPTIONS"]
