"""A cell's commands: environment variables, working directory and limits of each. Pure."""

import shlex
from collections.abc import Mapping
from functools import cached_property
from typing import Final

import msgspec
from msgspec.structs import replace

from matrix_runner.config.kinds.placeholders import fill
from matrix_runner.config.kinds.values import Frontend, Network, Sandbox, Variables
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.build_options import AUDIT_REQUIRES, ENVIRONMENT, ENVIRONMENT_PASS
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.run_options import CONTAINER_ENGINE, NETWORK, SANDBOX
from matrix_runner.config.options.test_options import TEST_ENVIRONMENT
from matrix_runner.engine.api import ExecRequest
from matrix_runner.engine.proxies import CA_IN_CONTAINER
from matrix_runner.matrix import Job
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.certificates import has_truststore, names_certificates
from matrix_runner.recipe.compiling.compiler_cache import CompilerCaching
from matrix_runner.recipe.installing import apart_from_project
from matrix_runner.recipe.layout import Layout
from matrix_runner.recipe.saved_variables import evaluation
from matrix_runner.recipe.step import Phase, Step, limits_of
from matrix_runner.recipe.toolbox import Toolbox
from matrix_runner.recipe.unprivileged import UnprivilegedUser, unprivileged_user
from matrix_runner.recipe.workspace_wheels import held_to
from matrix_runner.redaction.redactor import NO_SECRETS, Redactor

SearchPath = tuple[str, ...]
"""The first directories on PATH."""

_PLATFORM_TAG: Final = "AUDITWHEEL_PLAT"
"""auditwheel's variable for its option `--plat`."""

_INSTALLS_TOOLS = frozenset({StepKind.PREPARE, StepKind.BUILD_ENVIRONMENT, StepKind.TEST_ENVIRONMENT})
"""The steps in which only tools of our own are installed."""


