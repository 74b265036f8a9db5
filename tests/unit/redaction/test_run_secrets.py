"""Which values of a run are secret: by where they come from, and by the names of their variables."""

from collections.abc import Mapping

import pytest
from planning import engine_with, settings_with

from matrix_runner.config.kinds.values import CompilerCache, CompilerCacheBackend, CompilerCacheChoice
from matrix_runner.config.options.build_options import ENVIRONMENT, ENVIRONMENT_PASS, SECRET_VARIABLES
from matrix_runner.config.options.cache_options import CACHE_REMOTE, COMPILER_CACHE
from matrix_runner.config.options.option import Option, Source
from matrix_runner.config.options.run_options import CONTAINER_ENGINE
from matrix_runner.config.options.test_options import TEST_ENVIRONMENT
from matrix_runner.redaction.run_secrets import credentials, redactor_of
from matrix_runner.redaction.secret_names import SecretNames

VALUE = "abcdef-123456"
Values = Mapping[Option[object], object]


def is_masked(
    values: Values, environ: Mapping[str, str] | None = None, *, source: Source = Source.FILE, text: str = VALUE
) -> bool:
    """Whether a text is masked in a run with such settings."""
    return text not in redactor_of((settings_with(values, source=source),), environ or {}).text(f"<{text}>")


@pytest.mark.parametrize("option", [ENVIRONMENT, TEST_ENVIRONMENT])
@pytest.mark.parametrize("source", [Source.FILE, Source.OVERRIDE, Source.ENVIRONMENT, Source.FLAG])
def test_variables_of_the_project(option: Option[object], source: Source) -> None:
    """From a file by name only; from outside all, but for names of what every log is full of."""
    is_outside = source in {Source.ENVIRONMENT, Source.FLAG}
    assert is_masked({option: (("A_TOKEN", VALUE),)}, source=source)
    assert is_masked({option: (("ANY", VALUE),)}, source=source) == is_outside
    assert not is_masked({option: (("CFLAGS", VALUE),)}, source=source)
    assert is_masked({option: (("ANY", VALUE),), SECRET_VARIABLES: ("any",)}, source=source)
    assert not is_masked({option: (("A_TOKEN", VALUE),), SECRET_VARIABLES: ("!a_*",)}, source=source)


def test_variables_of_the_host() -> None:
    """Those that are passed on, by either option, and no others; a value given in `create-args` is the file's."""
    environ = {"ANY": VALUE}
    assert is_masked({ENVIRONMENT_PASS: ("ANY",)}, environ)
    assert is_masked({CONTAINER_ENGINE: engine_with("--env=ANY")}, environ)
    assert not is_masked({}, environ)
    assert not is_masked({CONTAINER_ENGINE: engine_with(f"--env=ANY={VALUE}")})
    assert is_masked({CONTAINER_ENGINE: engine_with(f"--env=ANY={VALUE}")}, source=Source.ENVIRONMENT)
    assert is_masked({CONTAINER_ENGINE: engine_with(f"--env=ANY_KEY={VALUE}")})


def test_the_key_to_githubs_cache() -> None:
    """The server of the compiler cache gets it, and a build that looks at that process could print it."""
    environ = {"ACTIONS_RUNTIME_TOKEN": VALUE, "ACTIONS_RESULTS_URL": "https://results/"}
    sccache = CompilerCacheChoice(name=CompilerCache.SCCACHE)
    github = CompilerCacheChoice(name=CompilerCache.SCCACHE, backend=CompilerCacheBackend.GITHUB)
    assert is_masked({COMPILER_CACHE: github}, environ)
    assert not is_masked({COMPILER_CACHE: sccache}, environ)


def test_a_machine_that_commands_see() -> None:
    """On the machine itself its whole environment is seen, of which names tell what is secret."""
    settings, environ = settings_with(), {"A_TOKEN": VALUE, "ANY": "xyz-987654"}
    redactor = redactor_of((settings,), environ, sees_environment=True)
    assert redactor.text(f"{VALUE} xyz-987654") == "*** xyz-987654"
    assert redactor_of((settings,), environ).text(VALUE) == VALUE


@pytest.mark.parametrize("text", ["1", "true", "-O2", "false", "legacy1", "--------", "0000000000", "numpy"])
def test_what_is_too_short_to_be_found_stays(text: str) -> None:
    """Values that stand in any log do not turn it into stars."""
    assert not is_masked({ENVIRONMENT_PASS: ("ANY",)}, {"ANY": text}, text=text)


@pytest.mark.parametrize(("text", "is_found"), [("true", False), ("-O2", False), ("12345", False), ("hunter2", True)])
def test_what_is_short_and_named(text: str, is_found: bool) -> None:  # noqa: FBT001  pytest's
    """Six characters are enough where the name says that the value is secret."""
    assert is_masked({ENVIRONMENT_PASS: ("A_PASSWORD",)}, {"A_PASSWORD": text}, text=text) == is_found


def test_parts_of_a_value_that_the_shell_evaluates() -> None:
    """What is literal in it is secret; so is what a literal dollar sign stands in."""
    value = "https://me:abcdef-123456@$HOST/x/\\$literal-text"
    assert is_masked({ENVIRONMENT: (("INDEX", value),)}, text="me:abcdef-123456@")
    assert is_masked({ENVIRONMENT: (("INDEX_TOKEN", value),)}, text="/x/$literal-text")
    assert not is_masked({ENVIRONMENT: (("INDEX_TOKEN", value),)}, text="$HOST")


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://proxy:3128", set()),
        ("http://me:pw@proxy:3128", {"me:pw@"}),
        ("http://me:pass%40word@proxy", {"me:pass%40word@", "pass%40word", "pass@word"}),
        ("https://ghp_abcdef@host/x@y", {"ghp_abcdef@", "ghp_abcdef"}),
        ("s3://bucket/prefix?token=abcdefg&region=eu-west-1", {"abcdefg"}),
        ("http://[::1/x", set()),
        ("no url: a:b@c", set()),
    ],
)
def test_credentials_in_urls(url: str, found: set[str]) -> None:
    """The password, with the user and alone, as it stands and decoded; secret fields of the query."""
    assert set(credentials(url, SecretNames())) == found


def test_urls_of_proxies_and_of_the_remote_cache() -> None:
    """Their credentials are masked, the rest of them is not."""
    environ = {"HTTPS_PROXY": f"http://me:{VALUE}@proxy:3128"}
    assert redactor_of((settings_with(),), environ).text(environ["HTTPS_PROXY"]) == "http://***proxy:3128"
    remote = f"s3://me:{VALUE}@bucket/prefix"
    assert redactor_of((settings_with({CACHE_REMOTE: remote}),), {}).text(remote) == "s3://***bucket/prefix"
