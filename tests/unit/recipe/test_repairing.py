"""How a wheel is repaired: by one call, compressed as hard as the user wants, and a word where that cannot be."""

import subprocess
from pathlib import Path

import pytest
from fake_run import FakeRun, outcome, what
from msgspec.structs import replace
from planning import engine_with, job_for, recipe_for, settings_with
from store_entries import made_of

from matrix_runner import catalog
from matrix_runner.cache.cache_key import SharedInputs, cell_inputs
from matrix_runner.config.options.build_options import ENVIRONMENT, REPAIR_COMPRESSION, REPAIR_WHEEL_COMMAND
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.run_options import CONTAINER_ENGINE
from matrix_runner.engine.fake.fake_engine import FakeCall, FakeResult
from matrix_runner.model.outcomes import Status
from matrix_runner.recipe.cell_recipe import CellRecipe
from matrix_runner.store.cell_inputs import CellInputs, SourceInputs, differences, key

CELL = "cp311-manylinux_x86_64"
LEVEL = "AUDITWHEEL_ZIP_COMPRESSION_LEVEL"


def recipe(
    values: dict[Option[object], object], *, auditwheel: str = "auditwheel 6.8.2 installed at /opt"
) -> CellRecipe:
    """Return the recipe of a cell with these settings, in an image with that auditwheel."""
    made = recipe_for(job_for(CELL, catalog.load(), settings_with(values)))
    facts = replace(made.tools.facts, tools=(("auditwheel", auditwheel), ("patchelf", "1"), ("uv", "1")))
    return replace(made, tools=replace(made.tools, facts=facts))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, None),
        ({REPAIR_COMPRESSION: -1}, None),
        ({REPAIR_COMPRESSION: 0}, "0"),
        ({REPAIR_COMPRESSION: 9}, "9"),
        ({REPAIR_COMPRESSION: 1, REPAIR_WHEEL_COMMAND: "sh ci/repair.sh {wheel} {dest_dir}"}, "1"),
        (
            {
                REPAIR_COMPRESSION: 1,
                CONTAINER_ENGINE: engine_with(f"--env={LEVEL}=3"),
            },
            None,
        ),
    ],
)
def test_the_repair_and_no_other_step_is_told_the_level(values: dict[Option[object], object], told: str | None) -> None:
    """A level that the user chose reaches the repair, a command of his own too; what his create-args set stays."""
    made = recipe(values)
    assert dict(made.repair("w.whl").request.env).get(LEVEL) == told
    others = (*made.build(), *made.test("w.whl"))
    assert all(LEVEL not in dict(step.request.env) for step in others)


@pytest.mark.parametrize(
    ("values", "auditwheel", "word"),
    [
        ({}, "auditwheel 5.0.0", None),
        ({REPAIR_COMPRESSION: 1}, "auditwheel 6.8.2 installed at /opt/auditwheel (python 3.13)", None),
        ({REPAIR_COMPRESSION: 1}, "auditwheel 6.3.0", None),
        ({REPAIR_COMPRESSION: 1}, "auditwheel 10.0.0", None),
        ({REPAIR_COMPRESSION: 1}, "something else", None),
        ({REPAIR_COMPRESSION: 0}, "auditwheel 6.2.0 installed at /opt", "the image has auditwheel 6.2"),
        ({REPAIR_COMPRESSION: 1}, "auditwheel 5.10.0", "the image has auditwheel 5.10"),
        ({REPAIR_COMPRESSION: 1, REPAIR_WHEEL_COMMAND: ""}, "auditwheel 6.8.2", "unless auditwheel is called"),
        ({REPAIR_COMPRESSION: 1, REPAIR_WHEEL_COMMAND: "sh x {wheel}"}, "", "unless auditwheel is called"),
    ],
)
def test_a_level_without_effect_is_remarked_upon(
    values: dict[Option[object], object], auditwheel: str, word: str | None
) -> None:
    """An auditwheel that knows no levels, or none at all, gives a remark; where the level holds nothing is said."""
    remarks = recipe(values, auditwheel=auditwheel).remarks()
    assert [word is not None and word in remark for remark in remarks] == ([] if word is None else [True])


def test_a_passing_wheel_costs_one_call_of_auditwheel(tmp_path: Path) -> None:
    """It is repaired, and not shown besides: auditwheel takes most of its time to look into a wheel."""
    calls: list[str] = []

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) != "probe" and any("auditwheel" in word for word in call.request.argv):
            calls.append(call.request.argv[-1])
        return None

    fake_run = FakeRun(directory=tmp_path, identifiers=(CELL,), settings=settings_with(), override=override)
    assert outcome(fake_run.run(), CELL).status is Status.PASSED
    (call,) = calls
    assert call.count("auditwheel ") == 1


def test_another_level_is_another_cell() -> None:
    """A wheel that is kept is not taken for one that is to be compressed in another way."""
    common = SharedInputs(source=SourceInputs.of((("setup.py", "1"),)), epoch=1, package="", pinned="", environ={})

    def made(level: int) -> CellInputs:
        job = job_for(CELL, catalog.load(), settings_with({REPAIR_COMPRESSION: level}))
        return cell_inputs(job, made_of(), common, None)

    assert len({key(made(level)) for level in (-1, 0, 1, 9)}) == 4
    assert differences(made(-1), made(1)) == ("option repair-compression changed",)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "manylinux_2_28_x86_64"),
        ({ENVIRONMENT: (("AUDITWHEEL_PLAT", "manylinux_2_$((30 + 4))_x86_64"),)}, "manylinux_2_34_x86_64"),
        ({ENVIRONMENT: (("AUDITWHEEL_PLAT", ""),)}, "auto"),
        ({ENVIRONMENT: (("OTHER", "1"),)}, "manylinux_2_28_x86_64"),
        ({CONTAINER_ENGINE: engine_with("--env=AUDITWHEEL_PLAT=manylinux_2_39_x86_64")}, "manylinux_2_39_x86_64"),
    ],
)
def test_the_users_platform_tag_prevails(tmp_path: Path, values: dict[Option[object], object], told: str) -> None:
    """The variable of auditwheel in `environment` says for which systems, as it does with cibuildwheel."""
    (tmp_path / "project").mkdir()
    tool = tmp_path / "opt/python/cp311-cp311/bin/auditwheel"
    tool.parent.mkdir(parents=True)
    tool.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/said\n')
    tool.chmod(0o755)
    made = recipe_for(job_for(CELL, catalog.load(), settings_with(values)), root=str(tmp_path))
    made = replace(made, tools=replace(made.tools, facts=replace(made.tools.facts, plat="manylinux_2_28_x86_64")))
    given = {name: value or "" for name, value in settings_with(values)[CONTAINER_ENGINE].arguments.env}
    for step in (*made.commands.environment(), made.repair("w.whl")):
        env = {**given, **dict(step.request.env)}
        subprocess.run(step.request.argv, check=True, env=env, cwd=step.request.cwd)
    assert (tmp_path / "said").read_text().split()[:3] == ["repair", "--plat", told]
