"""Who installs requirements, and what bounds them: the user's settings for pip, constraints, an upload time."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path

import pytest
from msgspec.structs import replace
from planning import facts_for, job_for, recipe_for, settings_with

from matrix_runner.catalog import load
from matrix_runner.config.kinds.values import BuildConstraints, BuildFrontend, ExcludeNewer, Frontend
from matrix_runner.config.options.build_options import (
    BEFORE_BUILD,
    BUILD_CONSTRAINTS,
    BUILD_FRONTEND,
    BUILD_VERBOSITY,
    ENVIRONMENT,
    EXCLUDE_NEWER,
)
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.test_options import BEFORE_TEST, TEST_COMMAND, TEST_ENVIRONMENT
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.after_build.python_bounds import FITS_PYTHON
from matrix_runner.recipe.cell_recipe import CellRecipe
from matrix_runner.recipe.pinning.obstacles import obstacle_of
from matrix_runner.recipe.step import Step
from matrix_runner.recipe.toolbox import choice_remark_for, choose_frontend

CATALOG = load()
X86 = "cp311-manylinux_x86_64"
Values = dict[Option[object], object]
SAYS_TO_PIP: Values = {ENVIRONMENT: (("PIP_CONSTRAINT", "$PWD/c.txt"),)}


def recipe(values: Values, cell: str = X86, **facts: tuple[str, ...]) -> CellRecipe:
    """Return the recipe of a cell that is tested."""
    settings = settings_with({TEST_COMMAND: "t", **values})
    made = recipe_for(job_for(cell, CATALOG, settings), **facts)  # type: ignore[arg-type]
    (interpreter,) = made.tools.facts.interpreters
    return replace(made, tools=replace(made.tools, interpreter=replace(interpreter, pip="26.3")))


def of(steps: Iterable[Step], kind: StepKind) -> Step:
    """Return the first step of a kind."""
    return next(step for step in steps if step.kind is kind)


def instead_of_frontend(step: Step, *command: str) -> tuple[str, ...]:
    """Return a build's command with another one in the place of the frontend's, behind all that comes before it."""
    return (*step.request.argv[: -len(shlex.split(step.shown))], *command)


@pytest.mark.parametrize("frontend", [Frontend.UV, Frontend.BUILD, Frontend.BUILD_UV])
def test_each_call_of_uv_names_the_cells_python(frontend: Frontend) -> None:
    """So neither UV_PYTHON nor a .python-version file of the user's chooses another one for what a cell does itself."""
    made = recipe({BEFORE_TEST: "pip --version", BUILD_FRONTEND: BuildFrontend(name=frontend)})
    made = replace(made, tools=replace(made.tools, is_disposable=False))
    check = replace(made, job=job_for("cp314t-manylinux_x86_64", CATALOG, made.job.settings)).gil_check("w.whl")
    assert check is not None
    texts = [" ".join(step.request.argv) for step in (*made.build(), *made.test("w.whl"), check)]
    calls = [call for text in texts for call in re.findall(r"\buv (?:build|venv|pip install)\b[^&|;}]*", text)]
    assert len(calls) >= 3
    assert [call for call in calls if "--python" not in call] == []


OWN_BY_UV, OWN_BY_PIP = "--installer=uv", "--installer=pip"


