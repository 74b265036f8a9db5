"""What the words of a registry mean; the texts are those of Docker 20.10 and 27 with several registries."""

import pytest

from matrix_runner.engine.docker.registry_errors import Refusal


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("toomanyrequests: You have reached your pull rate limit.", Refusal.RATE_LIMIT),
        ('Get "https://r.example/v2/": dial tcp: lookup r.example on 10.0.0.2:53: no such host', Refusal.UNREACHABLE),
        ('Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused', Refusal.UNREACHABLE),
        ('Get "https://r.example/v2/": x509: certificate signed by unknown authority', Refusal.UNREACHABLE),
        ('Get "https://r.example/v2/": net/http: TLS handshake timeout', Refusal.TIMEOUT),
        ('Get "https://10.1.1.1:5000/v2/": http: server gave HTTP response to HTTPS client', Refusal.NO_TLS),
        ('Get "https://10.1.1.1:5000/v2/": tls: first record does not look like a TLS handshake', Refusal.NO_TLS),
        ("net/http: request canceled (Client.Timeout exceeded while awaiting headers)", Refusal.TIMEOUT),
        ("no progress for 60 s", Refusal.TIMEOUT),
        ("unauthorized: access to the requested resource is not authorized", Refusal.UNAUTHORISED),
        (
            "pull access denied for nosuch, repository does not exist or may require 'docker login': denied: ...",
            Refusal.NOT_FOUND,
        ),
        ("manifest for debian:nosuch not found: manifest unknown: manifest unknown", Refusal.NOT_FOUND),
        (
            "failed to copy: could not fetch content descriptor sha256:1 (application/x) from remote: not found",
            Refusal.INCOMPLETE,
        ),
        ("filesystem layer verification failed: unknown blob", Refusal.INCOMPLETE),
        ("denied: requested access to the resource is denied", Refusal.DENIED),
        ("no matching manifest for linux/386 in the manifest list entries", Refusal.PLATFORM),
        ("received unexpected HTTP status: 503 Service Unavailable", Refusal.SERVER),
        ("write /var/lib/docker/tmp/x: no space left on device", Refusal.DISK),
        ("something never heard of", Refusal.OTHER),
    ],
)
def test_words_are_understood(text: str, refusal: Refusal) -> None:
    """Each cause is told from the others by its text alone, as all arrive with the same status."""
    assert Refusal.of(text) is refusal


def test_only_passing_causes_are_tried_again() -> None:
    """Waiting helps against limits, stalls and a registry out of order, and against nothing else."""
    assert {refusal for refusal in Refusal if refusal.is_transient} == {
        Refusal.RATE_LIMIT,
        Refusal.TIMEOUT,
        Refusal.SERVER,
    }


@pytest.mark.parametrize("refusal", [Refusal.UNREACHABLE, Refusal.TIMEOUT, Refusal.NOT_FOUND])
def test_without_a_registry_the_hint_shows_the_way(refusal: Refusal) -> None:
    """Who cannot fetch is told that images can be made, and how the configuration names them."""
    assert "runner image build" in refusal.hint
    assert "`debian`" in refusal.hint
