"""Metadata of a project, from whichever of its files has it: pyproject.toml, setup.cfg, setup.py, PKG-INFO."""

import ast
import re
from collections.abc import Iterable, Mapping
from configparser import RawConfigParser
from email.parser import HeaderParser
from typing import Final

import msgspec
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from matrix_runner.survey.project_files import ProjectFiles
from matrix_runner.survey.python_syntax import parsed
from matrix_runner.toml import TOMLValue, table_of, texts_of

_EXTRA: Final = re.compile(r"\bextra\s*==\s*[\"']([^\"']+)[\"']")


class ProjectMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """A project's metadata. Requirements as written (PEP 508).

    `extras`, `groups`: requirements by the name of an extra, of a dependency group (PEP 735). `backend`: the module
    before the colon; "" if none is named. `has_build_system`: whether pyproject.toml has such a table (PEP 518).
    """

    name: str = ""
    requires_python: str = ""
    classifiers: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    extras: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    backend: str = ""
    build_requires: tuple[str, ...] = ()
    has_build_system: bool = False
    tool: Mapping[str, TOMLValue] = msgspec.field(default_factory=dict)

    def requirements_of(self, extra: str, group: str) -> tuple[str, ...]:
        """Return what an extra and a dependency group require; nothing of one that there is not."""
        return (*self.extras.get(extra, ()), *self.groups.get(group, ()))

    def build_requires_one_of(self, *names: str) -> bool:
        """Whether a build requires one of these distributions."""
        wanted = set(map(canonicalize_name, names))
        return any(name_of(each) in wanted for each in self.build_requires)


def name_of(requirement: str) -> str:
    """Return the normalised name of the distribution that a requirement names; "" if it is none."""
    try:
        return canonicalize_name(Requirement(requirement).name)
    except InvalidRequirement:
        return ""


def read_project_metadata(files: ProjectFiles) -> ProjectMetadata:
    """Read what there is. Raises nothing: a file that cannot be read says nothing."""
    pyproject = files.pyproject
    project, system = table_of(pyproject.get("project")), table_of(pyproject.get("build-system"))
    config, info, arguments = files.ini("setup.cfg"), _package_info(files), _setup_arguments(files)
    extras = {name: _words(value) for name, value in table_of(project.get("optional-dependencies")).items()}
    if not extras:
        extras = _config_extras(config) or arguments.extras or info.extras
    return ProjectMetadata(
        name=_text(project.get("name")) or config.get("metadata", "name", fallback="") or arguments.name or info.name,
        requires_python=_text(project.get("requires-python"))
        or config.get("options", "python_requires", fallback="")
        or info.requires_python,
        classifiers=_words(project.get("classifiers"))
        or _lines(config.get("metadata", "classifiers", fallback=""))
        or arguments.classifiers
        or info.classifiers,
        dependencies=_words(project.get("dependencies"))
        or _lines(config.get("options", "install_requires", fallback=""))
        or arguments.dependencies
        or info.dependencies,
        extras=extras,
        groups={name: _words(value) for name, value in table_of(pyproject.get("dependency-groups")).items()},
        backend=_text(system.get("build-backend")).partition(":")[0],
        build_requires=_words(system.get("requires")),
        has_build_system="build-system" in pyproject,
        tool=table_of(pyproject.get("tool")),
    )


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    """The part of the metadata that one file has."""

    name: str = ""
    requires_python: str = ""
    classifiers: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    extras: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)


def _package_info(files: ProjectFiles) -> _Found:
    """Read PKG-INFO, which sdists have."""
    if "PKG-INFO" not in files:
        return _Found()
    headers = HeaderParser().parsestr(files.text("PKG-INFO"))
    required = [str(each) for each in headers.get_all("Requires-Dist", [])]
    extras: dict[str, list[str]] = {str(name): [] for name in headers.get_all("Provides-Extra", [])}
    for each in required:
        extra = _EXTRA.search(each)
        if extra:
            extras.setdefault(extra[1], []).append(each.partition(";")[0].strip())
    return _Found(
        name=str(headers.get("Name", "")),
        requires_python=str(headers.get("Requires-Python", "")),
        classifiers=tuple(map(str, headers.get_all("Classifier", []))),
        dependencies=tuple(each for each in required if not _EXTRA.search(each)),
        extras={name: tuple(several) for name, several in extras.items()},
    )


def _config_extras(config: RawConfigParser) -> dict[str, tuple[str, ...]]:
    section = "options.extras_require"
    return {name: _lines(value) for name, value in config.items(section)} if config.has_section(section) else {}


def _setup_arguments(files: ProjectFiles) -> _Found:
    """Read the arguments of `setup(...)` that are written out in setup.py."""
    tree = parsed(files.text("setup.py"))
    assigned = {
        node.targets[0].id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        function = ast.unparse(call.func)
        if function == "setup" or function.endswith(".setup"):
            values = {keyword.arg: _constant(keyword.value, assigned) for keyword in call.keywords if keyword.arg}
            extras = values.get("extras_require")
            return _Found(
                name=_text(values.get("name")),
                classifiers=_words(values.get("classifiers")),
                dependencies=_words(values.get("install_requires")),
                extras={str(name): _words(value) for name, value in extras.items()} if isinstance(extras, dict) else {},
            )
    return _Found()


def _constant(node: ast.expr, assigned: Mapping[str, ast.expr]) -> object:
    """Return the value of an expression made of constants and of names for such; None for any other."""
    match node:
        case ast.Name(id=name) if name in assigned and not isinstance(assigned[name], ast.Name):
            return _constant(assigned[name], {})
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return {_constant(key, assigned): _constant(value, assigned) for key, value in pairs if key is not None}
        case ast.List(elts=nodes) | ast.Tuple(elts=nodes):
            return [_constant(each, assigned) for each in nodes]
        case ast.Constant(value=value):
            return value
        case _:
            pass
    return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return _lines(value)
    return texts_of(value)


def _lines(text: str) -> tuple[str, ...]:
    stripped: Iterable[str] = (line.strip() for line in text.splitlines())
    return tuple(line for line in stripped if line and not line.startswith("#"))
