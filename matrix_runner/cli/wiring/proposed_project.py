"""The proposal of `runner init`: the project's survey, the index's answer, and the files that follow from them."""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from matrix_runner import catalog
from matrix_runner.cli.wiring.file_changes import FileChange, load_changed, read_text
from matrix_runner.cli.workspaces.package_choice import require_one_package
from matrix_runner.config.loading.dialects import OWN
from matrix_runner.config.loading.loading import load
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.migration.migration import migrate
from matrix_runner.config.options.selection_options import ARCHS
from matrix_runner.errors import UsageError
from matrix_runner.model.cells import Cell, Implementation
from matrix_runner.model.platforms import Arch
from matrix_runner.project.git import Git
from matrix_runner.proposal.availability import LockedPackage, MissingWheels, missing_wheels
from matrix_runner.proposal.ci_files import CIProject, CIService, ci_file, shards_for
from matrix_runner.proposal.configuration import Availability, Proposal, propose
from matrix_runner.proposal.table_text import with_import_test, with_table
from matrix_runner.survey.project_survey import ProjectSurvey, survey
from matrix_runner.survey.wheel_index import lock

_ARCHS = (Arch.X86_64, Arch.I686, Arch.AARCH64)
"""Architectures that a plan has by itself, on one machine or another."""


class ProposedProject(msgspec.Struct, frozen=True, kw_only=True):
    """What `runner init` found and proposes.

    `proposal`: None where cibuildwheel's table is taken over, or the project has a table of ours (`keeps_table`).
    `notes`: a sentence each. `changes`: of files.
    """

    survey: ProjectSurvey
    proposal: Proposal | None
    keeps_table: bool
    notes: tuple[str, ...]
    changes: tuple[FileChange, ...]


def propose_for(package: Path, services: tuple[str, ...], *, offline: bool) -> ProposedProject:
    """Look at a package and make the proposal. Raise UsageError, ConfigError, MachineError.

    `services`: CI systems to write a file for. `offline`: whether the package index must not be asked.
    """
    require_one_package(package)
    # An unreadable file is an error here, with the loader's own message.
    settings = load(package, environ={}, flags={})
    found = survey(package, os.environ)
    file = package / "pyproject.toml"
    before = read_text(file)
    plain = before or ""
    keeps_table = OWN.table in found.metadata.tool
    if keeps_table:
        _require_services(services, file)
        proposal, after, notes = None, plain, list(_kept(settings, file))
    elif found.tools.has_cibuildwheel_table:
        proposal, (after, notes) = None, _taken_over(found, plain)
    else:
        _require_code(found, package)
        availability, notes = (Availability(), []) if offline else _availability(found)
        proposal = propose(found, availability)
        after = with_table(plain, proposal) if proposal.settings else plain
    # As the first run will: a CI file may have a value that our table cannot have.
    hint = "nothing is written: write the table by hand, docs/reference/options.md has all options"
    load_changed(package, after, hint=hint)
    changes = [FileChange(file=file, before=before, after=after)] if after != plain else []
    for service in map(CIService.parse, services):
        changes += _ci_change(package, service, found, notes)
    return ProposedProject(
        survey=found, proposal=proposal, keeps_table=keeps_table, notes=tuple(notes), changes=tuple(changes)
    )


def _taken_over(found: ProjectSurvey, text: str) -> tuple[str, list[str]]:
    """Return the text with the table that means the same as cibuildwheel's, and notes on what does not."""
    migration = migrate(text)
    if not (found.tools.test_changes_system and found.module):
        return migration.text, list(migration.notes)
    note = (
        "test-command: that of [tool.cibuildwheel] installs packages of the system, as no test in a cell should: wheels"
        " are tested by an import; what tests need belongs into `before-all`"
    )
    return with_import_test(migration.text, found.module), [*migration.notes, note]


def _require_services(services: tuple[str, ...], file: Path) -> None:
    if not services:
        raise UsageError(
            f"{file}: it has [tool.{OWN.table}] already",
            hint="`runner plan` shows what it builds; remove it to have it written anew; --ci writes a file for CI",
        )


