"""The compiler cache of a cell: commands in the place of compilers, and what is read of its doings."""

import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace
from planning import job_for, recipe_for, settings_with

from matrix_runner import catalog
from matrix_runner.config.kinds.values import CompilerCache, CompilerCacheChoice
from matrix_runner.config.options.build_options import BEFORE_BUILD
from matrix_runner.config.options.cache_options import COMPILER_CACHE
from matrix_runner.config.options.test_options import TEST_COMMAND
from matrix_runner.model.outcomes import CompilerCacheUse, StepKind
from matrix_runner.recipe.cell_recipe import CellRecipe
from matrix_runner.recipe.compiling.compiler_cache import CompilerCaching
from matrix_runner.recipe.layout import Layout

CATALOG = catalog.load()
BOTH = (CompilerCache.CCACHE, CompilerCache.SCCACHE)


def recipe_with(tool: CompilerCache) -> CellRecipe:
    """Return the recipe of a cell with commands of the user's before the build and in the test."""
    settings = settings_with(
        {COMPILER_CACHE: CompilerCacheChoice(name=tool), BEFORE_BUILD: "make", TEST_COMMAND: "true"}
    )
    return recipe_for(job_for("cp311-manylinux_x86_64", CATALOG, settings))


@pytest.mark.parametrize("tool", BOTH)
def test_only_steps_of_the_build_see_it(tool: CompilerCache) -> None:
    """before-build and build find its commands after Python's and before the image's own; a test never does."""
    recipe = recipe_with(tool)
    steps = {step.kind: dict(step.request.env) for step in (*recipe.build(), *recipe.test("a.whl"))}
    for kind in (StepKind.BEFORE_BUILD, StepKind.BUILD):
        first, second = steps[kind]["PATH"].split(":")[:2]
        assert first.endswith("/bin")
        assert second == "/matrix/compilers"
        assert f"{tool.name}_DIR" in steps[kind]
        assert "VIRTUAL_ENV" not in steps[kind]
    assert "/matrix/compilers" not in steps[StepKind.TEST]["PATH"]
    assert f"{tool.name}_DIR" not in steps[StepKind.TEST]


def test_without_one_nothing_is_different() -> None:
    """By default, and where the image lacks it, the compilers are the image's own."""
    with_none = list(recipe_with(CompilerCache.NONE).build())
    assert list(replace(recipe_with(CompilerCache.CCACHE), caches_compilers=False).build()) == [
        replace(step, request=step.request) for step in with_none
    ]


@pytest.mark.parametrize("tool", BOTH)
def test_its_commands_call_the_compiler_that_is_there(tmp_path: Path, tool: CompilerCache) -> None:
    """A real shell makes them, one for each compiler on PATH and none for others; each asks the tool first."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("gcc", "g++", str(tool)):
        (tools / name).write_text('#!/bin/sh\necho "$0 $*"\n')
        (tools / name).chmod(0o755)
    caching = CompilerCaching(tool=tool, layout=Layout(root=str(tmp_path)))
    path = f"{tools}:/usr/bin:/bin"
    for name in (
        "powerpc64le-linux-gnu-gcc",
        "aarch64-redhat-linux-g++",
        "gcc-99",
        "x86_64-linux-gnu-g++-99",
        "gcc-ar",
    ):
        (tools / name).write_text('#!/bin/sh\necho "$0 $*"\n')
        (tools / name).chmod(0o755)
    names = 'for n in cc c++ gcc g++ clang clang++ no-such; do command -v "$n" >/dev/null && echo "$n"; done; true'
    known = subprocess.run(("sh", "-c", names), env={"PATH": path}, capture_output=True, text=True, check=True).stdout
    subprocess.run(("sh", "-c", caching.set_up()), env={"PATH": path}, check=True, stdout=subprocess.DEVNULL)
    made = {file.name for file in Path(caching.path).iterdir()}
    assert set(known.split()) <= made
    assert {"powerpc64le-linux-gnu-gcc", "aarch64-redhat-linux-g++", "gcc-99", "x86_64-linux-gnu-g++-99"} <= made
    assert not {"no-such", "gcc-ar", "*-linux*-gcc", "gfortran"} & made
    argv = ("gcc", "-c", "a b.c")
    said = subprocess.run(
        argv, env={"PATH": f"{caching.path}:{path}"}, capture_output=True, text=True, check=True
    ).stdout.strip()
    expected = (
        f"{caching.path}/gcc -c a b.c" if tool is CompilerCache.CCACHE else f"{tools}/sccache {tools}/gcc -c a b.c"
    )
    assert said == expected


@pytest.mark.parametrize("tool", BOTH)
def test_a_missing_tool_has_a_status_of_its_own(tmp_path: Path, tool: CompilerCache) -> None:
    """Status 3, and nothing is made."""
    caching = CompilerCaching(tool=tool, layout=Layout(root=str(tmp_path)))
    done = subprocess.run(("/bin/sh", "-c", caching.set_up()), env={"PATH": "/nowhere"}, check=False)
    assert done.returncode == 3
    assert list(tmp_path.iterdir()) == []
    assert f"the image has no {tool}" in caching.refusal(done.returncode, "")


@pytest.mark.parametrize(
    ("log", "hits", "misses"),
    [
        ("", 0, 0),
        # 3.7, 4.2 and 4.8 tell the same in their own words.
        ("[1] Result: cache hit (direct)\n[2] Result: cache miss\n[3] Result: cache hit (preprocessed)\n", 2, 1),
        ("[1] Result: direct_cache_hit\n[2] Result: cache_miss\n[3] Result: called_for_link\n", 1, 1),
        (
            "[1] Result: direct_cache_miss\n[1] Result: preprocessed_cache_hit\n[2] Result: cache_miss\n",
            1,
            1,
        ),
    ],
)
def test_what_ccache_did(log: str, hits: int, misses: int) -> None:
    """Each compilation counts once, linking not at all, in the words of every version."""
    caching = CompilerCaching(tool=CompilerCache.CCACHE, layout=Layout(root=""))
    assert caching.read(log) == CompilerCacheUse(tool="ccache", hits=hits, misses=misses)


def test_what_sccache_did() -> None:
    """Its totals count, not those by language."""
    stats = "Compile requests                      3\nCache hits                            2\n"
    stats += (
        "Cache hits (C/C++)                    2\nCache misses                          1\nCache misses (C/C++) 1\n"
    )
    caching = CompilerCaching(tool=CompilerCache.SCCACHE, layout=Layout(root=""))
    assert caching.read(stats) == CompilerCacheUse(tool="sccache", hits=2, misses=1)
