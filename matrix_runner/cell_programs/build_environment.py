"""The environment of a build: filled by uv or pip with what is asked for or a lock names, or taken as it was filled."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from matrix_runner.cell_programs.build_origins import Origins
    from matrix_runner.cell_programs.build_system import Failed
    from matrix_runner.cell_programs.build_wish import Wish
else:
    from build_origins import Origins
    from build_system import Failed

HERE = os.path.dirname(os.path.abspath(__file__))
"""The directory of the programs, and of what they tell each other."""

NOT_FOR_BUILDS = (
    *("UV_CONSTRAINT", "UV_OVERRIDE", "UV_EXCLUDE", "UV_COMPILE_BYTECODE", "UV_TORCH_BACKEND", "UV_NO_DEPS"),
    *("UV_SYSTEM_PYTHON", "UV_TARGET", "UV_PREFIX", "PYTHONPATH"),
)
"""Variables that `uv build` does not heed for what a build requires, and `uv pip install` would."""

FETCHED = os.path.join(HERE, "fetched.json")
"""The file that says what is in an environment that was filled elsewhere."""

LISTED = os.path.join(HERE, "requirements.txt")
"""The file of requirements for pip."""

OTHER_PLACES = ("UV_FIND_LINKS", "UV_CONFIG_FILE")
"""Variables that tell uv of places with packages besides indexes."""


class NoRoom(Failed):
    """The environment is too large for the memory that is given to it."""


class Environment:
    """The environment of the build: empty at first, and gone from its place when the build has ended.

    Its place may be a file system in memory (tmpfs). What does not fit there, with a quarter of it left for bytecode
    and what a backend may add, is put on disk beside it: always at that place, as the same requirements have the same
    size.
    """

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.path = wish.environment
        self.is_in_memory = os.path.ismount(self.path)
        self.reports: list[str] = []
        self.has_locked = False

    @property
    def python(self) -> str:
        """The path of its Python."""
        return os.path.join(self.path, "bin", "python")

    def create(self, *groups: Collection[str]) -> None:
        """Make it anew, and install groups of requirements one after the other. Raise Failed."""
        import venv

        while True:
            say(f"* Creating isolated environment: venv+{self.wish.installer}...")
            self._clear()
            venv.EnvBuilder(symlinks=True).create(self.path)
            try:
                for group in groups:
                    self._install(group, is_first=group is groups[0])
            except NoRoom as error:
                say(f"* {error}: once more, on disk")
                self._clear()
                self.path, self.is_in_memory = f"{self.path}-on-disk", False
            else:
                return

    def take(self) -> list[str]:
        """Take the one that `--fetch` has filled; return what was asked for there. Raise Failed."""
        try:
            with open(FETCHED, encoding="utf-8") as file:
                requirements: list[str] = json.load(file)
        except (OSError, ValueError):
            raise Failed("The build's environment was not fetched") from None
        if os.path.isdir(f"{self.path}-on-disk"):
            self.path, self.is_in_memory = f"{self.path}-on-disk", False
        return requirements

    def add(self, requirements: Collection[str], *present: Collection[str]) -> None:
        """Install further requirements; `present` are those that are there. Raise Failed."""
        try:
            self._install(requirements, is_first=False)
        except NoRoom:
            self.create(*present, requirements)

    def _clear(self) -> None:
        self.has_locked = False
        if not self.is_in_memory:
            shutil.rmtree(self.path, ignore_errors=True)
            return
        with os.scandir(self.path) as entries:
            for entry in list(entries):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path)
                else:
                    os.remove(entry.path)

    def _check_room(self) -> None:
        if self.is_in_memory:
            space = os.statvfs(self.path)
            if space.f_bavail * 4 < space.f_blocks:
                raise NoRoom("The environment is too large to be kept in memory")

    def _install(self, requirements: Collection[str], *, is_first: bool) -> None:
        if not requirements:
            return
        listed = sorted(requirements)
        say("\n".join(("* Installing packages in isolated environment:", *(f"  - {one}" for one in listed))))
        if self.wish.locked:
            self._take_locked(listed)
            return
        is_by_uv = self.wish.installer == "uv"
        status = self._by_uv(listed) if is_by_uv else self._by_pip(listed, is_first=is_first)
        self._check_room()
        if status != 0:
            raise Failed(f"{self.wish.installer} could not install what the build requires")

    def _take_locked(self, listed: list[str]) -> None:
        """Install what is locked, if it is not there yet, and see whether it covers some requirements. Raise Failed."""
        is_by_uv = self.wish.installer == "uv"
        if not self.has_locked:
            hashed = ("--require-hashes", "--no-deps", "-r", self.wish.locked)
            status = self._by_uv([], *hashed) if is_by_uv else self._by_pip([], *hashed, is_first=True)
            self._check_room()
            if status != 0:
                raise Failed(f"{self.wish.installer} could not install the files that matrix-runner.lock names")
            self.has_locked = True
        # There is nowhere else to take them from: no index, no directory, nothing that a configuration names.
        if is_by_uv:
            env = {name: value for name, value in self._of_uv().items() if name not in OTHER_PLACES}
            words = ["--no-index", "--no-config", "--python", self.python]
            status = subprocess.call(["uv", "pip", "install", *words, "--", *listed], env=env)
        else:
            names = ["--isolated", "--python", self.python]
            command = [sys.executable, "-m", "pip", *names, "install", "--no-index", "-r", self._list(listed)]
            status = subprocess.call(command, env=dict(os.environ, PYTHONSAFEPATH="1", PIP_CONFIG_FILE=os.devnull))
        if status != 0:
            raise Failed(f"matrix-runner.lock does not cover what the build requires: {', '.join(listed)}")

    def _by_uv(self, requirements: list[str], *words: str) -> int:
        words = (*self._verbosity(most=2), *words)
        command = ["uv", "pip", "install", *words, "--python", self.python, "--", *requirements]
        return subprocess.call(command, env=self._of_uv())

    def _of_uv(self) -> dict[str, str]:
        env = {name: value for name, value in os.environ.items() if name not in NOT_FOR_BUILDS}
        # What binds the requirements of builds for `uv build` binds for `uv pip install` only those of builds below it.
        if env.get("UV_BUILD_CONSTRAINT"):
            env["UV_CONSTRAINT"] = env["UV_BUILD_CONSTRAINT"]
        env.update(UV_PROJECT=self.wish.aside, UV_NO_SOURCES="1", UV_NO_PROGRESS="1", VIRTUAL_ENV=self.path)
        return env

    def origins(self) -> Origins:
        """Return what is there now, whose origins are being asked for."""
        found = Origins(self.path, HERE, self.reports)
        if self.wish.installer == "uv":
            found.ask_uv(self._of_uv())
        return found

    @staticmethod
    def _list(requirements: list[str]) -> str:
        """Write requirements into a file, as pip heeds environment markers only there; return its path."""
        with open(LISTED, "w", encoding="utf-8") as file:
            file.write("\n".join(requirements))
        return LISTED

    def _by_pip(self, requirements: list[str], *words: str, is_first: bool) -> int:
        words = words or ("-r", self._list(requirements))
        fresh = ["--ignore-installed"] if is_first else []
        quiet = ["--no-warn-script-location", "--no-compile", "--no-input"]
        command = [sys.executable, "-m", "pip", "--python", self.python, *self._verbosity(most=3), "install"]
        # From Python 3.11 on, a project's own `pip` is not taken for the real one.
        env = dict(os.environ, PYTHONSAFEPATH="1")
        if "PIP_KEYRING_PROVIDER" not in env and shutil.which("keyring"):
            env["PIP_KEYRING_PROVIDER"] = "subprocess"
        self.reports.append(os.path.join(HERE, f"report-{len(self.reports)}.json"))
        report = f"--report={self.reports[-1]}"
        return subprocess.call([*command, *fresh, "--use-pep517", *quiet, report, *words], env=env)

    def _verbosity(self, *, most: int) -> list[str]:
        level = min(most, self.wish.verbosity - 1)
        return [f"-{'v' * level}"] if level > 0 else ["-q"] if self.wish.verbosity < 0 else []

    def discard(self) -> None:
        """Take it out of its place, so that no later step finds a library in it. To remove it from disk takes long."""
        if self.is_in_memory:
            self._clear()
            return
        aside = f"{self.path}-used"
        shutil.rmtree(aside, ignore_errors=True)
        os.rename(self.path, aside)


def say(text: str) -> None:
    """Print a line on the course of the build."""
    print(text, file=sys.stderr, flush=True)