class Commands(msgspec.Struct, frozen=True, kw_only=True, dict=True):  # dict: every step reads the cached properties
    """The factory of a cell's commands.

    `epoch`: SOURCE_DATE_EPOCH. `passed`: variables of the host that `environment-pass` names. `processors`: the number
    that build tools may use at once. `caching`: the compiler cache, or None. `redactor`: for the displayed commands.
    `exclude_newer`: the upload time after which packages do not count; "" for none.
    """

    job: Job
    tools: Toolbox
    epoch: int
    passed: Variables
    processors: int = 1
    caching: CompilerCaching | None = None
    phase: Phase = Phase.BUILD
    redactor: Redactor = NO_SECRETS
    exclude_newer: str = ""

    def during(self, phase: Phase) -> "Commands":
        """Return the factory for another part of the cell."""
        return replace(self, phase=phase)

    @property
    def settings(self) -> Settings:
        """The settings of the cell."""
        return self.job.settings

    @property
    def layout(self) -> Layout:
        """The paths of the cell's files."""
        return self.tools.layout

    def environment(self) -> tuple[Step, ...]:
        """Return the step that evaluates `environment` once, by the container's shell, and saves it for later steps."""
        if not self.settings[ENVIRONMENT]:
            return ()
        file, kind = self.layout.variables, StepKind.ENVIRONMENT
        script, shown = self._evaluation(ENVIRONMENT, ENVIRONMENT, file=file)
        path, become = (self.tools.python_bin,), self.become
        request = self._request((*become, "sh", "-c", script), path=path, cwd=self.layout.project, kind=kind)
        return (Step(kind=kind, request=request, shown=shown, prologue=become, saves=file),)

    def test_environment(self) -> tuple[Step, ...]:
        """Return the step that evaluates `test-environment` once, after `environment`, and saves it for the test."""
        if not self.settings[TEST_ENVIRONMENT]:
            return ()
        file, path = self.layout.test_variables, self.tools.test_path
        script, shown = self._evaluation(TEST_ENVIRONMENT, ENVIRONMENT, TEST_ENVIRONMENT, file=file)
        step = self.shell(StepKind.ENVIRONMENT, script, path=path, cwd=self.layout.project, shown=shown)
        return (replace(step, saves=file),)

    def user(self, kind: StepKind, command: str, *, path: SearchPath, wheel: str | None = None) -> Step:
        """Return a step for a command of the user: run by the shell, in the project."""
        return self.shell(kind, self.fill(command, wheel=wheel), path=path, cwd=self.layout.project)

    def shell(
        self, kind: StepKind, script: str, *, path: SearchPath, cwd: str | None = None, shown: str | None = None
    ) -> Step:
        """Return a step for a shell script."""
        return self._step(kind, ("sh", "-c", script), path=path, cwd=cwd, shown=shown or script)

    def step(self, kind: StepKind, argv: tuple[str, ...], *, path: SearchPath, cwd: str | None) -> Step:
        """Return a step for a command."""
        return self._step(kind, argv, path=path, cwd=cwd, shown=shlex.join(argv))

    def _step(self, kind: StepKind, argv: tuple[str, ...], *, path: SearchPath, cwd: str | None, shown: str) -> Step:
        prologue = self.become
        if self._variables is not None:
            # PATH again after the user's variables: theirs must not hide the cell's own interpreter.
            script = f'. {shlex.quote(self._variables)}; PATH="$1:$PATH"; export PATH; shift; exec "$@"'
            prologue = (*prologue, "sh", "-c", script, "sh", ":".join(self._found_first(path)))
        prologue = (*prologue, *held_to(self.tools.needed, self.layout, self.tools.cell.interpreter, kind))
        request = self._request((*prologue, *argv), path=path, cwd=cwd, kind=kind)
        return Step(kind=kind, request=request, shown=shown, prologue=prologue)

    def telling(self, step: Step, wishes: Mapping[str, str]) -> Step:
        """Return the step with further variables, except those that the user has set."""
        return replace(step, request=replace(step.request, env=(*step.request.env, *self._undecided(wishes))))

    def apart(self, step: Step) -> Step:
        """Return a step that installs by our own choice, so that uv does not see the project's settings."""
        return self.telling(step, dict(apart_from_project(self.layout)))

    def sets(self, name: str) -> bool:
        """Whether the user's configuration sets a variable for the cell's commands."""
        return name in {*self._decided, *(variable for variable, _ in self.settings[ENVIRONMENT])}

    def fill(self, command: str, *, wheel: str | None = None) -> str:
        """Replace placeholders such as `{project}` by their values; `#{project}` yields a literal `{project}`."""
        values = {
            "project": self.layout.project,
            "package": self.layout.original_package if self.phase is Phase.PREPARATION else self.layout.package,
            "dest_dir": self.layout.repaired,
            "plat": self._platform_tag(),
        }
        if wheel is not None:
            values |= {"wheel": wheel, "abi3_wheel": wheel}
        return fill(command, values)

    def _platform_tag(self) -> str:
        """Return the image's platform tag, or the shell's words for the user's: auditwheel heeds this variable too."""
        if self.sets(_PLATFORM_TAG):
            return f'"${{{_PLATFORM_TAG}:-auto}}"'
        return self.tools.facts.plat or "auto"

    @cached_property
    def _user(self) -> UnprivilegedUser | None:
        return None if self.phase is Phase.PREPARATION else unprivileged_user(self.tools)

    @property
    def become(self) -> tuple[str, ...]:
        """The words by which a command is run as its user; none for root."""
        return () if self._user is None else self._user.prologue

    @property
    def _variables(self) -> str | None:
        """The file of variables that the command loads first, or None."""
        if self.phase is Phase.TEST and self.settings[TEST_ENVIRONMENT]:
            return self.layout.test_variables
        return self.layout.variables if self.settings[ENVIRONMENT] else None

    def _evaluation(self, option: Option[Variables], *saved: Option[Variables], file: str) -> tuple[str, str]:
        """Return the script that sets an option's variables and saves those of some options, and its text."""
        names = [name for each in saved for name, _ in self.settings[each]]
        return evaluation(option, self.settings[option], names, file, self.redactor)

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
                *self._cutoff(kind),
                *self._repeatable(kind),
                *self._certificates,
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
        user = self._user
        return (
            *self._identity(),
            *self._parallelism(),
            *(() if user is None else self._undecided(dict(user.variables))),
        )

    @cached_property
    def _fixed(self) -> Variables:
        return (
            ("SOURCE_DATE_EPOCH", str(self.epoch)),
            ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
            ("PIP_ROOT_USER_ACTION", "ignore"),
            ("UV_PYTHON_DOWNLOADS", "never"),
        )

    def _sharing(self, kind: StepKind) -> Variables:
        """Return the variables by which installers and compilers share their caches with other cells and runs.

        Copies, not links: a cell's changes to an installed file must not reach the next cell. And a volume is another
        file system: uv cannot link to it, and warns each time. The environment of `uv build` is in the volume itself,
        and only the build backend's commands run in it: there links, uv's default, save a fifth of a small build
        (measured: 0.25 s of 1.25 for the 494 files of setuptools).
        """
        if self.phase is Phase.PREPARATION and self.settings[SANDBOX] is Sandbox.STRICT:
            # Root must not install what a cell's commands could have put into the caches.
            return self._undecided({"UV_NO_CACHE": "1", "PIP_NO_CACHE_DIR": "1"})
        is_within_cache = kind is StepKind.BUILD and self.tools.frontend is Frontend.UV
        wishes = {
            "UV_CACHE_DIR": f"{self.layout.downloads}/uv",
            "PIP_CACHE_DIR": f"{self.layout.downloads}/pip",
            "UV_LINK_MODE": "hardlink" if is_within_cache else "copy",
            **({"UV_OFFLINE": "1"} if self.settings[NETWORK] is Network.NONE else {}),
            **dict(() if self.caching is None else self.caching.variables),
        }
        return self._undecided(wishes)

    def _cutoff(self, kind: StepKind) -> Variables:
        """Return the variables for `exclude-newer`; none where only our own tools are installed."""
        is_ours = kind is StepKind.AUDIT and self.settings[AUDIT_REQUIRES] == AUDIT_REQUIRES.default
        if not self.exclude_newer or is_ours or kind in _INSTALLS_TOOLS:
            return ()
        return self._undecided({"UV_EXCLUDE_NEWER": self.exclude_newer, "PIP_UPLOADED_PRIOR_TO": self.exclude_newer})

    def _repeatable(self, kind: StepKind) -> Variables:
        """Return the variable by which sets of texts have one order, which code generators write down."""
        return self._undecided({"PYTHONHASHSEED": "0"}) if kind in {StepKind.SDIST, StepKind.BUILD} else ()

    @property
    def _certificates(self) -> Variables:
        """Return the variable by which an old pip gets a current bundle; `before-all` may start any Python's."""
        tools = self.tools
        is_any = self.phase is Phase.PREPARATION
        if self.job.image is None or not (is_any or not has_truststore(tools.cell.interpreter, tools.interpreter)):
            return ()
        # Where the user names one for all tools, pip follows that unless it is told otherwise.
        is_named = any(self.sets(name) for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"))
        return () if is_named or names_certificates(tools.facts) else self._undecided({"PIP_CERT": CA_IN_CONTAINER})

    def _undecided(self, wishes: Mapping[str, str]) -> Variables:
        """Return the variables that neither `environment-pass` nor `create-args` set; `environment` prevails anyhow."""
        return tuple((name, value) for name, value in wishes.items() if name not in self._decided)

    @cached_property
    def _decided(self) -> frozenset[str]:
        return frozenset(name for name, _ in (*self.passed, *self.settings[CONTAINER_ENGINE].arguments.env))

    def _parallelism(self) -> Variables:
        """Return the variables that limit build tools to their share of the processors; each would else use them all.

        Except those that the user has set; the shell sets those of `environment` later, so they prevail anyhow.
        """
        wishes = {
            "MAKEFLAGS": f"-j{self.processors}",
            "CMAKE_BUILD_PARALLEL_LEVEL": str(self.processors),
            "CARGO_BUILD_JOBS": str(self.processors),
        }
        decided = {name for name, _ in self.passed} | set(self.tools.facts.decided)
        return tuple((name, value) for name, value in wishes.items() if name not in decided)

    def _identity(self) -> Variables:
        """Return the variables that identify this program and the cell to build scripts.

        cibuildwheel's too, with every configuration: build scripts ask for them to tell that a wheel is for others.
        """
        platform, image = self.job.cell.platform, self.job.image
        place = [("PLATFORM", str(platform)), ("ARCH", str(platform.arch)), ("LIBC", str(platform.libc))]
        # Not MATRIX_RUNNER_IMAGE: that is the variable of an option, which a run within a cell would heed.
        place += [] if image is None else [("IMAGE_NAME", image.name)]
        own = (("MATRIX_RUNNER", "1"), ("CIBUILDWHEEL", "1"))
        pairs = (*own, *((f"MATRIX_RUNNER_{name}", value) for name, value in place))
        if self.phase is Phase.PREPARATION:
            return pairs
        names = ("MATRIX_RUNNER_IDENTIFIER", "CIBUILDWHEEL_BUILD_IDENTIFIER")
        return (*pairs, *((name, self.job.cell.local) for name in names))


def passed_variables(settings: Settings, environ: Mapping[str, str]) -> Variables:
    """Return the variables of this machine that `environment-pass` names, as far as they are set."""
    return tuple((name, environ[name]) for name in settings[ENVIRONMENT_PASS] if name in environ)


def _active_environment(first_on_path: str, matrix: str) -> Variables:
    """Return VIRTUAL_ENV if an environment of ours is first on PATH: uv and some test tools depend on it."""
    if not first_on_path.startswith(f"{matrix}/"):
        return ()
    return (("VIRTUAL_ENV", first_on_path.removesuffix("/bin")),)
