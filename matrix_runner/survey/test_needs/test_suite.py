"""A project's tests: where they are, and what they need besides the wheel."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from matrix_runner.survey.package_layout import PackageLayout
from matrix_runner.survey.project_files import ProjectFiles
from matrix_runner.survey.project_metadata import ProjectMetadata, name_of
from matrix_runner.survey.python_imports import distribution_of, imported, is_of_python, is_well_known
from matrix_runner.survey.python_syntax import functions_with_main
from matrix_runner.survey.test_needs.declared_requirements import declared
from matrix_runner.survey.test_needs.pytest_settings import PytestSettings, plugins_of_tests, read_pytest_settings

_TEST_FILE: Final = re.compile(r"(^|/)(test_[^/]*|[^/]*_test)\.py$")
_USUAL: Final = ("tests", "test", "testing", "t", "unit_tests", "unittests")
_EXTRAS: Final = ("test", "tests", "testing", "pytest", "unittest", "unittests")
_CONNECTS: Final = re.compile(
    r"(environ|getenv)\W{1,12}[A-Z_]*(PASSWORD|PASSWD|DSN|CONNECT_STRING|DATABASE_URL|DB_HOST|DBNAME)", re.IGNORECASE
)
_DEVICE: Final = re.compile(r"[\"']/dev/(?!null|zero|full|u?random|shm|std\w+|fd|tty\b|ptmx|pts)\w")
_MOST: Final = 1000
"""Files of tests that are read."""


class TestSuite(msgspec.Struct, frozen=True, kw_only=True):
    """A project's tests, to be run by pytest, which runs those of unittest too.

    `directory`: of the project. `package`: the package that they are part of and installed with, "" if they are none.
    `shadows`: whether Python would find the project's own source before the installed wheel, if it looked in the
    directory that pytest adds for these tests. `reads_below`: whether they open files by paths that begin with their
    directory, as if they ran in the project's.
    `extra`, `group`: that of the project with what they need, which is `grouped`; "" if there is none. `requirements`:
    what else they need. `programs`: functions that are tests to pytest, and start unittest's own command line.
    `unknown`: modules that they import, and for which nothing says which distribution has them. `obstacle`: the reason
    why they cannot pass in a container, "" if nothing speaks against it.
    """

    directory: str
    package: str
    shadows: bool
    reads_below: bool
    settings: PytestSettings
    extra: str = ""
    group: str = ""
    grouped: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    obstacle: str = ""

    @property
    def all_requirements(self) -> tuple[str, ...]:
        """All that is installed for them, besides the wheel and what it requires."""
        return (*self.requirements, *self.grouped)


def find_test_suite(files: ProjectFiles, metadata: ProjectMetadata, layout: PackageLayout) -> TestSuite | None:
    """Return the project's tests; None if it has none that pytest would find."""
    settings = read_pytest_settings(files)
    directory = _directory(files, settings, layout)
    if directory is None:
        return None
    package = layout.dotted(directory)
    texts = list(_texts(directory, files))
    is_package = bool(package) and f"{directory}/__init__.py" in files
    is_installed = is_package and (directory in layout.packages or _is_installed(package, directory, files, metadata))
    extra = next((name for name in metadata.extras if name.lower() in _EXTRAS), "")
    group = "" if extra else next((name for name in metadata.groups if name.lower() in _EXTRAS), "")
    grouped = metadata.requirements_of(extra, group)
    brought = {name_of(each) for each in (*metadata.dependencies, *grouped, metadata.name)}
    needed = _needed(files, layout, texts, settings)
    wanted = {name for name in needed if name_of(name) not in brought}
    said = declared(files, metadata)
    known = {name for name in wanted if name_of(name) in said or is_well_known(name)}
    return TestSuite(
        directory=directory,
        package=package if is_installed else "",
        obstacle=_obstacle(texts, is_left_out=is_package and not is_installed),
        shadows=any("/" not in each for each in layout.packages),
        reads_below=any(re.search(rf"[\"']{re.escape(directory)}/[\w.]", text) for text in texts),
        settings=settings,
        extra=extra,
        group=group,
        grouped=grouped,
        programs=tuple(sorted({name for text in texts for name in functions_with_main(text)})),
        requirements=tuple(sorted(said.get(name_of(name), name) for name in known)),
        unknown=tuple(sorted(wanted - known)),
    )


