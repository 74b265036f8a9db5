"""The test steps of a repaired wheel, in a fresh environment outside the project. Pure."""

import re
import shlex
from collections.abc import Iterator

from matrix_runner.config.options.test_options import (
    BEFORE_TEST,
    TEST_COMMAND,
    TEST_EXTRAS,
    TEST_REQUIRES,
    TEST_SOURCES,
)
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.commands import Commands, Phase
from matrix_runner.recipe.step import Step

# A class, because unittest finds no functions: before Python 3.12 it is content with no test at all.
_GUARD = """\
# Tests run here, not in the project, so that they import the installed wheel and not the source tree.
# Give their place, as in `test-command = "pytest {project}/tests"`, or copy them here with `test-sources = ["tests"]`.
import unittest


class TestNothingHere(unittest.TestCase):
    def test_fail(self):
        self.fail("no tests here: write {project}/... in test-command, or set test-sources")
"""


def test_steps(commands: Commands, wheel: str, groups: tuple[str, ...]) -> Iterator[Step]:
    """Yield the steps that test the repaired wheel (a path). `groups`: the requirements of `test-groups`."""
    settings, layout, path = commands.settings, commands.layout, commands.tools.test_path
    yield _make_environment(commands)
    yield from commands.test_environment()
    testing = commands.during(Phase.TEST)
    if settings[BEFORE_TEST]:
        yield testing.user(StepKind.BEFORE_TEST, settings[BEFORE_TEST], path=path, wheel=wheel)
    extras = ",".join(settings[TEST_EXTRAS])
    what = (f"{wheel}[{extras}]" if extras else wheel, *settings[TEST_REQUIRES], *groups)
    install = commands.tools.install(layout.test_environment, *what)
    # In the project, so that `test-requires = ["-r tests/requirements.txt"]` refers to a file there.
    yield testing.shell(StepKind.INSTALL, install, path=path, cwd=layout.project)
    yield testing.shell(StepKind.TEST, testing.fill(settings[TEST_COMMAND], wheel=wheel), path=path, cwd=layout.test)


def _make_environment(commands: Commands) -> Step:
    tools, layout = commands.tools, commands.layout
    create = tools.create_environment(layout.test_environment)
    if _wants_pip(commands):
        create += f" && {tools.install_tools(layout.test_environment, tools.newest_pip)}"
    test, project = shlex.quote(layout.test), shlex.quote(layout.project)
    if commands.settings[TEST_SOURCES]:
        # tar preserves the path of `src/tests`; so would `cp --parents`, but busybox has none. Through a file: the
        # status of a pipe is that of its last command, but a missing name must fail the step.
        listed = shlex.join(f"./{name}" for name in commands.settings[TEST_SOURCES])
        archive = shlex.quote(f"{layout.matrix}/test-sources.tar")
        fill = f"tar -cf {archive} -C {project} {listed} && tar -xf {archive} -C {test}"
    else:
        fill = f"printf %s {shlex.quote(_GUARD)} > {test}/test_fail.py"
    script = tools.after_constraints(f"mkdir -p {test} && {create} && {fill}")
    return commands.shell(StepKind.TEST_ENVIRONMENT, script, path=(tools.python_bin,), shown=create)


def _wants_pip(commands: Commands) -> bool:
    """Whether to download pip for the test environment, which takes time: only if it is needed and missing or old.

    uv creates environments without pip, so only a user's command that names it needs one. Others have the pip of their
    Python, which may not know current platform tags.
    """
    if commands.tools.has_uv:
        texts = f"{commands.settings[BEFORE_TEST]} {commands.settings[TEST_COMMAND]}"
        return re.search(r"\bpip\b", texts) is not None
    return commands.tools.has_old_pip
