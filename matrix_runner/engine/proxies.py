"""Proxy variables and CA certificates of this machine, for the commands in containers.

Behind a network that intercepts TLS, pip cannot reach the index without the machine's certificate bundle; these
variables show that a machine needs one. Where none does, containers have certifi's, for those commands whose pip would
use an outdated one of its own (`recipe.certificates`); no other command is told of it.
"""

from collections.abc import Mapping
from pathlib import Path

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_NAMES_OF_HOST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT")
# OpenSSL, Python and uv; requests; pip; curl; git.
_NAMES_FOR_COMMANDS = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO")

CA_IN_CONTAINER = "/etc/matrix-runner/ca-bundle.pem"


def ca_bundle(environ: Mapping[str, str]) -> Path | None:
    """Return the first existing certificate file that the environment names, or None."""
    for name in _NAMES_OF_HOST:
        value = environ.get(name)
        if value and Path(value).is_file():
            return Path(value)
    return None


def network_env(environ: Mapping[str, str], ca: str | None) -> tuple[tuple[str, str], ...]:
    """Return the variables for every command. `ca`: the bundle's path as seen by the command, or None.

    Programs differ in the case of a proxy variable's name (curl reads only lower case for http), so both are set; if
    the environment has both, each retains its own value.
    """
    pairs = []
    for lower in _PROXIES:
        upper = lower.upper()
        value = environ.get(lower) or environ.get(upper)
        if value:
            pairs.append((lower, environ.get(lower) or value))
            pairs.append((upper, environ.get(upper) or value))
    if ca is not None:
        pairs.extend((name, ca) for name in _NAMES_FOR_COMMANDS)
    return tuple(pairs)
