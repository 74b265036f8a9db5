"""The command lines of build frontends, for a wheel and for an sdist. Pure."""

from enum import Enum

import msgspec

from matrix_runner.config.kinds.values import Frontend
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.build_options import BUILD_FRONTEND, BUILD_VERBOSITY
from matrix_runner.locking.lock_values import Group
from matrix_runner.model.cells import Interpreter
from matrix_runner.recipe.installing import outside_the_project
from matrix_runner.recipe.layout import Layout

FIRST_QUIET_PYTHON = (3, 9)
"""The oldest Python with a release of `build` that has `--quiet` (measured: 1.4.4 has it)."""

FIRST_PIP_SETTINGS_PYTHON = (3, 7)
"""The oldest Python with a pip that passes config settings on: pip does since 22.1."""


class Product(Enum):
    """A frontend's product, by its flag."""

    WHEEL = "wheel"
    SDIST = "sdist"

    def __str__(self) -> str:
        return self.value


class FrontendCommand(msgspec.Struct, frozen=True, kw_only=True):
    """The command of a build frontend for one interpreter.

    `frontend`: resolved; `auto` is our own. `python`: path of the interpreter, or of its environment's. `with_uv`:
    whether our own installs by uv. `is_locked`: whether our own installs what a lock names.
    """

    frontend: Frontend
    product: Product
    interpreter: Interpreter
    settings: Settings
    python: str
    layout: Layout
    with_uv: bool
    is_locked: bool = False

    def argv(self, package: str, out: str, config_settings: tuple[str, ...]) -> tuple[str, ...]:
        """Return the command as the user would type it; `config_settings`: as `key=value`."""
        options = (f"-C{setting}" for setting in config_settings) if self.knows_config_settings else ()
        return (*self._head(package, out), *options, *self._verbosity, *self._arguments)

    @property
    def knows_config_settings(self) -> bool:
        """Whether the frontend supports config settings."""
        return self.frontend is not Frontend.PIP or self.interpreter.version >= FIRST_PIP_SETTINGS_PYTHON

    def _head(self, package: str, out: str) -> tuple[str, ...]:
        product, chosen = f"--{self.product}", self.settings[BUILD_FRONTEND]
        match self.frontend:
            case Frontend.PIP:
                return ("python", "-m", "pip", "wheel", package, "--no-deps", f"--wheel-dir={out}")
            case Frontend.BUILD:
                return ("python", "-m", "build", package, product, f"--outdir={out}")
            case Frontend.BUILD_UV:
                # `build` refuses an installer where it has nothing to install.
                installer = ("--installer=uv",) if chosen.is_isolated else ()
                return ("python", "-m", "build", package, product, f"--outdir={out}", *installer)
            case Frontend.AUTO:
                program = f"{self.layout.frontend}/build_frontend.py"
                where = (f"--environment={self.layout.isolated_environment}", f"--bytecode={self.layout.bytecode}")
                by = ("--installer=uv", f"--aside={self._aside}") if self.with_uv else ("--installer=pip",)
                locked = (f"--locked={self.layout.locked(str(Group.BUILD))}",) if self.is_locked else ()
                return ("python", "-I", program, package, product, f"--outdir={out}", *where, *by, *locked)
            case Frontend.UV:
                # Who asks for uv gets what the project tells uv; our choice of it must not change the build.
                apart = (f"--project={self._aside}", "--no-sources") if chosen.name is Frontend.AUTO else ()
                head = ("uv", "build", "--no-progress", f"--python={self.python}")
                return (*head, package, product, f"--out-dir={out}", *apart)

    @property
    def _aside(self) -> str:
        """A directory outside of any project, where uv finds no settings."""
        return outside_the_project(self.layout)

    @property
    def _arguments(self) -> tuple[str, ...]:
        """The user's own arguments; for `build` in the place of pip, which makes no sdists, only their meaning."""
        chosen = self.settings[BUILD_FRONTEND]
        if chosen.name is Frontend.PIP and self.frontend is Frontend.BUILD:
            return () if chosen.is_isolated else ("--no-isolation",)
        return chosen.args

    @property
    def _verbosity(self) -> tuple[str, ...]:
        """The flags for `build-verbosity`. cibuildwheel's first level is what other frontends than pip say anyway."""
        level = self.settings[BUILD_VERBOSITY]
        is_build = self.frontend in {Frontend.BUILD, Frontend.BUILD_UV}
        if level > 0 and self.settings.is_drop_in and self.frontend is not Frontend.PIP:
            level -= 1
        if level == 0 or (level < 0 and is_build and self.interpreter.version < FIRST_QUIET_PYTHON):
            return ()
        return ("-" + ("v" if level > 0 else "q") * abs(level),)
