"""Which steps a cell takes, in which order, as which commands; and what a real shell makes of them."""

import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace
from planning import IMAGE_PATH, facts_for, job_for, recipe_for, settings_with

from matrix_runner import catalog
from matrix_runner.catalog import Catalog
from matrix_runner.config.kinds.values import BuildFrontend, Frontend
from matrix_runner.config.options.build_options import (
    BEFORE_ALL,
    BEFORE_BUILD,
    BUILD_FRONTEND,
    BUILD_VERBOSITY,
    CONFIG_SETTINGS,
    ENVIRONMENT,
    REPAIR_WHEEL_COMMAND,
)
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.run_options import SILENCE_TIMEOUT, STEP_TIMEOUT
from matrix_runner.config.options.selection_options import TEST_SKIP
from matrix_runner.config.options.test_options import (
    BEFORE_TEST,
    TEST_COMMAND,
    TEST_EXTRAS,
    TEST_REQUIRES,
    TEST_SOURCES,
)
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.cell_recipe import CellRecipe
from matrix_runner.recipe.step import Step
from matrix_runner.recipe.toolbox import choose_frontend, needs

X86 = "cp311-manylinux_x86_64"
WHEEL = "demo-1.0-cp311-cp311-linux_x86_64.whl"
NO_UV = ("auditwheel", "patchelf")
Values = Mapping[Option[object], object]


@pytest.fixture(name="known", scope="module")
def _known() -> Catalog:
    return catalog.load()


def kinds(steps: Iterable[Step]) -> list[StepKind]:
    """Return the kinds of steps, in order."""
    return [step.kind for step in steps]


def only(steps: Iterable[Step], kind: StepKind) -> Step:
    """Return the one step of a kind."""
    (found,) = (step for step in steps if step.kind is kind)
    return found


def last_word(step: Step) -> str:
    """Return the shell script of a step."""
    return step.request.argv[-1]


