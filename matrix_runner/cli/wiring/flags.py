"""Command-line flags, generated from the table of options."""

from collections.abc import Mapping
from pathlib import Path

import click

from matrix_runner.cli.wiring.cell_completion import cells_of_project
from matrix_runner.config.loading.variable_layers import FlagValue
from matrix_runner.config.options import FLAGS
from matrix_runner.config.options.option import Option

SELECTION_FLAGS = (
    "--only",
    "--skip",
    "--archs",
    "--enable",
    "--engine",
    "--image",
    "--sandbox",
    "--sdist",
    "--allow-empty",
    "--debug-traceback",
)
BUILD_FLAGS = (
    *("--output-dir", "--report-dir", "--jobs", "--overwrite", "--allow-host-commands", "--debug-keep-container"),
    *("--no-cache", "--rebuild", "--cache-dir", "--progress", "--exclude-newer", "--accept"),
)


_ALSO_OTHERS = ("--archs", "--enable", "--engine", "--image", "--sandbox", "--sdist")
"""The flags without which another command would not mean the same cells."""

_OF_CELLS = {"--only", "--skip", "--rebuild"}
"""The flags that take identifiers of cells."""


class TableCommand(click.Command):
    """A command with a flag for each named row of the table of options, after its own parameters.

    Values stay text: the configuration loader checks them, so that a mistake has the same message in every source.
    """

    table_flags: tuple[str, ...] = ()

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return all parameters, the table's flags before click's own `--help`."""
        *own, help_flag = super().get_params(ctx)
        return [*own, *(_flag(FLAGS[name]) for name in self.table_flags), help_flag]


class PlanCommand(TableCommand):
    """A command with the flags for planning."""

    table_flags = SELECTION_FLAGS


class BuildCommand(TableCommand):
    """A command with the flags for planning and building."""

    table_flags = (*SELECTION_FLAGS, *BUILD_FLAGS)


def given_flags(values: Mapping[str, object]) -> dict[str, FlagValue]:
    """Return the given flags by option name, from the parameters that click passes to a command."""
    given: dict[str, FlagValue] = {}
    for option in FLAGS.values():
        value = values.get(_parameter(option))
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


def _parameter(option: Option[object]) -> str:
    return option.name.replace("-", "_")


def _flag(option: Option[object]) -> click.Option:
    assert option.flag is not None  # noqa: S101  FLAGS has no others
    declaration = (option.flag, _parameter(option))
    if option.default is False:
        return click.Option(declaration, is_flag=True, help=option.help)
    return click.Option(
        declaration,
        multiple=option.repeatable,
        metavar=option.metavar or "VALUE",
        help=option.help,
        shell_complete=cells_of_project if option.flag in _OF_CELLS else None,
    )
