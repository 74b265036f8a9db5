"""Which steps of a cell fetch where the project's own code has no network, and what they bring."""

from collections.abc import Mapping

import pytest
from msgspec.structs import replace
from planning import job_for, recipe_for, settings_with

from matrix_runner.catalog import load
from matrix_runner.config.kinds.values import BuildFrontend, CompilerCache, CompilerCacheChoice, Frontend, Network
from matrix_runner.config.options.build_options import AUDIT_COMMAND, BEFORE_BUILD, BUILD_FRONTEND, ENVIRONMENT
from matrix_runner.config.options.cache_options import COMPILER_CACHE
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.run_options import NETWORK
from matrix_runner.config.options.test_options import BEFORE_TEST, TEST_COMMAND, TEST_ENVIRONMENT, TEST_REQUIRES
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.cell_recipe import CellRecipe
from matrix_runner.recipe.frontends.fetching import why_not_parted
from matrix_runner.recipe.step import Step

WHEEL = "demo-1.0-cp311-abi3-linux_x86_64.whl"
ALL: dict[Option[object], object] = {
    ENVIRONMENT: (("A", "$(id)"),),
    BEFORE_BUILD: "make",
    AUDIT_COMMAND: "look {wheel}",
    BEFORE_TEST: "prepare",
    TEST_ENVIRONMENT: (("B", "1"),),
    TEST_REQUIRES: ("pytest",),
    TEST_COMMAND: "pytest",
    COMPILER_CACHE: CompilerCacheChoice(name=CompilerCache.SCCACHE),
}
OF_THE_PROJECT = {StepKind.BEFORE_BUILD, StepKind.REPAIR, StepKind.BEFORE_TEST, StepKind.TEST}
"""The kinds of steps all of whose commands are the project's, or run its code."""


def recipe(network: Network, values: Mapping[Option[object], object] = ALL) -> CellRecipe:
    """Return the recipe of a cell with everything that users may have run."""
    job = job_for("cp311-manylinux_x86_64", load(), settings_with({**values, NETWORK: network}))
    return recipe_for(job)


def of_the_cell(recipe: CellRecipe) -> list[Step]:
    """Return all steps of a cell after `before-all`."""
    assert recipe.caching is not None
    steps = [*recipe.build(), *recipe.fetch_caching(recipe.caching), recipe.set_up_caching(recipe.caching)]
    return [*steps, recipe.repair(WHEEL), *recipe.audit(WHEEL), *recipe.test(WHEEL)]


def is_build(step: Step) -> bool:
    """Whether the frontend builds in a step."""
    return "--fetched" in step.request.argv


def test_no_code_of_the_project_is_run_by_a_step_that_fetches() -> None:
    """Neither its commands, nor the backend's hooks, nor its wheel: that is installed where there is no network."""
    steps = of_the_cell(recipe(Network.BUILD_REQUIRES))
    fetching = [step for step in steps if step.fetches]
    assert fetching
    assert not OF_THE_PROJECT & {step.kind for step in fetching}
    assert not any(is_build(step) for step in fetching)
    assert not any(f"/matrix/repaired/{WHEEL}" in word for step in fetching for word in step.request.argv)
    assert [step.kind for step in steps if is_build(step)] == [StepKind.BUILD]


def test_all_that_is_installed_is_brought() -> None:
    """The environments of build, audit and tests, the variables, and the compiler cache's program."""
    brought = {path for step in of_the_cell(recipe(Network.BUILD_REQUIRES)) for path in step.brings}
    assert brought >= {
        "/matrix/environment.sh",
        "/matrix/test-environment.sh",
        "/matrix/isolated",
        "/matrix/audit-environment",
        "/matrix/test-environment",
    }


def test_a_wheel_is_installed_without_an_index() -> None:
    """By uv as by pip, in place of its stub."""
    (by_uv,) = [step for step in recipe(Network.BUILD_REQUIRES).test(WHEEL) if "/matrix/repaired/" in step.shown]
    assert "uv pip install --offline --no-deps --reinstall " in by_uv.shown
    pip = {**ALL, BUILD_FRONTEND: BuildFrontend(name=Frontend.BUILD)}
    (by_pip,) = [step for step in recipe(Network.BUILD_REQUIRES, pip).test(WHEEL) if "/matrix/repaired/" in step.shown]
    assert "pip install --no-index --no-deps --force-reinstall " in by_pip.shown


@pytest.mark.parametrize("frontend", [Frontend.BUILD, Frontend.BUILD_UV, Frontend.UV, Frontend.PIP])
def test_our_own_frontend_takes_the_place_of_others(frontend: Frontend) -> None:
    """No other fetches without running the backend; with arguments it is not replaced, and the cell is refused."""
    chosen = {**ALL, BUILD_FRONTEND: BuildFrontend(name=frontend)}
    tools = recipe(Network.BUILD_REQUIRES, chosen).tools
    tools = replace(tools, interpreter=replace(tools.interpreter, pip="26.0"))
    assert (tools.frontend, why_not_parted(tools)) == (Frontend.AUTO, None)
    assert recipe(Network.ALL, chosen).tools.frontend is frontend
    chosen = {**ALL, BUILD_FRONTEND: BuildFrontend(name=frontend, args=("--some",))}
    refused = why_not_parted(recipe(Network.BUILD_REQUIRES, chosen).tools)
    assert refused is not None
    assert refused[0] == f"network = build-requires: the frontend {frontend} fetches while it builds"


def test_without_any_network_uv_does_not_try() -> None:
    """It takes what its cache has, and says at once what that has not."""
    for network, said in ((Network.NONE, "1"), (Network.ALL, None)):
        steps = of_the_cell(recipe(network))
        assert {dict(step.request.env).get("UV_OFFLINE") for step in steps} == {said}
        assert not any(is_build(step) for step in steps)
