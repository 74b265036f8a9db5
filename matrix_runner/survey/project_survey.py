"""Everything that a survey finds out about a project, as one value."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from matrix_runner.survey.build_imports import undeclared_build_requirements
from matrix_runner.survey.compiled_code import CompiledCode, find_compiled_code
from matrix_runner.survey.other_tools import OtherTools, find_other_tools
from matrix_runner.survey.package_layout import find_package_layout
from matrix_runner.survey.project_files import ProjectFiles
from matrix_runner.survey.project_metadata import ProjectMetadata, read_project_metadata
from matrix_runner.survey.system_needs.c_sources import wanted_by_sources
from matrix_runner.survey.system_needs.cmake_files import wanted_by_cmake
from matrix_runner.survey.system_needs.meson_files import wanted_by_meson
from matrix_runner.survey.system_needs.setup_scripts import wanted_by_scripts
from matrix_runner.survey.system_needs.wanted import Requirement, required
from matrix_runner.survey.test_needs.test_suite import TestSuite, find_test_suite


class ProjectSurvey(msgspec.Struct, frozen=True, kw_only=True):
    """A project as its files tell it. `module`: what an import of the installed wheel names, "" if nothing tells.

    `undeclared`: what its setup.py imports where no `[build-system]` requires anything.
    """

    metadata: ProjectMetadata
    code: CompiledCode
    system: tuple[Requirement, ...]
    tests: TestSuite | None
    tools: OtherTools
    module: str
    undeclared: tuple[str, ...]


def survey(directory: Path, environ: Mapping[str, str]) -> ProjectSurvey:
    """Look at a project. Nothing of it is run. Raise MachineError, UsageError, OSError."""
    files = ProjectFiles.of(directory, environ)
    metadata = read_project_metadata(files)
    layout = find_package_layout(files, metadata)
    wanted = (
        *wanted_by_scripts(files),
        *wanted_by_cmake(files),
        *wanted_by_meson(files),
        *wanted_by_sources(files),
    )
    return ProjectSurvey(
        metadata=metadata,
        code=find_compiled_code(files, metadata),
        system=required(wanted, files),
        tests=find_test_suite(files, metadata, layout),
        tools=find_other_tools(files, metadata),
        module=layout.main,
        undeclared=undeclared_build_requirements(files, metadata),
    )