@pytest.mark.parametrize(
    ("values", "built_by", "tested_by"),
    [
        ({}, OWN_BY_UV, "uv"),
        (SAYS_TO_PIP, OWN_BY_PIP, "pip"),
        ({TEST_ENVIRONMENT: (("PIP_PRE", "1"),)}, OWN_BY_UV, "pip"),
        ({BEFORE_TEST: "pip config set global.index-url x"}, OWN_BY_UV, "pip"),
        ({BEFORE_BUILD: "echo > ~/.config/pip/pip.conf"}, OWN_BY_PIP, "pip"),
        ({ENVIRONMENT: (("PIP_NO_CACHE_DIR", "1"), ("PIP_PROGRESS_BAR", "off"))}, OWN_BY_UV, "uv"),
        ({ENVIRONMENT: (("PIP_PRE", ""), ("PIP_CONFIG_FILE", "/dev/null"))}, OWN_BY_UV, "uv"),
        ({ENVIRONMENT: (("PIP_INDEX_URL", "x"), ("UV_INDEX_URL", "x"))}, OWN_BY_UV, "uv"),
        # Constraints bind a build and an installation by different variables of uv.
        ({ENVIRONMENT: (("PIP_CONSTRAINT", "c"), ("UV_CONSTRAINT", "c"))}, OWN_BY_PIP, "uv"),
        ({ENVIRONMENT: (("PIP_CONSTRAINT", "c"), ("UV_BUILD_CONSTRAINT", "c"))}, OWN_BY_UV, "pip"),
        # A named frontend brings its installer, as with cibuildwheel.
        ({BUILD_FRONTEND: BuildFrontend(name=Frontend.BUILD)}, Frontend.BUILD, "pip"),
        ({BUILD_FRONTEND: BuildFrontend(name=Frontend.PIP)}, Frontend.PIP, "pip"),
        (SAYS_TO_PIP | {BUILD_FRONTEND: BuildFrontend(name=Frontend.UV)}, Frontend.UV, "uv"),
        (SAYS_TO_PIP | {BUILD_FRONTEND: BuildFrontend(name=Frontend.BUILD_UV)}, Frontend.BUILD_UV, "uv"),
    ],
)
def test_who_speaks_to_pip_gets_pip(values: Values, built_by: Frontend | str, tested_by: str) -> None:
    """Where the choice is ours it falls on pip as soon as something is said to pip that uv would not hear."""
    made = recipe(values)
    if isinstance(built_by, Frontend):
        assert made.tools.frontend is built_by
    else:
        assert made.tools.frontend is Frontend.AUTO
        assert built_by in of(made.build(), StepKind.BUILD).request.argv
    install = of(made.test("w.whl"), StepKind.INSTALL).shown
    assert install.startswith("uv pip install" if tested_by == "uv" else "/matrix/test-environment/bin/pip install")


@pytest.mark.parametrize(
    ("variables", "files", "passed", "expected"),
    [
        (("PIP_INDEX_URL",), (), (), "PIP_INDEX_URL of the image or machine"),
        ((), (("/etc/pip.conf", "index-url"), ("/etc/pip.conf", "no-color")), (), "index-url in /etc/pip.conf"),
        ((), (), ("PIP_FIND_LINKS",), "PIP_FIND_LINKS in environment-pass"),
        # Certificates of this machine are told to both, and those of an image are no answer to the user's own.
        (("PIP_CERT", "SSL_CERT_FILE"), (), (), None),
        (("SSL_CERT_FILE",), (), ("PIP_CERT",), "PIP_CERT in environment-pass"),
    ],
)
def test_image_and_machine_speak_to_pip_too(
    variables: tuple[str, ...], files: tuple[tuple[str, str], ...], passed: tuple[str, ...], expected: str | None
) -> None:
    """What no option says but the image, a file or this machine decides as well, and the run says by what."""
    job = job_for(X86, CATALOG)
    facts = replace(facts_for(job.cell, job.directories[0]), pip_variables=variables, pip_files=files)
    chosen = choose_frontend(job.cell, job.settings, facts, passed)
    assert chosen is (Frontend.UV if expected is None else Frontend.BUILD)
    remark = choice_remark_for(job.cell, job.settings, facts, passed)
    assert (remark is None) is (expected is None)
    assert expected is None or expected in str(remark)


def test_a_plan_foresees_what_options_say() -> None:
    """What the plan has told already is not told again when the image is known."""
    job = job_for(X86, CATALOG, settings_with(SAYS_TO_PIP))
    facts = facts_for(job.cell, job.directories[0])
    assert choice_remark_for(job.cell, job.settings, facts) is None


def test_tools_are_kept_from_what_is_said_to_pip() -> None:
    """Where pip installs our tools too, the user's constraints are not for them; the index is."""
    values: Values = {ENVIRONMENT: (("PIP_CONSTRAINT", "c"),), BUILD_FRONTEND: BuildFrontend(name=Frontend.BUILD)}
    made = recipe(values, modules=("pip", "venv", "ensurepip"))
    script = of(made.build(), StepKind.BUILD_ENVIRONMENT).request.argv[-1]
    assert "(unset PIP_CONSTRAINT" in script
    assert "PIP_INDEX_URL" not in script
    assert "uv " not in script


