"""Command-line flags, generated from the table of options."""

import click

from matrix_runner.cli.wiring.cell_completion import cells_of_project
from matrix_runner.cli.wiring.given_flags import parameter_of
from matrix_runner.config.options import FLAGS
from matrix_runner.config.options.option import Option

SELECTION_FLAGS = (
    "--only",
    "--skip",
    "--archs",
    "--enable",
    "--engine",
    "--engine-endpoint",
    "--image",
    "--sandbox",
    "--network",
    "--sdist",
    "--locked",
    "--allow-empty",
    "--debug-traceback",
)
BUILD_FLAGS = (
    *("--output-dir", "--report-dir", "--jobs", "--overwrite", "--allow-host-commands", "--debug-keep-container"),
    *("--no-cache", "--rebuild", "--cache-dir", "--progress", "--exclude-newer", "--accept", "--cluster"),
)


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


class CollectCommand(TableCommand):
    """A command with the flags for planning, and for the directories that it writes."""

    table_flags = (*SELECTION_FLAGS, "--output-dir", "--report-dir")


class LockCommand(TableCommand):
    """A command with the flags for planning, and for a run that builds nothing."""

    table_flags = (*(flag for flag in SELECTION_FLAGS if flag != "--locked"), "--jobs", "--progress", "--exclude-newer")


class BuildCommand(TableCommand):
    """A command with the flags for planning and building."""

    table_flags = (*SELECTION_FLAGS, *BUILD_FLAGS)


def _flag(option: Option[object]) -> click.Option:
    assert option.flag is not None  # noqa: S101  FLAGS has no others
    declaration = (option.flag, parameter_of(option))
    if option.default is False:
        return click.Option(declaration, is_flag=True, help=option.help)
    return click.Option(
        declaration,
        multiple=option.repeatable,
        metavar=option.metavar or "VALUE",
        help=option.help,
        shell_complete=cells_of_project if option.flag in _OF_CELLS else None,
    )
