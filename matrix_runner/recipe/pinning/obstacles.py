"""Reasons why an option, or a lock, cannot be heeded in a cell: its Python never got an installer that can. Pure."""

from matrix_runner.config.kinds.values import Frontend
from matrix_runner.config.options.build_options import BUILD_CONSTRAINTS, BUILD_FRONTEND, EXCLUDE_NEWER
from matrix_runner.locking.lock_values import LOCK
from matrix_runner.recipe.tool_versions import LAST_PIP_OF_39
from matrix_runner.recipe.toolbox import Toolbox, uv_supports

Obstacle = tuple[str, str]
"""A reason, and a hint."""


def obstacle_of(tools: Toolbox) -> Obstacle | None:
    """Return the reason why an option cannot be heeded in a cell, and a hint; None if all can."""
    version, needed = tools.cell.interpreter.version, tools.needed_pip
    if tools.lock is not None and tools.frontend is Frontend.BUILD_UV:
        return (
            f'{LOCK} cannot be held to: build-frontend = "build[uv]" lets pass what has no hash',
            f'{BUILD_FRONTEND} = "auto", "uv" or "build" can',
        )
    if needed is not None and version < ((3, 9) if needed <= LAST_PIP_OF_39 else (3, 10)):
        what = f"{BUILD_CONSTRAINTS} with hashes" if tools.has_hashes else str(EXCLUDE_NEWER)
        what = what if tools.lock is None else LOCK
        hint = "leave the cell out by skip, or build it without " + ("--locked" if tools.lock else "the option")
        if uv_supports(tools.cell.interpreter):
            hint = f'set build-frontend = "uv" for it if the image has uv, or {hint}'
        return (
            f"{what} needs pip {needed[0]}.{needed[1]}, which Python {version[0]}.{version[1]} never got",
            hint,
        )
    if tools.settings[EXCLUDE_NEWER] and not tools.tests_with_uv and version < (3, 9) and tools.lock is None:
        return (
            f"{EXCLUDE_NEWER}: pip for Python {version[0]}.{version[1]} cannot heed it for the tests",
            "leave the cell out by skip or test-skip, or build it without the option",
        )
    return None
