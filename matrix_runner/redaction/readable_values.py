"""Values of options with secrets masked, for `runner explain`. Pure."""

from typing import cast

from msgspec.structs import replace

from matrix_runner.config.kinds.values import ContainerEngine, Variables
from matrix_runner.config.options.build_options import ENVIRONMENT
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.test_options import TEST_ENVIRONMENT
from matrix_runner.redaction.redactor import Redactor


def readable(option: Option[object], value: object, redactor: Redactor) -> object:
    """Return the value of an option with its secrets masked, in a form that the option's kind can still write."""
    if option.name in {ENVIRONMENT.name, TEST_ENVIRONMENT.name}:
        return tuple((name, redactor.shown(name, text)) for name, text in cast("Variables", value))
    if isinstance(value, ContainerEngine):
        words = tuple(map(redactor.text, value.arguments.words))
        return replace(value, arguments=replace(value.arguments, words=words))
    if isinstance(value, tuple):
        return tuple(redactor.text(one) if isinstance(one, str) else one for one in value)
    return redactor.text(value) if isinstance(value, str) else value
