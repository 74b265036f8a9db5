"""A build frontend (PEP 517) for one cell: builds a wheel or an sdist in an environment whose path never changes.

Compilers write the paths of headers into debug information, and compiler caches take another path for another file; the
environments of other frontends have names by chance. Everything else is as `build` has it: what is required, how hooks
are called, in which surroundings, and what is said of failures.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from matrix_runner.cell_programs.build_bytecode import restored, save
    from matrix_runner.cell_programs.build_origins import Origins
    from matrix_runner.cell_programs.build_system import BuildSystem, Failed
    from matrix_runner.cell_programs.build_wish import Wish

HERE = os.path.dirname(os.path.abspath(__file__))
"""The directory of the programs, and of what they tell each other."""

if not TYPE_CHECKING:
    # Where an isolated Python (-I) does not look by itself.
    sys.path.insert(0, HERE)
    from build_bytecode import restored, save
    from build_origins import Origins
    from build_system import BuildSystem, Failed
    from build_wish import Wish

HOOKS = os.path.join(HERE, "build_hooks.py")
"""The program that calls the backend's hooks."""

BOUNDS = os.path.join(HERE, "bounds")
"""The file that says which Pythons the packages are for that uv has installed: it heeds no upper bounds."""

NOT_FOR_BUILDS = (
    *("UV_CONSTRAINT", "UV_OVERRIDE", "UV_EXCLUDE", "UV_COMPILE_BYTECODE", "UV_TORCH_BACKEND", "UV_NO_DEPS"),
    *("UV_SYSTEM_PYTHON", "UV_TARGET", "UV_PREFIX", "PYTHONPATH"),
)
"""Variables that `uv build` does not heed for what a build requires, and `uv pip install` would."""


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

    def add(self, requirements: Collection[str], *present: Collection[str]) -> None:
        """Install further requirements; `present` are those that are there. Raise Failed."""
        try:
            self._install(requirements, is_first=False)
        except NoRoom:
            self.create(*present, requirements)

    def _clear(self) -> None:
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
        is_by_uv = self.wish.installer == "uv"
        status = self._by_uv(listed) if is_by_uv else self._by_pip(listed, is_first=is_first)
        self._check_room()
        if status != 0:
            raise Failed(f"{self.wish.installer} could not install what the build requires")

    def _by_uv(self, requirements: list[str]) -> int:
        words = self._verbosity(most=2)
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

    def _by_pip(self, requirements: list[str], *, is_first: bool) -> int:
        # pip heeds environment markers in files only.
        listed = os.path.join(HERE, "requirements.txt")
        with open(listed, "w", encoding="utf-8") as file:
            file.write("\n".join(requirements))
        fresh = ["--ignore-installed"] if is_first else []
        quiet = ["--no-warn-script-location", "--no-compile", "--no-input"]
        command = [sys.executable, "-m", "pip", "--python", self.python, *self._verbosity(most=3), "install"]
        # From Python 3.11 on, a project's own `pip` is not taken for the real one.
        env = dict(os.environ, PYTHONSAFEPATH="1")
        if "PIP_KEYRING_PROVIDER" not in env and shutil.which("keyring"):
            env["PIP_KEYRING_PROVIDER"] = "subprocess"
        self.reports.append(os.path.join(HERE, f"report-{len(self.reports)}.json"))
        report = f"--report={self.reports[-1]}"
        return subprocess.call([*command, *fresh, "--use-pep517", *quiet, report, "-r", listed], env=env)

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


class Backend:
    """The backend of a package, in the build's environment."""

    def __init__(self, wish: Wish, system: BuildSystem, environment: Environment) -> None:
        self.wish, self.system, self.environment = wish, system, environment

    def build(self, *, asks: bool) -> str | list[str]:
        """Return the name of what was built. Raise Failed.

        `asks`: whether the backend is asked for further requirements first; if it has any, they are returned.
        """
        description, reply = os.path.join(HERE, "task.json"), os.path.join(HERE, "answer.json")
        task = {
            "backend": self.system.backend,
            "backend_path": self.system.backend_path,
            "requires": self.system.requires,
            "product": self.wish.product,
            "out": os.path.abspath(self.wish.out),
            "config_settings": self.wish.config_settings,
            "asks": asks,
            "answer": reply,
            "bounds": BOUNDS if self.wish.installer == "uv" else None,
        }
        with open(description, "w", encoding="utf-8") as file:
            json.dump(task, file)
        if os.path.exists(reply):
            os.remove(reply)
        status = self._run(description)
        answer = self._read(reply)
        if "unavailable" in answer:
            say(f"\n{answer['unavailable']}\n")
            raise Failed(f"Backend '{self.system.backend}' is not available.")
        done = answer.get("built", answer.get("requires"))
        if status != 0 or not isinstance(done, (str, list)):
            hook = answer.get("hook", f"get_requires_for_build_{self.wish.product}")
            raise Failed(f"Backend subprocess exited when trying to invoke {hook}")
        return done

    def _read(self, reply: str) -> dict[str, object]:
        try:
            with open(reply, encoding="utf-8") as file:
                answer: dict[str, object] = json.load(file)
        except (OSError, ValueError):
            return {}
        return answer

    def _run(self, task: str) -> int:
        scripts = os.path.dirname(self.environment.python)
        inherited = os.environ.get("PATH")
        env = dict(
            os.environ,
            PATH=scripts if inherited is None else scripts + os.pathsep + inherited,
            PYTHONPATH="",
            _PYPROJECT_HOOKS_BUILD_BACKEND=self.system.backend,
        )
        if self.system.backend_path:
            env["_PYPROJECT_HOOKS_BACKEND_PATH_JSON"] = json.dumps(self.system.backend_path)
        command = [self.environment.python, HOOKS, task]
        if self.wish.verbosity >= 0:
            return subprocess.call(command, cwd=self.wish.package, env=env)
        pipe, same = subprocess.PIPE, subprocess.STDOUT
        done = subprocess.run(command, cwd=self.wish.package, env=env, check=False, stdout=pipe, stderr=same)
        if done.returncode != 0:
            sys.stderr.buffer.write(done.stdout)
        return done.returncode


def say(text: str) -> None:
    """Print a line on the course of the build."""
    print(text, file=sys.stderr, flush=True)


def build(words: Sequence[str]) -> None:
    """Build what the command line asks for, and print its name. Raise Failed."""
    wish = Wish(words, HERE)
    system = BuildSystem(wish.package)
    os.makedirs(wish.out, exist_ok=True)
    environment = Environment(wish)
    environment.create(system.requires)
    backend, kept = Backend(wish, system, environment), restored(environment.path, wish.bytecode)
    origins = environment.origins()
    built = backend.build(asks=True)
    if not isinstance(built, str):
        environment.add(built, system.requires)
        kept, origins = restored(environment.path, wish.bytecode), environment.origins()
        built = backend.build(asks=False)
    save(kept)
    origins.write()
    environment.discard()
    print(f"Successfully built {built}", flush=True)


def main() -> None:
    """Build; exit with 1 and a reason if it fails."""
    try:
        build(sys.argv[1:])
    except Failed as error:
        say(f"ERROR {error}")
        sys.exit(1)


if __name__ == "__main__":
    main()
