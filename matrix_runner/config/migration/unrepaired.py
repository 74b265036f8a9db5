"""`accept` for the old table's repair commands that deliver a wheel as it was built: ours would refuse its tag."""

import re
from collections.abc import Mapping

from matrix_runner.config.loading.layers import Inherit
from matrix_runner.config.options.build_options import ACCEPT, REPAIR_WHEEL_COMMAND
from matrix_runner.model.checks import Accepted, Check

# `cp {wheel} {dest_dir}`, quoted or not, wherever a shell lets a command begin and end: `show {wheel}; mv ...`,
# `auditwheel ... || cp ...`, `then cp ...`.
_AS_BUILT = re.compile(
    r"""(?:^|[\s;&|(]) (?:cp|mv) (?:\s+-\S+)* \s+["']?\{wheel\}["']? (?:\s+-\S+)* \s+["']?\{dest_dir\}["']?/?["']?"""
    r"""\s* (?:$|[;&|)\n])""",
    re.VERBOSE,
)


def delivers_as_built(command: str) -> bool:
    """Whether a repair command leaves the wheel with its first tag, `linux_x86_64`: it is empty, or copies the wheel.

    What a script or another program does to the tag is not in the table; nothing is assumed of it.
    """
    return not command or _AS_BUILT.search(command) is not None


def answer(table: Mapping[str, object], rule: str | None, *, is_answered: bool) -> str | None:
    """Return the value of `accept` that goes with a table's repair command, as TOML; None if none is called for.

    `table`: respelt, without formatting. `rule`: how its command adds to that of the tables below (`inherit`), if it
    does: an empty one adds nothing then. `is_answered`: whether a table below has such an entry.
    """
    if REPAIR_WHEEL_COMMAND.name not in table:
        return None
    rule = None if rule == str(Inherit.NONE) else rule
    command = REPAIR_WHEEL_COMMAND.kind.read(table[REPAIR_WHEEL_COMMAND.name])
    if delivers_as_built(command) and (command or not rule):
        return ACCEPT.kind.write((Accepted(check=Check.UNREPAIRED),))
    return ACCEPT.kind.write(()) if is_answered and not rule else None
