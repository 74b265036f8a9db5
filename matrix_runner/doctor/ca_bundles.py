"""Certificates: the bundles that variables name, whether they can be read, and which reaches the containers. Pure."""

from collections.abc import Iterator

import msgspec

from matrix_runner.doctor.verdict import Level, Verdict

NAMES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE")
"""The variables by which Python, uv, pip, requests and curl are told of a bundle."""


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle that a variable names. `certificates`: how many are in it. `error`: why it cannot be read, or ""."""

    variable: str
    path: str
    is_there: bool
    certificates: int = 0
    error: str = ""


class BundleFacts(msgspec.Struct, frozen=True, kw_only=True):
    """`passed`: the path of the one that containers get, None if they get certifi's. `directory`: SSL_CERT_DIR."""

    bundles: tuple[Bundle, ...]
    passed: str | None
    directory: str = ""


def judge_bundles(facts: BundleFacts, *, in_containers: bool) -> Iterator[Verdict]:
    """Yield a verdict on each bundle, and on what containers get. `in_containers`: whether cells run there."""
    for path in dict.fromkeys(bundle.path for bundle in facts.bundles):
        same = [bundle for bundle in facts.bundles if bundle.path == path]
        yield _judge(same[0], " ".join(bundle.variable for bundle in same), facts, in_containers=in_containers)
    if facts.passed is not None or not in_containers:
        return
    unheard = facts.directory if facts.directory and not facts.bundles else ""
    remark = f"; SSL_CERT_DIR={unheard} does not reach them" if unheard else ""
    yield Verdict(
        name="no-bundle",
        text=f"no variable names a bundle for containers: they use their own certificates{remark}",
    )


def _judge(bundle: Bundle, variables: str, facts: BundleFacts, *, in_containers: bool) -> Verdict:
    named, first = f"{variables.replace(' ', ', ')}={bundle.path}", bundle.variable
    if not bundle.is_there:
        # OpenSSL goes on without a file that is not there; pip and requests do not.
        fails_here = not in_containers and variables != "SSL_CERT_FILE"
        return Verdict(
            name="bundle-missing",
            level=Level.ERROR if fails_here else Level.WARNING,
            about=first,
            text=f"{named}: there is no such file, so containers are not told of it",
            remedy=f"correct or unset {variables.replace(' ', ', ')}",
        )
    is_passed = bundle.path == facts.passed
    if bundle.error:
        return Verdict(
            name="bundle-broken",
            level=Level.ERROR if is_passed or not in_containers else Level.WARNING,
            about=first,
            text=f"{named} is no bundle of certificates: {bundle.error}",
            remedy="it is a text of -----BEGIN CERTIFICATE----- blocks (PEM): write it anew, or name another file",
        )
    passed = "; passed to containers, for all tools there" if is_passed and in_containers else ""
    return Verdict(
        name="bundle",
        about=first,
        text=f"{named}, {bundle.certificates} certificates{passed}",
        facts={"certificates": bundle.certificates, "is_passed": is_passed and in_containers},
    )
