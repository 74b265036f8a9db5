"""The user's variables for pip that uv does not read, so that pip is chosen where the choice is ours. Pure.

pip reads each of its options from a variable (`PIP_INDEX_URL`) and from files (`index-url` in pip.conf); uv reads
neither. Translating them would be wrong in detail: uv takes a package from the first index that has it, pip the best
version of all; uv builds where pip's `only-binary` says no; its constraints do not bind what a build requires.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from matrix_runner.config.kinds.values import Frontend, Variables
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.build_options import (
    BEFORE_ALL,
    BEFORE_BUILD,
    BUILD_FRONTEND,
    ENVIRONMENT,
    ENVIRONMENT_PASS,
)
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.run_options import CONTAINER_ENGINE
from matrix_runner.config.options.test_options import BEFORE_TEST, TEST_ENVIRONMENT

PREFIX: Final = "PIP_"

_WITHOUT_EFFECT: Final = frozenset(
    {
        *("DISABLE_PIP_VERSION_CHECK", "ROOT_USER_ACTION", "NO_INPUT", "NO_COLOR", "PROGRESS_BAR", "QUIET", "VERBOSE"),
        *("CACHE_DIR", "NO_CACHE_DIR", "LOG", "LOG_FILE", "DEBUG", "NO_WARN_SCRIPT_LOCATION", "NO_WARN_CONFLICTS"),
        *("NO_PYTHON_VERSION_WARNING", "NO_CLEAN", "EXISTS_ACTION", "SRC", "COMPILE", "NO_COMPILE", "REPORT"),
        *("BREAK_SYSTEM_PACKAGES", "REQUIRE_VIRTUALENV", "REQUIRE_VENV", "PYTHON_VERSION_WARNING", "WHEEL_DIR"),
        *("USE_PEP517", "VERSION"),
    }
)
"""pip's options that change neither what it installs, nor whence, nor whether it succeeds; and those that are for one
command, or that the build's own command line decides. `PIP_VERSION` and the like are variables of images' makers."""

_TO_UV: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "INDEX_URL": ("UV_INDEX_URL", "UV_DEFAULT_INDEX"),
        "PYPI_URL": ("UV_INDEX_URL", "UV_DEFAULT_INDEX"),
        "EXTRA_INDEX_URL": ("UV_EXTRA_INDEX_URL", "UV_INDEX"),
        "NO_INDEX": ("UV_NO_INDEX",),
        "FIND_LINKS": ("UV_FIND_LINKS",),
        "PRE": ("UV_PRERELEASE",),
        "NO_BINARY": ("UV_NO_BINARY", "UV_NO_BINARY_PACKAGE"),
        "ONLY_BINARY": ("UV_NO_BUILD", "UV_NO_BUILD_PACKAGE"),
        "TIMEOUT": ("UV_HTTP_TIMEOUT", "UV_REQUEST_TIMEOUT", "HTTP_TIMEOUT"),
        "DEFAULT_TIMEOUT": ("UV_HTTP_TIMEOUT", "UV_REQUEST_TIMEOUT", "HTTP_TIMEOUT"),
        "RETRIES": ("UV_HTTP_RETRIES",),
        "CERT": ("SSL_CERT_FILE",),
        "CLIENT_CERT": ("SSL_CLIENT_CERT",),
        "TRUSTED_HOST": ("UV_INSECURE_HOST",),
        "PROXY": ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"),
        "REQUIRE_HASHES": ("UV_REQUIRE_HASHES",),
        "NO_BUILD_ISOLATION": ("UV_NO_BUILD_ISOLATION",),
        "KEYRING_PROVIDER": ("UV_KEYRING_PROVIDER",),
        "UPLOADED_PRIOR_TO": ("UV_EXCLUDE_NEWER",),
        "BUILD_CONSTRAINT": ("UV_BUILD_CONSTRAINT",),
        "CONFIG_FILE": ("UV_CONFIG_FILE",),
    }
)
"""By pip's option, the variables by which a user says the same to uv: who speaks to both means uv too."""

_CONSTRAINT: Final = "CONSTRAINT"

_CONFIG_FILE: Final = f"{PREFIX}CONFIG_FILE"
_NO_FILES: Final = "/dev/null"
"""The value of PIP_CONFIG_FILE by which pip reads no configuration file (pip's documentation: `os.devnull`)."""

_WRITES_A_FILE: Final = ("pip config ", "pip3 config ", "pip.conf")
"""Words of a command that tell that it configures pip."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What is seen of pip's settings besides the options: names of variables, and lines of files.

    `variables`: of the image, or of this machine where cells run on it. `passed`: of `environment-pass`, as they are
    set. `files`: pairs of a configuration file's path and the name of an option in it.
    """

    variables: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()


