"""A strict sandbox: which commands its user runs, and which root does."""

import os
import subprocess
import sys
from collections.abc import Mapping

import pytest
from planning import job_for, recipe_for, settings_with

from matrix_runner.catalog import load
from matrix_runner.config.kinds.values import CompilerCache, CompilerCacheChoice, Sandbox
from matrix_runner.config.options.build_options import AUDIT_COMMAND, BEFORE_ALL, BEFORE_BUILD, ENVIRONMENT
from matrix_runner.config.options.cache_options import COMPILER_CACHE
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.run_options import SANDBOX
from matrix_runner.config.options.test_options import BEFORE_TEST, TEST_COMMAND, TEST_ENVIRONMENT
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.cell_recipe import CellRecipe
from matrix_runner.recipe.person_shell import shell_request
from matrix_runner.recipe.step import Step

WHEEL = "demo-1.0-cp311-cp311-linux_x86_64.whl"
PYTHON = "/opt/python/cp311-cp311/bin/python"
ALL: dict[Option[object], object] = {
    BEFORE_ALL: "apt-get update",
    ENVIRONMENT: (("A", "$(id)"),),
    BEFORE_BUILD: "make",
    AUDIT_COMMAND: "look {wheel}",
    BEFORE_TEST: "prepare",
    TEST_ENVIRONMENT: (("B", "1"),),
    TEST_COMMAND: "pytest",
    COMPILER_CACHE: CompilerCacheChoice(name=CompilerCache.SCCACHE),
}


def recipe(sandbox: Sandbox, values: Mapping[Option[object], object] = ALL) -> CellRecipe:
    """Return the recipe of a cell with everything that users may have run."""
    job = job_for("cp311-manylinux_x86_64", load(), settings_with({**values, SANDBOX: sandbox}))
    return recipe_for(job)


def of_the_cell(recipe: CellRecipe) -> list[Step]:
    """Return all steps of a cell after `before-all`."""
    steps = [*recipe.build(), recipe.repair(WHEEL), *recipe.audit(WHEEL), *recipe.test(WHEEL), *recipe.sdist()]
    assert recipe.caching is not None
    return [*steps, recipe.set_up_caching(recipe.caching)]


def test_every_command_of_the_cell_is_the_users() -> None:
    """Whatever a user wrote, or a build can have changed, is run by the user without rights, in a home of its own."""
    made = recipe(Sandbox.STRICT)
    for step in of_the_cell(made):
        assert step.request.argv[:5] == (PYTHON, "-E", "-s", "-S", "-c"), step.shown
        assert step.request.argv[6] == "1000"
        env = dict(step.request.env)
        assert (env["HOME"], env["USER"], env["LOGNAME"]) == ("/matrix/home", "builder", "builder")
        assert step.request.argv[: len(step.prologue)] == step.prologue
    assert made.asking(("sccache", "--show-stats")).argv[0] == PYTHON


def test_before_all_is_roots() -> None:
    """It installs packages; no cache is open to it that a cell's commands can write to."""
    for step in recipe(Sandbox.STRICT).before_all():
        assert step.request.argv[0] == "sh"
        env = dict(step.request.env)
        assert "HOME" not in env
        assert (env["UV_NO_CACHE"], env["PIP_NO_CACHE_DIR"]) == ("1", "1")
        assert not any("/matrix/downloads" in value for value in env.values())


@pytest.mark.parametrize("sandbox", [Sandbox.DEFAULT, Sandbox.OFF])
def test_without_it_all_commands_are_roots(sandbox: Sandbox) -> None:
    """No word precedes a command, and no home but root's is told."""
    made = recipe(sandbox)
    assert list(made.hand_over()) == []
    for step in (*made.before_all(), *of_the_cell(made)):
        assert PYTHON not in step.request.argv[:1]
        assert "HOME" not in dict(step.request.env)
        assert "UV_NO_CACHE" not in dict(step.request.env)
    assert made.asking(("sccache",)).argv == ("sccache",)


def test_the_project_is_handed_over_by_root() -> None:
    """One step of root's is between them: it names all that is to be the user's, volumes too."""
    (step,) = recipe(Sandbox.STRICT).hand_over()
    assert (step.kind, step.request.argv[0], step.request.cwd) == (StepKind.PREPARE, "sh", "/")
    places = set(step.request.argv[7:])
    assert {"/project", "/matrix", "/matrix/downloads", "/matrix/bytecode", "/matrix/compiled"} <= places


def test_a_person_comes_in_as_the_user() -> None:
    """`runner shell` has the rights of the step: what fails for one must fail for the other."""
    made = recipe(Sandbox.STRICT)
    step = next(step for step in made.test(WHEEL) if step.kind is StepKind.TEST)
    assert shell_request(made.tools.layout, step).argv[0] == PYTHON


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_nothing_is_left_of_root() -> None:
    """The user, its group, no other group, no capability; output goes on, under its names too; the status is passed."""
    become = recipe(Sandbox.STRICT).commands.become
    said = "id -u; id -g; id -G; grep CapEff /proc/self/status >/dev/stdout; exit 7"
    done = subprocess.run(
        (sys.executable, *become[1:], "sh", "-c", said),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        cwd="/",
    )
    assert done.stdout.split() == ["1000", "1000", "1000", "CapEff:", "0000000000000000"]
    assert done.returncode == 7
    env = {"PATH": "/usr/bin:/bin"}
    missing = subprocess.run(
        (sys.executable, *become[1:], "no-such-command"), capture_output=True, text=True, check=False, env=env
    )
    assert (missing.returncode, missing.stderr) == (127, "no-such-command: No such file or directory\n")
