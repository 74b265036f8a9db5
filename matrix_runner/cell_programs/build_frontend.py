"""A build frontend (PEP 517) for one cell: builds a wheel or an sdist in an environment whose path never changes.

Compilers write the paths of headers into debug information, and compiler caches take another path for another file; the
environments of other frontends have names by chance. Everything else is as `build` has it: what is required, how hooks
are called, in which surroundings, and what is said of failures.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from matrix_runner.cell_programs.build_bytecode import restored, save
    from matrix_runner.cell_programs.build_environment import FETCHED, Environment, say
    from matrix_runner.cell_programs.build_system import BuildSystem, Failed
    from matrix_runner.cell_programs.build_wish import Wish

HERE = os.path.dirname(os.path.abspath(__file__))
"""The directory of the programs, and of what they tell each other."""

if not TYPE_CHECKING:
    # Where an isolated Python (-I) does not look by itself.
    sys.path.insert(0, HERE)
    from build_bytecode import restored, save
    from build_environment import FETCHED, Environment, say
    from build_system import BuildSystem, Failed
    from build_wish import Wish

HOOKS = os.path.join(HERE, "build_hooks.py")
"""The program that calls the backend's hooks."""

BOUNDS = os.path.join(HERE, "bounds")
"""The file that says which Pythons the packages are for that uv has installed: it heeds no upper bounds."""

WANTED = os.path.join(HERE, "wanted.json")
"""The file that says what the backend requires besides, where it cannot be fetched."""


class Backend:
    """The backend of a package, in the build's environment."""

    def __init__(self, wish: Wish, system: BuildSystem, environment: Environment) -> None:
        self.wish, self.system, self.environment = wish, system, environment
        self.present: list[str] | None = None

    def build(self, *, asks: bool, until: str = "") -> str | list[str]:
        """Return the name of what was built. Raise Failed.

        `asks`: whether the backend is asked for further requirements first; if it has any, they are returned. `until`:
        "requires" for that alone, "metadata" for no more than the wheel's metadata (a directory, else a wheel).
        """
        description, reply = os.path.join(HERE, "task.json"), os.path.join(HERE, "answer.json")
        task = {
            "backend": self.system.backend,
            "backend_path": self.system.backend_path,
            "requires": self.system.requires if self.present is None else self.present,
            "product": self.wish.product,
            "out": os.path.abspath(self.wish.out),
            "config_settings": self.wish.config_settings,
            "asks": asks,
            "until": until,
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


def build(words: Sequence[str]) -> None:
    """Build what the command line asks for, and print its name. Raise Failed."""
    wish = Wish(words, HERE)
    system = BuildSystem(wish.package)
    os.makedirs(wish.out, exist_ok=True)
    environment = Environment(wish)
    if wish.does_fetch or wish.is_fetched:
        (fetch if wish.does_fetch else build_fetched)(system, environment)
        return
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


def fetch(system: BuildSystem, environment: Environment) -> None:
    """Fill an environment for a build without a network. Raise Failed."""
    also = environment.wish.also
    environment.create(system.requires, *([also] if also else []))
    environment.origins().write()
    with open(FETCHED, "w", encoding="utf-8") as file:
        json.dump([*system.requires, *also], file)


def build_fetched(system: BuildSystem, environment: Environment) -> None:
    """Build in an environment that was filled before, or write down what it lacks. Raise Failed."""
    backend = Backend(environment.wish, system, environment)
    if os.path.exists(WANTED):
        os.remove(WANTED)
    present = backend.present = environment.take()
    kept = restored(environment.path, environment.wish.bytecode)
    built = backend.build(asks=True)
    if not isinstance(built, str):
        wanted = [one for one in dict.fromkeys((*system.requires, *built)) if one not in present]
        if wanted:
            say("\n".join(("* The build requires besides:", *(f"  - {one}" for one in wanted))))
            with open(WANTED, "w", encoding="utf-8") as file:
                json.dump(wanted, file)
            return
        built = backend.build(asks=False)
    save(kept)
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
