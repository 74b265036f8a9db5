"""The test steps of a repaired wheel, in a fresh environment outside the project. Pure."""

import re
import shlex
from collections.abc import Iterator

from matrix_runner.config.options.build_options import EXCLUDE_NEWER
from matrix_runner.config.options.test_options import (
    BEFORE_TEST,
    TEST_COMMAND,
    TEST_EXTRAS,
    TEST_REQUIRES,
    TEST_SOURCES,
)
from matrix_runner.locking.lock_values import Group
from matrix_runner.matrix import Job
from matrix_runner.matrix.pip_variables import chooses_uv
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.after_build.python_bounds import FITS_PYTHON
from matrix_runner.recipe.commands import Commands
from matrix_runner.recipe.frontends.fetching import is_parted, without_network
from matrix_runner.recipe.step import Phase, Step

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
    installer, testing = commands.tools.test_installer, commands.during(Phase.TEST)
    if is_parted(commands):
        yield from fetch_steps(commands, wheel, groups)
        yield commands.shell(StepKind.TEST_ENVIRONMENT, _fill(commands), path=path, shown=f"fill {layout.test}")
    else:
        yield _make_environment(commands)
        yield from commands.test_environment()
    if settings[BEFORE_TEST]:
        yield testing.user(StepKind.BEFORE_TEST, settings[BEFORE_TEST], path=path, wheel=wheel)
    if is_parted(commands):
        yield install_fetched(testing, wheel)
    else:
        yield from _installations(commands, wheel, groups)
    if installer.installs_with_uv:
        python = shlex.quote(f"{layout.test_environment}/bin/python")
        shown = "check that what is installed is for this Python"
        # cibuildwheel, asked for uv, lets it pass.
        check = f"{python} -I -c {shlex.quote(FITS_PYTHON)} {'warning' if settings.is_drop_in else 'error'}"
        yield testing.shell(StepKind.INSTALL, check, path=path, shown=shown)
    yield testing.shell(StepKind.TEST, testing.fill(settings[TEST_COMMAND], wheel=wheel), path=path, cwd=layout.test)


def fetch_steps(commands: Commands, wheel: str, groups: tuple[str, ...] = ()) -> Iterator[Step]:
    """Yield the steps that fetch what the wheel (a path) and its tests require, by a stub in place of the wheel."""
    layout, tools = commands.layout, commands.tools
    create = create_environment(commands)
    script = tools.after_constraints(create)
    step = commands.shell(StepKind.TEST_ENVIRONMENT, script, path=(tools.python_bin,), shown=create)
    yield commands.apart(step).fetching()
    for each in commands.test_environment():
        yield each.fetching(each.saves)
    *first, last = _installations(commands, f"{layout.stub}/{wheel.rpartition('/')[2]}", groups)
    for each in first:
        yield each.fetching()
    yield last.fetching(layout.test_environment)


def install_fetched(commands: Commands, wheel: str) -> Step:
    """Return the step that installs the wheel (a path) itself, where all that it requires is."""
    layout, installer = commands.layout, commands.tools.test_installer
    install = without_network(installer.install(layout.test_environment, wheel), with_uv=installer.installs_with_uv)
    return commands.apart(commands.shell(StepKind.INSTALL, install, path=commands.tools.test_path, cwd=layout.project))


def _installations(commands: Commands, wheel: str, groups: tuple[str, ...]) -> Iterator[Step]:
    settings, layout, installer = commands.settings, commands.layout, commands.tools.test_installer
    testing, path = commands.during(Phase.TEST), commands.tools.test_path
    if installer.is_locked:
        locked = installer.install_locked(layout.test_environment, Group.TEST)
        yield commands.apart(testing.shell(StepKind.INSTALL, locked, path=path, cwd=layout.project))
    for what in installed_words(commands.job, wheel, groups):
        install = installer.install(layout.test_environment, *what)
        # In the project, so that `test-requires = ["-r tests/requirements.txt"]` refers to a file there.
        step = testing.shell(StepKind.INSTALL, install, path=path, cwd=layout.project)
        # What the project tells uv is for its developers, unless cibuildwheel, asked for uv, would follow it too.
        yield step if settings.is_drop_in and chooses_uv(settings) else commands.apart(step)


