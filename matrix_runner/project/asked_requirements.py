"""What a project and its options ask to be installed in a cell, group by group, as they spell it. Pure but for files.

A lock notes it beside the answer; another question is not one that it answers.
"""

import re
from pathlib import Path
from typing import Final

from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.config.loading.toml_file import Unreadable
from matrix_runner.config.options.build_options import AUDIT_COMMAND, AUDIT_REQUIRES, BUILD_CONSTRAINTS, BUILD_FRONTEND
from matrix_runner.config.options.test_options import TEST_EXTRAS, TEST_GROUPS, TEST_REQUIRES
from matrix_runner.locking.lock_values import Group
from matrix_runner.matrix import Job
from matrix_runner.project.build_hints import hints_at_stable_abi
from matrix_runner.project.constraints_file import constraints_text
from matrix_runner.project.dependency_groups import DependencyGroups
from matrix_runner.redaction.redactor import NO_SECRETS, Redactor
from matrix_runner.redaction.run_secrets import credentials
from matrix_runner.redaction.secret_names import SecretNames
from matrix_runner.toml import TOMLValue, table_of, texts_of

_USUAL: Final = ("setuptools >= 40.8.0",)
"""What a build requires that does not say so (PEP 518, as `build` has it)."""

_URL: Final = re.compile(r"[a-z][a-z0-9+.-]*://\S+")

Asked = dict[Group, tuple[str, ...]]
"""The words of each group; a group that a cell does not install is not there."""


class ProjectRequirements:
    """The requirements in a project's files and options.

    `project`: where a file of constraints is looked for. `redactor`: masks what an option may hold besides, such as the
    password of an index: a lock is for everybody.
    """

    def __init__(self, project: Path, files: BuildFiles, redactor: Redactor = NO_SECRETS) -> None:
        """Read pyproject.toml; one that cannot be read is reported by the build backend."""
        try:
            found = files.pyproject()
        except Unreadable:
            found = None
        content = {} if found is None else found.content
        self._project = project
        self._redactor = redactor
        self._system = content.get("build-system")
        self._metadata = table_of(content.get("project"))
        self._groups = DependencyGroups.of(files)
        self._hints_at_stable_abi = hints_at_stable_abi(files)

    def asked(self, job: Job) -> Asked:
        """Return what is asked for in the job's cell. Raise ConfigError for a group or file that is not there."""
        found: Asked = {Group.TOOLS: ("pip",)}
        if job.settings[BUILD_FRONTEND].is_isolated:
            found[Group.BUILD] = (*self._of_build(), *self._constraints(job))
        if job.has_tests or job.checks_gil:
            found[Group.TEST] = (*self._of_wheel(job), *(self._of_test(job) if job.has_tests else ()))
        if self._may_be_audited(job):
            found[Group.AUDIT] = job.settings[AUDIT_REQUIRES]
        return {group: tuple(map(self._masked, words)) for group, words in found.items()}

    def _masked(self, word: str) -> str:
        known = {secret for url in _URL.findall(word) for secret in credentials(url, SecretNames())}
        return Redactor.of(SecretNames(), known).text(self._redactor.text(word))

    def _of_build(self) -> tuple[str, ...]:
        table = table_of(self._system)
        return texts_of(table.get("requires")) if "requires" in table else _USUAL

    def _constraints(self, job: Job) -> tuple[str, ...]:
        constraints = job.settings[BUILD_CONSTRAINTS]
        text = constraints_text(self._project, constraints) if constraints else ""
        plain = (re.sub(r"(^|\s)#.*$|--hash=\S+|\\$", "", line).strip() for line in text.splitlines())
        return tuple(f"-c {' '.join(line.split())}" for line in plain if line)

    def _of_wheel(self, job: Job) -> tuple[str, ...]:
        """Return what the wheel requires, as far as pyproject.toml says; the backend may know more."""
        dynamic, extras = texts_of(self._metadata.get("dynamic")), job.settings[TEST_EXTRAS] if job.has_tests else ()
        own = () if "dependencies" in dynamic else texts_of(self._metadata.get("dependencies"))
        optional: dict[str, TOMLValue] = table_of(self._metadata.get("optional-dependencies"))
        more = (each for extra in extras for each in texts_of(optional.get(extra)))
        return (*(f".[{extra}]" for extra in extras), *own, *more)

    def _of_test(self, job: Job) -> tuple[str, ...]:
        return (*job.settings[TEST_REQUIRES], *self._groups.requirements(job.settings[TEST_GROUPS]))

    def _may_be_audited(self, job: Job) -> bool:
        """Whether tools for an audit may be needed: for any wheel, or for one of the stable ABI that there may be."""
        command = job.settings[AUDIT_COMMAND]
        is_for_any = any("{wheel}" in part and "{abi3_wheel}" not in part for part in command.split(" && "))
        return bool(command and job.settings[AUDIT_REQUIRES]) and (is_for_any or self._hints_at_stable_abi)