def _kept(settings: Settings, file: Path) -> Iterator[str]:
    """Yield notes on a table that stays."""
    yield f"{file}: its [tool.{OWN.table}] stays as it is"
    if settings[ARCHS] != ARCHS.default:
        yield f"{file}: archs = {ARCHS.kind.write(settings[ARCHS])}: where a CI file has --archs, change it there"


def _require_code(found: ProjectSurvey, package: Path) -> None:
    if found.code.evidence:
        return
    if found.code.languages:
        titles = ", ".join(each.title for each in found.code.languages)
        raise UsageError(
            f"{package}: there is {titles} code, but no build file says that it is compiled",
            hint="add `ext_modules` to setup.py, or take a build backend that compiles: docs/tutorial/first-wheels.md",
        )
    raise UsageError(
        f"{package}: nothing in it is compiled, so that one wheel serves everybody",
        hint="`python -m build` makes it; matrix-runner is for packages with compiled code",
    )


def _availability(found: ProjectSurvey) -> tuple[Availability, list[str]]:
    """Ask the index in which cells a requirement has no wheel; return the problems too, if there were any."""
    cells = tuple(_cells(found))
    if not cells:
        return Availability(), []
    oldest = min(cell.interpreter.version for cell in cells)
    python = f"{oldest[0]}.{oldest[1]}"
    metadata, suite = found.metadata, found.tests
    build = (*metadata.build_requires, *found.undeclared)
    test: tuple[str, ...] = metadata.dependencies
    if suite is not None:
        test += suite.all_requirements
    problems: list[str] = []

    def missing(requirements: tuple[str, ...]) -> MissingWheels | None:
        if not requirements:
            return None
        answer = lock(requirements, python, os.environ)
        if answer.problem and answer.problem not in problems:
            problems.append(answer.problem)
        return missing_wheels(map(_locked, answer.packages), cells)

    return Availability(build=missing(build), test=missing(test)), problems


def _cells(found: ProjectSurvey) -> Iterator[Cell]:
    """Yield the cells that a plan has on the usual machines, if the project's metadata allows them."""
    try:
        supported = SpecifierSet(found.metadata.requires_python)
    except InvalidSpecifier:
        supported = SpecifierSet()
    known = catalog.load()
    for cell in known.cells:
        interpreter = cell.interpreter
        is_usual = not known.known(interpreter).group and interpreter.implementation is Implementation.CPYTHON
        if (
            is_usual
            and cell.platform.arch in _ARCHS
            and supported.contains(f"{interpreter.major}.{interpreter.minor}.99")
        ):
            yield cell


def _locked(table: object) -> LockedPackage:
    """Return a package of a lock file (PEP 751)."""
    content = table if isinstance(table, dict) else {}
    wheels = [each for each in content.get("wheels", []) if isinstance(each, dict)]
    return LockedPackage(
        name=str(content.get("name", "")),
        marker=str(content.get("marker", "")),
        wheels=tuple(str(each.get("name") or str(each.get("url", "")).rpartition("/")[2]) for each in wheels),
    )


def _ci_change(package: Path, service: CIService, found: ProjectSurvey, notes: list[str]) -> Iterator[FileChange]:
    """Yield the file of a CI system; a note if there is one already, which may do more than build wheels."""
    top, directory = _repository(package)
    file = top / service.file
    shards = shards_for(found.code, len(tuple(_cells(found))))
    after, before = ci_file(service, CIProject(directory=directory, shards=shards)), read_text(file)
    if before is None:
        yield FileChange(file=file, before=None, after=after)
    elif before != after:
        notes.append(f"{file}: left as it is; its jobs for wheels become `pip install {OWN.table}` and `runner build`")


def _repository(package: Path) -> tuple[Path, str]:
    """Return the top of the repository that a package is in, and its directory there; itself if it is in none."""
    git = Git(package.resolve(), os.environ)
    return (git.top, git.prefix) if git.prefix else (package, "")
