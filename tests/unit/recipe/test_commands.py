"""What the commands of a cell see: their variables, the package's place, the versions of the tools they install."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from msgspec.structs import replace
from planning import job_for, recipe_for, settings_with

from matrix_runner import catalog
from matrix_runner.catalog.constraints import load_constraints
from matrix_runner.config.kinds.values import BuildFrontend, DependencyVersions, Frontend, VersionSource
from matrix_runner.config.options.build_options import (
    BEFORE_ALL,
    BEFORE_BUILD,
    BUILD_FRONTEND,
    CONFIG_SETTINGS,
    DEPENDENCY_VERSIONS,
    ENVIRONMENT,
)
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.test_options import BEFORE_TEST, TEST_COMMAND, TEST_ENVIRONMENT
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.step import Step

CATALOG = catalog.load()
X86 = "cp311-manylinux_x86_64"
WHEEL = "demo-1.0-cp311-cp311-linux_x86_64.whl"
Values = dict[Option[object], object]


def only(steps: Iterable[Step], kind: StepKind) -> Step:
    """Return the one step of a kind."""
    (found,) = (step for step in steps if step.kind is kind)
    return found


def perform(step: Step) -> str:
    """Let a real shell do a step; return what it printed. Raise CalledProcessError if it failed."""
    argv, cwd, env = step.request.argv, step.request.cwd, dict(step.request.env)
    done = subprocess.run(
        argv, check=True, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return done.stdout


def laid_out(root: Path) -> str:
    """Make the directories that are there when a recipe begins; return the root as a recipe wants it."""
    for name in ("project", "matrix/test"):
        (root / name).mkdir(parents=True)
    return str(root)


def test_a_package_below_the_project() -> None:
    """The frontend builds the package, `{package}` is its place, and commands run in the project."""
    values: Values = {
        BEFORE_BUILD: "make {package} {project}",
        CONFIG_SETTINGS: (("dir", ("{package}/x", "#{project}")),),
    }
    for frontend in (Frontend.UV, Frontend.BUILD, Frontend.PIP, Frontend.BUILD_UV):
        settings = settings_with({**values, BUILD_FRONTEND: BuildFrontend(name=frontend)})
        steps = list(recipe_for(job_for(X86, CATALOG, settings), package="src/demo").build())
        build = only(steps, StepKind.BUILD)
        assert "/project/src/demo" in build.request.argv
        assert build.request.argv[-2:] == ("-Cdir=/project/src/demo/x", "-Cdir={project}")
        assert {step.request.cwd for step in steps if step.kind is not StepKind.BUILD_ENVIRONMENT} == {"/project"}
        assert only(steps, StepKind.BEFORE_BUILD).shown == "make /project/src/demo /project"


@pytest.mark.parametrize("is_drop_in", [False, True])
def test_the_variables_that_build_scripts_ask_for_are_set(*, is_drop_in: bool) -> None:
    """`CIBUILDWHEEL` is in every step, the identifier in all that are one cell's alone, with either table."""
    settings = replace(settings_with({BEFORE_ALL: "x", TEST_COMMAND: "t"}), is_drop_in=is_drop_in)
    recipe = recipe_for(job_for(X86, CATALOG, settings))
    shared, own = list(recipe.before_all()), [*recipe.build(), recipe.repair(WHEEL), *recipe.test(WHEEL)]
    for steps, identifier in ((shared, None), (own, X86)):
        for step in steps:
            env = dict(step.request.env)
            assert env.get("CIBUILDWHEEL") == "1"
            assert env.get("CIBUILDWHEEL_BUILD_IDENTIFIER") == identifier


