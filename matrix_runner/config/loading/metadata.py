"""The project's metadata: name, requires-python and dependency groups, from pyproject.toml, setup.cfg, setup.py.

In cibuildwheel's order: `[project]` (PEP 621), setup.cfg, setup.py. Runs nothing of the project.
"""

import ast
import configparser
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec

from matrix_runner.config.kinds.basic import check_specifier, filled, read_string
from matrix_runner.config.loading.build_files import PYPROJECT, BuildFiles
from matrix_runner.config.loading.toml_file import Unreadable
from matrix_runner.config.mistakes import InvalidValue, Key, describe, path, printable
from matrix_runner.toml import TOMLValue


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """An invalid value: `at` is its key path in `file`; `line`, counted from 1, if known."""

    file: str
    at: tuple[Key, ...]
    text: str
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.file}: {path(*self.at)}: {self.text}"


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """The project's metadata, and the mistakes in it.

    `requires_python` is a version specifier (PEP 440), its origin a file and key. `dependency_groups`: the names in
    `[dependency-groups]` (PEP 735), as written. `warnings`: unreadable files, whole lines.
    """

    name: str | None = None
    requires_python: str | None = None
    requires_python_origin: str | None = None
    dependency_groups: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    warnings: tuple[str, ...] = ()

    def group(self, name: str) -> str | None:
        """Return the dependency group of this name as spelt in the project, or None.

        Names are compared like those of distributions (PEP 735, PEP 503): case, `-`, `_` and `.` make no difference.
        """
        # Few projects ask, and all would wait for it.
        from packaging.utils import canonicalize_name

        return next(
            (group for group in self.dependency_groups if canonicalize_name(group) == canonicalize_name(name)), None
        )


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    """A raw value and its position."""

    value: object
    file: str
    at: tuple[Key, ...]
    line: int | None = None

    @property
    def position(self) -> str:
        return f"{self.file}: {path(*self.at)}"


_Source = Mapping[str, _Found]
"""The values of one file: `name` and `requires-python`, or fewer."""


class _Notes(msgspec.Struct, kw_only=True):
    """Mistakes and warnings, collected while the files are read."""

    mistakes: list[Mistake] = msgspec.field(default_factory=list)
    warnings: list[str] = msgspec.field(default_factory=list)

    def read(self, read: Callable[[object], str], found: _Found | None) -> str | None:
        """Return the value if it can be read; else add a mistake and return None."""
        if found is None:
            return None
        try:
            return read(found.value)
        except InvalidValue as bad:
            self.mistakes += [
                Mistake(file=found.file, at=(*found.at, *finding.at), text=finding.text, line=found.line)
                for finding in bad.findings
            ]
            return None


def read_metadata(files: BuildFiles, pyproject: Mapping[str, TOMLValue]) -> Metadata:
    """Read a package's metadata; `pyproject` is its pyproject.toml, empty if it has none.

    Raises nothing: invalid values are in `mistakes`, unreadable files in `warnings`. setup.cfg and setup.py are read
    only for values missing in the files before them.
    """
    notes = _Notes()
    project = pyproject.get("project", {})
    if not isinstance(project, dict):
        text = f"expected a table, got {describe(project)}"
        notes.mistakes.append(Mistake(file=PYPROJECT, at=("project",), text=text))
        return Metadata(dependency_groups=_groups(pyproject), mistakes=tuple(notes.mistakes))
    wanted: dict[str, _Found] = {}
    for source in _sources(files, project, notes):
        for key, found in source.items():
            wanted.setdefault(key, found)
        if len(wanted) == len(_KEYS):
            break
    name = notes.read(filled, wanted.get("name"))
    requires = wanted.get("requires-python")
    requires_python = notes.read(_specifier, requires)
    return Metadata(
        name=name,
        requires_python=requires_python,
        requires_python_origin=requires.position if requires and requires_python is not None else None,
        dependency_groups=_groups(pyproject),
        mistakes=tuple(notes.mistakes),
        warnings=tuple(notes.warnings),
    )


_KEYS: Final = ("name", "requires-python")