class PipVariables(msgspec.Struct, frozen=True, kw_only=True):
    """The settings for pip that uv would not heed, as words for a user: `PIP_PRE in environment`.

    `build` and `test` name those that concern a cell's build and the installation of its test.
    """

    build: tuple[str, ...]
    test: tuple[str, ...]

    def without(self, others: "PipVariables") -> "PipVariables":
        """Return the settings that are not among the others."""
        return PipVariables(
            build=tuple(words for words in self.build if words not in others.build),
            test=tuple(words for words in self.test if words not in others.test),
        )


def pip_variables(settings: Settings, seen: Seen | None = None) -> PipVariables:
    """Return the settings for pip that uv would not heed. `seen`: None while image and machine are unknown."""
    seen = seen or Seen(passed=settings[ENVIRONMENT_PASS])
    given = settings[CONTAINER_ENGINE].arguments.env
    build = {name: f"{name} in create-args" for name, value in given if value != ""}
    build |= {name: f"{name} in environment-pass" for name in seen.passed}
    build |= _assigned(settings[ENVIRONMENT], "environment")
    test = build | _assigned(settings[TEST_ENVIRONMENT], "test-environment")
    files = () if _reads_no_file(build) else seen.files
    there = {PREFIX + key.upper().replace("-", "_"): f"{key} in {path}" for path, key in files}
    there |= {name: f"{name} of the image or machine" for name in seen.variables}
    commands = [
        f"pip's configuration by {option}" for option in (BEFORE_ALL, BEFORE_BUILD) if _configures(settings, option)
    ]
    last = [f"pip's configuration by {BEFORE_TEST}"] if _configures(settings, BEFORE_TEST) else []
    return PipVariables(
        build=(*_unheeded(build, there, for_build=True), *commands),
        test=(*_unheeded(test, there, for_build=False), *commands, *last),
    )


def choice_remark(settings: Settings, found: PipVariables) -> str | None:
    """Return a sentence on the tool that is chosen because of the user's settings for pip, or heeds none of them."""
    chosen = settings[BUILD_FRONTEND].name
    match chosen:
        case Frontend.AUTO if found.build:
            others = [words for words in found.test if words not in found.build]
            names = ", ".join((*found.build, *others))
            return f"uv does not read {names}: pip installs what wheels and their tests require"
        case Frontend.AUTO if found.test:
            return f"uv does not read {', '.join(found.test)}: tests are installed by pip"
        case Frontend.UV | Frontend.BUILD_UV if found.test:
            return f"build-frontend is {chosen}, and uv does not read {', '.join(found.test)}"
        case Frontend.PIP if words := [one for one in found.build if one.startswith(f"{PREFIX}{_CONSTRAINT} ")]:
            return (
                f"pip 26.2 and later does not hold a build to {words[0]}: use PIP_BUILD_CONSTRAINT or build-constraints"
            )
        case _:
            return None


def constraint_note(settings: Settings, found: PipVariables) -> str | None:
    """Return a sentence on constraints of pip's that hold: which requirements they reach depends on the frontend."""
    held = [
        words for words in found.test if words.startswith((f"{PREFIX}{_CONSTRAINT} ", f"{PREFIX}BUILD_{_CONSTRAINT} "))
    ]
    if settings[BUILD_FRONTEND].name is not Frontend.BUILD or not held:
        return None
    return f"{', '.join(held)}: the requirements of builds and of their tests are held to it, by pip"


def chooses_uv(settings: Settings) -> bool:
    """Whether the user named uv as frontend, so that it is no choice of ours."""
    return settings[BUILD_FRONTEND].name in {Frontend.UV, Frontend.BUILD_UV}


def _assigned(pairs: Variables, where: str) -> dict[str, str]:
    return {name: f"{name}={value}" if value == _NO_FILES else f"{name} in {where}" for name, value in pairs if value}


def _reads_no_file(said: Mapping[str, str]) -> bool:
    return said.get(_CONFIG_FILE) == f"{_CONFIG_FILE}={_NO_FILES}"


def _configures(settings: Settings, option: Option[str]) -> bool:
    return any(words in settings[option] for words in _WRITES_A_FILE)


def _unheeded(said: Mapping[str, str], there: Mapping[str, str], *, for_build: bool) -> Iterator[str]:
    """Yield the words for each of pip's variables that matters, unless the same is said to uv, as near or nearer.

    `said` by the user's options; `there` in any case: an image's certificates are no answer to the user's own.
    """
    for name, words in {**there, **said}.items():
        option = name.removeprefix(PREFIX)
        if not name.startswith(PREFIX) or option in _WITHOUT_EFFECT or (name == _CONFIG_FILE and _reads_no_file(said)):
            continue
        counterparts = _TO_UV.get(option, ())
        if option == _CONSTRAINT:
            counterparts = ("UV_BUILD_CONSTRAINT",) if for_build else ("UV_CONSTRAINT",)
        if not any(other in said or (other in there and name not in said) for other in counterparts):
            yield words