def test_variables_of_the_test_come_on_top(tmp_path: Path) -> None:
    """They are evaluated once, after `environment`, in the test's environment; the build does not see them."""
    show = 'printf "[%s]" "$FIRST" "$SECOND" "$COUNTED" "${VIRTUAL_ENV##*/}"'
    values: Values = {
        ENVIRONMENT: (("FIRST", "one"), ("SECOND", "build")),
        TEST_ENVIRONMENT: (
            ("SECOND", "$FIRST and test"),
            ("COUNTED", "$(echo x >> counter; wc -l < counter | tr -d ' ')"),
        ),
        BEFORE_BUILD: show,
        BEFORE_TEST: show,
        TEST_COMMAND: show,
    }
    recipe = recipe_for(job_for(X86, CATALOG, settings_with(values)), root=laid_out(tmp_path))
    building, testing = list(recipe.build()), list(recipe.test(WHEEL))
    assert [step.kind for step in testing[:3]] == [
        StepKind.TEST_ENVIRONMENT,
        StepKind.ENVIRONMENT,
        StepKind.BEFORE_TEST,
    ]
    perform(only(building, StepKind.ENVIRONMENT))
    perform(only(testing, StepKind.ENVIRONMENT))
    assert perform(only(building, StepKind.BEFORE_BUILD)) == "[one][build][][]"
    for kind in (StepKind.BEFORE_TEST, StepKind.TEST):
        assert perform(only(testing, kind)) == "[one][one and test][1][test-environment]"
    for step in (step for step in testing if step.kind is StepKind.INSTALL):
        assert "test-environment.sh" in " ".join(step.request.argv)


@pytest.mark.parametrize("option", [ENVIRONMENT, TEST_ENVIRONMENT])
def test_a_variable_that_cannot_be_evaluated_is_named(tmp_path: Path, option: Option[object]) -> None:
    """The step fails with the command's own status, and its last line names option, variable and value."""
    values: Values = {option: (("A", "1"), ("B", '$(echo \\"quoted\\" >&2; exit 7)')), TEST_COMMAND: "t"}
    recipe = recipe_for(job_for(X86, CATALOG, settings_with(values)), root=laid_out(tmp_path))
    step = only([*recipe.build(), *recipe.test(WHEEL)], StepKind.ENVIRONMENT)
    with pytest.raises(subprocess.CalledProcessError) as caught:
        perform(step)
    assert caught.value.returncode == 7
    last = str(caught.value.stdout).splitlines()[-1]
    assert last.startswith(f"{option.name}: a command in the value of B failed: $(echo")


NO_BUILD = ("pip", "venv", "ensurepip")
FRONTEND: Values = {BUILD_FRONTEND: BuildFrontend(name=Frontend.BUILD)}


@pytest.mark.parametrize(
    ("versions", "lines"),
    [
        (DependencyVersions(source=VersionSource.PINNED), load_constraints()),
        (
            DependencyVersions(source=VersionSource.PACKAGES, packages=("build==1.2.2", "pip<26")),
            "build==1.2.2\npip<26\n",
        ),
        (DependencyVersions(source=VersionSource.LATEST), None),
    ],
)
def test_versions_are_written_where_tools_are_installed(
    tmp_path: Path, versions: DependencyVersions, lines: str | None
) -> None:
    """The installer of our tools is given a file with them, which is there before; those of the project are not."""
    values: Values = {**FRONTEND, DEPENDENCY_VERSIONS: versions, TEST_COMMAND: "t"}
    recipe = recipe_for(job_for(X86, CATALOG, settings_with(values)), modules=NO_BUILD, root=laid_out(tmp_path))
    step = only(recipe.build(), StepKind.BUILD_ENVIRONMENT)
    option = "" if lines is None else f"-c {tmp_path}/matrix/constraints.txt "
    assert (
        f"pip install --quiet --python {tmp_path}/matrix/build-environment/bin/python {option}--upgrade" in step.shown
    )
    with pytest.raises(subprocess.CalledProcessError):
        perform(step)
    written = tmp_path / "matrix/constraints.txt"
    assert (written.read_text() if written.exists() else None) == lines
    assert " -c " not in only(recipe.test(WHEEL), StepKind.INSTALL).shown
    build = only(recipe.build(), StepKind.BUILD).request
    assert "-c" not in build.argv
    assert [name for name, _ in build.env if name.endswith("CONSTRAINT")] == []


