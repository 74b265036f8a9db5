"""What is masked in texts, values and errors, and what is left readable."""

from pathlib import Path

import pytest

from matrix_runner.errors import ConfigError, UsageError
from matrix_runner.redaction.masking import MASK
from matrix_runner.redaction.redactor import NO_SECRETS, Redactor
from matrix_runner.redaction.secret_names import PLAIN, NameVerdict, SecretNames
from matrix_runner.redaction.secret_names import SECRET as SECRET_PATTERNS
from matrix_runner.redaction.shell_values import literal_parts

PAGE = (Path(__file__).parents[3] / "docs/reference/secrets.md").read_text("utf-8")
SECRET = "s3cr3t/with space"
REDACTOR = Redactor.of(SecretNames(), (SECRET,))


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("GITHUB_TOKEN", NameVerdict.SECRET),
        ("twine_password", NameVerdict.SECRET),
        ("AWS_SECRET_ACCESS_KEY", NameVerdict.SECRET),
        ("SSH_KEY_FILE", NameVerdict.SECRET),
        ("DB_PWD", NameVerdict.SECRET),
        ("TOKEN_PATH", NameVerdict.SECRET),
        ("PWD", NameVerdict.PLAIN),
        ("CXXFLAGS", NameVerdict.PLAIN),
        ("LD_LIBRARY_PATH", NameVerdict.PLAIN),
        ("PIP_KEYRING_PROVIDER", NameVerdict.PLAIN),
        ("AUTHOR", NameVerdict.UNKNOWN),
        ("MONKEY", NameVerdict.UNKNOWN),
        ("PIP_INDEX_URL", NameVerdict.UNKNOWN),
    ],
)
def test_what_names_say(name: str, verdict: NameVerdict) -> None:
    """Words that mean secrets count, in any case; words that merely hold such letters do not."""
    assert SecretNames().verdict(name) is verdict


@pytest.mark.parametrize("pattern", [*SECRET_PATTERNS, *PLAIN])
def test_names_are_documented(pattern: str) -> None:
    """The page on secrets says of each built-in name that it is one."""
    assert pattern.strip("*_") in PAGE


def test_the_last_pattern_of_the_users_decides() -> None:
    """Patterns outrank the built-in names in both directions, and later ones the earlier."""
    names = SecretNames(own=("license_*", "!LICENSE_URL", "!*_TOKEN", "GH_TOKEN"))
    assert names.verdict("LICENSE_SERVER") is NameVerdict.SECRET
    assert names.verdict("License_Url") is NameVerdict.PLAIN
    assert names.verdict("SOME_TOKEN") is NameVerdict.PLAIN
    assert names.verdict("GH_TOKEN") is NameVerdict.SECRET


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("-O2", "-O2"),
        (f"{SECRET}", MASK),
        (f"a {SECRET} b", f"a {MASK} b"),
        ("$(pkg-config --libs lz4)", "$(pkg-config --libs lz4)"),
    ],
)
def test_a_plain_variable_is_shown_without_secrets(value: str, shown: str) -> None:
    """Of a variable whose name says nothing, what is no secret can be read."""
    assert REDACTOR.shown("SOME_NAME", value) == shown


@pytest.mark.parametrize("value", ["x", "hunter2", "$(cat /run/token)", "`cat x`", "a$OTHER"])
def test_a_secret_variable_is_not_shown(value: str) -> None:
    """Be it short, or a command that may hold the secret."""
    assert NO_SECRETS.shown("API_TOKEN", value) == MASK


def test_a_secret_variable_that_names_another_is_shown() -> None:
    """Which variable it is taken from helps whoever reads the log, and tells nothing."""
    assert NO_SECRETS.shown("API_TOKEN", "${CI_TOKEN}") == "${CI_TOKEN}"


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("plain", ("plain",)),
        ("a$B c", ("a", " c")),
        ("${A:-x}y", ("y",)),
        ("$(echo $(echo a) b)c", ("c",)),
        ("a`echo b`c", ("a", "c")),
        ('\\$A \\"q\\" \\\\ \\n', ('$A "q" \\ \\n',)),
        ("$", ("$",)),
        ("`open", ()),
        ("", ()),
    ],
)
def test_literal_parts(value: str, parts: tuple[str, ...]) -> None:
    """What the shell leaves as it is, with its escapes undone."""
    assert literal_parts(value) == parts


def test_lines_of_a_secret_are_secret() -> None:
    """A private key that is printed with something before each line is not to be read either."""
    lines = ("-----BEGIN PRIVATE KEY-----", "MIIEvQIBADANBgkqhkiG9w0BAQEF", "x")
    redactor = Redactor.of(SecretNames(), ("\n".join(lines),))
    assert redactor.text("\n".join(f"> {line}" for line in lines)) == "> ***\n> ***\n> x"
    assert redactor.text("\n".join(lines)) == MASK


def test_errors_and_their_causes_are_masked() -> None:
    """Message, hint, mistakes, and the file of an OSError, as far as they are text."""
    error = UsageError(f"cannot open {SECRET}", hint=f"see {SECRET}")
    error.__cause__ = OSError(2, "no such file", f"/x/{SECRET}")
    error.__cause__.__context__ = ConfigError((f"bad {SECRET}",))
    error.__cause__.__context__.__context__ = error
    REDACTOR.mask_error(error)
    assert (error.message, error.hint, str(error)) == ("cannot open ***", "see ***", "cannot open ***")
    assert str(error.__cause__) == "[Errno 2] no such file: '/x/***'"
    assert error.__cause__.__context__.mistakes == ("bad ***",)
