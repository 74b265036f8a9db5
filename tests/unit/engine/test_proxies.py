"""What commands are told of the network."""

from pathlib import Path

from matrix_runner.engine.proxies import ca_bundle, network_env


def test_proxies_are_given_in_both_cases() -> None:
    """Programs differ in the case that they read, so each gets its own."""
    pairs = dict(network_env({"HTTPS_PROXY": "http://p:1", "no_proxy": "localhost"}, None))
    assert pairs == {
        "https_proxy": "http://p:1",
        "HTTPS_PROXY": "http://p:1",
        "no_proxy": "localhost",
        "NO_PROXY": "localhost",
    }


def test_different_cases_keep_their_values() -> None:
    """A lower-case variable does not override an upper-case one of another value."""
    pairs = dict(network_env({"http_proxy": "a", "HTTP_PROXY": "b"}, None))
    assert pairs == {"http_proxy": "a", "HTTP_PROXY": "b"}


def test_nothing_else_of_the_environment_passes() -> None:
    """Secrets and paths of the machine stay there."""
    assert network_env({"AWS_SECRET_ACCESS_KEY": "x", "PATH": "/bin", "SSL_CERT_FILE": "/host/path"}, None) == ()


def test_the_bundle_is_the_first_that_exists(tmp_path: Path) -> None:
    """A variable that names no file is passed over."""
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    assert ca_bundle({"SSL_CERT_FILE": str(tmp_path / "gone"), "PIP_CERT": str(bundle)}) == bundle
    assert ca_bundle({"SSL_CERT_FILE": str(tmp_path)}) is None


def test_every_tool_is_told_of_the_bundle() -> None:
    """Python, uv, requests, pip, curl and git each read a variable of their own."""
    names = {name for name, value in network_env({}, "/in/container.pem") if value == "/in/container.pem"}
    assert names == {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"}
