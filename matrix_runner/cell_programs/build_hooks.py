"""Calls hooks of a build backend (PEP 517) in the Python of a build environment, for `build_frontend`, which starts it.

Its argument is a file of the task (JSON), which names the file of the answer. The backend is imported once: the
question for further requirements is answered by a fork of this process, and the build is made by this process itself,
which then has done nothing but import. Where a fork would not be the same as a process of its own, the question alone
is answered, and the frontend starts another process.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import sys
import traceback
import warnings
from importlib.machinery import PathFinder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from importlib.machinery import ModuleSpec
    from importlib.metadata import Distribution, DistributionFinder
    from types import ModuleType
    from typing import ParamSpec, Protocol, TypeVar

    Task = dict[str, object]
    Arguments = ParamSpec("Arguments")
    Result = TypeVar("Result")

    class Built(Protocol):
        """The hook that every backend has."""

        def __call__(self, out: object, config_settings: object, *metadata: None) -> str:
            """Return the base name of what it has built."""

    class Described(Protocol):
        """The hook that backends need not have."""

        def __call__(self, out: object, config_settings: object) -> str:
            """Return the base name of the directory that it has written."""


HARMLESS_AT_EXIT = {"logging", "multiprocessing.util", "concurrent.futures.thread", "concurrent.futures.process"}
"""Modules of the standard library whose work at exit is each process's own."""


class Unavailable(Exception):
    """The backend cannot be imported. Its argument says why."""


class BackendPathFinder:
    """Finds the modules of `backend-path` before all others, whatever finders the environment has."""

    def __init__(self, folders: list[str], module: str) -> None:
        self.folders = folders
        self.module = module

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module at the top level; those below it are found by way of their parents."""
        if "." in name:
            return None
        spec = PathFinder.find_spec(name, path=self.folders)
        if spec is None and name == self.module.partition(".")[0]:
            raise Unavailable(f"Cannot find module {self.module!r} in {self.folders!r}")
        return spec

    def find_distributions(self, context: DistributionFinder.Context | None = None) -> Iterable[Distribution]:
        """Find the metadata in `backend-path`, such as that of plugins."""
        from importlib.metadata import DistributionFinder, MetadataPathFinder

        name = context.name if context else None
        return MetadataPathFinder.find_distributions(DistributionFinder.Context(name=name, path=self.folders))


def load_backend(spec: str, folders: list[str]) -> object:
    """Import the backend `module:object`. Raise Unavailable."""
    module, _, inner = spec.partition(":")
    if folders:
        sys.meta_path.insert(0, BackendPathFinder(folders, module))
    try:
        found: object = importlib.import_module(module)
    except ImportError:
        raise Unavailable(f"Cannot import {module!r}\n\n{traceback.format_exc().rstrip()}") from None
    for name in inner.split(".") if inner else ():
        found = getattr(found, name)
    return found


class Registrations:
    """What is registered for the end of the process while the backend is imported."""

    def __init__(self) -> None:
        self.modules: set[str | None] = set()
        self.register = atexit.register

    def __enter__(self) -> None:
        atexit.register = self._note  # type: ignore[assignment]

    def __exit__(self, *_: object) -> None:
        atexit.register = self.register

    def _note(
        self, function: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Callable[Arguments, Result]:
        self.modules.add(getattr(function, "__module__", None))
        return self.register(function, *args, **kwargs)

    @property
    def can_fork(self) -> bool:
        """Whether a fork is the same as a process of its own: no threads, and nothing that both would do at exit."""
        try:
            is_alone = len(os.listdir("/proc/self/task")) == 1
        except OSError:
            is_alone = False
        return is_alone and self.modules <= HARMLESS_AT_EXIT


class Warnings:
    """Shows the warnings that are for the users of packages, and no others, as `build` does."""

    def __enter__(self) -> None:
        self.catcher = warnings.catch_warnings(record=True)
        # Empty so far: it is filled while the backend is at work.
        self.caught = self.catcher.__enter__()

    def __exit__(self, *_: object) -> None:
        self.catcher.__exit__(None, None, None)
        for one in self.caught or ():
            if issubclass(one.category, UserWarning):
                say(f"WARNING {one.message}")


def say(text: str) -> None:
    """Print a line on the course of the build, behind what the backend has printed."""
    sys.stdout.flush()
    print(text, file=sys.stderr, flush=True)


def write(task: Task, **answer: object) -> None:
    """Write an answer."""
    text = json.dumps(answer)
    with open(str(task["answer"]), "w", encoding="utf-8") as file:
        file.write(text)


def note_bounds(path: str) -> None:
    """Write a line for each package of the environment: its name, version and Requires-Python."""
    places = [one for one in sys.path if one.startswith(sys.prefix + os.sep) and os.path.isdir(one)]
    found = [os.path.join(one, name) for one in places for name in os.listdir(one) if name.endswith(".dist-info")]
    with open(path, "w", encoding="utf-8") as bounds:
        for folder in sorted(found):
            fields = {}
            with open(os.path.join(folder, "METADATA"), encoding="utf-8", errors="replace") as file:
                for line in file:
                    name, _, value = line.partition(":")
                    if not value:
                        break
                    fields[name.lower()] = value.strip()
            bounds.write("\t".join(fields.get(one, "") for one in ("name", "version", "requires-python")) + "\n")


def ask(backend: object, task: Task) -> list[str]:
    """Return what the backend requires besides, and write it down."""
    try:
        hook = getattr(backend, f"get_requires_for_build_{task['product']}")
    except AttributeError:
        found: list[str] = []
    else:
        with Warnings():
            found = list(hook(task["config_settings"]))
    write(task, requires=found)
    return found


def build(backend: object, task: Task) -> str:
    """Return the base name of what the backend has built."""
    hook: Built = getattr(backend, f"build_{task['product']}")
    if task["product"] == "wheel":
        return hook(task["out"], task["config_settings"], None)
    try:
        return hook(task["out"], task["config_settings"])
    except getattr(backend, "UnsupportedOperation", ()):
        traceback.print_exc()
        sys.exit("the build backend says that it can make no sdist of this project")


def metadata(backend: object, task: Task) -> str:
    """Return the base name of the directory with the wheel's metadata; of the wheel, if the backend makes no other."""
    hook: Described | None = getattr(backend, "prepare_metadata_for_build_wheel", None)
    with Warnings():
        return build(backend, task) if hook is None else hook(task["out"], task["config_settings"])


