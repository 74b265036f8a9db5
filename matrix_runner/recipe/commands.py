"""A cell's commands: environment variables, working directory and limits of each. Pure."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property

from matrix_runner.config.kinds.placeholders import fill
from matrix_runner.config.kinds.values import Frontend, Variables
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.build_options import ENVIRONMENT
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.run_options import CONTAINER_ENGINE
from matrix_runner.config.options.test_options import TEST_ENVIRONMENT
from matrix_runner.engine.api import ExecRequest
from matrix_runner.matrix import Job
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.compiler_cache import CompilerCaching
from matrix_runner.recipe.layout import Layout
from matrix_runner.recipe.saved_variables import saving_script
from matrix_runner.recipe.step import Step, limits_of
from matrix_runner.recipe.toolbox import Toolbox
from matrix_runner.redaction.redactor import NO_SECRETS, Redactor

SearchPath = tuple[str, ...]
"""What comes first on PATH."""


class Phase(Enum):
    """Which part of a cell a command is of: they differ in the variables that commands see."""

    PREPARATION = "preparation"
    """`before-all`: shared by several cells, so that no command may know which of them it is run in."""
    BUILD = "build"
    TEST = "test"
    """`test-environment` comes on top."""


@dataclass(frozen=True, kw_only=True)  # no slots: every step asks for what is cached
class Commands:
    """Makes a cell's commands.

    `epoch`: SOURCE_DATE_EPOCH. `passed`: variables of the host that `environment-pass` names. `processors`: how many
    the build tools may use at once. `caching`: by which compilers are called, None for by none. `redactor`: of what is
    shown.
    """

    job: Job
    tools: Toolbox
    epoch: int
    passed: Variables
    processors: int = 1
    caching: CompilerCaching | None = None
    phase: Phase = Phase.BUILD
    redactor: Redactor = NO_SECRETS

    def during(self, phase: Phase) -> "Commands":
        """Return the same for another part of the cell."""
        return replace(self, phase=phase)

    @property
    def settings(self) -> Settings:
        """The cell's."""
        return self.job.settings

    @property
    def layout(self) -> Layout:
        """Where the cell's things are."""
        return self.tools.layout

    def environment(self) -> tuple[Step, ...]:
        """Evaluate `environment` once, by the container's own shell, and keep it for the cell's later steps."""
        pairs = self.settings[ENVIRONMENT]
        if not pairs:
            return ()
        script, shown = self._assignments(ENVIRONMENT, saving_script(_names(pairs), self.layout.variables))
        kind = StepKind.ENVIRONMENT
        path = (self.tools.python_bin,)
        request = self._request(("sh", "-c", script), path=path, cwd=self.layout.project, kind=kind)
        return (Step(kind=kind, request=request, shown=shown),)

    def test_environment(self) -> tuple[Step, ...]:
        """Evaluate `test-environment` once, on top of `environment`, and keep it for the steps of the test."""
        pairs = self.settings[TEST_ENVIRONMENT]
        if not pairs:
            return ()
        saved = _names((*self.settings[ENVIRONMENT], *pairs))
        script, shown = self._assignments(TEST_ENVIRONMENT, saving_script(saved, self.layout.test_variables))
        path = self.tools.test_path
        return (self.shell(StepKind.ENVIRONMENT, script, path=path, cwd=self.layout.project, shown=shown),)

    def user(self, kind: StepKind, command: str, *, path: SearchPath, wheel: str | None = None) -> Step:
        """Make a step of a command of the user's: by the shell, in the project."""
        return self.shell(kind, self.fill(command, wheel=wheel), path=path, cwd=self.layout.project)

    def shell(
        self, kind: StepKind, script: str, *, path: SearchPath, cwd: str | None = None, shown: str | None = None
    ) -> Step:
        """Make a step of a script for the shell."""
        return self._step(kind, ("sh", "-c", script), path=path, cwd=cwd, shown=shown or script)

    def step(self, kind: StepKind, argv: tuple[str, ...], *, path: SearchPath, cwd: str | None) -> Step:
        """Make a step of a command."""
        return self._step(kind, argv, path=path, cwd=cwd, shown=shlex.join(argv))

    def _step(self, kind: StepKind, argv: tuple[str, ...], *, path: SearchPath, cwd: str | None, shown: str) -> Step:
        if self._variables is not None:
            # PATH once more after the user's variables: theirs must not hide the cell's own interpreter.
            script = f'. {shlex.quote(self._variables)}; PATH="$1:$PATH"; export PATH; shift; exec "$@"'
            argv = ("sh", "-c", script, "sh", ":".join(self._found_first(path)), *argv)
        return Step(kind=kind, request=self._request(argv, path=path, cwd=cwd, kind=kind), shown=shown)

    def telling(self, step: Step, wishes: Mapping[str, str]) -> Step:
        """Return the step with further variables, of which those that the user has set stay as they are."""
        return replace(step, request=replace(step.request, env=(*step.request.env, *self._undecided(wishes))))

    def sets(self, name: str) -> bool:
        """Whether the user's configuration sets a variable for the cell's commands."""
        return name in {*self._decided, *(variable for variable, _ in self.settings[ENVIRONMENT])}

    def fill(self, command: str, *, wheel: str | None = None) -> str:
        """Put values in the place of `{project}` and its like; `#{project}` stays, without the `#`."""
        values = {
            "project": self.layout.project,
            "package": self.layout.package,
            "dest_dir": self.layout.repaired,
            "plat": self.tools.facts.plat or "auto",
        }
        if wheel is not None:
            values |= {"wheel": wheel, "abi3_wheel": wheel}
        return fill(command, values)

    @property
    def _variables(self) -> str | None:
        """The file of variables that the command begins with, if there is one."""
        if self.phase is Phase.TEST and self.settings[TEST_ENVIRONMENT]:
            return self.layout.test_variables
        return self.layout.variables if self.settings[ENVIRONMENT] else None

    def _assignments(self, option: Option[Variables], save: str) -> tuple[str, str]:
        """Return a script that sets an option's variables in turn and then does `save`; and how to show it."""
        # Not `export NAME="$(command)"`: its status is that of `export`, and a command that fails must fail the step.
        shown, lines = [], []
        for name, value in self.settings[option]:
            readable = self.redactor.shown(name, value)
            shown.append(f'{name}="{readable}"; export {name}')
            blame = shlex.quote(f"{option.name}: a command in the value of {name} failed: {readable}")
            lines.append(f'{name}="{value}" || {{ status=$?; echo {blame} >&2; exit $status; }}; export {name}')
        return "\n".join(("set -e", *lines, save)), "; ".join(shown)

    def _request(self, argv: tuple[str, ...], *, path: SearchPath, cwd: str | None, kind: StepKind) -> ExecRequest:
        limits = limits_of(kind)
        return ExecRequest(
            argv=argv,
            env=(
                *self.passed,
                ("PATH", ":".join((*self._found_first(path), self.tools.facts.path))),
                *_active_environment(path[0], self.layout.matrix),
                *self._common,
                *self._sharing(kind),
                *self._fixed,
            ),
            cwd=cwd,
            timeout=limits.seconds(self.settings),
            silence=limits.seconds_of_silence(self.settings),
        )

    def _found_first(self, path: SearchPath) -> SearchPath:
        return path if self.caching is None else (*path, self.caching.path)

    @cached_property
    def _common(self) -> Variables:
        return (*self._identity(), *self._parallelism())

    @cached_property
    def _fixed(self) -> Variables:
        return (
            ("SOURCE_DATE_EPOCH", str(self.epoch)),
            ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
            ("PIP_ROOT_USER_ACTION", "ignore"),
            ("UV_PYTHON_DOWNLOADS", "never"),
        )

    def _sharing(self, kind: StepKind) -> Variables:
        """Tell installers and compilers where to keep what other cells and runs will want again.

        Copies, not links: what a cell does to an installed file must not come to the next one. And a volume is
        another file system, to which uv cannot link, and says so each time. The environment that `uv build` makes is
        in the volume itself, and nobody's commands but the build backend's run in it: there links, as is uv's own
        way, save a fifth of a small build (measured: 0.25 s of 1.25 for the 494 files of setuptools).
        """
        is_within_cache = kind is StepKind.BUILD and self.tools.frontend is Frontend.UV
        wishes = {
            "UV_CACHE_DIR": f"{self.layout.downloads}/uv",
            "PIP_CACHE_DIR": f"{self.layout.downloads}/pip",
            "UV_LINK_MODE": "hardlink" if is_within_cache else "copy",
            **dict(() if self.caching is None else self.caching.variables),
        }
        return self._undecided(wishes)

    def _undecided(self, wishes: Mapping[str, str]) -> Variables:
        """Return those that neither `environment-pass` nor `create-args` set; `environment` prevails by itself."""
        decided = self._decided
        return tuple((name, value) for name, value in wishes.items() if name not in decided)

    @cached_property
    def _decided(self) -> frozenset[str]:
        given = self.settings[CONTAINER_ENGINE].arguments.env
        return frozenset(name for name, _ in (*self.passed, *given))

    def _parallelism(self) -> Variables:
        """Tell build tools their share of the processors, which each would else take for all its own.

        Only what the user has not set; the shell sets those of `environment` later, so that they prevail anyhow.
        """
        wishes = {
            "MAKEFLAGS": f"-j{self.processors}",
            "CMAKE_BUILD_PARALLEL_LEVEL": str(self.processors),
            "CARGO_BUILD_JOBS": str(self.processors),
        }
        decided = {name for name, _ in self.passed} | set(self.tools.facts.decided)
        return tuple((name, value) for name, value in wishes.items() if name not in decided)

    def _identity(self) -> Variables:
        """What a build script asks to learn who runs it, and for which cell."""
        tools = ("MATRIX_RUNNER", "CIBUILDWHEEL") if self.settings.is_drop_in else ("MATRIX_RUNNER",)
        pairs = tuple((tool, "1") for tool in tools)
        if self.phase is Phase.PREPARATION:
            return pairs
        names = {"MATRIX_RUNNER": "MATRIX_RUNNER_IDENTIFIER", "CIBUILDWHEEL": "CIBUILDWHEEL_BUILD_IDENTIFIER"}
        return (*pairs, *((names[tool], str(self.job.cell)) for tool in tools))


def _names(pairs: Variables) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name, _ in pairs))


def _active_environment(first_on_path: str, matrix: str) -> Variables:
    """VIRTUAL_ENV, where an environment of ours comes first on PATH: uv and some test tools go by it."""
    if not first_on_path.startswith(f"{matrix}/"):
        return ()
    return (("VIRTUAL_ENV", first_on_path.removesuffix("/bin")),)
