"""The digest of an image that holds on every engine."""

from matrix_runner.engine.api import ResolvedImage


def test_a_registry_s_digest_is_the_same_everywhere() -> None:
    """Ids differ from store to store; an image that was made here has nothing else."""
    digests = ("example.org/image@sha256:bbb", "mirror.example/image@sha256:aaa")
    one, other = (ResolvedImage(reference="image", id=f"sha256:{store}", digests=digests) for store in ("1", "2"))
    assert one.content == other.content == "sha256:aaa"
    assert ResolvedImage(reference="image", id="sha256:1").content == "sha256:1"
