"""The set-up of a compiler cache in a cell, on the fake engine: when it is done, and what follows if it fails."""

from pathlib import Path

import pytest
from fake_run import FakeRun, outcome, what
from planning import settings_with

from matrix_runner.config.kinds.values import CompilerCache, CompilerCacheBackend, CompilerCacheChoice
from matrix_runner.config.options.build_options import ENVIRONMENT
from matrix_runner.config.options.cache_options import COMPILER_CACHE
from matrix_runner.engine.api import Ending
from matrix_runner.engine.fake.fake_engine import FakeCall, FakeResult
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Status
from matrix_runner.run import build

CELL = "cp311-manylinux_x86_64"
SCCACHE = CompilerCacheChoice(name=CompilerCache.SCCACHE, backend=CompilerCacheBackend.GITHUB)
TOKEN = "abcdef-123456"
GITHUB = {"ACTIONS_RESULTS_URL": "https://results/", "ACTIONS_RUNTIME_TOKEN": TOKEN}


def is_set_up(call: FakeCall) -> bool:
    """Whether a command sets the compiler cache up."""
    return any("/matrix/compilers" in word and "there()" in word for word in call.request.argv)


def test_it_sees_what_environment_says(tmp_path: Path) -> None:
    """`environment` is evaluated first and once: it may say where the program is, or the index."""
    settings = settings_with(
        {COMPILER_CACHE: CompilerCacheChoice(name=CompilerCache.CCACHE), ENVIRONMENT: (("A", "1"),)},
        project_name="demo",
    )
    fake = FakeRun(directory=tmp_path, identifiers=(CELL,), settings=settings)
    with fake.engine() as engine:
        report = build(fake.request(engine))
        evaluates = [number for number, call in enumerate(engine.commands) if 'A="1"' in " ".join(call.request.argv)]
        (sets_up,) = (number for number, call in enumerate(engine.commands) if is_set_up(call))
        (builds,) = (number for number, call in enumerate(engine.commands) if what(call) == "build")
    assert outcome(report, CELL).status is Status.PASSED
    assert len(evaluates) == 1
    assert evaluates[0] < sets_up < builds


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (FakeResult(status=3), "the image has no ccache, and none can be brought for this platform"),
        (FakeResult(status=4, output=(b"error: no route\n",)), "none could be brought: error: no route"),
        (FakeResult(ending=Ending.TIMED_OUT), "the set-up of ccache took too long"),
        (FakeResult(status=1, output=(b"disk full\n",)), "the set-up of ccache failed: disk full"),
    ],
)
def test_one_that_fails_is_told(tmp_path: Path, result: FakeResult, words: str) -> None:
    """The cell passes, and its build does not look for the wrappers; the warning has the reason."""
    settings = settings_with({COMPILER_CACHE: CompilerCacheChoice(name=CompilerCache.CCACHE)}, project_name="demo")
    fake = FakeRun(directory=tmp_path, identifiers=(CELL,), settings=settings)
    fake.override = lambda call: result if is_set_up(call) else None
    with fake.engine() as engine:
        report = build(fake.request(engine))
        (builds,) = (call for call in engine.commands if what(call) == "build")
    found = outcome(report, CELL)
    assert (found.status, found.compiler_cache) == (Status.PASSED, None)
    assert any(words in notice and "everything is compiled" in notice for notice in fake.recorder.notices())
    assert "/matrix/compilers" not in dict(builds.request.env)["PATH"]


def test_only_the_server_gets_the_key_to_githubs_cache(tmp_path: Path) -> None:
    """Neither before-build nor build nor test does; its output is masked."""
    settings = settings_with({COMPILER_CACHE: SCCACHE}, project_name="demo")
    fake = FakeRun(directory=tmp_path, identifiers=(CELL,), settings=settings, environ=GITHUB)
    fake.override = lambda call: FakeResult(output=(f"Bearer {TOKEN}\n".encode(),)) if is_set_up(call) else None
    with fake.engine() as engine:
        build(fake.request(engine))
        holders = [call for call in engine.commands if TOKEN in dict(call.request.env).values()]
        assert [is_set_up(call) for call in holders] == [True]
        assert dict(holders[0].request.env)["SCCACHE_GHA_ENABLED"] == "true"
    log = fake.recorder.log(Cell.parse(CELL))
    assert "Bearer ***" in log
    assert TOKEN not in log


def test_without_a_key_the_volume_serves(tmp_path: Path) -> None:
    """As outside of GitHub: told, by the name of the variable."""
    settings = settings_with({COMPILER_CACHE: SCCACHE}, project_name="demo")
    fake = FakeRun(directory=tmp_path, identifiers=(CELL,), settings=settings)
    with fake.engine() as engine:
        report = build(fake.request(engine))
        (sets_up,) = (call for call in engine.commands if is_set_up(call))
    assert outcome(report, CELL).status is Status.PASSED
    assert "ACTIONS_RESULTS_URL is not set here" in " ".join(fake.recorder.notices())
    assert "SCCACHE_GHA_ENABLED" not in dict(sets_up.request.env)
    assert dict(sets_up.request.env)["SCCACHE_DIR"] == "/matrix/compiled"
