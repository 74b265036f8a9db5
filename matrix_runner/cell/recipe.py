"""Which steps a cell takes, as commands. Pure: the one place where step order lives; it prints without an engine."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from matrix_runner.cell.toolbox import Toolbox
from matrix_runner.config import (
    BEFORE_ALL,
    BEFORE_BUILD,
    BEFORE_TEST,
    CONFIG_SETTINGS,
    ENVIRONMENT,
    REPAIR_WHEEL_COMMAND,
    SILENCE_TIMEOUT,
    STEP_TIMEOUT,
    TEST_COMMAND,
    TEST_EXTRAS,
    TEST_GROUPS,
    TEST_REQUIRES,
    TEST_SKIP,
    TEST_SOURCES,
    Settings,
    fill,
)
from matrix_runner.engine.api import ExecRequest
from matrix_runner.matrix import Job, Selector
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import StepKind

_GUARD = """\
# Tests run here, not in the project, so that they import the installed wheel and not the source tree.
# Give their place, as in `test-command = "pytest {project}/tests"`, or copy them here with `test-sources = ["tests"]`.
def test_fail():
    raise AssertionError("no tests here: write {project}/... in test-command, or set test-sources")
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One command of a cell. `shown`: what a person would have typed."""

    kind: StepKind
    request: ExecRequest
    shown: str


def has_tests(cell: Cell, settings: Settings) -> bool:
    """Whether the cell's wheel is installed and tested."""
    return bool(settings[TEST_COMMAND]) and not Selector(patterns=settings[TEST_SKIP]).matches(cell)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """A cell's steps.

    `epoch`: SOURCE_DATE_EPOCH. `passed`: variables of the host that `environment-pass` names.
    """

    job: Job
    tools: Toolbox
    epoch: int
    passed: tuple[tuple[str, str], ...] = ()

    def before_all(self) -> Iterator[Step]:
        """Steps that prepare an image for all its cells."""
        yield from self._environment()
        yield self._user(StepKind.BEFORE_ALL, self._settings[BEFORE_ALL], path=(self.tools.python_bin,))

    def build(self) -> Iterator[Step]:
        """Steps that end with a wheel in `Layout.built`."""
        yield from self._environment()
        tools = self.tools
        if tools.has_build_environment:
            yield self._shell(StepKind.BUILD_ENVIRONMENT, tools.create_build_environment(), path=(tools.python_bin,))
        if self._settings[BEFORE_BUILD]:
            yield self._user(StepKind.BEFORE_BUILD, self._settings[BEFORE_BUILD], path=tools.build_path)
        pairs = ((key, value) for key, values in self._settings[CONFIG_SETTINGS] for value in values)
        command = tools.build(tuple(f"{key}={self._fill(value)}" for key, value in pairs))
        yield self._step(StepKind.BUILD, command, path=tools.build_path, cwd=tools.layout.project)

    def repair(self, wheel: str) -> Step:
        """Make of the built wheel (a file name) one with the platform's tag, in `Layout.repaired`."""
        layout = self.tools.layout
        command = self._settings[REPAIR_WHEEL_COMMAND] or "mv {wheel} {dest_dir}/"
        shown = self._fill(command, wheel=f"{layout.built}/{wheel}")
        script = f"mkdir -p {shlex.quote(layout.repaired)} && {{ {shown}\n}}"
        return self._shell(StepKind.REPAIR, script, path=self.tools.build_path, cwd=layout.project, shown=shown)

    def test(self, wheel: str, *, is_built_here: bool = True) -> Iterator[Step]:
        """Steps that test the repaired wheel (a file name) in a fresh environment.

        `is_built_here`: False if another cell built it, and this one has not yet evaluated `environment`.
        """
        if not has_tests(self.job.cell, self._settings):
            return
        if not is_built_here:
            yield from self._environment()
        layout, path = self.tools.layout, self.tools.test_path
        repaired = f"{layout.repaired}/{wheel}"
        yield self._test_environment()
        if self._settings[BEFORE_TEST]:
            yield self._user(StepKind.BEFORE_TEST, self._settings[BEFORE_TEST], path=path, wheel=repaired)
        yield self._shell(StepKind.INSTALL, self._install(repaired), path=path, cwd=layout.test)
        command = self._fill(self._settings[TEST_COMMAND], wheel=repaired)
        yield self._shell(StepKind.TEST, command, path=path, cwd=layout.test)

    @property
    def _settings(self) -> Settings:
        return self.job.settings

    def _environment(self) -> Iterator[Step]:
        """Evaluate `environment` once, by the container's own shell, and keep it for the cell's later steps."""
        pairs = self._settings[ENVIRONMENT]
        if not pairs:
            return
        layout = self.tools.layout
        # Not `export NAME="$(command)"`: its status is that of `export`, and a command that fails must fail the step.
        lines = [f'{name}="{value}"; export {name}' for name, value in pairs]
        keep = f"mkdir -p {shlex.quote(layout.matrix)} && export -p > {shlex.quote(layout.variables)}"
        script = "\n".join(("set -e", *lines, keep))
        request = self._request(("sh", "-c", script), path=(self.tools.python_bin,), cwd=layout.project)
        yield Step(kind=StepKind.ENVIRONMENT, request=request, shown="; ".join(lines))

    def _test_environment(self) -> Step:
        tools, layout = self.tools, self.tools.layout
        create = tools.create_environment(layout.test_environment)
        if self._wants_pip:
            create += f" && {tools.install(layout.test_environment, '--upgrade', tools.newest_pip)}"
        test, project = shlex.quote(layout.test), shlex.quote(layout.project)
        if self._settings[TEST_SOURCES]:
            # tar keeps `src/tests` in its place; `cp --parents` would too, but not busybox's. By way of a file: the
            # status of a pipe is that of its end, and a name that is not there must fail the step.
            listed = shlex.join(f"./{name}" for name in self._settings[TEST_SOURCES])
            archive = shlex.quote(f"{layout.matrix}/test-sources.tar")
            fill = f"tar -cf {archive} -C {project} {listed} && tar -xf {archive} -C {test}"
        else:
            fill = f"printf %s {shlex.quote(_GUARD)} > {test}/test_fail.py"
        script = f"mkdir -p {test} && {create} && {fill}"
        return self._shell(StepKind.TEST_ENVIRONMENT, script, path=(tools.python_bin,), shown=create)

    @property
    def _wants_pip(self) -> bool:
        """Whether pip is fetched for the test environment, which costs: only where it is needed and not there.

        uv makes environments without one, so a command of the user's that names it needs one. Others have the one
        that came with the Python, which may know neither today's tags nor dependency groups (pip 25.1).
        """
        if self.tools.has_uv:
            commands = f"{self._settings[BEFORE_TEST]} {self._settings[TEST_COMMAND]}"
            return re.search(r"\bpip\b", commands) is not None
        return self.tools.has_old_pip or bool(self._settings[TEST_GROUPS])

    def _install(self, wheel: str) -> str:
        extras = ",".join(self._settings[TEST_EXTRAS])
        what = [f"{wheel}[{extras}]" if extras else wheel, *self._settings[TEST_REQUIRES]]
        for group in self._settings[TEST_GROUPS]:
            what += ["--group", f"{self.tools.layout.project}/pyproject.toml:{group}"]
        return self.tools.install(self.tools.layout.test_environment, *what)

    def _user(self, kind: StepKind, command: str, *, path: tuple[str, ...], wheel: str | None = None) -> Step:
        """Make a step of a command of the user's: by the shell, in the project."""
        return self._shell(kind, self._fill(command, wheel=wheel), path=path, cwd=self.tools.layout.project)

    def _shell(
        self, kind: StepKind, script: str, *, path: tuple[str, ...], cwd: str | None = None, shown: str | None = None
    ) -> Step:
        step = self._step(kind, ("sh", "-c", script), path=path, cwd=cwd)
        return Step(kind=kind, request=step.request, shown=shown or script)

    def _step(self, kind: StepKind, argv: tuple[str, ...], *, path: tuple[str, ...], cwd: str | None) -> Step:
        shown = shlex.join(argv)
        if self._settings[ENVIRONMENT]:
            # PATH once more after the user's variables: theirs must not hide the cell's own interpreter.
            variables = shlex.quote(self.tools.layout.variables)
            script = f'. {variables}; PATH="$1:$PATH"; export PATH; shift; exec "$@"'
            argv = ("sh", "-c", script, "sh", ":".join(path), *argv)
        return Step(kind=kind, request=self._request(argv, path=path, cwd=cwd), shown=shown)

    def _request(self, argv: tuple[str, ...], *, path: tuple[str, ...], cwd: str | None) -> ExecRequest:
        return ExecRequest(
            argv=argv,
            env=(
                *self.passed,
                ("PATH", ":".join((*path, self.tools.facts.path))),
                *_active_environment(path[0], self.tools.layout.matrix),
                ("MATRIX_RUNNER", "1"),
                ("MATRIX_RUNNER_IDENTIFIER", str(self.job.cell)),
                ("SOURCE_DATE_EPOCH", str(self.epoch)),
                ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
                ("PIP_ROOT_USER_ACTION", "ignore"),
                ("UV_PYTHON_DOWNLOADS", "never"),
            ),
            cwd=cwd,
            timeout=self._settings[STEP_TIMEOUT] or None,
            silence=self._settings[SILENCE_TIMEOUT] or None,
        )

    def _fill(self, command: str, *, wheel: str | None = None) -> str:
        """Put values in the place of `{project}` and its like; `#{project}` stays, without the `#`."""
        layout = self.tools.layout
        values = {
            "project": layout.project,
            "package": layout.project,
            "dest_dir": layout.repaired,
            "plat": self.tools.facts.plat or "auto",
        }
        if wheel is not None:
            values["wheel"] = wheel
        return fill(command, values)


def _active_environment(first_on_path: str, matrix: str) -> tuple[tuple[str, str], ...]:
    """VIRTUAL_ENV, where an environment of ours comes first on PATH: uv and some test tools go by it."""
    if not first_on_path.startswith(f"{matrix}/"):
        return ()
    return (("VIRTUAL_ENV", first_on_path.removesuffix("/bin")),)
