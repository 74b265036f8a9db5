"""The variables by which a compiler cache reaches GitHub's cache, as far as this machine has them. Pure."""

from collections.abc import Mapping
from typing import Final

from matrix_runner.config.kinds.values import CompilerCacheBackend, CompilerCacheChoice, Variables

_NEEDED: Final = ("ACTIONS_RESULTS_URL", "ACTIONS_RUNTIME_TOKEN")
"""What sccache asks for (its docs/GHA.md); GitHub gives them to actions, not to `run` steps."""

_FIRST_SERVICE: Final = "ACTIONS_CACHE_URL"
_IS_SECOND: Final = "ACTIONS_CACHE_SERVICE_V2"
"""Without it sccache speaks to the first version of the service (measured, 0.16.0), which the second has replaced."""

_OPTIONS: Final = "SCCACHE_GHA_"


def github_variables(choice: CompilerCacheChoice, environ: Mapping[str, str]) -> Variables:
    """Return the variables for the compiler cache's server; none if another backend is chosen, or one lacks here."""
    if choice.backend is not CompilerCacheBackend.GITHUB or lacking_variable(choice, environ) is not None:
        return ()
    known = {*_NEEDED, _FIRST_SERVICE, _IS_SECOND}
    given = {name: value for name, value in environ.items() if value and (name in known or name.startswith(_OPTIONS))}
    usual = {} if _FIRST_SERVICE in given else {_IS_SECOND: "true"}
    return tuple(sorted({**usual, **given, f"{_OPTIONS}ENABLED": "true"}.items()))


def lacking_variable(choice: CompilerCacheChoice, environ: Mapping[str, str]) -> str | None:
    """Return the first variable that GitHub's cache needs and this machine lacks; None if it can, or need not, be."""
    if choice.backend is not CompilerCacheBackend.GITHUB:
        return None
    return next((name for name in _NEEDED if not environ.get(name)), None)
