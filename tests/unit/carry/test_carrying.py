"""Whether a run carries anything, and of which cells."""

from pathlib import Path

import pytest
from fake_run import FakeRun
from planning import engine_with, settings_with

from matrix_runner.carry.carrying import Carrying, is_wanted, may_carry_layer
from matrix_runner.config.kinds.values import CacheCarry, CompilerCache, CompilerCacheBackend, CompilerCacheChoice
from matrix_runner.config.options.build_options import ENVIRONMENT, ENVIRONMENT_PASS, SECRET_VARIABLES
from matrix_runner.config.options.cache_options import CACHE_CARRY, CACHE_DIR, CACHE_REMOTE, CACHE_SCOPE, COMPILER_CACHE
from matrix_runner.config.options.option import Option, Source
from matrix_runner.config.options.run_options import CONTAINER_ENGINE
from matrix_runner.container.project_volumes import ProjectVolumes
from matrix_runner.engine.fake.fake_engine import FakeEngine

Values = dict[Option[object], object]
CELL = "cp311-manylinux_x86_64"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, False),
        ({CACHE_DIR: "x"}, True),
        ({CACHE_REMOTE: "file:///x"}, True),
        ({CACHE_DIR: "x", CACHE_CARRY: CacheCarry.OFF}, False),
        ({CACHE_CARRY: CacheCarry.ON}, True),
        ({CACHE_CARRY: CacheCarry.ALL}, True),
    ],
)
def test_whoever_names_a_directory_carries_it(values: Values, *, expected: bool) -> None:
    """By itself the user's own cache directory is not carried: the engine has all that is in it."""
    assert is_wanted(settings_with(values)) is expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, True),
        ({ENVIRONMENT_PASS: ("TOKEN",)}, False),
        ({ENVIRONMENT_PASS: ("UNSET",)}, True),
        ({ENVIRONMENT_PASS: ("TOKEN",), CACHE_CARRY: CacheCarry.ALL}, True),
        ({CONTAINER_ENGINE: engine_with("--env", "TOKEN")}, False),
        ({CONTAINER_ENGINE: engine_with("--env", "LEVEL=known")}, True),
        ({CONTAINER_ENGINE: engine_with("--env", "API_TOKEN=known")}, False),
        ({ENVIRONMENT: (("LEVEL", '"known"'),)}, True),
        ({ENVIRONMENT: (("API_TOKEN", '"known"'),)}, False),
        ({ENVIRONMENT: (("API_TOKEN", '"known"'),), SECRET_VARIABLES: ("!API_TOKEN",)}, True),
    ],
)
def test_a_layer_that_may_hold_a_passed_value_stays(tmp_path: Path, values: Values, *, expected: bool) -> None:
    """By environment-pass or create-args; what the configuration itself says is no secret, unless its name is one's."""
    (job,) = FakeRun(directory=tmp_path, identifiers=(CELL,), settings=settings_with(values)).request(FakeEngine()).jobs
    assert may_carry_layer(job, {"TOKEN": "x"}) is expected


def test_what_only_a_server_gets_keeps_no_layer(tmp_path: Path) -> None:
    """The key to GitHub's cache is given to sccache's server, long after `before-all`."""
    choice = CompilerCacheChoice(name=CompilerCache.SCCACHE, backend=CompilerCacheBackend.GITHUB)
    settings = settings_with({COMPILER_CACHE: choice})
    (job,) = FakeRun(directory=tmp_path, identifiers=(CELL,), settings=settings).request(FakeEngine()).jobs
    assert may_carry_layer(job, {"ACTIONS_RESULTS_URL": "http://cache.example/", "ACTIONS_RUNTIME_TOKEN": "x"})


def test_a_layer_stays_that_may_hold_what_the_host_says(tmp_path: Path) -> None:
    """`environment` by its variable or a flag is from outside the project; so is the password of a proxy."""
    plain, given = (
        settings_with({ENVIRONMENT: (("LEVEL", "known"),)}, source=source) for source in (Source.FILE, Source.FLAG)
    )
    (job,) = FakeRun(directory=tmp_path, identifiers=(CELL,), settings=given).request(FakeEngine()).jobs
    assert not may_carry_layer(job, {})
    (job,) = FakeRun(directory=tmp_path, identifiers=(CELL,), settings=plain).request(FakeEngine()).jobs
    assert may_carry_layer(job, {"https_proxy": "http://proxy.example:3128"})
    assert not may_carry_layer(job, {"https_proxy": "http://user:long-password@proxy.example:3128"})


@pytest.mark.parametrize(
    ("values", "is_persistent", "expected", "words"),
    [
        ({CACHE_CARRY: CacheCarry.ON, CACHE_SCOPE: "x"}, True, True, ""),
        ({CACHE_CARRY: CacheCarry.ON, CACHE_SCOPE: "x"}, False, False, ""),
        ({CACHE_CARRY: CacheCarry.ON}, True, False, "nothing is carried"),
        ({CACHE_DIR: "x"}, True, False, ""),
    ],
)
def test_what_cannot_be_told_from_others_is_not_carried(
    tmp_path: Path, values: Values, words: str, *, is_persistent: bool, expected: bool
) -> None:
    """It is told if it was asked for; nor is anything carried of a run that keeps nothing."""
    cache = tmp_path / "cache"
    fake = FakeRun(directory=tmp_path, identifiers=(CELL,), settings=settings_with(values), cache=cache)
    inputs = fake.request(FakeEngine()).inputs
    volumes = ProjectVolumes(project=inputs.project, owner="o", run="r", is_persistent=is_persistent)
    said: list[str] = []
    carrying = Carrying.of(inputs, volumes, tmp_path / "staging", None, said.append)
    assert (carrying is not None) is expected
    assert [text[: len(words)] for text in said] == ([words] if words else [])
