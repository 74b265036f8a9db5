"""The commands that make an sdist, and those that build from one."""

import pytest
from msgspec.structs import replace
from planning import job_for, recipe_for, settings_with

from matrix_runner.catalog import load
from matrix_runner.config.kinds.values import BuildConstraints, BuildFrontend, Frontend
from matrix_runner.config.options.build_options import (
    BEFORE_ALL,
    BEFORE_BUILD,
    BUILD_CONSTRAINTS,
    BUILD_FRONTEND,
    CONFIG_SETTINGS,
    ENVIRONMENT,
)
from matrix_runner.config.options.option import Option
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.cell_recipe import CellRecipe
from matrix_runner.recipe.frontends.frontend_command import Product

CATALOG = load()
CELL = "cp311-manylinux_x86_64"
PLACES = "--environment=/matrix/isolated --bytecode=/matrix/bytecode"
OWN = "python -I /matrix/frontend/build_frontend.py"
Values = dict[Option[object], object]


def recipe(values: Values, product: Product, *, is_from_sdist: bool = False, package: str = "") -> CellRecipe:
    """Return the recipe of a cell for a product."""
    made = recipe_for(job_for(CELL, CATALOG, settings_with(values)), package=package)
    layout = replace(made.tools.layout, is_from_sdist=is_from_sdist)
    return replace(made, tools=replace(made.tools, product=product, layout=layout))


@pytest.mark.parametrize(
    ("frontend", "command"),
    [
        (
            BuildFrontend(name=Frontend.AUTO),
            f"{OWN} /project --sdist --outdir=/matrix/built {PLACES} --installer=uv --aside=/",
        ),
        (
            BuildFrontend(name=Frontend.BUILD, args=("-v",)),
            "python -m build /project --sdist --outdir=/matrix/built -v",
        ),
        (
            BuildFrontend(name=Frontend.BUILD_UV),
            "python -m build /project --sdist --outdir=/matrix/built --installer=uv",
        ),
        # pip makes no sdists, and its arguments are no other's.
        (
            BuildFrontend(name=Frontend.PIP, args=("--no-deps",)),
            "python -m build /project --sdist --outdir=/matrix/built",
        ),
        (
            BuildFrontend(name=Frontend.PIP, args=("--no-build-isolation",)),
            "python -m build /project --sdist --outdir=/matrix/built --no-isolation",
        ),
    ],
)
def test_each_frontend(frontend: BuildFrontend, command: str) -> None:
    """The frontend of the wheels makes the sdist too, with their config settings and constraints."""
    *_, step = recipe({BUILD_FRONTEND: frontend}, Product.SDIST).sdist()
    assert (step.kind, step.shown) == (StepKind.SDIST, command)
    values: Values = {
        BUILD_FRONTEND: frontend,
        CONFIG_SETTINGS: (("key", ("value",)),),
        BUILD_CONSTRAINTS: BuildConstraints(lines=("setuptools<80",)),
    }
    *_, step = recipe(values, Product.SDIST).sdist()
    assert " -Ckey=value" in step.shown
    is_isolated = frontend.is_isolated
    assert ("/matrix/build-constraints.txt" in step.request.argv) is is_isolated


def test_the_sdist_has_the_variables_of_a_build_and_no_command_before_it() -> None:
    """`environment` holds; `before-build` is each wheel's; a lacking frontend is installed."""
    values: Values = {
        ENVIRONMENT: (("A", "b"),),
        BEFORE_BUILD: "echo never",
        BUILD_FRONTEND: BuildFrontend(name=Frontend.PIP),
    }
    made = recipe(values, Product.SDIST)
    assert [step.kind for step in made.sdist()] == [StepKind.ENVIRONMENT, StepKind.SDIST]
    (interpreter,) = made.tools.facts.interpreters
    bare = replace(made, tools=replace(made.tools, interpreter=replace(interpreter, modules=frozenset({"pip"}))))
    kinds = [step.kind for step in bare.sdist()]
    assert kinds == [StepKind.ENVIRONMENT, StepKind.BUILD_ENVIRONMENT, StepKind.SDIST]


def test_wheels_are_built_from_the_unpacked_sdist() -> None:
    """`{package}` is the sdist, but for `before-all`, which is run before there is one; `{project}` is as ever."""
    values: Values = {BEFORE_ALL: "a {package} {project}", BEFORE_BUILD: "b {package} {project}"}
    made = recipe(values, Product.WHEEL, is_from_sdist=True, package="python")
    *_, before_all = made.before_all()
    assert before_all.shown == "a /project/python /project"
    shown = {step.kind: step.shown for step in made.build()}
    assert shown[StepKind.BEFORE_BUILD] == "b /matrix/sdist /project"
    assert "/matrix/sdist --wheel" in shown[StepKind.BUILD]
    *_, sdist = recipe(values, Product.SDIST, package="python").sdist()
    assert "/project/python --sdist" in sdist.shown


def test_settings_of_the_wheels_own_command_are_left_out() -> None:
    """Setuptools hands `--build-option` to its command `sdist`, which does not know it."""
    given = (("--build-option", ("--py-limited-api=cp311",)), ("--global-option", ("-q",)))
    made = recipe({CONFIG_SETTINGS: given}, Product.SDIST)
    *_, step = made.sdist()
    assert "--build-option" not in step.shown
    assert "-C--global-option=-q" in step.shown
    assert "--build-option" in {each.kind: each.shown for each in made.build()}[StepKind.BUILD]


def test_without_isolation_the_users_command_installs_the_backend() -> None:
    """So it is run for the sdist as well."""
    frontend = BuildFrontend(name=Frontend.BUILD, args=("--no-isolation",))
    made = recipe({BUILD_FRONTEND: frontend, BEFORE_BUILD: "pip install cython"}, Product.SDIST)
    assert [step.kind for step in made.sdist()] == [StepKind.BEFORE_BUILD, StepKind.SDIST]
