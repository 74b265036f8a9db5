"""Commands about one package where there are several: at the top of a workspace, or of what could be one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from matrix_runner.config.loading.build_files import PYPROJECT, BuildFiles
from matrix_runner.config.loading.dialects import OWN
from matrix_runner.config.loading.toml_file import Unreadable
from matrix_runner.config.loading.workspace_table import PROJECT_FILES, read_workspace
from matrix_runner.errors import UsageError
from matrix_runner.wording import first_of

_DEPTH: Final = 2
"""How far below packages are looked for: `core`, `packages/core`."""
_FEW: Final = 4
_OF_NO_PACKAGE: Final = frozenset({"build", "dist", "node_modules", "tests", "test", "examples", "docs"})


def require_one_package(directory: Path) -> None:
    """Raise UsageError for a directory that is no package, but has some; ConfigError for a workspace with mistakes."""
    if not directory.is_dir():
        return
    workspace = read_workspace(directory)
    if workspace is not None and directory.resolve() not in workspace.packages:
        names = [path.relative_to(workspace.directory).as_posix() for path in workspace.packages]
        raise UsageError(
            f"{directory.resolve()} is a workspace of {first_of(names, _FEW)}, and this command is about one package",
            hint=f"`runner init {_shown(directory, names[0])}` looks at that one, and so on; `runner plan` here shows"
            " what all of them build.",
        )
    if workspace is not None or _is_package(directory):
        return
    names = [path.relative_to(directory).as_posix() for path in _below(directory, _DEPTH)]
    if names:
        quoted = ", ".join(f'"{name}"' for name in names)
        raise UsageError(
            f"{directory.resolve()} is no package itself, and has some: {first_of(names, _FEW)}",
            hint=f"`runner init {_shown(directory, names[0])}` looks at one. To build all in one run, write"
            f" [tool.{OWN.table}] with packages = [{quoted}] into {PYPROJECT} there (docs/how-to/workspaces.md).",
        )


def _is_package(directory: Path) -> bool:
    """Whether a directory says that it is a package: a pyproject.toml alone may only configure tools."""
    files = BuildFiles(directory)
    if files.has("setup.py") or files.has("setup.cfg"):
        return True
    try:
        found = files.pyproject()
    except Unreadable:
        # Whoever loads it says what is wrong.
        return True
    return found is not None and not {"project", "build-system"}.isdisjoint(found.content)


def _below(directory: Path, depth: int) -> Iterator[Path]:
    """Yield the packages below a directory; what is below one of them is its own."""
    try:
        found = sorted(path for path in directory.iterdir() if path.is_dir() and not path.is_symlink())
    except OSError:
        return
    for path in found:
        if path.name.startswith(".") or path.name in _OF_NO_PACKAGE:
            continue
        if any((path / name).exists() for name in PROJECT_FILES) and _is_package(path):
            yield path
        elif depth > 1:
            yield from _below(path, depth - 1)


def _shown(directory: Path, name: str) -> str:
    return (directory / name).as_posix()