def test_a_file_of_versions_must_be_there(tmp_path: Path) -> None:
    """A cell begins by looking for it, also where it only tests; what is missing is named with the option."""
    versions = DependencyVersions(source=VersionSource.FILE, file="tools/versions.txt")
    values: Values = {**FRONTEND, DEPENDENCY_VERSIONS: versions, TEST_COMMAND: "t"}
    recipe = recipe_for(job_for(X86, CATALOG, settings_with(values)), modules=NO_BUILD, root=laid_out(tmp_path))
    for steps in (list(recipe.build()), list(recipe.test(WHEEL, is_built_here=False))):
        look = only(steps, StepKind.PREPARE)
        assert steps[0] is look
        with pytest.raises(subprocess.CalledProcessError) as caught:
            perform(look)
        message = f"dependency-versions: the project has no file {tmp_path}/project/tools/versions.txt\n"
        assert caught.value.stdout == message
    (tmp_path / "project/tools").mkdir()
    (tmp_path / "project/tools/versions.txt").write_text("build==1.2.2\n")
    assert perform(only(recipe.build(), StepKind.PREPARE)) == ""
    shown = only(recipe.build(), StepKind.BUILD_ENVIRONMENT).shown
    assert f"-c {tmp_path}/project/tools/versions.txt --upgrade" in shown


def test_settings_that_a_frontend_cannot_pass_on_are_told_of() -> None:
    """What is dropped for an old Python is said; where all is passed on there is nothing to say."""
    settings = settings_with({CONFIG_SETTINGS: (("a", ("b",)),)})
    old = recipe_for(job_for("cp36-manylinux_x86_64", CATALOG, settings))
    assert "-Ca=b" not in only(old.build(), StepKind.BUILD).request.argv
    assert [remark.partition(" ")[0] for remark in old.remarks()] == ["config-settings"]
    new = recipe_for(job_for(X86, CATALOG, settings))
    assert "-Ca=b" in only(new.build(), StepKind.BUILD).request.argv
    assert new.remarks() == ()
    assert recipe_for(job_for("cp36-manylinux_x86_64", CATALOG)).remarks() == ()


@pytest.mark.parametrize(
    ("frontend", "mode"), [(Frontend.UV, "hardlink"), (Frontend.BUILD_UV, "copy"), (Frontend.PIP, "copy")]
)
def test_only_what_uv_makes_among_its_downloads_is_linked_to_them(frontend: Frontend, mode: str) -> None:
    """What a test does to an installed file must not come to the next cell; the user's own wish prevails anyhow."""
    values: Values = {BUILD_FRONTEND: BuildFrontend(name=frontend), TEST_COMMAND: "pytest"}
    recipe = recipe_for(job_for(X86, CATALOG, settings_with(values)))
    build = only(recipe.build(), StepKind.BUILD)
    assert dict(build.request.env)["UV_LINK_MODE"] == mode
    assert {dict(step.request.env)["UV_LINK_MODE"] for step in recipe.test(WHEEL)} == {"copy"}
    passed = replace(recipe, passed=(("UV_LINK_MODE", "symlink"),))
    assert dict(only(passed.build(), StepKind.BUILD).request.env)["UV_LINK_MODE"] == "symlink"


def test_the_order_of_sets_is_fixed_where_code_is_generated() -> None:
    """In the build, unless somebody has decided otherwise; tests keep Python's own, which finds their faults."""
    job = job_for(X86, CATALOG, settings_with({TEST_COMMAND: "pytest"}))
    recipe = recipe_for(job)
    assert dict(only(recipe.build(), StepKind.BUILD).request.env)["PYTHONHASHSEED"] == "0"
    assert "PYTHONHASHSEED" not in dict(only(recipe.test(WHEEL), StepKind.TEST).request.env)
    passed = replace(recipe, passed=(("PYTHONHASHSEED", "7"),))
    assert dict(only(passed.build(), StepKind.BUILD).request.env)["PYTHONHASHSEED"] == "7"
