"""The container in which an image was looked into is its first cell's: none is opened that no cell needs."""

from pathlib import Path

import pytest
from fake_run import ORDERED, FakeRun
from planning import settings_with

from matrix_runner.config.options.build_options import BEFORE_ALL
from matrix_runner.config.options.run_options import MEMORY
from matrix_runner.container.warm_containers import WarmContainers
from matrix_runner.engine.api import ContainerSpec
from matrix_runner.engine.fake.fake_engine import ANY_IMAGE, FakeEngine, FakeFaults
from matrix_runner.errors import EngineError, ImageError
from matrix_runner.model.outcomes import Status
from matrix_runner.model.platforms import Arch
from matrix_runner.run import build

A, B, C = "cp39-manylinux_x86_64", "cp311-manylinux_x86_64", "cp313-manylinux_x86_64"
A32 = "cp39-manylinux_i686"


def spec_of(name: str, image: str = ANY_IMAGE) -> ContainerSpec:
    """Return what to open for a cell."""
    return ContainerSpec(image=image, arch=Arch.X86_64, name=name)


class Doorman:
    """Notes what is opened, and refuses some."""

    def __init__(self, *refused: str) -> None:
        """`refused`: names of cells."""
        self.opened: list[str] = []
        self._refused = refused

    def __call__(self, spec: ContainerSpec) -> EngineError | None:
        """Be asked."""
        self.opened.append(spec.name)
        return EngineError(f"{spec.name} is refused") if spec.name in self._refused else None

    @property
    def faults(self) -> FakeFaults:
        """What to give the engine."""
        return FakeFaults(on_open=self)


def test_a_run_opens_a_container_for_each_cell_and_no_other(tmp_path: Path) -> None:
    """Two images are looked into in the containers of their first cells."""
    fake, door = FakeRun(directory=tmp_path, identifiers=(A, A32, B, C), settings=settings_with()), Doorman()
    fake.faults = door.faults
    report = fake.run()
    assert {each.status for each in report.outcomes} == {Status.PASSED}
    assert sorted(door.opened) == sorted((A, A32, B, C))


def test_a_cell_that_asks_too_much_spoils_it_for_itself_only(tmp_path: Path) -> None:
    """If the first cell's container cannot be opened, the image is looked into in the second's."""
    fake, door = FakeRun(directory=tmp_path, identifiers=(A, B, C), settings=settings_with()), Doorman(A)
    fake.own = {A: settings_with({MEMORY: 2**60})}
    fake.faults = door.faults
    report = fake.run()
    assert [each.status for each in report.outcomes] == [Status.FAILED, Status.PASSED, Status.PASSED]
    failure = report.outcomes[0].failure
    assert failure is not None
    assert failure.message == f"{A} is refused"


def test_cells_that_start_from_a_prepared_image_leave_no_container(tmp_path: Path) -> None:
    """What `before-all` prepared in an earlier run is another image: the container of the plain one goes."""
    settings = settings_with({BEFORE_ALL: ORDERED}, project_name="demo")
    fake = FakeRun(directory=tmp_path, identifiers=(A, B), settings=settings)
    with fake.engine() as first:
        build(fake.request(first))
        again = FakeRun(directory=tmp_path, identifiers=(A, B), settings=settings)
        with again.engine(first.host, run="second") as second:
            report = build(again.request(second))
            assert {each.status for each in report.outcomes} == {Status.PASSED}
            assert not first.host.containers


def test_what_was_looked_into_is_the_cells() -> None:
    """The cell of that name, which wants just the same, gets the very container, still open; it closes after it."""
    door = Doorman()
    engine = FakeEngine(faults=door.faults)
    warm = WarmContainers(engine)
    with warm.probe([spec_of(A)]) as looked:
        pass
    with warm.open(spec_of(A)) as container:
        assert container is looked
        assert len(engine.host.containers) == 1
    assert not engine.host.containers
    assert door.opened == [A]


@pytest.mark.parametrize("wanted", [spec_of(B), spec_of(A, "prepared:1")])
def test_another_cell_or_another_wish_gets_a_container_of_its_own(wanted: ContainerSpec) -> None:
    """The spare one is not given to others, and is gone in the end."""
    door = Doorman()
    engine = FakeEngine(faults=door.faults)
    engine.host.add_image("prepared:1")
    warm = WarmContainers(engine)
    with warm.probe([spec_of(A)]) as looked:
        pass
    with warm.open(wanted) as container:
        assert container is not looked
    warm.close()
    assert not engine.host.containers
    assert door.opened == [A, wanted.name]


def test_one_that_cannot_be_looked_into_is_not_kept() -> None:
    """An error while looking closes the container at once."""
    engine = FakeEngine()
    warm = WarmContainers(engine)
    with pytest.raises(ImageError), warm.probe([spec_of(A)]):
        raise ImageError("no shell")
    assert not engine.host.containers


def test_those_of_cells_that_need_none_are_closed() -> None:
    """A cell that turned out to be kept from an earlier run holds no container."""
    engine = FakeEngine()
    warm = WarmContainers(engine)
    for name in (A, B):
        with warm.probe([spec_of(name)]):
            pass
    warm.drop([A, "another"])
    assert len(engine.host.containers) == 1
    warm.close()
    assert not engine.host.containers
