"""The variables by which a compiler cache reaches GitHub's cache, as far as this machine has them. Pure."""

from collections.abc import Mapping
from typing import Final

from matrix_runner.config.kinds.values import CompilerCacheBackend, CompilerCacheChoice, Variables

_NEEDED: Final = ("ACTIONS_RESULTS_URL", "ACTIONS_RUNTIME_TOKEN")
"""What sccache asks for (its docs/GHA.md); GitHub gives them to actions, not to `run` steps."""

_FURTHER: Final = ("ACTIONS_CACHE_URL", "ACTIONS_CACHE_SERVICE_V2")
_OPTIONS: Final = "SCCACHE_GHA_"


def github_variables(choice: CompilerCacheChoice, environ: Mapping[str, str]) -> Variables:
    """Return the variables for the compiler cache's server; none if another backend is chosen, or one lacks here."""
    if choice.backend is not CompilerCacheBackend.GITHUB or lacking_variable(choice, environ) is not None:
        return ()
    names = sorted(name for name in environ if name in {*_NEEDED, *_FURTHER} or name.startswith(_OPTIONS))
    enabled = f"{_OPTIONS}ENABLED"
    return (*((name, environ[name]) for name in names if name != enabled), (enabled, "true"))


def lacking_variable(choice: CompilerCacheChoice, environ: Mapping[str, str]) -> str | None:
    """Return the first variable that GitHub's cache needs and this machine lacks; None if it can, or need not, be."""
    if choice.backend is not CompilerCacheBackend.GITHUB:
        return None
    return next((name for name in _NEEDED if not environ.get(name)), None)
