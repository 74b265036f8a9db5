"""The flags that a command was given, by option; and those that the next command needs to mean the same."""

from collections.abc import Mapping
from pathlib import Path

from matrix_runner.config.loading.variable_layers import FlagValue
from matrix_runner.config.options import FLAGS
from matrix_runner.config.options.option import Option

_ALSO_OTHERS = ("--archs", "--enable", "--engine", "--image", "--network", "--sandbox", "--sdist", "--locked")
"""The flags without which another command would not mean the same cells."""


def given_flags(values: Mapping[str, object]) -> dict[str, FlagValue]:
    """Return the given flags by option name, from the parameters that click passes to a command."""
    given: dict[str, FlagValue] = {}
    for option in FLAGS.values():
        value = values.get(parameter_of(option))
        if isinstance(value, tuple) and value:
            given[option.name] = tuple(map(str, value))
        elif value is True or isinstance(value, str):
            given[option.name] = value
    return given


def words_again(
    package: Path, project: Path | None, config_file: str | None, flags: Mapping[str, object]
) -> tuple[str, ...]:
    """Return the words by which another command is about the same package and cells."""
    words = [] if package == Path() else [str(package)]
    words += [] if project is None else ["--project", str(project)]
    words += [] if config_file is None else ["--config-file", config_file]
    given = given_flags(flags)
    for flag in _ALSO_OTHERS:
        value = given.get(FLAGS[flag].name)
        if value is True:
            words.append(flag)
        elif isinstance(value, tuple):
            words += [word for each in value for word in (flag, each)]
        elif value:
            words += [flag, str(value)]
    return tuple(words)


def parameter_of(option: Option[object]) -> str:
    """Return the name of the parameter by which click passes an option's flag to a command."""
    return option.name.replace("-", "_")
