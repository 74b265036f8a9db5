"""The importable packages and modules of a project: where they are, and which one stands for the project."""

import re
from typing import Final

import msgspec
from packaging.utils import canonicalize_name

from matrix_runner.survey.project_files import ProjectFiles
from matrix_runner.survey.project_metadata import ProjectMetadata

_ROOTS: Final = ("src/", "python/", "lib/", "py/", "")
"""Directories that hold packages, the project's own last."""

_NO_PACKAGES: Final = frozenset(
    [
        "tests",
        "test",
        "testing",
        "docs",
        "doc",
        "examples",
        "example",
        "benchmarks",
        "benchmark",
        "bench",
        "tools",
        "scripts",
        "ci",
        "util",
        "utils",
        "build",
    ]
)
_NO_MODULES: Final = re.compile(
    r"_.*|setup\w*|\w*_?setup\w*|conftest|noxfile|tasks|versioneer|\w*build\w*|test\w*|\w*test|fabfile|dodo"
)


class PackageLayout(msgspec.Struct, frozen=True, kw_only=True):
    """The packages of a project. `packages`: their directories. `modules`: all top-level names that it may install.

    `main`: the dotted name whose import says that a wheel works, "" if nothing tells.
    """

    packages: frozenset[str]
    modules: frozenset[str]
    main: str

    def dotted(self, directory: str) -> str:
        """Return the dotted name of a directory in one of the packages, or of the package; "" if it is in none."""
        for package in self.packages:
            if directory == package or directory.startswith(f"{package}/"):
                return directory.removeprefix(next(root for root in _ROOTS if package.startswith(root))).replace(
                    "/", "."
                )
        return ""


def find_package_layout(files: ProjectFiles, metadata: ProjectMetadata) -> PackageLayout:
    """Look for packages at the top, and in src/, python/ and such; for one in a namespace by the project's name."""
    packages = _packages(files) | _in_namespace(files, metadata)
    listed = next((name for name in files.names if name.endswith(".egg-info/top_level.txt")), "")
    names = [line for line in files.text(listed).split() if line.isidentifier()]
    extensions = re.findall(r"Extension\(\s*(?:name\s*=\s*)?[\"']([A-Za-z_][\w.]*)[\"']", files.text("setup.py"))
    files_of_modules = [
        match[1] for name in files.names if (match := re.fullmatch(r"(?:src/)?([A-Za-z_]\w*)\.py", name))
    ]
    candidates = [_dotted(each) for each in sorted(packages)] + names + files_of_modules + extensions
    return PackageLayout(
        packages=frozenset(packages),
        modules=frozenset(each.partition(".")[0] for each in (*candidates, *_of_maturin(metadata))),
        main=_main(list(_of_maturin(metadata)) + candidates, metadata),
    )


def _packages(files: ProjectFiles) -> set[str]:
    found = set()
    for name in files.names:
        match = re.fullmatch(r"((?:src/|python/|lib/|py/)?([A-Za-z_]\w*))/__init__\.(?:py|pyx)", name)
        if match and match[2].lower() not in _NO_PACKAGES:
            found.add(match[1])
    return found


def _in_namespace(files: ProjectFiles, metadata: ProjectMetadata) -> set[str]:
    """Return the directory of a project such as `zope.interface`, whose first part is no package of its own."""
    path = metadata.name.replace(".", "/")
    places = {f"{root}{path}" for root in _ROOTS} if "/" in path else set()
    return {place for place in places if f"{place}/__init__.py" in files}


def _dotted(package: str) -> str:
    return package.removeprefix(next(root for root in _ROOTS if package.startswith(root))).replace("/", ".")


def _of_maturin(metadata: ProjectMetadata) -> tuple[str, ...]:
    table = metadata.tool.get("maturin")
    named = table.get("module-name") if isinstance(table, dict) else None
    if isinstance(named, str):
        return (named.partition("._")[0],)
    return (metadata.name.replace("-", "_"),) if metadata.backend == "maturin" else ()


def _main(names: list[str], metadata: ProjectMetadata) -> str:
    wanted = canonicalize_name(metadata.name)
    for is_meant in (
        lambda name: canonicalize_name(name) == wanted,
        lambda name: _plain(name) == _plain(wanted) != "" and not name.startswith("_"),
        lambda name: not _NO_MODULES.fullmatch(name) and name not in _NO_PACKAGES,
        lambda name: name.startswith("_"),
    ):
        found = next(filter(is_meant, names), None)
        if found is not None:
            return found
    return ""


def _plain(name: str) -> str:
    """Return a name without `py`, `python`, `lib` and separators, in which modules and projects often differ."""
    return re.sub(r"^(python|py|lib)-?|-?(python|py|lib)$|-", "", canonicalize_name(name))
