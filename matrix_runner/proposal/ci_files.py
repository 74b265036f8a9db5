"""Files for CI systems that build a project's wheels with one command."""

from enum import Enum
from importlib import resources
from shlex import quote
from typing import Final

import msgspec

from matrix_runner.survey.compiled_code import CompiledCode, Language


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

    `directory`: the package's in its repository, "" for the top. `python`: that which runs the tool, `3.13`. `shards`:
    the jobs that its cells are spread over, 0 for one job for each machine.
    """

    directory: str = ""
    python: str = "3.13"
    shards: int = 0


def shards_for(code: CompiledCode, cells: int) -> int:
    """Return over how many jobs a project's cells are worth spreading; 0 for none.

    A job for each machine is enough for C and Cython, whose cells take seconds; of a language whose compilers take
    minutes, a job has nine cells at most: a platform's.
    """
    is_slow = not _SLOW.isdisjoint(code.languages)
    return -(-cells // _CELLS_OF_A_JOB) if is_slow and cells > 2 * _CELLS_OF_A_JOB else 0


_SLOW: Final = frozenset({Language.CPP, Language.RUST, Language.FORTRAN})
_CELLS_OF_A_JOB: Final = 9
_ARCHS: Final = "x86_64 i686 aarch64"
"""Those of the machines that the files ask for."""

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
    return environment.from_string(text).render(
        directory=quote(project.directory) if project.directory else "",
        python=project.python,
        shards=project.shards,
        archs=_ARCHS,
        job="shard" if project.shards else "runner",
    )