def perform(step: Step, cwd: Path | None = None, **env: str) -> str:
    """Let a real shell do a step; return what it printed. Raise CalledProcessError if it failed."""
    given = {**dict(step.request.env), **env}
    return subprocess.run(
        step.request.argv,
        check=True,
        cwd=cwd or step.request.cwd,
        env=given,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


def laid_out(root: Path) -> str:
    """Make the directories that are there when a recipe begins; return the root as a recipe wants it."""
    (root / "project").mkdir()
    return str(root)


def test_all_steps_in_order(known: Catalog) -> None:
    """A cell with everything configured takes every step, in the one order there is."""
    values: Values = {
        BEFORE_ALL: "a",
        BEFORE_BUILD: "b",
        BEFORE_TEST: "c",
        TEST_COMMAND: "d",
        ENVIRONMENT: (("A", "1"),),
        BUILD_FRONTEND: BuildFrontend(name=Frontend.BUILD),
    }
    recipe = recipe_for(job_for(X86, known, settings_with(values)), modules=("pip", "venv", "ensurepip"))
    assert kinds(recipe.before_all()) == [StepKind.ENVIRONMENT, StepKind.BEFORE_ALL]
    assert kinds(recipe.build()) == [
        StepKind.ENVIRONMENT,
        StepKind.BUILD_ENVIRONMENT,
        StepKind.BEFORE_BUILD,
        StepKind.BUILD,
    ]
    assert recipe.repair(WHEEL).kind is StepKind.REPAIR
    tested = [StepKind.TEST_ENVIRONMENT, StepKind.BEFORE_TEST, StepKind.INSTALL, StepKind.TEST]
    assert kinds(recipe.test(WHEEL)) == tested
    assert kinds(recipe.test(WHEEL, is_built_here=False)) == [StepKind.ENVIRONMENT, *tested]


def test_by_default_a_cell_builds_and_repairs(known: Catalog) -> None:
    """Nothing configured: no preparation, no tests, one build command."""
    recipe = recipe_for(job_for(X86, known))
    assert kinds(recipe.build()) == [StepKind.BUILD]
    assert kinds(recipe.test(WHEEL)) == []


def test_a_cell_that_test_skip_names_is_not_tested(known: Catalog) -> None:
    """`test-skip` takes the tests from the cells it matches and leaves the others theirs."""
    settings = settings_with({TEST_COMMAND: "t", TEST_SKIP: ("*-musllinux_*",)})
    assert job_for(X86, known, settings).has_tests
    assert not job_for("cp311-musllinux_x86_64", known, settings).has_tests
    assert not job_for(X86, known, settings_with()).has_tests


PYTHON = "/opt/python/cp311-cp311/bin/python"
OWN = "python -I /matrix/frontend/build_frontend.py"
BUILDS = [
    # identifier, frontend, tools, modules, disposable -> the beginning of the command, whether an environment is made
    (X86, Frontend.AUTO, ("uv",), ("pip",), True, f"{OWN} /project --wheel", False),
    (X86, Frontend.AUTO, ("uv",), (), False, f"{OWN} /project --wheel", False),
    (X86, Frontend.AUTO, NO_UV, ("pip", "build"), True, "python -m build /project --wheel", False),
    (X86, Frontend.AUTO, NO_UV, ("pip", "venv", "ensurepip"), True, "python -m build /project --wheel", True),
    (X86, Frontend.AUTO, NO_UV, ("pip", "build"), False, "python -m build /project --wheel", True),
    (X86, Frontend.UV, ("uv",), ("pip",), False, f"uv build --no-progress --python={PYTHON} /project", False),
    (X86, Frontend.PIP, ("uv",), ("pip",), True, "python -m pip wheel /project --no-deps", False),
    (X86, Frontend.BUILD_UV, ("uv",), ("build",), True, "python -m build /project --wheel", False),
    ("cp27mu-manylinux_x86_64", Frontend.AUTO, ("uv",), ("pip",), True, "python -m pip wheel /project", False),
    ("cp36-manylinux_x86_64", Frontend.AUTO, ("uv",), ("pip",), True, "python -m pip wheel /project", False),
    ("cp37-manylinux_x86_64", Frontend.AUTO, ("uv",), ("build",), True, "python -m build /project", False),
    ("pp311-manylinux_x86_64", Frontend.AUTO, ("uv",), ("pip",), True, f"{OWN} /project", False),
    ("pp39-manylinux_x86_64", Frontend.AUTO, ("uv",), (), True, "uv build --no-progress", False),
    ("gp312_250-manylinux_x86_64", Frontend.AUTO, ("uv",), ("build",), True, "python -m build /project", False),
]


@pytest.mark.parametrize(("cell", "frontend", "tools", "modules", "disposable", "command", "has_environment"), BUILDS)
def test_each_frontend_on_each_kind_of_python(
    known: Catalog,
    *,
    cell: str,
    frontend: Frontend,
    tools: tuple[str, ...],
    modules: tuple[str, ...],
    disposable: bool,
    command: str,
    has_environment: bool,
) -> None:
    """`auto` takes what works on the interpreter; a frontend that is not there, or not ours to add, gets a place."""
    job = job_for(cell, known, settings_with({BUILD_FRONTEND: BuildFrontend(name=frontend)}))
    recipe = recipe_for(job, tools=tools, modules=modules, is_disposable=disposable)
    steps = list(recipe.build())
    assert (StepKind.BUILD_ENVIRONMENT in kinds(steps)) is has_environment
    build = only(steps, StepKind.BUILD)
    assert build.shown.startswith(command)
    assert build.request.cwd == "/project"
    assert dict(build.request.env)["PATH"].split(":")[0] == (
        "/matrix/build-environment/bin" if has_environment else f"/opt/python/{job.directories[0]}/bin"
    )
    assert "/matrix/built" in build.shown


def test_the_build_command_has_settings_verbosity_and_arguments(known: Catalog) -> None:
    """Config settings are repeated as they are listed, with placeholders filled; then verbosity, then own arguments."""
    values: Values = {
        BUILD_FRONTEND: BuildFrontend(name=Frontend.BUILD, args=("--no-isolation",)),
        CONFIG_SETTINGS: (("setup-args", ("-Da=1", "-Db={project}")), ("flag", ("x y",))),
        BUILD_VERBOSITY: 2,
    }
    recipe = recipe_for(job_for(X86, known, settings_with(values)))
    argv = only(recipe.build(), StepKind.BUILD).request.argv
    assert argv[argv.index("--outdir=/matrix/built") + 1 :] == (
        "-Csetup-args=-Da=1",
        "-Csetup-args=-Db=/project",
        "-Cflag=x y",
        "-vv",
        "--no-isolation",
    )


@pytest.mark.parametrize(
    ("frontend", "level", "flag"),
    [(Frontend.PIP, -2, "-qq"), (Frontend.PIP, 0, None), (Frontend.BUILD, -1, "-q"), (Frontend.UV, 3, "-vvv")],
)
def test_verbosity_is_what_the_frontend_understands(
    known: Catalog, frontend: Frontend, level: int, flag: str | None
) -> None:
    """Quiet and verbose become flags where the frontend has them."""
    values: Values = {BUILD_FRONTEND: BuildFrontend(name=frontend), BUILD_VERBOSITY: level}
    argv = only(recipe_for(job_for(X86, known, settings_with(values))).build(), StepKind.BUILD).request.argv
    assert [word for word in argv if word[:2] in {"-v", "-q"}] == ([flag] if flag else [])


def test_python_2_gets_no_settings_it_cannot_read(known: Catalog) -> None:
    """The last pip for old Pythons has no config settings: they are left out and do not fail the build."""
    settings = settings_with({CONFIG_SETTINGS: (("a", ("b",)),)})
    argv = only(recipe_for(job_for("cp27mu-manylinux_x86_64", known, settings)).build(), StepKind.BUILD).request.argv
    assert not [word for word in argv if word.startswith("-C")]


@pytest.mark.parametrize(
    ("cell", "tools", "modules", "expected"),
    [
        (X86, ("uv",), ("pip",), f"uv venv --quiet --no-project --python {PYTHON} /matrix/test-environment"),
        (X86, NO_UV, ("pip", "venv", "ensurepip"), f"{PYTHON} -m venv /matrix/test-environment"),
        (X86, NO_UV, ("pip", "venv", "virtualenv"), f"{PYTHON} -m virtualenv --quiet /matrix/test-environment"),
        (
            X86,
            NO_UV,
            ("pip",),
            "pip install --quiet -c /matrix/constraints.txt --target /matrix/virtualenv virtualenv &&",
        ),
        ("cp27mu-manylinux_x86_64", ("uv",), ("pip",), "--target /matrix/virtualenv 'virtualenv<20.22' &&"),
        ("cp27mu-manylinux_x86_64", ("uv",), ("pip", "virtualenv"), "-m virtualenv --quiet /matrix/test-environment"),
        ("gp312_250-manylinux_x86_64", ("uv",), ("pip", "venv", "ensurepip"), "-m venv /matrix/test-environment"),
    ],
)
def test_a_test_environment_is_made_by_what_there_is(
    known: Catalog, cell: str, tools: tuple[str, ...], modules: tuple[str, ...], expected: str
) -> None:
    """The fresh environment is made by uv, venv or virtualenv, whichever knows the interpreter."""
    recipe = recipe_for(job_for(cell, known, settings_with({TEST_COMMAND: "t"})), tools=tools, modules=modules)
    assert expected in only(recipe.test(WHEEL), StepKind.TEST_ENVIRONMENT).shown


def test_the_tools_that_are_needed_follow_from_the_settings(known: Catalog) -> None:
    """Auditwheel is needed only if the repair command names it, uv only if the frontend is uv's."""
    cell = job_for(X86, known).cell
    without = facts_for(cell, "cp311-cp311", tools=())
    assert needs(cell, settings_with(), without) == {"auditwheel", "patchelf"}
    assert needs(cell, settings_with(), facts_for(cell, "cp311-cp311")) == {"auditwheel", "patchelf", "uv"}
    assert needs(cell, settings_with({REPAIR_WHEEL_COMMAND: ""}), without) == set()
    uv = settings_with({REPAIR_WHEEL_COMMAND: "", BUILD_FRONTEND: BuildFrontend(name=Frontend.BUILD_UV)})
    assert needs(cell, uv, without) == {"uv"}
    assert choose_frontend(cell, uv, without) is Frontend.BUILD_UV


def test_placeholders_are_filled_and_escaped_ones_stay(known: Catalog) -> None:
    """Each command gets its values; `#{project}` is the literal text, and the shell's own braces stay the shell's."""
    values: Values = {
        BEFORE_ALL: "echo {project} {package} #{project} ${project} {other}",
        REPAIR_WHEEL_COMMAND: "repair {wheel} {dest_dir} {plat} {project}/x {package}/y",
        TEST_COMMAND: "test {wheel} {project}",
        BEFORE_TEST: "prepare {wheel}",
    }
    recipe = recipe_for(job_for(X86, known, settings_with(values)))
    assert last_word(only(recipe.before_all(), StepKind.BEFORE_ALL)) == (
        "echo /project /project {project} ${project} {other}"
    )
    assert recipe.repair("w.whl").shown == (
        "repair /matrix/built/w.whl /matrix/repaired manylinux_2_31_x86_64 /project/x /project/y"
    )
    assert last_word(only(recipe.test("w.whl"), StepKind.TEST)) == "test /matrix/repaired/w.whl /project"
    assert last_word(only(recipe.test("w.whl"), StepKind.BEFORE_TEST)) == "prepare /matrix/repaired/w.whl"


def test_every_command_knows_the_run_it_is_in(known: Catalog) -> None:
    """Each step has the sources' moment, passed variables, the limits, and the cell if it is not shared by several."""
    values: Values = {TEST_COMMAND: "t", STEP_TIMEOUT: 60, SILENCE_TIMEOUT: 0, BEFORE_ALL: "x"}
    job = job_for(X86, known, settings_with(values))
    recipe = recipe_for(job, passed=(("CI", "1"), ("PATH", "/evil")))
    shared, own = list(recipe.before_all()), [*recipe.build(), recipe.repair(WHEEL), *recipe.test(WHEEL)]
    assert {dict(step.request.env).get("MATRIX_RUNNER_IDENTIFIER") for step in shared} == {None}
    assert {dict(step.request.env).get("MATRIX_RUNNER_IDENTIFIER") for step in own} == {X86}
    for step in (*shared, *own):
        env = dict(step.request.env)
        assert env["MATRIX_RUNNER"] == "1"
        assert env["MATRIX_RUNNER_PLATFORM"] == "manylinux_x86_64"
        assert (env["MATRIX_RUNNER_ARCH"], env["MATRIX_RUNNER_LIBC"]) == ("x86_64", "manylinux")
        assert env["MATRIX_RUNNER_IMAGE_NAME"] == "registry/image:1"
        assert "MATRIX_RUNNER_IMAGE" not in env
        assert env["SOURCE_DATE_EPOCH"] == "1000000000"
        assert env["CI"] == "1"
        assert env["PATH"].endswith(IMAGE_PATH)
        assert (step.request.timeout, step.request.silence) == (60, None)
    environments = {dict(step.request.env).get("VIRTUAL_ENV") for step in recipe.test(WHEEL)}
    assert environments == {None, "/matrix/test-environment"}


def test_installing_takes_extras_requirements_and_groups(known: Catalog) -> None:
    """The wheel with its extras, what the tests need and dependency groups are installed in one command."""
    values: Values = {
        TEST_COMMAND: "t",
        TEST_EXTRAS: ("a", "b"),
        TEST_REQUIRES: ("pytest>=8", "x y"),
    }
    groups = ("hypothesis; python_version > '3'",)
    job = job_for(X86, known, settings_with(values))
    install, check = (s for s in recipe_for(job, groups=groups).test("w.whl") if s.kind is StepKind.INSTALL)
    assert check.shown == "check that what is installed is for this Python"
    words = shlex.split(last_word(install))
    assert words[:3] == ["uv", "pip", "install"]
    assert words[-4:] == ["/matrix/repaired/w.whl[a,b]", "pytest>=8", "x y", *groups]
    plain = recipe_for(job, tools=NO_UV)
    assert last_word(only(plain.test("w.whl"), StepKind.INSTALL)).startswith("/matrix/test-environment/bin/pip install")


@pytest.mark.parametrize("frontend", [Frontend.BUILD, Frontend.UV])
def test_a_drop_in_installs_the_wheel_first(known: Catalog, frontend: Frontend) -> None:
    """As there, `--no-deps` or a contradiction in test-requires is not about the wheel and what it requires."""
    values: Values = {
        TEST_COMMAND: "t",
        TEST_EXTRAS: ("a",),
        TEST_REQUIRES: ("--no-deps", "pytest"),
        BUILD_FRONTEND: BuildFrontend(name=frontend),
    }
    settings = replace(settings_with(values), is_drop_in=True)
    steps = recipe_for(job_for(X86, known, settings), groups=("y",)).test("w.whl")
    wheel, required = (
        shlex.split(last_word(step)) for step in steps if step.kind is StepKind.INSTALL and "check" not in step.shown
    )
    assert wheel[-1] == "/matrix/repaired/w.whl[a]"
    assert "--no-deps" not in wheel
    assert required[-3:] == ["--no-deps", "pytest", "y"]
    alone = recipe_for(job_for(X86, known, replace(settings_with({TEST_COMMAND: "t"}), is_drop_in=True)), tools=NO_UV)
    assert kinds(alone.test("w.whl")).count(StepKind.INSTALL) == 1


@pytest.mark.parametrize(
    ("command", "wanted"), [("pip check && t", True), ("python -m pytest", False), ("pipx", False)]
)
def test_pip_is_there_only_if_a_command_names_it(known: Catalog, command: str, *, wanted: bool) -> None:
    """An environment made by uv gets pip if a command of the user's names it, and is spared it otherwise."""
    recipe = recipe_for(job_for(X86, known, settings_with({TEST_COMMAND: command})))
    shown = only(recipe.test(WHEEL), StepKind.TEST_ENVIRONMENT).shown
    assert ("uv pip install" in shown) is wanted
    # Without a network the one that Python brings will do.
    assert shown.endswith("-m ensurepip --default-pip; }") is wanted


def test_environment_is_evaluated_by_a_shell(known: Catalog, tmp_path: Path) -> None:
    """Quotes, dollar signs and substitutions mean what they mean between double quotes, once, in order."""
    variables = (
        ("FIRST", "one two"),
        ("SECOND", "$FIRST; three"),
        ("COUNTED", r"$(echo x >> counter; wc -l < counter | tr -d ' ')"),
        ("QUOTES", r"it's \"quoted\" \$HOME \`x\` {project}"),
        ("LINES", "a\nb"),
        ("EMPTY", ""),
    )
    values: Values = {
        ENVIRONMENT: variables,
        BEFORE_BUILD: 'printf "[%s]" "$FIRST" "$SECOND" "$COUNTED" "$QUOTES" "$LINES" "$EMPTY"',
    }
    recipe = recipe_for(job_for(X86, known, settings_with(values)), root=laid_out(tmp_path))
    steps = list(recipe.build())
    perform(only(steps, StepKind.ENVIRONMENT))
    expected = '[one two][one two; three][1][it\'s "quoted" $HOME `x` {project}][a\nb][]'
    assert perform(only(steps, StepKind.BEFORE_BUILD)) == expected
    assert perform(only(steps, StepKind.BEFORE_BUILD)) == expected


def test_a_path_of_the_users_does_not_hide_the_interpreter(known: Catalog, tmp_path: Path) -> None:
    """An addition to PATH is there, but the cell's own Python is still the one that `python` means."""
    tools = tmp_path / "tools"
    root = laid_out(tmp_path)
    for directory, word in ((tools, "theirs"), (tmp_path / "opt/python/cp311-cp311/bin", "ours")):
        directory.mkdir(parents=True)
        for name in ("python", f"only-{word}"):
            (directory / name).write_text(f"#!/bin/sh\necho {word}\n")
            (directory / name).chmod(0o755)
    values: Values = {ENVIRONMENT: (("PATH", f"{tools}:$PATH"),), BEFORE_BUILD: "python; only-theirs; only-ours"}
    recipe = recipe_for(job_for(X86, known, settings_with(values)), root=root)
    steps = list(recipe.build())
    perform(only(steps, StepKind.ENVIRONMENT))
    assert perform(only(steps, StepKind.BEFORE_BUILD)).split() == ["ours", "theirs", "ours"]


def test_variables_reach_a_build_command_as_it_is(known: Catalog, tmp_path: Path) -> None:
    """Behind the variables the command's words are the same words, whatever is in them, and its status is kept."""
    recipe = recipe_for(job_for(X86, known, settings_with({ENVIRONMENT: (("A", "1"),)})), root=laid_out(tmp_path))
    perform(only(recipe.build(), StepKind.ENVIRONMENT))
    step = recipe.commands.step(
        StepKind.BUILD,
        ("sh", "-c", 'printf "%s|" "$A" "$@"; exit 3', "sh", "a b", "", "$A", "*"),
        path=("/x",),
        cwd=None,
    )
    done = subprocess.run(step.request.argv, check=False, env=dict(step.request.env), stdout=subprocess.PIPE, text=True)
    assert (done.returncode, done.stdout) == (3, "1|a b||$A|*|")


def test_repair_groups_the_users_command(known: Catalog, tmp_path: Path) -> None:
    """A repair command with alternatives or a comment is one command, run after its directory has been made."""
    root = laid_out(tmp_path)
    (tmp_path / "matrix/built").mkdir(parents=True)
    (tmp_path / "matrix/built/w.whl").write_text("x")
    for command in ("false || cp {wheel} {dest_dir}  # or not", ""):
        recipe = recipe_for(job_for(X86, known, settings_with({REPAIR_WHEEL_COMMAND: command})), root=root)
        perform(recipe.repair("w.whl"))
        assert (tmp_path / "matrix/repaired/w.whl").read_text() == "x"
    failing = recipe_for(job_for(X86, known, settings_with({REPAIR_WHEEL_COMMAND: "true; false"})), root=root)
    with pytest.raises(subprocess.CalledProcessError):
        perform(failing.repair("w.whl"))


def prepared_for_test(known: Catalog, root: Path, values: Values) -> Step:
    """Return the step that makes the test environment, with `true` in the place of uv."""
    (root / "opt/python/cp311-cp311/bin").mkdir(parents=True)
    uv = root / "opt/python/cp311-cp311/bin/uv"
    uv.write_text("#!/bin/sh\n")
    uv.chmod(0o755)
    recipe = recipe_for(job_for(X86, known, settings_with({TEST_COMMAND: "t", **values})), root=str(root))
    return only(recipe.test(WHEEL), StepKind.TEST_ENVIRONMENT)


def test_test_sources_are_copied_with_their_directories(known: Catalog, tmp_path: Path) -> None:
    """Named files and directories of the project are where the tests run, in their place; nothing else is."""
    project = tmp_path / "project"
    for name in ("tests/unit/test_a.py", "src/demo/tests/test_b.py", "src/demo/code.py", "-odd/test_c.py"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(name)
    perform(prepared_for_test(known, tmp_path, {TEST_SOURCES: ("tests", "src/demo/tests", "-odd")}))
    there = tmp_path / "matrix/test"
    found = {str(path.relative_to(there)) for path in there.rglob("*") if path.is_file()}
    assert found == {"tests/unit/test_a.py", "src/demo/tests/test_b.py", "-odd/test_c.py"}


def test_links_to_test_sources_are_followed(known: Catalog, tmp_path: Path) -> None:
    """A test source that is a link brings what it leads to, and links within one stay links, as with cibuildwheel."""
    project = tmp_path / "project"
    (project / "shared/unit").mkdir(parents=True)
    (project / "shared/unit/test_a.py").write_text("a")
    (project / "shared/run.sh").write_text("b")
    (project / "shared/run.sh").chmod(0o755)
    (project / "shared/again").symlink_to("unit")
    (project / "tests").symlink_to("shared")
    (project / "run.sh").symlink_to("shared/run.sh")
    perform(prepared_for_test(known, tmp_path, {TEST_SOURCES: ("tests", "run.sh", "shared/unit/test_a.py")}))
    there = tmp_path / "matrix/test"
    assert not (there / "tests").is_symlink()
    assert (there / "tests/unit/test_a.py").read_text() == "a"
    assert (there / "tests/again").readlink() == Path("unit")
    assert not (there / "run.sh").is_symlink()
    assert (there / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (there / "shared/unit/test_a.py").read_text() == "a"


def test_a_test_source_that_is_not_there_fails_its_step(known: Catalog, tmp_path: Path) -> None:
    """A misspelt name in test-sources is an error where it is copied, not tests that find nothing."""
    (tmp_path / "project/tests").mkdir(parents=True)
    with pytest.raises(subprocess.CalledProcessError):
        perform(prepared_for_test(known, tmp_path, {TEST_SOURCES: ("tests", "missing")}))


def test_without_test_sources_a_guard_says_what_to_do(known: Catalog, tmp_path: Path) -> None:
    """A test command that looks for tests where it runs finds one that fails with the advice."""
    (tmp_path / "project").mkdir()
    perform(prepared_for_test(known, tmp_path, {}))
    (guard,) = (tmp_path / "matrix/test").iterdir()
    for runner in ("unittest", "pytest"):
        done = subprocess.run(
            [sys.executable, "-m", runner], cwd=guard.parent, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert "set test-sources" in done.stdout + done.stderr


def test_a_recipe_is_the_same_every_time(known: Catalog) -> None:
    """Recipes are pure: asked twice, the same steps; and the platform falls back to auditwheel's own guess."""
    recipe = recipe_for(job_for(X86, known, settings_with({TEST_COMMAND: "t"})))
    assert list(recipe.build()) == list(recipe.build())
    assert list(recipe.test(WHEEL)) == list(recipe.test(WHEEL))
    unknown = CellRecipe(
        job=recipe.job,
        tools=replace(recipe.tools, facts=replace(recipe.tools.facts, plat=None)),
        epoch=0,
    )
    assert "--plat auto" in unknown.repair(WHEEL).shown
