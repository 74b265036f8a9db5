"""The command lines of tools in a cell: build frontends, virtual environments, installers. Pure."""

import re
from functools import cached_property

import msgspec

from matrix_runner.config.kinds.values import Frontend, Network
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.build_options import (
    BEFORE_BUILD,
    BUILD_CONSTRAINTS,
    BUILD_FRONTEND,
    DEPENDENCY_VERSIONS,
    EXCLUDE_NEWER,
    REPAIR_WHEEL_COMMAND,
)
from matrix_runner.locking.cell_lock import CellLock
from matrix_runner.locking.lock_values import Group
from matrix_runner.matrix.network_access import network_of
from matrix_runner.matrix.pip_variables import PipVariables, Seen, choice_remark, pip_variables
from matrix_runner.model.cells import Cell, Implementation, Interpreter
from matrix_runner.recipe.frontends import own_frontend
from matrix_runner.recipe.frontends.frontend_command import FrontendCommand, Product
from matrix_runner.recipe.image_facts import ImageFacts, InterpreterFacts
from matrix_runner.recipe.installing import Installer
from matrix_runner.recipe.layout import Layout
from matrix_runner.recipe.tool_versions import (
    DATING_PIP,
    HASHING_PIP,
    ConstrainedBuild,
    Constraints,
    constraints_for,
)
from matrix_runner.recipe.workspace_wheels import WorkspaceWheel

FIRST_UV_PYTHON = (3, 8)
"""The oldest CPython that uv creates environments for."""

FIRST_BUILD_PYTHON = (3, 7)
"""The oldest Python with a `build` release on the index that supports config settings; older ones use `pip wheel`."""


def uv_supports(interpreter: Interpreter) -> bool:
    """Whether uv creates environments for an interpreter."""
    return interpreter.implementation is not Implementation.GRAALPY and interpreter.version >= FIRST_UV_PYTHON


def seen_in(facts: ImageFacts, passed: tuple[str, ...] = ()) -> Seen:
    """Return what is seen of pip's settings. `passed`: variables that `environment-pass` hands on."""
    return Seen(variables=facts.pip_variables, passed=passed, files=facts.pip_files)


def choose_frontend(cell: Cell, settings: Settings, facts: ImageFacts, passed: tuple[str, ...] = ()) -> Frontend:
    """Resolve `auto`: uv if image and interpreter support it and the user says nothing to pip, else build, else pip.

    The same applies to uv if it does not support the interpreter: for 2.7 it fails, whatever the project is.
    """
    chosen = settings[BUILD_FRONTEND].name
    is_for_uv = uv_supports(cell.interpreter)
    is_possible = chosen is Frontend.AUTO and is_for_uv and facts.tool("uv") is not None
    if is_possible and not pip_variables(settings, seen_in(facts, passed)).build:
        return Frontend.UV
    if chosen is Frontend.AUTO or (chosen in {Frontend.UV, Frontend.BUILD_UV} and not is_for_uv):
        return Frontend.BUILD if cell.interpreter.version >= FIRST_BUILD_PYTHON else Frontend.PIP
    return chosen


def choice_remark_for(cell: Cell, settings: Settings, facts: ImageFacts, passed: tuple[str, ...] = ()) -> str | None:
    """Return a sentence on the tool that image or machine decide by what they say to pip, or None."""
    if facts.tool("uv") is None or not uv_supports(cell.interpreter):
        return None
    foreseen, found = pip_variables(settings), pip_variables(settings, seen_in(facts, passed))
    return choice_remark(settings, found.without(foreseen))


def calls_auditwheel(settings: Settings) -> bool:
    """Whether the repair command names auditwheel."""
    return re.search(r"\bauditwheel\b", settings[REPAIR_WHEEL_COMMAND]) is not None


def needs(cell: Cell, settings: Settings, facts: ImageFacts) -> frozenset[str]:
    """Return the tools that the cell needs on PATH."""
    tools: set[str] = set()
    if calls_auditwheel(settings):
        tools |= {"auditwheel", "patchelf"}
    if choose_frontend(cell, settings, facts) in {Frontend.UV, Frontend.BUILD_UV}:
        tools.add("uv")
    return frozenset(tools)


