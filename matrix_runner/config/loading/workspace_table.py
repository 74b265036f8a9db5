"""The workspace that a directory is the top of: its packages, and the table that they have in common."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import msgspec

from matrix_runner.config.loading.build_files import PYPROJECT
from matrix_runner.config.loading.diagnostics import Document
from matrix_runner.config.loading.dialects import OWN
from matrix_runner.config.loading.positions import locate
from matrix_runner.config.loading.toml_file import Unreadable, read_toml
from matrix_runner.config.mistakes import InvalidValue, printable, quote
from matrix_runner.config.options.selection_options import PACKAGES
from matrix_runner.errors import ConfigError
from matrix_runner.toml import table_of

PROJECT_FILES: Final = (PYPROJECT, "setup.py", "setup.cfg")
"""The files of which a directory has at least one that is a Python project."""

_WILD: Final = "*?["


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace. `directory`: its top, resolved; `packages`: their directories, resolved, in the order of its table.

    `document`: the file with the table.
    """

    directory: Path
    packages: tuple[Path, ...]
    document: Document


def read_workspace(directory: Path, label: str = PYPROJECT) -> Workspace | None:
    """Return the workspace that a directory is the top of, None if it is of none. `label`: of its file in messages.

    Raise ConfigError if what its table says of packages is wrong. Any other mistake in the file is told by whoever
    loads it.
    """
    top = directory.resolve()
    try:
        found = read_toml(top / PYPROJECT, label)
    except Unreadable:
        return None
    table = {} if found is None else table_of(table_of(found.content.get("tool")).get(OWN.table))
    if found is None or PACKAGES.name not in table:
        return None
    document = Document(label=label, content=found.content, lines=locate(found.text))
    at = document.position("tool", OWN.table, PACKAGES.name)
    try:
        patterns = PACKAGES.kind.read(table[PACKAGES.name])
    except InvalidValue as bad:
        raise ConfigError(tuple(f"{at}: {finding.text}" for finding in bad.findings)) from bad
    packages = tuple(_named(top, patterns, at))
    if patterns and not packages:
        raise ConfigError((f"{at}: there is no package in any of these directories",))
    return Workspace(directory=top, packages=packages, document=document)


def find_workspace(package: Path, here: Path) -> Workspace | None:
    """Return the workspace that a directory is the top of, or a package of; None if there is none.

    Looked for in it and above it, up to the top of its repository. Files of other users are theirs to say: in a
    directory that everybody may write to, anybody could decide what is built. `here`: the directory that paths are
    shown from. Raise ConfigError as `read_workspace` does.
    """
    own, top = package.resolve(), here.resolve()
    for directory in _upwards(own):
        if not _is_ours(directory / PYPROJECT, own):
            continue
        label = PYPROJECT if directory == own else str(directory / PYPROJECT)
        if directory.is_relative_to(top):
            label = (directory / PYPROJECT).relative_to(top).as_posix()
        found = read_workspace(directory, label)
        if found is not None and own in {directory, *found.packages}:
            return found
    return None


def _upwards(own: Path) -> Iterator[Path]:
    """Yield a directory and those above it, up to the top of its repository."""
    for directory in (own, *own.parents):
        yield directory
        if (directory / ".git").exists():
            return


def _is_ours(file: Path, own: Path) -> bool:
    """Whether a file is there, and belongs to the owner of the package or to root."""
    try:
        return file.stat().st_uid in {own.stat().st_uid, 0}
    except OSError:
        return False


def _named(top: Path, patterns: tuple[str, ...], at: str) -> Iterator[Path]:
    """Yield the directories that the patterns name, each once. Raise ConfigError for one that is no project."""
    excluded = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    seen: set[Path] = set()
    for pattern in patterns:
        if pattern.startswith("!"):
            continue
        is_wild = any(sign in pattern for sign in _WILD)
        found = sorted(top.glob(pattern)) if is_wild else [top / pattern]
        for path in found:
            directory = path.resolve()
            is_project = directory.is_dir() and any((directory / name).exists() for name in PROJECT_FILES)
            if not is_project and not is_wild:
                state = "is no directory" if not directory.is_dir() else f"has no {', '.join(PROJECT_FILES)}"
                raise ConfigError((f"{at}: {quote(printable(pattern))} {state}",))
            name = path.relative_to(top).as_posix()
            if is_project and directory not in seen and not any(fnmatchcase(name, each) for each in excluded):
                seen.add(directory)
                yield directory
