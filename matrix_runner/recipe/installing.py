"""The shell commands that create virtual environments and install into them, by uv or by pip. Pure."""

import shlex

import msgspec
from msgspec.structs import replace

from matrix_runner.config.kinds.values import Variables
from matrix_runner.locking.lock_values import Group
from matrix_runner.model.cells import Interpreter
from matrix_runner.recipe.image_facts import InterpreterFacts
from matrix_runner.recipe.layout import Layout
from matrix_runner.recipe.tool_versions import Constraints

LAST_VIRTUALENV_FOR_27 = "virtualenv<20.22"
"""20.22 dropped Python 2.7 to 3.6 (measured: "No virtualenv implementation")."""

LAST_PIPS = (((2, 7), "pip<21"), ((3, 4), "pip<19.2"), ((3, 5), "pip<21"), ((3, 6), "pip<22"), ((3, 7), "pip<24.1"))
"""The last pip for each Python up to a version (pip's release notes)."""

PIP_ALONE = "pip"
"""The name of the file with the locked pip, which environments of tests get without our other tools."""

_APART_FROM_PLACES_OF_UV = "env -u UV_FIND_LINKS -u UV_CONFIG_FILE"

_FOR_REQUIREMENTS = "CONSTRAINT BUILD_CONSTRAINT REQUIRE_HASHES NO_BINARY NO_DEPS PRE UPLOADED_PRIOR_TO"
"""pip's options that a user sets for the project's requirements; on our own tools they would only do harm."""


def for_our_tools(command: str) -> str:
    """Return a shell command that runs pip without the user's variables on the choice of versions.

    Those that say where packages come from stay: there may be no other way to the index.
    """
    names = " ".join(f"PIP_{option}" for option in _FOR_REQUIREMENTS.split())
    return f"(unset {names}; {command})"


def apart_from_project(layout: Layout) -> Variables:
    """Return the variables by which a uv of ours does not see the project's settings (`[tool.uv]`, uv.toml).

    Not `UV_NO_CONFIG`, which leaves out the user's and the system's settings too, and still heeds `tool.uv.sources`
    (measured, uv 0.13.9).
    """
    return (("UV_PROJECT", outside_the_project(layout)), ("UV_NO_SOURCES", "1"))


def hashed_words(file: str) -> tuple[str, ...]:
    """Return the installer's words, the same for pip and uv, for a locked list: each file by its hash, and no other."""
    return ("--require-hashes", "--no-deps", "-r", file)


def outside_the_project(layout: Layout) -> str:
    """Return a directory that exists (uv demands it) and has no project in or above it."""
    return layout.root or "/"


