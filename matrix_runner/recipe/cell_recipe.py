"""The order of a cell's steps: environment, build, repair, audit, test. Pure; prints without an engine."""

import shlex
from collections.abc import Iterator
from functools import cached_property

import msgspec
from msgspec.structs import replace

from matrix_runner.catalog.compiler_caches import CompilerCacheWheel
from matrix_runner.config.kinds.values import CompilerCache, Frontend, Variables, VersionSource
from matrix_runner.config.options.build_options import (
    BEFORE_ALL,
    BEFORE_BUILD,
    BUILD_CONSTRAINTS,
    BUILD_FRONTEND,
    CONFIG_SETTINGS,
    DEPENDENCY_VERSIONS,
)
from matrix_runner.config.options.cache_options import COMPILER_CACHE
from matrix_runner.engine.api import SHORT_COMMAND_SECONDS, ExecRequest
from matrix_runner.matrix import Job
from matrix_runner.model.outcomes import StepKind
from matrix_runner.project.build_backend import OTHER_BACKEND, BuildBackend
from matrix_runner.recipe.after_build.auditing import audit_steps, why_not
from matrix_runner.recipe.after_build.gil_check import gil_environment, gil_step
from matrix_runner.recipe.after_build.python_bounds import NotedBounds, WatchedBuild
from matrix_runner.recipe.after_build.repairing import repair_step, why_not_compressed, why_not_stripped
from matrix_runner.recipe.after_build.sbom_insertion import bill_step, sbom_steps
from matrix_runner.recipe.after_build.testing import test_steps
from matrix_runner.recipe.cargo_downloads import share_step
from matrix_runner.recipe.commands import Commands
from matrix_runner.recipe.compiling.brought_program import BroughtProgram
from matrix_runner.recipe.compiling.caching_steps import fetch_steps_of_cache, set_up_step
from matrix_runner.recipe.compiling.compiler_cache import CompilerCaching
from matrix_runner.recipe.frontends.backend_settings import BackendSettings
from matrix_runner.recipe.frontends.fetching import FETCH, FETCHED, environment_paths, is_parted
from matrix_runner.recipe.frontends.frontend_command import Product
from matrix_runner.recipe.frontends.installed_requirements import RequirementsNote, requirements_note
from matrix_runner.recipe.pinning.locked_files import put_step
from matrix_runner.recipe.step import Phase, Step
from matrix_runner.recipe.toolbox import Toolbox
from matrix_runner.recipe.unprivileged import unprivileged_user
from matrix_runner.redaction.redactor import NO_SECRETS, Redactor