def installed_words(job: Job, wheel: str, groups: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Return the words of each installation: all at once, so that one set of versions serves wheel and tests.

    With cibuildwheel's configuration the wheel first, as there (4.3.5): then a flag in `test-requires`, such as
    `--no-deps` or `--pre`, is not about the wheel's requirements, and a test may require what contradicts them. Without
    a test, for the sake of a check alone, the wheel.
    """
    settings = job.settings
    if not job.has_tests:
        return ((wheel,),)
    extras = ",".join(settings[TEST_EXTRAS])
    own, required = (f"{wheel}[{extras}]" if extras else wheel,), (*settings[TEST_REQUIRES], *groups)
    return (own, required) if settings.is_drop_in and required else ((*own, *required),)


def create_environment(commands: Commands) -> str:
    """Return a shell command that creates the test environment, with a pip where one is needed."""
    layout, installer = commands.layout, commands.tools.test_installer
    create = installer.create(layout.test_environment)
    newest = installer.install_tools(layout.test_environment, installer.newest_pip)
    # The pip that a Python brings is as old as that; but where there is no way to a newer one, it will do.
    if (commands.settings[EXCLUDE_NEWER] or installer.is_locked) and not installer.installs_with_uv:
        create += f" && {newest}"
    elif _wants_pip(commands):
        create += f" && {installer.or_bundled(layout.test_environment, newest)}"
    elif installer.speaks_to_pip and not installer.creates_with_uv:
        create += f" && {{ {newest} || echo 'pip stays as this Python brought it'; }}"
    if commands.settings.is_drop_in and not installer.has_bare_environments:
        create += f" && {installer.without_setuptools(layout.test_environment)}"
    return create


def _make_environment(commands: Commands) -> Step:
    tools = commands.tools
    create = create_environment(commands)
    script = tools.after_constraints(f"{create} && {_fill(commands)}")
    return commands.apart(commands.shell(StepKind.TEST_ENVIRONMENT, script, path=(tools.python_bin,), shown=create))


def _fill(commands: Commands) -> str:
    """Return a shell command that makes the directory of the tests, with what is to be there."""
    test, project = shlex.quote(commands.layout.test), shlex.quote(commands.layout.project)
    fill = f"printf %s {shlex.quote(_GUARD)} > {test}/test_fail.py"
    if commands.settings[TEST_SOURCES]:
        fill = " && ".join(_copied(project, test, name) for name in commands.settings[TEST_SOURCES])
    return f"mkdir -p {test} && {fill}"


def _copied(project: str, test: str, name: str) -> str:
    """Return a shell command that copies a test source (a file, a directory, a link to either) under its own path.

    `project`, `test`: quoted paths. `cp --parents` would do, but busybox has none; a missing name fails.
    """
    source, target = f"{project}/{shlex.quote(name)}", f"{test}/{shlex.quote(name)}"
    directory = f"mkdir -p {target} && cp -RPp {source}/. {target}"
    file = f'mkdir -p "$(dirname {target})" && cp -Lp {source} {target}'
    return f"if [ -d {source} ]; then {directory}; else {file}; fi"


def _wants_pip(commands: Commands) -> bool:
    """Whether to download pip for the test environment, which takes time: only if it is needed and missing or old.

    uv creates environments without pip: one is needed where pip installs, and for a user's command that names it.
    Others have the pip of their Python, which may not know current platform tags.
    """
    installer = commands.tools.test_installer
    if installer.creates_with_uv and installer.installs_with_uv:
        texts = f"{commands.settings[BEFORE_TEST]} {commands.settings[TEST_COMMAND]}"
        return re.search(r"\bpip\b", texts) is not None
    return installer.creates_with_uv or installer.has_old_pip
