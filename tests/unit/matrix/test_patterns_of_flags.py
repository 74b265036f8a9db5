"""Patterns of the command line that select nothing: told with the reason, whatever else there is to build."""

from collections.abc import Mapping

import pytest
from planning import settings_with

from matrix_runner import catalog
from matrix_runner.config.options.image_options import IMAGE
from matrix_runner.config.options.option import Option, Source
from matrix_runner.config.options.selection_options import ARCHS, BUILD, SKIP
from matrix_runner.matrix import Host
from matrix_runner.matrix.planning import Plan, make_plan
from matrix_runner.model.platforms import Arch

OTHER = "cp313-manylinux_x86_64"
IDLE = "selects no cell that can be built"
SYSTEM = "is for another system; this tool makes Linux wheels only"


def planned(values: Mapping[Option[object], object], source: Source = Source.FLAG) -> Plan:
    """Return the plan of an x86-64 machine, with these settings beside one cell that can be built."""
    settings = settings_with({**values, BUILD: (*values[BUILD], OTHER)}, source=source)  # type: ignore[misc]
    plan = make_plan(settings, catalog.load(), Host(machine=Arch.X86_64))
    assert OTHER in [str(job.cell) for job in plan.jobs]
    return plan


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (
            {BUILD: ("cp313-musllinux*",), IMAGE: "manylinux_2_28"},
            f"cp313-musllinux* (test: build) {IDLE}: image manylinux",
        ),
        ({BUILD: ("*-musllinux_x86_64",), IMAGE: "my/manylinux_2_31_x86_64:1"}, f"{IDLE}: image my/manylinux_2_31_x86"),
        ({BUILD: ("cp313-*aarch64",)}, f"cp313-*aarch64 (test: build) {IDLE}: archs = "),
        ({BUILD: ("cp312-*",), SKIP: ("cp312*",)}, f"cp312-* (test: build) {IDLE}: skip = cp312*"),
        ({BUILD: ("cp313-win_amd64",)}, f"cp313-win_amd64 (test: build) {SYSTEM}"),
        ({BUILD: ("*-macosx_arm64",)}, SYSTEM),
    ],
)
def test_a_pattern_of_a_flag_that_selects_nothing(values: Mapping[Option[object], object], told: str) -> None:
    """A warning, since a pattern is no name; in a file, which is for all machines and systems, not even that."""
    assert [warning for warning in planned(values).warnings if told in warning]
    in_file = planned(values, Source.FILE).warnings
    assert not [warning for warning in in_file if IDLE in warning or SYSTEM in warning]


@pytest.mark.parametrize(
    "values",
    [
        {BUILD: ("cp313-*",), IMAGE: "manylinux_2_28"},
        {BUILD: ("cp3?-*", "cp31?-*"), ARCHS: (Arch.X86_64,)},
        {BUILD: ("cp313-musllinux_x86_64",), IMAGE: "manylinux_2_28"},
        {BUILD: ("cp313-{many,musl}linux_x86_64",), IMAGE: "manylinux_2_28"},
    ],
)
def test_others_are_not_told_of(values: Mapping[Option[object], object]) -> None:
    """One that selects something; and a cell by name, which is a mistake of its own."""
    plan = planned(values)
    assert not [warning for warning in plan.warnings if IDLE in warning]
    assert bool(plan.unmet) == ("cp313-*" not in values[BUILD] and ARCHS not in values)  # type: ignore[operator]
