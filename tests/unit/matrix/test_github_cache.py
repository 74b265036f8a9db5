"""Which of this machine's variables the server of a compiler cache gets, to reach GitHub's cache."""

from matrix_runner.config.kinds.values import CompilerCache, CompilerCacheBackend, CompilerCacheChoice
from matrix_runner.matrix.github_cache import github_variables, lacking_variable

VOLUME = CompilerCacheChoice(name=CompilerCache.SCCACHE)
GITHUB = CompilerCacheChoice(name=CompilerCache.SCCACHE, backend=CompilerCacheBackend.GITHUB)
THERE = {"ACTIONS_RESULTS_URL": "https://results/", "ACTIONS_RUNTIME_TOKEN": "secret"}


def test_they_are_handed_on_where_it_is_asked_for() -> None:
    """With sccache's own options for it, and nothing else; the user cannot turn it off by the way."""
    environ = {**THERE, "SCCACHE_GHA_VERSION": "7", "SCCACHE_GHA_ENABLED": "false", "SCCACHE_DIR": "/x", "CI": "1"}
    expected = {**THERE, "SCCACHE_GHA_VERSION": "7", "SCCACHE_GHA_ENABLED": "true", "ACTIONS_CACHE_SERVICE_V2": "true"}
    assert dict(github_variables(GITHUB, environ)) == expected
    assert dict(github_variables(GITHUB, {**environ, "ACTIONS_CACHE_SERVICE_V2": ""})) == expected
    # A server of one's own may have the first version of the service only.
    first = {**environ, "ACTIONS_CACHE_URL": "https://old/"}
    assert "ACTIONS_CACHE_SERVICE_V2" not in dict(github_variables(GITHUB, first))
    assert github_variables(VOLUME, environ) == ()
    assert lacking_variable(VOLUME, {}) is None
    assert lacking_variable(GITHUB, environ) is None


def test_one_that_lacks_is_named() -> None:
    """Then none is handed on: sccache would not start; an empty one is as good as none."""
    for environ, name in (
        ({}, "ACTIONS_RESULTS_URL"),
        ({**THERE, "ACTIONS_RUNTIME_TOKEN": ""}, "ACTIONS_RUNTIME_TOKEN"),
    ):
        assert lacking_variable(GITHUB, environ) == name
        assert github_variables(GITHUB, environ) == ()