def _directory(files: ProjectFiles, settings: PytestSettings, layout: PackageLayout) -> str | None:
    """Return the directory of the tests: what pytest's settings say, else the least deep of the usual names."""
    holding = {name.rpartition("/")[0] for name in files.names if _TEST_FILE.search(name)}
    around = {each for directory in holding for each in _with_parents(directory)}
    for path in settings.paths:
        if path.strip("/") in around:
            return path.strip("/")
    usual = [each for each in around if each.rpartition("/")[2].lower() in _USUAL and _is_own(each, files)]
    least = min((each.count("/") for each in usual), default=0)
    nearest = [each for each in usual if each.count("/") == least]
    whole = next(
        (package for package in layout.packages if all(each.startswith(f"{package}/") for each in nearest)), None
    )
    if whole is not None and len(nearest) > 1:
        # Each part of a package has tests of its own.
        return whole
    return min(usual, key=lambda each: (each.count("/"), _USUAL.index(each.rpartition("/")[2].lower())), default=None)


def _obstacle(texts: list[str], *, is_left_out: bool) -> str:
    if is_left_out:
        return "its tests are part of the package, and the wheel has none of them"
    if any(_CONNECTS.search(text) for text in texts):
        return "its tests take the address of a server, or a password, from the environment"
    if any(_DEVICE.search(text) for text in texts):
        return "its tests open devices"
    return ""


def _with_parents(directory: str) -> Iterator[str]:
    while directory:
        yield directory
        directory = directory.rpartition("/")[0]


def _is_own(directory: str, files: ProjectFiles) -> bool:
    """Whether a directory of tests is the project's: the one around it is no library that it brings."""
    parent = directory.rpartition("/")[0]
    return not parent or any(name.startswith(f"{parent}/") for name in files.own)


def _is_installed(package: str, directory: str, files: ProjectFiles, metadata: ProjectMetadata) -> bool:
    """Whether the build puts a package of tests into the wheel, as far as its files tell."""
    scripts = "\n".join(files.text(name) for name in ("setup.py", "setup.cfg", "pyproject.toml", "MANIFEST.in"))
    if re.search(rf"exclude[^\n]*\btests?\b|prune\s+{re.escape(directory)}", scripts):
        return False
    if metadata.backend == "mesonpy":
        return any(re.search(r"['\"/]tests?['\"/]", files.text(name)) for name in files.own if "meson.build" in name)
    is_found = re.search(
        r"find_packages|find_namespace_packages|packages\s*=\s*find:|\[tool\.setuptools\.packages", scripts
    )
    return bool(is_found) or package in scripts or not re.search(r"\bpackages\s*=", scripts)


def _texts(directory: str, files: ProjectFiles) -> Iterator[str]:
    for name in [name for name in files.below(directory) if name.endswith(".py")][:_MOST]:
        yield files.text(name)
    yield files.text("conftest.py")


def _needed(files: ProjectFiles, layout: PackageLayout, texts: list[str], settings: PytestSettings) -> set[str]:
    """Return the distributions of what the tests import, and of the plugins that they use."""
    local = layout.modules | _local_modules(files)
    modules = {each for each in imported(texts) if each.partition(".")[0] not in local and not is_of_python(each)}
    modules = {each for each in modules if not each.startswith("_")}
    return {"pytest", *filter(None, map(distribution_of, modules)), *settings.plugins(), *plugins_of_tests(texts)}


def _local_modules(files: ProjectFiles) -> frozenset[str]:
    """Return the modules that are files or directories of the project, its tests' helpers among them."""
    found = set[str]()
    for name in files.names:
        stem, _, suffix = name.rpartition("/")[2].partition(".")
        if suffix in {"py", "pyx", "c", "cpp", "pyi"} or suffix.endswith("so"):
            found.add(stem)
        found.update(part for part in name.split("/")[:-1] if part.isidentifier())
    return frozenset(found)
