"""The clean images in which a cell's wheel is tested besides: which, by settings, image and engine."""

import pytest
from planning import settings_with

from matrix_runner import catalog
from matrix_runner.config.options.image_options import IMAGE
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.selection_options import ARCHS, BUILD, TEST_SKIP
from matrix_runner.config.options.test_options import TEST_COMMAND, TEST_ON
from matrix_runner.matrix import Host, Plan, make_plan
from matrix_runner.matrix.rungs import Rung
from matrix_runner.model.platforms import Arch

KNOWN = catalog.load()
NAMES = ("debian:trixie", "ubuntu:24.04", "debian:trixie")
TRIXIE, UBUNTU = (Rung(name=name, reference=name) for name in NAMES[:2])


def plan(values: dict[Option[object], object], host: Host | None = None) -> Plan:
    """Return the plan of one Python on both widths of a usual machine."""
    options = {BUILD: ("cp313-manylinux*",), ARCHS: (Arch.X86_64, Arch.I686), TEST_COMMAND: "pytest", **values}
    return make_plan(settings_with(options), KNOWN, host or Host(machine=Arch.X86_64))


def rungs(planned: Plan) -> list[tuple[Rung, ...]]:
    """Return the rungs of each job."""
    return [job.rungs for job in planned.jobs]


def test_there_are_none_by_default() -> None:
    """Nothing changes for who does not ask."""
    assert rungs(plan({})) == [(), ()]


def test_each_name_is_pulled_once() -> None:
    """In the order of the option."""
    assert rungs(plan({TEST_ON: NAMES})) == [(TRIXIE, UBUNTU)] * 2


def test_systems_that_are_made_here_stand_for_their_names() -> None:
    """Where the image to build in is made here: of the cell's architecture; other names are pulled there too."""
    made = rungs(plan({TEST_ON: NAMES, IMAGE: "debian"}))
    references = [f"matrix-runner/on_debian_trixie_{arch}" for arch in ("x86_64", "i686")]
    own = [Rung(name="debian:trixie", reference=reference, is_made_here=True) for reference in references]
    assert made == [(own[0], UBUNTU), (own[1], UBUNTU)]


def test_what_is_not_made_for_an_architecture_is_pulled() -> None:
    """As on a machine of another kind."""
    planned = plan({TEST_ON: ("debian:trixie",), IMAGE: "debian", ARCHS: (Arch.AARCH64,)}, Host(machine=Arch.AARCH64))
    assert rungs(planned) == [(TRIXIE,)]


@pytest.mark.parametrize("values", [{TEST_COMMAND: ""}, {TEST_SKIP: ("*",)}])
def test_without_a_test_there_are_none(values: dict[Option[object], object]) -> None:
    """And who asks in vain is told."""
    planned = plan({TEST_ON: NAMES, **values})
    assert rungs(planned) == [(), ()]
    assert "test-on has no effect without test-command" in planned.notes


def test_a_machine_without_containers_has_none() -> None:
    """There is no clean place on it."""
    planned = plan({TEST_ON: NAMES}, Host(machine=Arch.X86_64, local=frozenset({"cp313-cp313"})))
    assert rungs(planned) == [()] * len(planned.jobs)
    assert any(note.startswith("test-on has no effect: this machine itself") for note in planned.notes)


def test_a_plan_can_do_without_them() -> None:
    """As for a lock, for which no wheel is tested."""
    planned = plan({TEST_ON: NAMES})
    assert rungs(planned.without_rungs()) == [(), ()]
    assert [job.cell for job in planned.without_rungs().jobs] == [job.cell for job in planned.jobs]