def test_a_projects_uv_settings_stay_out_of_what_is_ours() -> None:
    """Where uv was not asked for, neither the build nor the test's installation sees them; user's variables prevail."""
    made = recipe({})
    build = of(made.build(), StepKind.BUILD)
    assert build.request.argv[-2:] == ("--installer=uv", "--aside=/")
    (interpreter,) = made.tools.facts.interpreters
    others = recipe({}, "pp39-manylinux_x86_64")
    no_toml = replace(others, tools=replace(others.tools, interpreter=replace(interpreter, pip="")))
    assert of(no_toml.build(), StepKind.BUILD).request.argv[-2:] == ("--project=/", "--no-sources")
    for kind in (StepKind.INSTALL, StepKind.TEST_ENVIRONMENT):
        assert dict(of(made.test("w.whl"), kind).request.env)["UV_PROJECT"] == "/"
    named = recipe({BUILD_FRONTEND: BuildFrontend(name=Frontend.UV)})
    assert "--no-sources" not in of(named.build(), StepKind.BUILD).request.argv
    assert "UV_PROJECT" in dict(of(named.test("w.whl"), StepKind.INSTALL).request.env)
    # cibuildwheel, asked for uv, follows them in the test too.
    drop_in = settings_with({TEST_COMMAND: "t", BUILD_FRONTEND: BuildFrontend(name=Frontend.UV)})
    theirs = recipe_for(job_for(X86, CATALOG, replace(drop_in, is_drop_in=True)))
    assert "UV_PROJECT" not in dict(of(theirs.test("w.whl"), StepKind.INSTALL).request.env)
    assert "UV_PROJECT" in dict(of(theirs.test("w.whl"), StepKind.TEST_ENVIRONMENT).request.env)


@pytest.mark.parametrize(
    ("disposable", "python"),
    [(True, "/opt/python/cp311-cp311/bin/python"), (False, "/matrix/build-environment/bin/python")],
)
def test_before_build_can_install_by_uv(*, disposable: bool, python: str) -> None:
    """UV_PYTHON is the Python that the build uses: the interpreter, or an environment where that is somebody's."""
    settings = settings_with({BEFORE_BUILD: "uv pip install x"})
    made = recipe_for(job_for(X86, CATALOG, settings), is_disposable=disposable)
    assert dict(of(made.build(), StepKind.BEFORE_BUILD).request.env)["UV_PYTHON"] == python
    assert "UV_PYTHON" not in dict(of(made.build(), StepKind.BUILD).request.env)
    plain = recipe_for(job_for(X86, CATALOG, settings), tools=("auditwheel", "patchelf"))
    assert "UV_PYTHON" not in dict(of(plain.build(), StepKind.BEFORE_BUILD).request.env)


@pytest.mark.parametrize(
    ("frontend", "hashes", "expected"),
    [
        (Frontend.AUTO, False, {"UV_BUILD_CONSTRAINT": "mine.txt FILE"}),
        (Frontend.AUTO, True, {"UV_BUILD_CONSTRAINT": "mine.txt FILE", "UV_REQUIRE_HASHES": "1"}),
        (Frontend.UV, False, {"UV_BUILD_CONSTRAINT": "mine.txt FILE"}),
        (Frontend.UV, True, {"UV_BUILD_CONSTRAINT": "mine.txt FILE", "UV_REQUIRE_HASHES": "1"}),
        (Frontend.BUILD_UV, True, {"UV_BUILD_CONSTRAINT": "mine.txt FILE", "UV_CONSTRAINT": "FILE"}),
        (Frontend.BUILD, True, {"PIP_BUILD_CONSTRAINT": "FILE", "PIP_CONSTRAINT": "theirs.txt FILE"}),
        (Frontend.PIP, False, {"PIP_BUILD_CONSTRAINT": "FILE", "PIP_CONSTRAINT": "theirs.txt FILE"}),
        (Frontend.PIP, True, {"PIP_BUILD_CONSTRAINT": "FILE", "PIP_CONSTRAINT": "theirs.txt"}),
    ],
)
def test_constraints_reach_each_frontend(
    tmp_path: Path, frontend: Frontend, *, hashes: bool, expected: dict[str, str]
) -> None:
    """They come beside the user's own, by the variables that the frontend's installer heeds."""
    constraints = BuildConstraints(lines=("setuptools==80.9.0",))
    settings = settings_with({BUILD_FRONTEND: BuildFrontend(name=frontend), BUILD_CONSTRAINTS: constraints})
    made = recipe_for(job_for(X86, CATALOG, settings), root=str(tmp_path))
    (interpreter,) = made.tools.facts.interpreters
    tools = replace(made.tools, has_hashes=hashes, interpreter=replace(interpreter, pip="26.3"))
    step = of(replace(made, tools=tools).build(), StepKind.BUILD)
    assert step.shown.startswith(("uv build", "python -I" if frontend is Frontend.AUTO else "python -m"))
    program = "import os, json; print(json.dumps(dict(os.environ)))"
    argv = instead_of_frontend(step, sys.executable, "-c", program)
    env = {"UV_BUILD_CONSTRAINT": "mine.txt", "PIP_CONSTRAINT": "theirs.txt"}
    seen = json.loads(subprocess.run(argv, env=env, check=True, capture_output=True, text=True).stdout)
    path = f"{tmp_path}/matrix/build-constraints.txt"
    assert {name: seen.get(name) for name in expected} == {
        name: value.replace("FILE", path) for name, value in expected.items()
    }
    assert Path(path).read_text() == "setuptools==80.9.0\n"