class Toolbox(msgspec.Struct, frozen=True, kw_only=True, dict=True):  # dict: every step reads the cached properties
    """The tools of one cell.

    `is_disposable`: whether installing into the interpreter harms nobody (`Container.is_disposable`). `pinned`: the
    versions of this release, as lines of a constraints file. `passed`: the names that `environment-pass` hands on.
    `has_hashes`: whether `build-constraints`, or the lock, have a hash on every line. `product`: of the frontend.
    `lock`: the cell's part of the lock that it is held to, or None. `needed`: wheels of other packages of the run,
    which installers take.
    """

    cell: Cell
    settings: Settings
    facts: ImageFacts
    interpreter: InterpreterFacts
    layout: Layout
    is_disposable: bool
    pinned: str
    passed: tuple[str, ...] = ()
    has_hashes: bool = False
    product: Product = Product.WHEEL
    lock: CellLock | None = None
    needed: tuple[WorkspaceWheel, ...] = ()

    @cached_property
    def constraints(self) -> Constraints | None:
        """The versions of our own tools in the cell; None for the newest."""
        return constraints_for(self.settings[DEPENDENCY_VERSIONS], self.layout, self.pinned)

    @cached_property
    def frontend(self) -> Frontend:
        """The build frontend; `auto` is our own. pip makes no sdists."""
        if self._serves_itself:
            return Frontend.AUTO
        chosen = choose_frontend(self.cell, self.settings, self.facts, self.passed)
        return Frontend.BUILD if chosen is Frontend.PIP and self.product is Product.SDIST else chosen

    @property
    def builds_with_uv(self) -> bool:
        """Whether uv installs what a build by `auto` requires. pip does without uv, or if the user speaks to pip."""
        return choose_frontend(self.cell, self.settings, self.facts, self.passed) in {Frontend.UV, Frontend.BUILD_UV}

    @property
    def _serves_itself(self) -> bool:
        """Whether our own frontend builds: if the choice is ours, and it can."""
        # No other can fetch without running code of the project.
        is_only_one = network_of(self.settings) is Network.BUILD_REQUIRES and self.settings[BUILD_FRONTEND].is_isolated
        if self.settings[BUILD_FRONTEND].name is not Frontend.AUTO and not is_only_one:
            return False
        with_uv, needed = self.builds_with_uv, self._pip_for(Frontend.BUILD) or (0, 0)
        if self.lock is not None:
            # It installs the list itself, as any pip can.
            needed = (0, 0)
        elif with_uv and self.has_hashes:
            return False
        if not own_frontend.serves(self.cell.interpreter, self.interpreter, with_uv=with_uv, needed_pip=needed):
            return False
        return own_frontend.is_meant(self.settings, (*self.passed, *self.facts.pip_variables))

    @cached_property
    def pip_variables(self) -> PipVariables:
        """The user's settings for pip, which uv would not heed."""
        return pip_variables(self.settings, seen_in(self.facts, self.passed))

    @property
    def has_uv(self) -> bool:
        """Whether uv can serve this cell's interpreter."""
        return self.facts.tool("uv") is not None and uv_supports(self.cell.interpreter)

    @property
    def python_bin(self) -> str:
        """The directory of the cell's interpreter."""
        return f"{self.layout.root}/opt/python/{self.interpreter.directory}/bin"

    @property
    def has_build_environment(self) -> bool:
        """Whether the build frontend runs in an environment of its own.

        It does if the interpreter lacks the frontend, and if the interpreter belongs to somebody (root, in a strict
        sandbox): neither we nor a `before-build` may install into that.
        """
        module = self._frontend_module
        if not self.is_disposable:
            return bool(module or self.settings[BEFORE_BUILD])
        is_lacking = module is not None and module not in self.interpreter.modules
        return is_lacking or self.interpreter.pip_release < (self.needed_pip or (0, 0))

    @property
    def needed_pip(self) -> tuple[int, int] | None:
        """The oldest pip that can do what is asked of the build; None if any can, or none is used."""
        return self._pip_for(self.frontend)

    def _pip_for(self, frontend: Frontend) -> tuple[int, int] | None:
        if frontend not in {Frontend.BUILD, Frontend.PIP}:
            return None
        if self.has_hashes and self.settings[BUILD_FRONTEND].is_isolated:
            return HASHING_PIP
        return DATING_PIP if self.settings[EXCLUDE_NEWER] else None

    @property
    def build_path(self) -> tuple[str, ...]:
        """The first directories on PATH during the build."""
        own = (f"{self.layout.build_environment}/bin",) if self.has_build_environment else ()
        return (*own, self.python_bin)

    @property
    def test_path(self) -> tuple[str, ...]:
        """The first directories on PATH during the test."""
        return (f"{self.layout.test_environment}/bin", self.python_bin)

    @property
    def tests_with_uv(self) -> bool:
        """Whether uv installs the wheel and its test's requirements: where uv is the frontend, or was not ruled out."""
        match self.settings[BUILD_FRONTEND].name:
            case Frontend.AUTO:
                return self.has_uv and not self.pip_variables.test
            case Frontend.UV | Frontend.BUILD_UV:
                return self.has_uv
            case Frontend.BUILD | Frontend.PIP:
                return False

    @cached_property
    def build_installer(self) -> Installer:
        """The installer of the frontend's own environment."""
        with_uv = self.has_uv and not self.pip_variables.build
        return self._installer(creates_with_uv=with_uv, installs_with_uv=with_uv)

    @cached_property
    def test_installer(self) -> Installer:
        """The installer of the test's environment. uv makes it for pip too, unless the user tells pip where to go."""
        creates = self.has_uv and (self.tests_with_uv or not self.pip_variables.test)
        return self._installer(creates_with_uv=creates, installs_with_uv=self.tests_with_uv)

    def _installer(self, *, creates_with_uv: bool, installs_with_uv: bool) -> Installer:
        return Installer(
            interpreter=self.cell.interpreter,
            facts=self.interpreter,
            python_bin=self.python_bin,
            layout=self.layout,
            constraints=self.constraints,
            creates_with_uv=creates_with_uv,
            installs_with_uv=installs_with_uv,
            speaks_to_pip=bool(self.pip_variables.test),
            is_locked=self.lock is not None,
        )

    def create_build_environment(self) -> str:
        """Return a shell command that creates the frontend's own environment."""
        where, installer = self.layout.build_environment, self.build_installer
        packages = (installer.newest_pip, "build") if self._frontend_module == "build" else (installer.newest_pip,)
        # An old Python's own `venv` installs the pip of its time: that of 3.6 does not know backend-path (PEP 517).
        return f"{installer.create(where)} && {installer.install_tools(where, *packages)}"

    def after_constraints(self, script: str) -> str:
        """Return a shell script that installs our tools, preceded by the preparation of their constraints file."""
        return script if self.constraints is None else f"{self.constraints.prepare()} && {script}"

    def build(self, config_settings: tuple[str, ...]) -> tuple[str, ...]:
        """Return the command that builds the product; `config_settings`: as `key=value`."""
        command, frontend = self.build_command(config_settings), self.settings[BUILD_FRONTEND]
        if self.frontend is Frontend.AUTO:
            command = own_frontend.with_programs(self.layout, command)
            if self.lock is not None:
                return command
        limits = ConstrainedBuild.of(self.settings[BUILD_CONSTRAINTS], self.layout, has_hashes=self.has_hashes)
        if self.lock is not None:
            limits = ConstrainedBuild(path=self.layout.locked(str(Group.BUILD)), text="", has_hashes=True)
        if limits is None or not frontend.is_isolated:
            return command
        return limits.around(self.frontend, command, with_uv=self.builds_with_uv)

    def build_command(self, config_settings: tuple[str, ...]) -> tuple[str, ...]:
        """Return the frontend's command as the user would type it."""
        return self._frontend_command.argv(self.layout.package, self.layout.built, config_settings)

    @property
    def knows_config_settings(self) -> bool:
        """Whether the frontend supports config settings."""
        return self._frontend_command.knows_config_settings

    @property
    def _frontend_command(self) -> FrontendCommand:
        return FrontendCommand(
            frontend=self.frontend,
            product=self.product,
            interpreter=self.cell.interpreter,
            settings=self.settings,
            python=f"{self.build_path[0]}/python",
            layout=self.layout,
            with_uv=self.builds_with_uv,
            is_locked=self.lock is not None,
        )

    @property
    def _frontend_module(self) -> str | None:
        match self.frontend:
            case Frontend.PIP:
                return "pip"
            case Frontend.BUILD | Frontend.BUILD_UV:
                return "build"
            case Frontend.UV | Frontend.AUTO:
                return None
