"""Projects as dictionaries of files, looked at as `runner init` does."""

from pathlib import Path

from matrix_runner.survey.project_files import ProjectFiles
from matrix_runner.survey.project_survey import ProjectSurvey, survey


def written(directory: Path, files: dict[str, str]) -> Path:
    """Write the files below a directory."""
    for name, text in files.items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return directory


def surveyed(directory: Path, files: dict[str, str]) -> ProjectSurvey:
    """Write the files, and look at the project."""
    return survey(written(directory, files), {})


def files_of(directory: Path, files: dict[str, str]) -> ProjectFiles:
    """Write the files, and return them as a survey lists them."""
    return ProjectFiles.of(written(directory, files), {})