class CellRecipe(msgspec.Struct, frozen=True, kw_only=True, dict=True):  # dict: every step reads the cached properties
    """The steps of a cell.

    `epoch`: SOURCE_DATE_EPOCH. `passed`: variables of the host that `environment-pass` names. `groups`: the
    requirements of `test-groups`. `processors`: the number that build tools may use at once. `has_crates`: whether the
    project contains Rust code. `caches_compilers`: False if the requested compiler cache cannot be had; `brought`: the
    wheel with its program, for an image without; `of_backend`: variables for its server alone, which may be secret.
    `redactor`: for the displayed commands. `exclude_newer`: the upload time after which packages do not count; "" for
    none. `backend`: the package's build backend.
    """

    job: Job
    tools: Toolbox
    epoch: int
    backend: BuildBackend = OTHER_BACKEND
    passed: Variables = ()
    exclude_newer: str = ""
    groups: tuple[str, ...] = ()
    processors: int = 1
    has_crates: bool = False
    caches_compilers: bool = True
    brought: CompilerCacheWheel | None = None
    of_backend: Variables = ()
    redactor: Redactor = NO_SECRETS

    @cached_property
    def caching(self) -> CompilerCaching | None:
        """The compiler cache of the build's steps, or None."""
        tool = self.job.settings[COMPILER_CACHE].name
        if tool is CompilerCache.NONE or not self.caches_compilers:
            return None
        layout, program = self.tools.layout, None
        if self.brought is not None:
            arch, installer = self.job.cell.platform.arch, self.tools.build_installer
            program = BroughtProgram(wheel=self.brought, tool=str(tool), arch=arch, layout=layout, installer=installer)
        return CompilerCaching(tool=tool, layout=layout, program=program)

    @cached_property
    def watched(self) -> WatchedBuild | NotedBounds | None:
        """The look at what uv has installed for the build; None where it installs nothing, or as cibuildwheel's does.

        Not for `build[uv]`: `build` empties PYTHONPATH for its backends (measured, 1.6.1).
        """
        settings, tools = self.job.settings, self.tools
        if settings.is_drop_in or not settings[BUILD_FRONTEND].is_isolated:
            return None
        match tools.frontend:
            case Frontend.AUTO:
                return NotedBounds(layout=tools.layout) if tools.builds_with_uv else None
            case Frontend.UV:
                return WatchedBuild(layout=tools.layout)
            case Frontend.BUILD | Frontend.BUILD_UV | Frontend.PIP:
                return None

    @property
    def requirements(self) -> RequirementsNote:
        """Where the build notes what its environment had."""
        is_watched = isinstance(self.watched, WatchedBuild)
        return requirements_note(self.job.settings, self.tools.frontend, self.tools.layout, is_watched=is_watched)

    def set_up_caching(self, caching: CompilerCaching) -> Step:
        """Return the step that creates the compiler cache's wrappers; it fails if the cache cannot be had."""
        return set_up_step(self.commands, caching, self.of_backend)

    def fetch_caching(self, caching: CompilerCaching) -> Iterator[Step]:
        """Yield the step that fetches the compiler cache's program, if one container fetches for another."""
        yield from fetch_steps_of_cache(self.commands, caching)

    def before_all(self) -> Iterator[Step]:
        """Yield the steps that prepare an image for all its cells."""
        commands = self.commands.during(Phase.PREPARATION)
        yield from commands.environment()
        yield commands.user(StepKind.BEFORE_ALL, self.job.settings[BEFORE_ALL], path=(self.tools.python_bin,))

    def hand_over(self) -> Iterator[Step]:
        """Yield the step between root's and those of the user of a strict sandbox; none without one."""
        user = unprivileged_user(self.tools)
        if user is not None:
            yield user.hand_over()

    def asking(self, argv: tuple[str, ...], env: Variables = ()) -> ExecRequest:
        """Return a short command that looks at what the build has left, with the build's own rights."""
        return ExecRequest(argv=(*self.commands.become, *argv), env=env, timeout=SHORT_COMMAND_SECONDS)

    def sdist(self) -> Iterator[Step]:
        """Yield the steps that end with an sdist in `Layout.built`, for tools whose product that is."""
        yield from self.begin()
        yield from self._prepare_frontend(self.commands)
        if not self.job.settings[BUILD_FRONTEND].is_isolated:
            # It installs what the build backend needs.
            yield from self._before_build(self.commands)
        yield self._sdist_step()

    def _sdist_step(self) -> Step:
        # setuptools hands them to its command `sdist`, which knows none of those of `bdist_wheel`.
        words = tuple(word for word in self._config_settings() if not word.startswith("--build-option="))
        return self._frontend_step(self.commands, StepKind.SDIST, words)

    def begin(self) -> Iterator[Step]:
        """Yield the steps before all others of a build: `environment` is evaluated, once."""
        for step in self.commands.environment():
            yield step.fetching(step.saves)
        constraints = self.tools.constraints
        if constraints is not None and self.job.settings[DEPENDENCY_VERSIONS].source is VersionSource.FILE:
            # Even if nothing is installed by it: a missing file is a mistake in every cell.
            path = (self.tools.python_bin,)
            yield self.commands.shell(StepKind.PREPARE, constraints.prepare(), path=path, shown="dependency-versions")
        if self.tools.lock is not None:
            yield put_step(self.commands, self.tools.lock)

    def build(self, *, has_begun: bool = False) -> Iterator[Step]:
        """Yield the steps that end with a wheel in `Layout.built`. `has_begun`: those of `begin` have been run."""
        commands = replace(self.commands, caching=self.caching)
        if not has_begun:
            yield from self.begin()
        yield from self._prepare_frontend(commands)
        yield from self._before_build(commands)
        yield self._wheel_step(commands)

    def _wheel_step(self, commands: Commands) -> Step:
        step = self._frontend_step(commands, StepKind.BUILD, self.backend_words())
        return commands.telling(step, self._told.variables)

    def _frontend_step(self, commands: Commands, kind: StepKind, words: tuple[str, ...]) -> Step:
        tools = self.tools
        parted = (FETCHED,) if self.fetches_apart else ()
        step = commands.step(kind, self._frontend(words, *parted), path=tools.build_path, cwd=tools.layout.project)
        return replace(step, shown=shlex.join(tools.build_command(words)))

    @property
    def fetches_apart(self) -> bool:
        """Whether the frontend is called once to fetch and once to build."""
        return is_parted(self.commands) and self.tools.frontend is Frontend.AUTO

    def fetch(self, *also: str) -> Step:
        """Return the step that installs what the build requires. `also`: what the backend has asked for besides."""
        # By the package as the user has it: an sdist was made by code of the project's.
        layout = replace(self.tools.layout, is_from_sdist=False)
        tools, words = replace(self.tools, layout=layout), (FETCH, *(f"--also={one}" for one in also))
        kind = StepKind.SDIST if tools.product is Product.SDIST else StepKind.BUILD
        step = self.commands.step(kind, (*tools.build(()), *words), path=tools.build_path, cwd=layout.project)
        shown = shlex.join((*tools.build_command(()), *words))
        return replace(step, shown=shown).fetching(*environment_paths(layout))

    def fetch_again(self, wanted: tuple[str, ...]) -> Iterator[Step]:
        """Yield the steps that fetch what the backend has asked for besides, and then build."""
        yield self.fetch(*wanted)
        is_sdist = self.tools.product is Product.SDIST
        yield self._sdist_step() if is_sdist else self._wheel_step(replace(self.commands, caching=self.caching))

    def backend_words(self) -> tuple[str, ...]:
        """Return what the build backend is told, as `key=value`: the user's config settings, and our own."""
        own = tuple(f"{key}={value}" for key, values in self._told.config_settings for value in values)
        return (*self._config_settings(), *own)

    @property
    def _told(self) -> BackendSettings:
        settings, layout = self.job.settings, self.tools.layout
        return BackendSettings(backend=self.backend, settings=settings, layout=layout, processors=self.processors)

    def repair(self, wheel: str) -> Step:
        """Return the step that gives the built wheel (a file name) the platform tag, in `Layout.repaired`."""
        return repair_step(self.commands, wheel)

    def add_sboms(self) -> Iterator[Step]:
        """Return the steps that put the project's bills of materials into the wheel in `Layout.repaired`."""
        return sbom_steps(self.commands)

    def add_bill(self, name: str) -> Step:
        """Return the step that puts a bill of materials of ours (a file in `Layout.bills`) into that wheel."""
        return bill_step(self.commands, name)

    def audit(self, wheel: str) -> Iterator[Step]:
        """Return the steps that check the repaired wheel (a file name) by `audit-command`."""
        return audit_steps(self.commands, wheel)

    def test(self, wheel: str, *, is_built_here: bool = True) -> Iterator[Step]:
        """Yield the steps that test the repaired wheel (a file name) in a fresh environment.

        `is_built_here`: False if another cell built it, so that this one has not yet evaluated `environment`.
        """
        if not is_built_here and (self.job.has_tests or self.job.checks_gil):
            yield from self.begin()
        if not self.job.has_tests:
            return
        yield from test_steps(self.commands, f"{self.tools.layout.repaired}/{wheel}", self.groups)

    def gil_check(self, wheel: str) -> Step | None:
        """Return the step that imports the repaired wheel's modules (a file name), to see which turn the GIL on."""
        return gil_step(self.commands, f"{self.tools.layout.repaired}/{wheel}") if self.job.checks_gil else None

    def gil_environment(self, wheel: str) -> Iterator[Step]:
        """Yield the steps before `gil_check`, if it does not make its own environment."""
        if self.job.checks_gil:
            yield from gil_environment(self.commands, f"{self.tools.layout.repaired}/{wheel}")

    def remarks(self) -> tuple[str, ...]:
        """Return remarks on settings without effect on this cell's build."""
        settings = self.job.settings
        found: list[str | None] = [why_not_compressed(settings, self.tools.facts), why_not_stripped(settings)]
        if self.job.settings[CONFIG_SETTINGS] and not self.tools.knows_config_settings:
            found.append("config-settings are left out: pip for this Python cannot pass them on")
        if self.job.settings[BUILD_CONSTRAINTS] and not self.job.settings[BUILD_FRONTEND].is_isolated:
            found.append("build-constraints have no effect: build-frontend installs nothing, what it finds is used")
        return tuple(remark for remark in found if remark is not None)

    def why_not_audited(self, wheel: str) -> str | None:
        """Return the reason why the wheel (a file name) is not audited although it should be, or None."""
        return why_not(self.commands, wheel)

    @cached_property
    def commands(self) -> Commands:
        """The factory of the steps' commands."""
        return Commands(
            job=self.job,
            tools=self.tools,
            epoch=self.epoch,
            passed=self.passed,
            processors=self.processors,
            redactor=self.redactor,
            exclude_newer=self.exclude_newer,
        )

    def _frontend(self, config_settings: tuple[str, ...], *words: str) -> tuple[str, ...]:
        """Return the frontend's command, with all that is to happen around it. `words`: further arguments."""
        command = (*self.tools.build(config_settings), *words)
        return self.watched.around(command) if isinstance(self.watched, WatchedBuild) else command

    def _before_build(self, commands: Commands) -> Iterator[Step]:
        """Yield the user's command before the build, if there is one."""
        tools, command = self.tools, self.job.settings[BEFORE_BUILD]
        if command:
            step = commands.user(StepKind.BEFORE_BUILD, command, path=tools.build_path)
            # Without it `uv pip install` finds no environment where the interpreter itself is the build's.
            yield commands.telling(step, {"UV_PYTHON": f"{tools.build_path[0]}/python"}) if tools.has_uv else step

    def _config_settings(self) -> tuple[str, ...]:
        """Return the user's config settings, as `key=value`."""
        pairs = ((key, value) for key, values in self.job.settings[CONFIG_SETTINGS] for value in values)
        return tuple(f"{key}={self.commands.fill(value)}" for key, value in pairs)

    def _prepare_frontend(self, commands: Commands) -> Iterator[Step]:
        """Yield the steps before the frontend's: downloads, its environment."""
        tools = self.tools
        if self.has_crates:
            yield from share_step(self.commands)
        if tools.has_build_environment:
            create = tools.create_build_environment()
            script = tools.after_constraints(create)
            step = commands.shell(StepKind.BUILD_ENVIRONMENT, script, path=(tools.python_bin,), shown=create)
            yield commands.apart(step).fetching(tools.layout.build_environment)
        if self.fetches_apart:
            yield self.fetch()
