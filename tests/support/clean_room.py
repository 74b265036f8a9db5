"""Containers in which a wheel must stand on its own: with Pythons, without a compiler or the libraries it grafts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine_surroundings import surroundings

from matrix_runner import catalog
from matrix_runner.archives import archive_of
from matrix_runner.engine.api import Container, ContainerSpec, ExecRequest, ImageMetadata
from matrix_runner.engine.docker.sdk.sdk_engine import DockerEngine
from matrix_runner.engine.hearing import Hearing
from matrix_runner.model.cells import Cell
from matrix_runner.model.platforms import Platform

_CLEAN = r"""
find / -xdev \( -name 'liblz4*' -o -name 'libyaml*' -o -name 'libgift*' -o -name 'lz4*.h' -o -name 'yaml.h' \) -delete
find / -xdev \( -type f -o -type l \) -path '*/bin/*' \
  \( -name '*gcc*' -o -name '*g++*' -o -name 'cc' -o -name 'c++' -o -name '*clang*' -o -name 'as' -o -name '*-as' \
  -o -name 'ld' -o -name 'ld.*' -o -name '*-ld*' \) -delete
! command -v gcc && ! command -v cc && ! command -v ld
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class CleanRoom:
    """Opens such containers. `names`: short names of images; `cleaned`: their cleaned copies, by reference."""

    engine: DockerEngine
    names: tuple[str, ...]
    cleaned: dict[str, str]

    @contextmanager
    def open(self, cell: Cell) -> Iterator["Tester"]:
        """Open a container for the cell; clean a copy of its image first, unless that has been done."""
        families = (family for name in self.names for family in catalog.load().families(name))
        reference = next(
            family.reference(cell.platform.arch)
            for family in families
            if family.serves(cell.platform) and family.can_have(cell)
        )
        assert reference is not None
        if reference not in self.cleaned:
            self.cleaned[reference] = _clean(self.engine, reference, cell.platform)
        spec = ContainerSpec(image=self.cleaned[reference], arch=cell.platform.arch, name=f"clean-{cell}")
        with self.engine.open(spec) as container:
            yield Tester(container=container, cell=cell)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tester:
    """A person who has only pip and wheels."""

    container: Container
    cell: Cell

    def put(self, *files: Path) -> None:
        """Give it files, in /wheels."""
        for file in files:
            self.container.put("/wheels", archive_of(file, file.name))

    def run(self, script: str) -> str:
        """Run a script with the cell's Python first on PATH; return what it printed. Fail if it does."""
        known = catalog.load().known(self.cell.interpreter)
        path = ":".join(f"/opt/python/{name}/bin" for name in known.directories)
        output = bytearray()
        request = ExecRequest(argv=("sh", "-c", f'PATH="{path}:$PATH"; export PATH; {script}'), timeout=300)
        result = self.container.exec(request, output.extend)
        text = output.decode("utf-8", "replace")
        assert result.is_success, f"{self.cell}: {script}\n{text}"
        return text

    def install(self, *names: str) -> None:
        """Install from /wheels alone, as a user with neither index nor compiler would."""
        options = "--quiet --no-index --only-binary :all: --find-links /wheels --disable-pip-version-check"
        # The interpreter's own pip installs into it: to bootstrap another takes longer than all else here.
        pip = f"python -m pip --python /venv/bin/python install {options}"
        self.run(f"python -m venv --without-pip /venv && {pip} {' '.join(names)}")


@contextmanager
def open_clean_room(source: str, state: Path) -> Iterator[CleanRoom]:
    """Open the room for the images of a source (`own` or `published`); remove all of it at the end."""
    engine = DockerEngine(run=f"clean-room-{state.name}", surroundings=surroundings(state))
    names = {"own": ("debian",), "published": ("manylinux_2_28", "musllinux_1_2")}[source]
    try:
        yield CleanRoom(engine=engine, names=names, cleaned={})
    finally:
        engine.close()


def _clean(engine: DockerEngine, reference: str, platform: Platform) -> str:
    image = engine.resolve(reference, platform.arch, Hearing())
    spec = ContainerSpec(image=image.id, arch=platform.arch, name=f"clean-{platform}")
    with engine.open(spec) as container:
        output = bytearray()
        result = container.exec(ExecRequest(argv=("sh", "-c", _CLEAN), timeout=300), output.extend)
        assert result.is_success, output.decode("utf-8", "replace")
        return container.snapshot(ImageMetadata(name=None))
