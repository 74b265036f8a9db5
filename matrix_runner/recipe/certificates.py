"""Which commands must be told of a current bundle of certificates, and which uv trusts outdated ones. Pure.

pip brings its own bundle, as old as itself, and uses it where it has no truststore. Bundles before November 2026 hold
authorities that were compromised (cibuildwheel 4.3.2); pips for Python 3.9 and older will not get another one.
"""

import re
from typing import Final

from matrix_runner.model.cells import Implementation, Interpreter
from matrix_runner.recipe.image_facts import ImageFacts, InterpreterFacts

FIRST_UV: Final = (0, 13, 4)
"""The first uv that no longer trusts the compromised authorities (its release notes)."""

_FIRST_WITH_TRUSTSTORE: Final = ((3, 10), (24, 2))
"""The oldest Python, and the first pip, that use the system's certificates by default (pip's release notes)."""

_DECIDED_BY: Final = frozenset({"PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"})
"""Variables of an image that say which certificates pip uses; PIP_CERT would hide the others."""

_VERSION: Final = re.compile(r"(?:uv )?(\d{1,9})\.(\d{1,9})\.(\d{1,9})")


def has_truststore(interpreter: Interpreter, facts: InterpreterFacts) -> bool:
    """Whether an interpreter's pip uses the system's certificates. A pip of unknown version is taken for a new one."""
    first_python, first_pip = _FIRST_WITH_TRUSTSTORE
    if interpreter.implementation is Implementation.GRAALPY or interpreter.version < first_python:
        return False
    found = re.match(r"(\d{1,9})\.(\d{1,9})", facts.pip)
    return found is None or (int(found[1]), int(found[2])) >= first_pip


def names_certificates(facts: ImageFacts) -> bool:
    """Whether the image itself tells pip which certificates to use."""
    is_in_a_file = any(key == "cert" for _, key in facts.pip_files)
    return is_in_a_file or not _DECIDED_BY.isdisjoint(facts.pip_variables)


def old_uv(version: str | None, place: str) -> str | None:
    """Return a warning if uv is too old. `version`: the first line of `uv --version`, None without uv.

    `place`: the name of the image or machine.
    """
    found = _VERSION.match(version or "")
    if found is None or (int(found[1]), int(found[2]), int(found[3])) >= FIRST_UV:
        return None
    first = ".".join(map(str, FIRST_UV))
    return (
        f"uv {found[1]}.{found[2]}.{found[3]} of {place} trusts certificate authorities that were compromised:"
        f" install {first} or newer"
    )
