"""What build tools are told of the processors: each cell its share, and nothing where somebody else has decided."""

from pathlib import Path

import pytest
from fake_run import ORDERED, TESTED, FakeRun, cell_of, what
from msgspec.structs import replace
from planning import job_for, recipe_for, settings_with

from matrix_runner import catalog
from matrix_runner.config.options.build_options import BEFORE_ALL
from matrix_runner.config.options.run_options import CPUS
from matrix_runner.config.options.test_options import TEST_COMMAND
from matrix_runner.engine.docker.endpoint import Endpoint
from matrix_runner.engine.docker.request_bodies import engine_info
from matrix_runner.engine.fake.fake_engine import FakeCall, FakeResult
from matrix_runner.errors import ExitCode
from matrix_runner.recipe.image_facts import parse_probe

A, B = "cp39-manylinux_x86_64", "cp311-manylinux_x86_64"
TOLD = ("MAKEFLAGS", "CMAKE_BUILD_PARALLEL_LEVEL", "CARGO_BUILD_JOBS")


def told(env: tuple[tuple[str, str], ...]) -> tuple[str | None, ...]:
    """Return what an environment says of processors."""
    return tuple(dict(env).get(name) for name in TOLD)


def test_every_command_is_told_the_share() -> None:
    """make, cmake and cargo hear of the same number, in whichever step they run."""
    job = job_for(A, catalog.load(), settings_with({BEFORE_ALL: ORDERED, TEST_COMMAND: TESTED}))
    recipe = replace(recipe_for(job), processors=3)
    steps = [*recipe.before_all(), *recipe.build(), *recipe.test("w.whl")]
    assert {told(step.request.env) for step in steps} == {("-j3", "3", "3")}


def test_what_the_user_or_the_image_decided_stays() -> None:
    """A variable that `environment-pass` brings or the image has is not touched; the others are told."""
    recipe = recipe_for(job_for(A, catalog.load()), passed=(("MAKEFLAGS", "-j1 -k"),))
    facts = replace(recipe.tools.facts, decided=("CARGO_BUILD_JOBS",))
    recipe = replace(recipe, tools=replace(recipe.tools, facts=facts), processors=2)
    for step in recipe.build():
        assert told(step.request.env) == ("-j1 -k", "2", None)


def test_the_probe_says_what_an_image_decided() -> None:
    """Each variable that is set there comes in a line of its own."""
    assert parse_probe("path\t/bin\ndecided\tMAKEFLAGS\ndecided\tCARGO_BUILD_JOBS\n").decided == (
        "MAKEFLAGS",
        "CARGO_BUILD_JOBS",
    )


def shares(directory: Path, identifiers: tuple[str, ...], *, cpus: int, workers: int, prepares: bool) -> set[str]:
    """Run cells; return step, cell and share of each build and `before-all`."""
    seen: set[str] = set()

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) in {"build", "before-all"}:
            seen.add(f"{what(call)} {cell_of(call)} {dict(call.env)['MAKEFLAGS']}")
        return None

    settings = settings_with({CPUS: cpus, BEFORE_ALL: ORDERED if prepares else ""}, project_name="demo")
    fake = FakeRun(directory=directory, identifiers=identifiers, settings=settings, workers=workers, override=override)
    assert fake.run().exit_code is ExitCode.OK
    return seen


def test_a_cell_that_is_alone_is_told_all_processors(tmp_path: Path) -> None:
    """Nobody else can use them."""
    assert shares(tmp_path, (A,), cpus=0, workers=4, prepares=False) == {f"build {A} -j4"}


def test_a_cell_is_told_the_cpus_that_it_asks_for_as_far_as_there_are_any(tmp_path: Path) -> None:
    """More than there are would be none the faster."""
    assert shares(tmp_path, (A,), cpus=9, workers=2, prepares=False) == {f"build {A} -j2"}


def test_before_all_has_the_processors_of_those_that_wait_for_it(tmp_path: Path) -> None:
    """While it runs no other cell of the image can; afterwards both build, each with its own."""
    assert f"before-all {A} -j2" in shares(tmp_path, (A, B), cpus=0, workers=2, prepares=True)


@pytest.mark.parametrize(("said", "memory"), [({"MemTotal": 8 * 1024**3}, 8 * 1024**3), ({}, None)], ids=str)
def test_an_engine_says_how_much_memory_there_is(said: dict[str, object], memory: int | None) -> None:
    """What the daemon's machine has is the budget; an engine that does not say has none."""
    endpoint = Endpoint(url="unix:///run/docker.sock", origin="test")
    info = engine_info({"Version": "27.0"}, {"Architecture": "x86_64", **said}, endpoint, asked=0)
    assert info.memory == memory
