"""Layers of `before-all`: no fault in packing one stops a run."""

from pathlib import Path

from msgspec.structs import replace
from planning import facts_for

from matrix_runner.carry.carried_layers import CarriedLayers
from matrix_runner.engine.api import ContainerSpec, ResolvedImage
from matrix_runner.engine.fake.fake_engine import ANY_IMAGE, FakeEngine, FakeResult
from matrix_runner.model.cells import Cell
from matrix_runner.model.platforms import Arch
from matrix_runner.probe.image_probe import ProbedImage
from matrix_runner.store.carried_files import CarriedFiles
from matrix_runner.store.store import Store


def test_a_python_that_fails_is_told(tmp_path: Path) -> None:
    """The layer is then not carried, and `before-all` is run all the same."""
    said: list[str] = []
    layers = CarriedLayers(CarriedFiles(Store(tmp_path / "cache"), "/project"), tmp_path / "staging", said.append)
    facts = facts_for(Cell.parse("cp311-manylinux_x86_64"), "cp311-cp311")
    (interpreter,) = facts.interpreters
    image = ProbedImage(
        reference=ANY_IMAGE,
        display_name="image",
        image=ResolvedImage(reference=ANY_IMAGE, id="1"),
        arch=Arch.X86_64,
        facts=replace(facts, interpreters=(replace(interpreter, version="3.11.7"),)),
        is_disposable=True,
    )
    engine = FakeEngine(lambda _: FakeResult(status=127))
    with engine.open(ContainerSpec(image=ANY_IMAGE, arch=Arch.X86_64, name="cell")) as container:
        assert layers.begin(container, image) is None
    (text,) = said
    assert text.startswith("what before-all adds is not carried: ")
