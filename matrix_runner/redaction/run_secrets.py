"""The secret values of a run, from settings and the host's environment. Pure.

Any value from outside the project may be secret: a CI system passes secrets as variables. Values in the project's own
files are not, unless their name is that of a secret.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeVar, cast
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from matrix_runner.config.kinds.values import Variables
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.build_options import ENVIRONMENT, ENVIRONMENT_PASS, SECRET_VARIABLES
from matrix_runner.config.options.cache_options import CACHE_REMOTE, COMPILER_CACHE
from matrix_runner.config.options.option import Option, Source
from matrix_runner.config.options.run_options import CONTAINER_ENGINE
from matrix_runner.config.options.test_options import TEST_ENVIRONMENT
from matrix_runner.engine.proxies import network_env
from matrix_runner.matrix.github_cache import github_variables
from matrix_runner.redaction.redactor import Redactor
from matrix_runner.redaction.secret_names import NameVerdict, SecretNames
from matrix_runner.redaction.shell_values import literal_parts
from matrix_runner.redaction.spellings import SHORTEST

T = TypeVar("T")

SHORTEST_UNNAMED: Final = 8
"""Minimum length in characters of a masked value without a secret-looking variable name."""

FEWEST_DIFFERENT: Final = 3
"""Minimum number of different characters in a secret: `--------` and `00000000` are none."""

_FROM_OUTSIDE: Final = frozenset({Source.ENVIRONMENT, Source.FLAG})


class _Variable(msgspec.Struct, frozen=True, kw_only=True):
    """A variable of a cell. `is_from_outside`: its value is not from the project."""

    name: str
    value: str
    is_from_outside: bool


def redactor_of(
    settings: Iterable[Settings], environ: Mapping[str, str], *, sees_environment: bool = False
) -> Redactor:
    """Return the redactor of a run. `settings`: those of the run, and those of its cells if different.

    `sees_environment`: whether commands see the whole of `environ`, as on the machine itself.
    """
    distinct = {id(one): one for one in settings}.values()
    own = (pattern for one in distinct for pattern in one[SECRET_VARIABLES])
    names = SecretNames(own=tuple(dict.fromkeys(own)))
    variables = [variable for one in distinct for variable in _variables(one, environ)]
    secrets = {secret for variable in variables for secret in _of_variable(variable, names)}
    if sees_environment:
        hidden = (value for name, value in environ.items() if names.verdict(name) is NameVerdict.SECRET)
        secrets |= {value for value in hidden if _is_long(value, SHORTEST)}
    urls = [value for _, value in network_env(environ, None)]
    urls += [url for one in distinct for url, _ in _given(one, CACHE_REMOTE)]
    secrets |= {secret for url in urls for secret in credentials(url, names)}
    return Redactor.of(names, secrets)


def confided(settings: Settings, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of variables of every command whose values are not for other machines.

    Those from outside of the project, whatever they are called, and those with the name of a secret; proxies with a
    password.
    """
    names = SecretNames(own=settings[SECRET_VARIABLES])
    found = [
        variable.name
        for variable in _of_commands(settings, environ)
        if variable.is_from_outside or names.verdict(variable.name) is NameVerdict.SECRET
    ]
    found += [name for name, value in network_env(environ, None) if any(credentials(value, names))]
    return tuple(dict.fromkeys(found))


def credentials(url: str, names: SecretNames) -> Iterator[str]:
    """Yield the secrets in a URL: a password, or the user if there is none, and secret values of its query.

    User and password are also yielded together, as they stand there: a password alone may be too short to search for.
    """
    if "://" not in url:
        return
    authority = url.partition("://")[2].partition("/")[0]
    login, at, _ = authority.rpartition("@")
    if at:
        user, _, password = login.partition(":")
        secret = password or user
        yield from (f"{login}@", *(form for form in (secret, unquote(secret)) if _is_long(form, SHORTEST)))
    try:
        query = parse_qsl(urlsplit(url).query)
    except ValueError:
        return
    for name, value in query:
        if names.verdict(name) is NameVerdict.SECRET and _is_long(value, SHORTEST):
            yield value


def _of_variable(variable: _Variable, names: SecretNames) -> Iterator[str]:
    """Yield the secret parts of a variable's value: all of it, or just a password in a URL."""
    verdict = names.verdict(variable.name)
    yield from credentials(variable.value, names)
    if verdict is NameVerdict.PLAIN or not (variable.is_from_outside or verdict is NameVerdict.SECRET):
        return
    shortest = SHORTEST if verdict is NameVerdict.SECRET else SHORTEST_UNNAMED
    if _is_long(variable.value, shortest):
        yield variable.value


def _is_long(value: str, shortest: int) -> bool:
    return len(value.strip()) >= shortest and len(set(value.strip())) >= FEWEST_DIFFERENT


def _variables(settings: Settings, environ: Mapping[str, str]) -> Iterator[_Variable]:
    """Yield the variables of cells, and those that only the server of their compiler cache gets."""
    yield from _of_commands(settings, environ)
    yield from _assigned(settings, TEST_ENVIRONMENT)
    for choice, _ in _given(settings, COMPILER_CACHE):
        for name, _ in github_variables(choice, environ):
            yield from _of_host(name, environ)


def _of_commands(settings: Settings, environ: Mapping[str, str]) -> Iterator[_Variable]:
    """Yield the variables of every command, `before-all` too."""
    yield from _assigned(settings, ENVIRONMENT)
    for names, _ in _given(settings, ENVIRONMENT_PASS):
        for name in names:
            yield from _of_host(name, environ)
    for engine, is_from_outside in _given(settings, CONTAINER_ENGINE):
        for name, given in engine.arguments.env:
            if given is None:
                yield from _of_host(name, environ)
            else:
                yield _Variable(name=name, value=given, is_from_outside=is_from_outside)


def _assigned(settings: Settings, option: Option[Variables]) -> Iterator[_Variable]:
    """Yield the variables that an option sets; a value that the shell evaluates is split into its literal parts."""
    for pairs, is_from_outside in _given(settings, option):
        for name, value in pairs:
            for part in literal_parts(value):
                yield _Variable(name=name, value=part, is_from_outside=is_from_outside)


def _of_host(name: str, environ: Mapping[str, str]) -> Iterator[_Variable]:
    if name in environ:
        yield _Variable(name=name, value=environ[name], is_from_outside=True)


def _given(settings: Settings, option: Option[T]) -> Iterator[tuple[T, bool]]:
    """Yield the values of an option in every layer, even if they apply to some cells only or are outranked."""
    yield settings[option], settings.origin(option).source in _FROM_OUTSIDE and not settings.layers
    for layer in settings.layers:
        given = layer.get(option.name)
        if given is not None:
            yield cast("T", given.value), given.origin.source in _FROM_OUTSIDE