def _sources(files: BuildFiles, project: Mapping[str, TOMLValue], notes: _Notes) -> Iterator[_Source]:
    """Yield the values of each file, in order of precedence; a file is opened only when it is reached."""
    yield {key: _Found(value=project[key], file=PYPROJECT, at=("project", key)) for key in _KEYS if key in project}
    yield _setup_cfg(files, notes)
    yield _setup_py(files, notes)


def _setup_cfg(files: BuildFiles, notes: _Notes) -> _Source:
    data, file = _content(files, "setup.cfg", notes), "setup.cfg"
    # Like setuptools: `%` has no meaning, and a duplicate key is an error.
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(data.decode("utf-8-sig"), source=file)
    except (configparser.Error, UnicodeDecodeError) as error:
        notes.warnings.append(_ignored(file, error))
        return {}
    positions = {"name": ("metadata", "name"), "requires-python": ("options", "python_requires")}
    return {
        key: _Found(value=parser.get(*position), file=file, at=position)
        for key, position in positions.items()
        if parser.has_option(*position)
    }


def _setup_py(files: BuildFiles, notes: _Notes) -> _Source:
    data, file = _content(files, "setup.py", notes), "setup.py"
    try:
        with warnings.catch_warnings():
            # Python's warnings about the project's escape sequences are irrelevant here.
            warnings.simplefilter("ignore")
            module = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        notes.warnings.append(_ignored(file, error))
        return {}
    constants = _constants(module)
    found: dict[str, _Found] = {}
    for call in _calls(module):
        for keyword in call.keywords:
            # Some projects wrap setup() in a function of another name; but `name` in other calls is not the project's.
            key = {"python_requires": "requires-python", "name": "name" if _is_setup(call) else None}.get(
                keyword.arg or ""
            )
            # The selection of cells must not depend on our parser more than on other tools': of requires-python they
            # recognise only a plain text.
            value = _text(keyword.value, constants if key == "name" else {})
            if key is not None and value is not None:
                found[key] = _Found(value=value, file=file, at=(str(keyword.arg),), line=keyword.value.lineno)
    return found


def _calls(module: ast.Module) -> Iterator[ast.Call]:
    """Yield calls in the module's statements and assignments, including those under `__name__ == "__main__"`."""
    for statement in module.body:
        body = statement.body if isinstance(statement, ast.If) and _is_main(statement.test) else [statement]
        for inner in body:
            if isinstance(inner, ast.Expr | ast.Assign) and isinstance(inner.value, ast.Call):
                yield inner.value


def _is_main(test: ast.expr) -> bool:
    """Whether the test is `__name__ == "__main__"`, either way round."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.Eq):
        return False
    sides = (test.left, test.comparators[0])
    has_name = any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)
    return has_name and any(isinstance(side, ast.Constant) and side.value == "__main__" for side in sides)


def _is_setup(call: ast.Call) -> bool:
    match call.func:
        case ast.Name(id="setup") | ast.Attribute(attr="setup"):
            return True
        case _:
            return False


def _constants(module: ast.Module) -> dict[str, str]:
    """Return the module's names that are assigned exactly once, to a text."""
    stored = [node.id for node in ast.walk(module) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)]
    constants = {}
    for statement in module.body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str() as text))
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str() as text))
            ) if stored.count(name) == 1:
                constants[name] = text
            case _:
                pass
    return constants


def _text(value: ast.expr, constants: Mapping[str, str]) -> str | None:
    match value:
        case ast.Constant(value=str() as text):
            return text
        case ast.Name(id=name):
            return constants.get(name)
        case _:
            return None


def _content(files: BuildFiles, name: str, notes: _Notes) -> bytes:
    """Return the content of a file, empty if there is none."""
    try:
        return files.read(name) or b""
    except Unreadable as error:
        if not error.is_no_file:
            notes.warnings.append(f"{name}: ignored: {printable(' '.join(error.problem.split()))}")
        return b""


def _ignored(file: str, error: Exception) -> str:
    reason = str(error) or type(error).__name__
    return f"{file}: ignored: it cannot be read: {printable(' '.join(reason.split()))}"


def _groups(pyproject: Mapping[str, TOMLValue]) -> tuple[str, ...]:
    groups = pyproject.get("dependency-groups")
    return tuple(groups) if isinstance(groups, dict) else ()


def _specifier(value: object) -> str:
    """Read a version specifier (PEP 440), for the plan's comparison with interpreters."""
    return check_specifier(read_string(value))