def test_a_file_that_is_not_in_the_cell_fails_the_build(tmp_path: Path) -> None:
    """A file that the copied project lacks is named, and nothing is built without it."""
    made = recipe_for(
        job_for(X86, CATALOG, settings_with({BUILD_CONSTRAINTS: BuildConstraints(file="c.txt")})), root=str(tmp_path)
    )
    step = of(made.build(), StepKind.BUILD)
    ended = subprocess.run(instead_of_frontend(step, "true"), check=False, capture_output=True, text=True)
    assert ended.returncode == 1
    assert f"{tmp_path}/project/c.txt is not among the files" in ended.stderr


def test_constraints_without_isolation_are_told_to_be_idle() -> None:
    """Where the frontend installs nothing there is nothing to hold, and the cell says so."""
    frontend = BuildFrontend(name=Frontend.BUILD_UV, args=("--no-isolation",))
    made = recipe({BUILD_FRONTEND: frontend, BUILD_CONSTRAINTS: BuildConstraints(file="c.txt")})
    assert of(made.build(), StepKind.BUILD).request.argv[0] == "python"
    assert "--installer=uv" not in of(made.build(), StepKind.BUILD).request.argv
    assert any(remark.startswith("build-constraints have no effect") for remark in made.remarks())


AT = "2026-11-01T00:00:00Z"
SEES = (StepKind.BEFORE_BUILD, StepKind.BUILD, StepKind.BEFORE_TEST, StepKind.INSTALL, StepKind.TEST)


def test_one_time_for_all_that_the_project_installs() -> None:
    """Both uv and pip are told in the project's steps, and nothing in those that install tools of ours."""
    values: Values = {
        BEFORE_BUILD: "b",
        BEFORE_TEST: "b",
        BUILD_FRONTEND: BuildFrontend(name=Frontend.BUILD),
        EXCLUDE_NEWER: ExcludeNewer(text="7d", age=7),
    }
    made = replace(recipe(values, modules=("pip", "venv", "ensurepip")), exclude_newer=AT)
    for step in (*made.build(), *made.test("w.whl")):
        both = ("UV_EXCLUDE_NEWER", "PIP_UPLOADED_PRIOR_TO")
        said = {name: value for name, value in step.request.env if name in both}
        assert said == (dict.fromkeys(both, AT) if step.kind in SEES else {}), step.kind


@pytest.mark.parametrize(
    ("cell", "frontend", "hashes", "obstacle"),
    [
        ("cp311", Frontend.BUILD, True, None),
        ("cp39", Frontend.BUILD, True, "build-constraints with hashes needs pip 26.1, which Python 3.9 never got"),
        ("cp39", Frontend.BUILD, False, None),
        ("cp39", Frontend.UV, True, None),
        ("cp38", Frontend.BUILD, False, "exclude-newer needs pip 26.0"),
        ("cp38", Frontend.AUTO, False, None),
        ("cp27mu", Frontend.AUTO, False, "exclude-newer needs pip 26.0"),
    ],
)
def test_what_no_pip_can_do_is_said_before_the_build(
    cell: str, frontend: Frontend, *, hashes: bool, obstacle: str | None
) -> None:
    """A cell whose pip would leave an option unheeded, in silence or with an odd error, fails with its reason."""
    values: Values = {BUILD_FRONTEND: BuildFrontend(name=frontend)}
    values[EXCLUDE_NEWER] = ExcludeNewer(text="7d", age=7)
    made = recipe(values, f"{cell}-manylinux_x86_64")
    found = obstacle_of(replace(made.tools, has_hashes=hashes))
    assert (found is None) is (obstacle is None)
    assert obstacle is None or str(found and found[0]).startswith(obstacle)


