"""What a build backend is told: a folder with a fixed name, and its share; and nothing where the user has said it."""

import pytest
from msgspec.structs import replace
from planning import engine_with, job_for, recipe_for, settings_with

from matrix_runner import catalog
from matrix_runner.config.kinds.values import BuildFrontend, Frontend
from matrix_runner.config.options.build_options import BUILD_FRONTEND, CONFIG_SETTINGS
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.run_options import CONTAINER_ENGINE
from matrix_runner.model.outcomes import StepKind
from matrix_runner.project.build_backend import Backend, BuildBackend
from matrix_runner.recipe.step import Step

CELL = "cp311-manylinux_x86_64"
SCIKIT, MESON = BuildBackend(kind=Backend.SCIKIT_BUILD_CORE), BuildBackend(kind=Backend.MESON_PYTHON)
FOLDER, JOBS = "-Cbuild-dir=.mesonpy-build", "-Ccompile-args=-j3"
Values = dict[Option[object], object]


def build_step(backend: BuildBackend, values: Values, passed: tuple[tuple[str, str], ...] = ()) -> Step:
    """Return the build's step of a cell that has three processors; no other step is told a folder."""
    made = recipe_for(job_for(CELL, catalog.load(), settings_with(values)), passed=passed)
    steps = tuple(replace(made, backend=backend, processors=3).build())
    assert all("SKBUILD_BUILD_DIR" not in dict(step.request.env) for step in steps if step.kind is not StepKind.BUILD)
    return next(step for step in steps if step.kind is StepKind.BUILD)


def told(step: Step) -> list[str]:
    """Return the config settings of a build's command."""
    return [word for word in step.request.argv if word.startswith("-C")]


def frontend(*args: str) -> Values:
    """Return the setting of a frontend with arguments."""
    return {BUILD_FRONTEND: BuildFrontend(name=Frontend.BUILD, args=args)}


@pytest.mark.parametrize(
    ("backend", "values", "passed", "folder"),
    [
        (SCIKIT, {}, (), "/matrix/backend-build"),
        (BuildBackend(), {}, (), None),
        (replace(SCIKIT, names_folder=True), {}, (), None),
        (SCIKIT, {CONFIG_SETTINGS: (("build-dir", ("b",)),)}, (), None),
        (SCIKIT, {CONFIG_SETTINGS: (("skbuild.build-dir", ("b",)),)}, (), None),
        (SCIKIT, {CONFIG_SETTINGS: (("cmake.verbose", ("true",)),)}, (), "/matrix/backend-build"),
        (SCIKIT, frontend("-Cbuild-dir=b"), (), None),
        (SCIKIT, {}, (("SKBUILD_BUILD_DIR", "b"),), "b"),
        (SCIKIT, {CONTAINER_ENGINE: engine_with("--env=SKBUILD_BUILD_DIR=b")}, (), None),
    ],
)
def test_scikit_build_core_is_told_a_folder(
    backend: BuildBackend, values: Values, passed: tuple[tuple[str, str], ...], folder: str | None
) -> None:
    """By its variable, unless pyproject.toml, a config setting or a variable of the user's names one."""
    step = build_step(backend, values, passed)
    assert dict(step.request.env).get("SKBUILD_BUILD_DIR") == folder


@pytest.mark.parametrize(
    ("backend", "values", "words"),
    [
        (MESON, {}, [FOLDER, JOBS]),
        (BuildBackend(), {}, []),
        (replace(MESON, names_jobs=True), {}, [FOLDER]),
        (MESON, {CONFIG_SETTINGS: (("build-dir", ("b",)),)}, ["-Cbuild-dir=b", JOBS]),
        (MESON, {CONFIG_SETTINGS: (("builddir", ("b",)),)}, ["-Cbuilddir=b", JOBS]),
        (MESON, {CONFIG_SETTINGS: (("compile-args", ("-v",)),)}, ["-Ccompile-args=-v", FOLDER, JOBS]),
        (
            MESON,
            {CONFIG_SETTINGS: (("compile-args", ("-v", "-j1")),)},
            ["-Ccompile-args=-v", "-Ccompile-args=-j1", FOLDER],
        ),
        (MESON, frontend("-Ccompile-args=-j1"), [FOLDER, "-Ccompile-args=-j1"]),
        (MESON, frontend("-Cbuild-dir=b"), [JOBS, "-Cbuild-dir=b"]),
    ],
)
def test_meson_python_is_told_a_folder_and_its_share(backend: BuildBackend, values: Values, words: list[str]) -> None:
    """By config settings after the user's, unless he has said the same himself."""
    assert told(build_step(backend, values)) == words
