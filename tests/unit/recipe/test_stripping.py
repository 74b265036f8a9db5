"""`strip`: the default repair strips; a command of the user's own is left alone, and that is said."""

import pytest
from planning import job_for, recipe_for, settings_with

from matrix_runner import catalog
from matrix_runner.config.options.build_options import REPAIR_WHEEL_COMMAND
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.wheel_options import STRIP

CELL = "cp311-manylinux_x86_64"
OWN = "sh ci/repair.sh {wheel} {dest_dir}"
STRIPPED = "auditwheel repair --strip --plat {plat} -w '{dest_dir}' '{wheel}'"


@pytest.mark.parametrize(
    ("values", "begins", "is_said"),
    [
        ({}, "auditwheel repair --plat", False),
        ({STRIP: True}, "auditwheel repair --strip --plat", False),
        ({STRIP: True, REPAIR_WHEEL_COMMAND: REPAIR_WHEEL_COMMAND.default}, "auditwheel repair --strip --plat", False),
        ({STRIP: True, REPAIR_WHEEL_COMMAND: OWN}, "sh ci/repair.sh", True),
        ({STRIP: True, REPAIR_WHEEL_COMMAND: ""}, "mv ", True),
        ({STRIP: True, REPAIR_WHEEL_COMMAND: "auditwheel repair -w {dest_dir} {wheel}"}, "auditwheel repair -w", True),
        ({STRIP: True, REPAIR_WHEEL_COMMAND: STRIPPED}, "auditwheel repair --strip --plat", False),
        ({STRIP: False, REPAIR_WHEEL_COMMAND: OWN}, "sh ci/repair.sh", False),
    ],
)
def test_the_default_repair_strips(values: dict[Option[object], object], begins: str, *, is_said: bool) -> None:
    """One word more for auditwheel, once."""
    made = recipe_for(job_for(CELL, catalog.load(), settings_with(values)))
    step = made.repair("w.whl")
    assert step.shown.startswith(begins)
    assert step.shown in step.request.argv[-1]
    assert any("strip has no effect" in remark for remark in made.remarks()) is is_said