def test_an_old_pip_is_not_used_for_what_it_cannot_do() -> None:
    """The build gets an environment with a newer pip where the interpreter's own is too old for an option."""
    values: Values = {BUILD_FRONTEND: BuildFrontend(name=Frontend.BUILD)}
    values[EXCLUDE_NEWER] = ExcludeNewer(text="7d", age=7)
    made = recipe(values)
    assert not made.tools.has_build_environment
    old = replace(made.tools, interpreter=replace(made.tools.interpreter, pip="23.0.1"))
    assert old.has_build_environment


@pytest.mark.parametrize(
    ("frontend", "level", "is_drop_in", "flag"),
    [
        (Frontend.BUILD, 1, True, None),
        (Frontend.BUILD, 2, True, "-v"),
        (Frontend.UV, 3, True, "-vv"),
        (Frontend.PIP, 1, True, "-v"),
        (Frontend.BUILD_UV, -2, True, "-qq"),
        (Frontend.UV, -1, True, "-q"),
        (Frontend.BUILD, 1, False, "-v"),
        (Frontend.BUILD, -1, False, "-q"),
    ],
)
def test_verbosity_is_cibuildwheels_in_its_table(
    frontend: Frontend, level: int, *, is_drop_in: bool, flag: str | None
) -> None:
    """There the first level is what `build` and uv say anyway; in our table each level is a flag."""
    settings = settings_with({BUILD_FRONTEND: BuildFrontend(name=frontend), BUILD_VERBOSITY: level})
    made = recipe_for(job_for(X86, CATALOG, replace(settings, is_drop_in=is_drop_in)))
    argv = of(made.build(), StepKind.BUILD).request.argv
    assert [word for word in argv if word[:2] in {"-v", "-q"}] == ([flag] if flag else [])


def installed(site: Path, name: str, requires: str) -> None:
    """Write the metadata of a distribution."""
    folder = site / f"{name}-2.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.0\nRequires-Python: {requires}\n"
    )


NOW = f"{sys.version_info[0]}.{sys.version_info[1]}"
NEXT = f"{sys.version_info[0]}.{sys.version_info[1] + 1}"


@pytest.mark.parametrize(
    ("requires", "fits"),
    [
        (">=3.8", True),
        (f"<{NOW}", False),
        (f">=3.8,<={NOW}", sys.version_info[2] == 0),
        (f"=={NOW}.*", True),
        (f"!={NOW}.*", False),
        (f"<{NEXT}", True),
        (f"~={NOW}", True),
        (f"~={NOW}.0", True),
        ("~=3.8.0", False),
        (f"=={NOW}", sys.version_info[2] == 0),
        (f">{NEXT}", False),
        ("any version", True),
        ("", True),
    ],
)
def test_what_is_not_for_this_python_is_found(tmp_path: Path, requires: str, *, fits: bool) -> None:
    """The program compares as PEP 440 says, without `packaging`, and lets be what it cannot read."""
    installed(tmp_path, "demo", requires)
    program = f"import sys; sys.path[:] = [{str(tmp_path)!r}, *[p for p in sys.path if 'site-packages' not in p]]\n"
    for word, code in (("error", 1), ("warning", 0)):
        argv = (sys.executable, "-I", "-c", program + FITS_PYTHON, word)
        ended = subprocess.run(argv, check=False, capture_output=True, text=True)
        assert ended.returncode == (0 if fits else code), ended.stderr
        assert (f"{word}: demo 2.0 is for Python {requires}" in ended.stderr) is not fits


def test_an_age_counts_from_the_start_of_the_run() -> None:
    """One instant comes of an age and the start; a fixed time is itself."""
    start = datetime(2026, 11, 8, 12, 30, 1, tzinfo=timezone.utc)
    read = EXCLUDE_NEWER.kind.read
    assert read("7d").instant(start) == "2026-11-01T12:30:01Z"
    assert read("2 weeks").instant(start) == "2026-10-25T12:30:01Z"
    assert read("2026-11-01").instant(start) == "2026-11-02T00:00:00Z"
    assert read("2026-11-01T02:00:00+02:00").instant(start) == AT
    assert read("2026-11-01T00:00:00z").instant(start) == AT
    assert read("").instant(start) == ""
