"""Which cells of a workspace need the wheels of which others, and in which order its packages are built. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

import msgspec
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from matrix_runner.errors import ConfigError
from matrix_runner.locking.lock_drift import applies, parsed
from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell
from matrix_runner.wording import first_of
from matrix_runner.workspace.asked_packages import AskedPackage
from matrix_runner.workspace.needs import Need, Needs

FOR_BUILD: Final = "to build"
FOR_TEST: Final = "to be tested"


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    """A package that a cell needs. `purpose`: FOR_BUILD or FOR_TEST; `words`: that ask for it."""

    package: AskedPackage
    purpose: str
    words: tuple[str, ...]


def needs_of(packages: Sequence[AskedPackage], jobs: Sequence[Job]) -> Needs:
    """Return what cells need of each other. `jobs`: of all packages.

    Raise ConfigError for packages that need each other in a circle, and for a version of one that another does not
    accept.
    """
    by_name = {package.name: package for package in packages}
    asking = _Asking({package.project: package for package in packages})
    providers = _Providers(jobs, by_name)
    of_cells: dict[Cell, tuple[Need, ...]] = {}
    edges: dict[tuple[str, str], _Found] = {}
    lacking: dict[tuple[str, str], list[str]] = {}
    misfits: dict[str, None] = {}
    for job in jobs:
        own: list[Need] = []
        for found in asking.of(by_name[job.cell.package], job):
            package = found.package
            edges.setdefault((job.cell.package, package.name), found)
            misfits.update(dict.fromkeys(_misfits(job.cell.package, found)))
            cell = providers.of(package, job.cell)
            if cell is None:
                lacking.setdefault((job.cell.package, package.name), []).append(str(job.cell))
            else:
                own.append(Need(cell=cell, project=package.project, words=found.words))
        if own:
            of_cells[job.cell] = tuple(own)
    if misfits:
        raise ConfigError(tuple(misfits), hint="What a run builds is what its packages get: let the two agree.")
    order = _ordered([package.name for package in packages], edges)
    texts = (
        f"{one} needs {other}, which is not built here for {first_of(cells, 3)}: it is taken from the index there"
        for (one, other), cells in lacking.items()
    )
    return Needs(of_cells=of_cells, order=order, lacking=tuple(texts))


class _Asking:
    """Finds the packages of a workspace that a cell asks for, directly or by others."""

    def __init__(self, by_project: Mapping[str, AskedPackage]) -> None:
        self._by_project = by_project
        self._parsed: dict[str, Requirement | None] = {}

    def of(self, package: AskedPackage, job: Job) -> Iterator[_Found]:
        """Yield each package that a job's cell needs, once."""
        found: dict[str, tuple[str, list[str]]] = {}
        self._collect(package.build, job.cell, FOR_BUILD, found)
        if job.has_tests or job.checks_gil:
            words = (*package.wheel(package.tested_extras(job)), *package.tests(job))
            self._collect(words, job.cell, FOR_TEST, found)
        for project, (purpose, words_of_it) in found.items():
            other = self._by_project[project]
            if other.name != package.name:
                yield _Found(package=other, purpose=purpose, words=tuple(dict.fromkeys(words_of_it)))

    def _collect(self, words: Sequence[str], cell: Cell, purpose: str, found: dict[str, tuple[str, list[str]]]) -> None:
        """Add what some words name, and what the wheels of those require in their turn."""
        seen: set[tuple[str, tuple[str, ...]]] = set()
        waiting = list(words)
        while waiting:
            word = waiting.pop(0)
            wanted = self._read(word)
            # A place that is named is where it is to come from.
            if wanted is None or wanted.url is not None or not applies(wanted, cell):
                continue
            project, extras = canonicalize_name(wanted.name), tuple(sorted(wanted.extras))
            other = self._by_project.get(project)
            if other is None:
                continue
            found.setdefault(project, (purpose, []))[1].append(word)
            if (project, extras) not in seen:
                seen.add((project, extras))
                waiting += other.wheel(extras)

    def _read(self, word: str) -> Requirement | None:
        if word not in self._parsed:
            self._parsed[word] = parsed(word)
        return self._parsed[word]


class _Providers:
    """Tells whose wheel serves a cell."""

    def __init__(self, jobs: Sequence[Job], packages: Mapping[str, AskedPackage]) -> None:
        self._cells = {job.cell for job in jobs}
        self._stable: dict[str, list[Cell]] = {}
        for cell in self._cells:
            if packages[cell.package].shares_wheels and cell.interpreter.supports_stable_abi:
                self._stable.setdefault(cell.package, []).append(cell)

    def of(self, package: AskedPackage, cell: Cell) -> Cell | None:
        """Return the cell of a package whose wheel serves a cell: of the same square, else a stable ABI's."""
        same = cell.of_package(package.name)
        if same in self._cells:
            return same
        if not cell.interpreter.supports_stable_abi:
            return None
        older = [
            other
            for other in self._stable.get(package.name, ())
            if other.platform == cell.platform and other.interpreter.version <= cell.interpreter.version
        ]
        # The wheel of the oldest is the one that the others test.
        return min(older, key=lambda other: other.interpreter.version, default=None)


def misfit(words: Sequence[str], version: str) -> str | None:
    """Return the first requirement that a version does not meet, None if it meets all."""
    for word in words:
        wanted = parsed(word)
        if wanted is not None and not wanted.specifier.contains(version, prereleases=True):
            return word
    return None


def _misfits(package: str, found: _Found) -> Iterator[str]:
    version = found.package.version
    word = None if version is None else misfit(found.words, version)
    if word is not None:
        yield f"{package} needs {word} {found.purpose}, and {found.package.name} of this workspace is {version}"


def _ordered(names: Sequence[str], edges: Mapping[tuple[str, str], _Found]) -> tuple[str, ...]:
    """Return the names, each after those that it needs. Raise ConfigError for a circle, with its packages."""
    needed = {name: [other for one, other in edges if one == name] for name in names}
    done: dict[str, None] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in done:
            return
        if name in path:
            circle = (*path[path.index(name) :], name)
            lines = (f"  {one} needs {other} {edges[one, other].purpose}" for one, other in pairwise(circle))
            raise ConfigError(
                ("\n".join((f"packages need each other: {' -> '.join(circle)}", *lines)),),
                hint="Break the circle: a cell is built and tested before its wheel goes to others.",
            )
        for other in needed[name]:
            visit(other, (*path, name))
        done[name] = None

    for name in names:
        visit(name, ())
    return tuple(done)
