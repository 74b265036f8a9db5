"""The one table of options, a chapter a module. An option is imported from its chapter; the whole table is here."""

from collections.abc import Mapping
from types import MappingProxyType

from matrix_runner.config.options import (
    build_options,
    cache_options,
    image_options,
    run_options,
    selection_options,
    test_options,
)
from matrix_runner.config.options.option import Option

OPTIONS: tuple[Option[object], ...] = (
    *selection_options.OPTIONS,
    *image_options.OPTIONS,
    *build_options.OPTIONS,
    *test_options.OPTIONS,
    *cache_options.OPTIONS,
    *run_options.OPTIONS,
)

BY_NAME: Mapping[str, Option[object]] = MappingProxyType({option.name: option for option in OPTIONS})

FLAGS: Mapping[str, Option[object]] = MappingProxyType({option.flag: option for option in OPTIONS if option.flag})
"""The options that have a flag, by its spelling: from these the command line makes its flags and their help."""

__all__ = ["BY_NAME", "FLAGS", "OPTIONS"]
