"""Recognition of secret variables by name (TOKEN, PASSWORD, `secret-variables`). Pure."""

from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from typing import Final

# Facts, not code, of gitleaks' rule for keys of any kind, which tox goes by too. Narrower: `KEY` and `AUTH` as whole
# words, for the sake of KEYRING_PROVIDER and AUTHOR; without `API`, `CLIENT` and `ACCESS` alone, and without PWD.
SECRET: Final = (
    *("*TOKEN*", "*SECRET*", "*PASSW*", "*PASSPHRASE*", "*CREDENTIAL*", "*PRIVATE*", "*APIKEY*", "*ACCESSKEY*"),
    *("KEY", "*_KEY", "*_KEYS", "*_KEY_*", "*_PASS", "*_PWD", "*_CREDS", "AUTH", "*_AUTH", "*_AUTH_*", "*_DSN"),
)
"""Names that look secret."""

PLAIN: Final = (
    *("*PATH", "*FLAGS", "*PREFIX", "*ROOT", "*_DIR", "*_HOME", "*_VERSION", "*_PLATFORM", "*_TARGET", "*_CONSTRAINT"),
    *("*_ONLY_BINARY", "*_NO_BINARY", "*_PROVIDER", "*_LEVEL", "HOME", "PWD", "USER", "SHELL", "TERM", "TZ", "LANG"),
    *("LC_*", "CC", "CXX", "FC", "CI", "SOURCE_DATE_EPOCH"),
)
"""Names of what every log is full of: masked, it would make logs useless."""


class NameVerdict(Enum):
    """What a variable's name says of its value."""

    SECRET = "secret"  # noqa: S105  a word
    PLAIN = "plain"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretNames:
    """The built-in names, and `own` of the user's: globs, in any case, of which the last that matches decides.

    One that begins with `!` says that the variable is none.
    """

    own: tuple[str, ...] = ()

    def verdict(self, name: str) -> NameVerdict:
        """Return what the name says. The user's patterns outrank the built-in ones, and secret ones the plain."""
        upper = name.upper()
        for pattern in reversed(self.own):
            is_none = pattern.startswith("!")
            if fnmatchcase(upper, pattern.lstrip("!").upper()):
                return NameVerdict.PLAIN if is_none else NameVerdict.SECRET
        if any(fnmatchcase(upper, pattern) for pattern in SECRET):
            return NameVerdict.SECRET
        is_plain = any(fnmatchcase(upper, pattern) for pattern in PLAIN)
        return NameVerdict.PLAIN if is_plain else NameVerdict.UNKNOWN