def main(path: str) -> None:
    """Do the task that a file describes."""
    here = os.path.realpath(os.path.dirname(os.path.abspath(__file__)))
    sys.path[:] = [one for one in sys.path if os.path.realpath(one) != here]
    with open(path, encoding="utf-8") as file:
        task = json.load(file)
    if task["bounds"] is not None:
        note_bounds(task["bounds"])
    registered = Registrations()
    try:
        with registered, Warnings():
            backend = load_backend(task["backend"], task["backend_path"])
    except Unavailable as error:
        write(task, unavailable=str(error))
        sys.exit(1)
    if task["until"] == "requires":
        say(f"* Getting build dependencies for {task['product']}...")
        ask(backend, task)
        return
    if task["until"] == "metadata":
        say("* Getting metadata...")
        write(task, built=metadata(backend, task))
        return
    if task["asks"]:
        say(f"* Getting build dependencies for {task['product']}...")
        if not registered.can_fork:
            ask(backend, task)
            return
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if child == 0:
            ask(backend, task)
            return
        if os.waitpid(child, 0)[1] != 0:
            sys.exit(1)
        with open(task["answer"], encoding="utf-8") as file:
            if set(json.load(file)["requires"]) - set(task["requires"]):
                return
    say(f"* Building {task['product']}...")
    write(task, hook=f"build_{task['product']}")
    with Warnings():
        built = build(backend, task)
    write(task, built=built)


if __name__ == "__main__":
    main(sys.argv[1])
