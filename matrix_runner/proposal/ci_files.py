"""Files for CI systems that build a project's wheels with one command."""

from enum import Enum
from importlib import resources
from typing import Final

import msgspec


class CIService(Enum):
    """A CI system that a file can be written for: its name as an option, and its file."""

    GITHUB = ("github", ".github/workflows/wheels.yml")
    GITLAB = ("gitlab", ".gitlab-ci.yml")
    TRAVIS = ("travis", ".travis.yml")

    def __init__(self, option: str, file: str) -> None:
        """`file`: relative to the repository."""
        self.option = option
        self.file = file

    @classmethod
    def parse(cls, option: str) -> "CIService":
        """Return the system of an option's value; raise ValueError for any other."""
        for each in cls:
            if each.option == option:
                return each
        raise ValueError(option)


class CIProject(msgspec.Struct, frozen=True, kw_only=True):
    """What a CI file must know of a project.

    `directory`: the package's in its repository, "" for the top. `python`: that which runs the tool, `3.13`.
    """

    directory: str = ""
    python: str = "3.13"


_TEMPLATES: Final = {
    CIService.GITHUB: "github.yml.j2",
    CIService.GITLAB: "gitlab.yml.j2",
    CIService.TRAVIS: "travis.yml.j2",
}


def ci_file(service: CIService, project: CIProject) -> str:
    """Return the content of the file for a CI system."""
    # Imported late: only this command makes text of templates.
    from jinja2 import Environment, StrictUndefined

    text = resources.files("matrix_runner.proposal").joinpath(_TEMPLATES[service]).read_text("utf-8")
    # `[[ ]]`: GitHub's own expressions are `${{ }}`.
    environment = Environment(
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  YAML, of our own words
    )
    return environment.from_string(text).render(directory=project.directory, python=project.python)