class Installer(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Creates environments of a cell's interpreter, and installs into them.

    `python_bin`: the interpreter's directory. `creates_with_uv`, `installs_with_uv`: the tool that does it, else
    Python's own. `speaks_to_pip`: whether the user configures pip, so that our own tools must be kept from that.
    `is_locked`: whether it installs what a lock names, and nothing else.
    """

    interpreter: Interpreter
    facts: InterpreterFacts
    python_bin: str
    layout: Layout
    constraints: Constraints | None
    creates_with_uv: bool
    installs_with_uv: bool
    speaks_to_pip: bool
    is_locked: bool = False

    def create(self, where: str) -> str:
        """Return a shell command that creates an empty environment."""
        python, place = shlex.quote(f"{self.python_bin}/python"), shlex.quote(where)
        modules = self.facts.modules
        if self.creates_with_uv:
            return f"uv venv --quiet --no-project --python {python} {place}"
        if {"venv", "ensurepip"} <= modules:
            return f"{python} -m venv {place}"
        if "virtualenv" in modules:
            return f"{python} -m virtualenv --quiet {place}"
        # No tool for environments: download the last virtualenv for this interpreter, beside it, not into it.
        beside = shlex.quote(f"{self.layout.matrix}/virtualenv")
        package = LAST_VIRTUALENV_FOR_27 if self.interpreter.version < (3, 7) else "virtualenv"
        words = shlex.join(("--quiet", *self._constrained, "--target"))
        return (
            f"{python} -m pip install {words} {beside} {shlex.quote(package)}"
            f" && PYTHONPATH={beside} {python} -m virtualenv --quiet {place}"
        )

    def install(self, environment: str, *what: str) -> str:
        """Return a shell command that installs the project's requirements into an environment.

        With a lock they must be there already, by `install_locked`: then it only sees whether the lock covers them, as
        there is nowhere to take others from: no index, no directory, nothing that a configuration names.
        """
        packages = shlex.join(what)
        if self.installs_with_uv:
            python = shlex.quote(f"{environment}/bin/python")
            if self.is_locked:
                words = "--quiet --no-index --no-config"
                return f"{_APART_FROM_PLACES_OF_UV} uv pip install {words} --python {python} {packages}"
            return f"uv pip install --quiet --python {python} {packages}"
        # Not `python -m pip`: that would import modules from the current directory.
        pip = shlex.quote(f"{environment}/bin/pip")
        if self.is_locked:
            return f"PIP_CONFIG_FILE=/dev/null {pip} install --isolated --quiet --no-index {packages}"
        return f"{pip} install --quiet {packages}"

    def install_locked(self, environment: str, group: Group) -> str:
        """Return a shell command that installs what a lock names, each file by its hash, and nothing else."""
        return replace(self, is_locked=False).install(environment, *hashed_words(self.layout.locked(str(group))))

    def install_tools(self, environment: str, *what: str) -> str:
        """Return a shell command that installs our tools into an environment, in the newest permitted versions.

        Must run after `Constraints.prepare`. By the tool that made the environment: one of uv's has no pip yet.
        """
        words = shlex.join((*self._constrained, "--upgrade", *what))
        if self.is_locked:
            name = PIP_ALONE if what == (self.newest_pip,) else str(Group.TOOLS)
            words = shlex.join(hashed_words(self.layout.locked(name)))
        if self.creates_with_uv:
            return f"uv pip install --quiet --python {shlex.quote(f'{environment}/bin/python')} {words}"
        command = f"{shlex.quote(f'{environment}/bin/pip')} install --quiet {words}"
        return for_our_tools(command) if self.speaks_to_pip else command

    def or_bundled(self, environment: str, newest: str) -> str:
        """Return a command that installs pip; without a network, where uv left none, the one that Python brings.

        `newest`: the command that installs the newest. A lock's pip has no other in its place.
        """
        if self.is_locked or not self.creates_with_uv or "ensurepip" not in self.facts.modules:
            return newest
        return f"{{ {newest} || {shlex.quote(f'{environment}/bin/python')} -m ensurepip --default-pip; }}"

    def without_setuptools(self, environment: str) -> str:
        """Return a command that leaves pip alone in a new environment, as cibuildwheel's are (`--no-setuptools`)."""
        return f"{shlex.quote(f'{environment}/bin/pip')} uninstall --quiet --yes setuptools"

    @property
    def has_bare_environments(self) -> bool:
        """Whether new environments have no setuptools, or it must stay: up to Python 3.8, where pip may need it."""
        return self.creates_with_uv or not (3, 9) <= self.interpreter.version < (3, 12)

    @property
    def has_old_pip(self) -> bool:
        """Whether a new environment's pip predates 20.3 and so refuses tags such as manylinux_2_28 (PEP 600)."""
        return not self.creates_with_uv and (3, 0) <= self.interpreter.version < (3, 7)

    @property
    def newest_pip(self) -> str:
        """The newest pip for the interpreter. Named here, because old pips do not always heed an index's metadata."""
        version = self.interpreter.version
        return next((pip for last, pip in LAST_PIPS if version <= last), "pip")

    @property
    def _constrained(self) -> tuple[str, ...]:
        return () if self.constraints is None else self.constraints.arguments
