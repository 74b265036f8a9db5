"""Recognition of secret variables by name (TOKEN, PASSWORD, `secret-variables`). Pure."""

from enum import Enum
from fnmatch import fnmatchcase
from typing import Final

import msgspec

# Facts, not code, of gitleaks' rule for generic keys, which tox uses too. Narrower: `KEY` and `AUTH` as whole words,
# because of KEYRING_PROVIDER and AUTHOR; without `API`, `CLIENT` and `ACCESS` alone, and without PWD.
SECRET: Final = (
    *("*TOKEN*", "*SECRET*", "*PASSW*", "*PASSPHRASE*", "*CREDENTIAL*", "*PRIVATE*", "*APIKEY*", "*ACCESSKEY*"),
    *("KEY", "*_KEY", "*_KEYS", "*_KEY_*", "*_PASS", "*_PWD", "*_CREDS", "AUTH", "*_AUTH", "*_AUTH_*", "*_DSN"),
)
"""Name patterns that look secret."""

PLAIN: Final = (
    *("*PATH", "*FLAGS", "*PREFIX", "*ROOT", "*_DIR", "*_HOME", "*_VERSION", "*_PLATFORM", "*_TARGET", "*_CONSTRAINT"),
    *("*_ONLY_BINARY", "*_NO_BINARY", "*_PROVIDER", "*_LEVEL", "HOME", "PWD", "USER", "SHELL", "TERM", "TZ", "LANG"),
    *("LC_*", "CC", "CXX", "FC", "CI", "SOURCE_DATE_EPOCH"),
)
"""Name patterns of values common in every log: masking them would make logs useless."""


class NameVerdict(Enum):
    """The secrecy of a variable's value, according to its name."""

    SECRET = "secret"  # noqa: S105  a word
    PLAIN = "plain"
    UNKNOWN = "unknown"


class SecretNames(msgspec.Struct, frozen=True, kw_only=True):
    """The built-in name patterns, and the user's `own`: globs, in any case; the last match decides.

    A pattern that begins with `!` marks the variable as not secret.
    """

    own: tuple[str, ...] = ()

    def verdict(self, name: str) -> NameVerdict:
        """Return the verdict on a name. The user's patterns outrank the built-in ones, and secret ones the plain."""
        upper = name.upper()
        for pattern in reversed(self.own):
            is_none = pattern.startswith("!")
            if fnmatchcase(upper, pattern.lstrip("!").upper()):
                return NameVerdict.PLAIN if is_none else NameVerdict.SECRET
        if any(fnmatchcase(upper, pattern) for pattern in SECRET):
            return NameVerdict.SECRET
        is_plain = any(fnmatchcase(upper, pattern) for pattern in PLAIN)
        return NameVerdict.PLAIN if is_plain else NameVerdict.UNKNOWN
