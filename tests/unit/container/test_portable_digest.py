"""The digest of an image that holds on every engine."""

from matrix_runner.container.portable_digest import portable_digest
from matrix_runner.engine.api import ResolvedImage


def test_a_registry_s_digest_is_the_same_everywhere() -> None:
    """Ids differ from store to store; an image that was made here has nothing else."""
    digests = ("example.org/image@sha256:bbb", "mirror.example/image@sha256:aaa")
    one, other = (ResolvedImage(reference="image", id=f"sha256:{store}", digests=digests) for store in ("1", "2"))
    assert portable_digest(one) == portable_digest(other) == "sha256:aaa"
    assert portable_digest(ResolvedImage(reference="image", id="sha256:1")) == "sha256:1"
