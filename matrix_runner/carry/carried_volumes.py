"""Volumes that are carried: a project's downloads and compiled code, put into new volumes, and kept at a run's end."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from matrix_runner.archives import archive_of_bytes
from matrix_runner.carry.container_packing import ContainerPacking, packing_python
from matrix_runner.container.project_volumes import LABEL_PURPOSE, ProjectVolumes
from matrix_runner.digests import text_digest
from matrix_runner.engine.api import SHORT_COMMAND_SECONDS, Container, ContainerSpec, Engine, ExecRequest, Volume
from matrix_runner.errors import MachineError
from matrix_runner.probe.image_probe import ProbedImage
from matrix_runner.store.carried_files import CarriedFiles, unpacked

_UNFINISHED: Final = ".matrix-runner-unfinished"
"""A file in a volume that is being filled: if it is found later, whoever did that was killed."""
_IS_EMPTY: Final = f"""cd "$1" || exit 1
[ ! -e {_UNFINISHED} ] || find . -mindepth 1 -delete
[ -z "$(ls -A)" ]"""
_FINISH: Final = f'rm -f "$1/{_UNFINISHED}"'


class _Used(msgspec.Struct, frozen=True, kw_only=True):
    """A volume that cells of the run have used, and a container specification that mounts it."""

    volume: Volume
    spec: ContainerSpec
    python: str


class CarriedVolumes:
    """The carried volumes of one run. Thread-safe. Its errors never stop a run."""

    def __init__(
        self,
        files: CarriedFiles,
        scope: str,
        volumes: ProjectVolumes,
        staging: Path,
        trouble: Callable[[str], None],
    ) -> None:
        """`scope`: as of `scope_of`. `staging`: a directory for copies. `trouble`: called with each error."""
        self._files = files
        self._scope = scope
        self._volumes = volumes
        self._staging = staging
        self._trouble = trouble
        self._lock = threading.Lock()
        self._filling: dict[str, threading.Lock] = {}
        self._used: dict[str, _Used] = {}

    def fill(self, container: Container, spec: ContainerSpec, image: ProbedImage) -> None:
        """Put what was carried into the container's volumes that are empty; each once a run, while others wait."""
        python = packing_python(image)
        for volume in (each for each in spec.volumes if not each.is_run_only):
            with self._lock:
                turn = self._filling.setdefault(volume.name, threading.Lock())
            with turn:
                if volume.name in self._used:
                    continue
                if python is not None:
                    self._used[volume.name] = _Used(volume=volume, spec=spec, python=python)
                with suppress(MachineError):
                    # The container may be gone: its cell finds that by itself.
                    self._fill(container, volume)

    def save(self, engine: Engine, waiting: Callable[[str], AbstractContextManager[object]]) -> None:
        """Keep the content of the volumes that the run has used, where it has changed. `waiting`: tells of it."""
        if self._used:
            with waiting("downloads and compiled code are kept for other machines"):
                self._save_all(engine)

    def _save_all(self, engine: Engine) -> None:
        by_spec: dict[ContainerSpec, list[_Used]] = {}
        for used in self._used.values():
            by_spec.setdefault(used.spec, []).append(used)
        try:
            for spec, several in by_spec.items():
                volumes = tuple(used.volume for used in several)
                with engine.open(replace(spec, name="carry", volumes=volumes)) as container:
                    for used in several:
                        self._save(ContainerPacking(container=container, python=used.python), used.volume)
        except MachineError as error:
            self._trouble(f"downloads and compiled code are not carried: {error.message}")

    def _fill(self, container: Container, volume: Volume) -> None:
        name, target = self._name(volume), f"{container.root}{volume.target}"
        # First of all: what a killed run has left unfinished goes, whether anything was carried or not.
        copy = self._files.take(name, self._staging) if _run(container, _IS_EMPTY, target) else None
        if copy is None:
            return
        container.put(target, archive_of_bytes(_UNFINISHED, b""))
        try:
            container.put(target, unpacked(copy))
        except (OSError, MachineError) as error:
            self._trouble(f"{copy.name} cannot be put into a volume: {error}")
            _run(container, _IS_EMPTY, target)
        else:
            _run(container, _FINISH, target)
        finally:
            copy.unlink()

    def _save(self, packing: ContainerPacking, volume: Volume) -> None:
        target = f"{packing.container.root}{volume.target}"
        packing.put_program()
        content, size = packing.ask("digest", target).split()
        known = self._files.note(self._name(volume))
        if (known is None and size == "0") or (known is not None and known.content == content):
            return
        purpose = dict(volume.labels)[LABEL_PURPOSE]
        self._files.keep(self._name(volume), purpose, content, packing.archive("tree", target))

    def _name(self, volume: Volume) -> str:
        """Return the name of a volume's archive: its own, with the scope in place of this machine's project."""
        return text_digest(self._scope, volume.name.replace(self._volumes.identity, ""))


def _run(container: Container, script: str, target: str) -> bool:
    request = ExecRequest(argv=("sh", "-c", script, "sh", target), cwd="/", timeout=SHORT_COMMAND_SECONDS)
    return container.exec(request, lambda _: None).is_success
