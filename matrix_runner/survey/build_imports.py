"""What setup.py imports, and no table `[build-system]` says: without such a table, a build has setuptools alone."""

from matrix_runner.survey.project_files import ProjectFiles
from matrix_runner.survey.project_metadata import ProjectMetadata
from matrix_runner.survey.python_imports import distribution_of, imported, is_of_python


def undeclared_build_requirements(files: ProjectFiles, metadata: ProjectMetadata) -> tuple[str, ...]:
    """Return the requirements of a build in isolation (PEP 518) that the project's setup.py shows and nothing declares.

    Empty if the project has a `[build-system]`, which is its own word.
    """
    if metadata.has_build_system or "setup.py" not in files:
        return ()
    own = {name.partition("/")[0].partition(".")[0] for name in files.names}
    modules = imported([files.text("setup.py")]) - own
    found = {distribution_of(each) for each in modules if not is_of_python(each)}
    return tuple(sorted(filter(None, found - {"setuptools", "wheel", "pip"})))
