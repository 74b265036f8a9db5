"""Loading of the whole configuration: chooses the dialect, reads all layers, and reports all mistakes at once."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from matrix_runner.config.loading.build_files import PYPROJECT, BuildFiles
from matrix_runner.config.loading.diagnostics import Diagnostics, Document
from matrix_runner.config.loading.dialects import CIBUILDWHEEL, OWN, Dialect
from matrix_runner.config.loading.file_layers import file_layers, find_misplaced, has_table
from matrix_runner.config.loading.layers import Layer, Origin, Setting, resolve
from matrix_runner.config.loading.metadata import Metadata, read_metadata
from matrix_runner.config.loading.positions import locate
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.loading.toml_file import TomlText, Unreadable, read_toml
from matrix_runner.config.loading.variable_layers import FlagValue, flag_layer, variable_layers
from matrix_runner.config.loading.workspace_table import PROJECT_FILES, Workspace
from matrix_runner.config.mistakes import did_you_mean, printable, quote
from matrix_runner.config.options import OPTIONS
from matrix_runner.config.options.option import Source
from matrix_runner.config.options.test_options import TEST_GROUPS
from matrix_runner.errors import ConfigError
from matrix_runner.wording import first_of


def load(  # noqa: PLR0913  each is a place that settings come from
    project: Path,
    *,
    environ: Mapping[str, str],
    flags: Mapping[str, FlagValue],
    config_file: Path | None = None,
    files: BuildFiles | None = None,
    workspace: Workspace | None = None,
) -> Settings:
    """Resolve every option. Lowest first: default, table, its part for Linux, overrides, variables, flags.

    The table is `[tool.matrix-runner]` and the variables are `MATRIX_RUNNER_*`. Without that table, a table or a
    variable of cibuildwheel selects its dialect: those are read, with its defaults, below our own variables. `flags`
    contains, by the option's name, the given flags (an empty tuple is one that was not given). `config_file` replaces
    pyproject.toml as the file of the table. `files`: the build files of `project`, to share with other readers.
    `workspace`: the one that the project is a package of; its table is below the project's, except where that is
    cibuildwheel's. Raise ConfigError with all mistakes.
    """
    if not project.is_dir():
        what = "not a directory" if project.exists() else "no such directory"
        raise ConfigError((f"{printable(str(project))}: {what}",), hint="Name the directory of a Python project.")
    diagnostics = Diagnostics()
    files = files or BuildFiles(project)
    # Of several packages each has a file of that name.
    shown = "" if workspace is None or project == Path() else f"{printable(project.as_posix())}/"
    package = _read(files.pyproject, PYPROJECT, diagnostics, shown)
    if not any(map(files.has, PROJECT_FILES)):
        diagnostics.wrong(f"{printable(str(project))}: not a Python project: it has no {', '.join(PROJECT_FILES)}")
    document = package if config_file is None else _other(config_file, diagnostics)
    find_misplaced(document, diagnostics)
    above = None if workspace is None or workspace.directory == project.resolve() else workspace.document
    dialect = _choose_dialect(document, environ, diagnostics, has_workspace=above is not None and has_table(above, OWN))
    layers = (
        dialect.lowest,
        *(file_layers(above, dialect, diagnostics) if above is not None and dialect is OWN else ()),
        *file_layers(document, dialect, diagnostics),
        *_nearer_layers(dialect, environ, flags, diagnostics),
    )
    metadata = _metadata(files, package, diagnostics, shown)
    _check_groups(layers, metadata, diagnostics)
    if diagnostics.mistakes:
        raise ConfigError(tuple(diagnostics.mistakes))
    if diagnostics.elsewhere:
        diagnostics.notices.append(f"not for Linux, so not read: {', '.join(dict.fromkeys(diagnostics.elsewhere))}")
    settings = _settings(
        layers,
        project_name=metadata.name,
        metadata_python=_python(metadata, package),
        is_drop_in=dialect is not OWN,
        notices=tuple(dict.fromkeys(diagnostics.notices)),
    )
    return settings if workspace is None else replace(settings, package=package_name(metadata.name, project))


def package_name(name: str | None, directory: Path) -> str:
    """Return the name of a package of a workspace in identifiers: that of its metadata, else of its directory."""
    from packaging.utils import canonicalize_name

    plain = re.sub(r"[^A-Za-z0-9._-]", "-", name or directory.resolve().name).strip("._-")
    return canonicalize_name(plain or "package")


def load_outside(*, environ: Mapping[str, str], flags: Mapping[str, FlagValue]) -> Settings:
    """Resolve every option where there is no project: default, our own variables, flags. Raise ConfigError."""
    diagnostics = Diagnostics()
    layers = (OWN.lowest, *_nearer_layers(OWN, environ, flags, diagnostics))
    if diagnostics.mistakes:
        raise ConfigError(tuple(diagnostics.mistakes))
    return _settings(layers)


def _nearer_layers(
    dialect: Dialect, environ: Mapping[str, str], flags: Mapping[str, FlagValue], diagnostics: Diagnostics
) -> tuple[Layer, ...]:
    """Return the layers above those of files: variables, of the dialect and our own, and flags."""
    return (
        *(variable_layers(environ, dialect, diagnostics) if dialect is not OWN else ()),
        *variable_layers(environ, OWN, diagnostics),
        flag_layer(flags, dialect, diagnostics),
    )


def _settings(
    layers: tuple[Layer, ...],
    *,
    project_name: str | None = None,
    metadata_python: Setting | None = None,
    is_drop_in: bool = False,
    notices: tuple[str, ...] = (),
) -> Settings:
    for_all = tuple(layer for layer in layers if layer.select is None)
    return Settings(
        resolved=tuple(resolve(option, for_all) for option in OPTIONS),
        layers=layers,
        project_name=project_name,
        metadata_python=metadata_python,
        is_drop_in=is_drop_in,
        notices=notices,
    )


def _choose_dialect(
    document: Document, environ: Mapping[str, str], diagnostics: Diagnostics, *, has_workspace: bool
) -> Dialect:
    """Choose the dialect, with a notice if there is any doubt. `has_workspace`: whether a workspace has a table."""
    peer = CIBUILDWHEEL
    table = f"[tool.{peer.table}]"
    variables = [name for name in sorted(environ) if name.startswith(peer.prefix)]
    shown = first_of(variables, 3)
    if has_table(document, OWN):
        unread = [table] * has_table(document, peer) + [shown] * bool(variables)
        if unread:
            diagnostics.notices.append(f"{document.label} has [tool.{OWN.table}], so not read: {', '.join(unread)}")
        return OWN
    if has_table(document, peer):
        diagnostics.notices.append(
            f"using {table} of {document.label}, with {peer.table}'s defaults; `runner migrate` makes it our own"
        )
        return peer
    if has_workspace:
        return OWN
    if variables:
        diagnostics.notices.append(f"using the variables of {peer.table} ({shown}), with its defaults")
        return peer
    return OWN


def _read(read: Callable[[], TomlText | None], label: str, diagnostics: Diagnostics, directory: str = "") -> Document:
    """Read a file. `directory`: that of the file in messages, with a slash, as `label` has none."""
    found = None
    try:
        found = read()
    except Unreadable as error:
        diagnostics.wrong(f"{directory}{error}")
    if found is None:
        return Document(label=f"{directory}{label}", content={}, lines={})
    return Document(label=f"{directory}{label}", content=found.content, lines=locate(found.text))


def _other(config_file: Path, diagnostics: Diagnostics) -> Document:
    """Read the file that replaces pyproject.toml; it must exist and have a table."""
    label, before = printable(str(config_file)), len(diagnostics.mistakes)
    document = _read(partial(read_toml, config_file, label), label, diagnostics)
    if len(diagnostics.mistakes) == before and not (has_table(document, OWN) or has_table(document, CIBUILDWHEEL)):
        tables = f"[tool.{OWN.table}] or [tool.{CIBUILDWHEEL.table}]"
        state = f"has no table {tables}" if config_file.exists() else "no such file"
        diagnostics.wrong(f"{label}: {state}")
    return document


def _metadata(files: BuildFiles, package: Document, diagnostics: Diagnostics, directory: str) -> Metadata:
    """Read the project's metadata; report mistakes in its pyproject.toml with their lines. `directory`: see `_read`."""
    metadata = read_metadata(files, package.content)
    for mistake in metadata.mistakes:
        own = mistake.file == PYPROJECT and package.label == f"{directory}{PYPROJECT}"
        diagnostics.wrong(f"{package.position(*mistake.at)}: {mistake.text}" if own else f"{directory}{mistake}")
    diagnostics.notices += metadata.warnings
    return metadata


def _check_groups(layers: tuple[Layer, ...], metadata: Metadata, diagnostics: Diagnostics) -> None:
    """Report dependency groups (PEP 735) missing in the project, before a container finds out."""
    for layer in layers:
        given = layer.get(TEST_GROUPS.name)
        if given is None or not isinstance(given.value, tuple):
            continue
        for name in given.value:
            if metadata.group(name) is None:
                guess = did_you_mean(name, metadata.dependency_groups)
                diagnostics.wrong(f"{given.origin}: no group {quote(name)} in [dependency-groups]{guess}")


def _python(metadata: Metadata, package: Document) -> Setting | None:
    """Return the project's own requires-python as a setting."""
    if metadata.requires_python is None or metadata.requires_python_origin is None:
        return None
    key = ("project", "requires-python")
    in_pyproject = metadata.requires_python_origin.startswith(PYPROJECT)
    text = package.position(*key) if in_pyproject else metadata.requires_python_origin
    origin = Origin(source=Source.FILE, text=text)
    return Setting(name=key[1], value=metadata.requires_python, origin=origin)
