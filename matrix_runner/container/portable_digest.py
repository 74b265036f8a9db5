"""The digest of an image that holds on every machine. Pure."""

from matrix_runner.engine.api import ResolvedImage


def portable_digest(image: ResolvedImage) -> str:
    """Return a registry's digest of the image, or its id if no registry has it.

    Ids differ from store to store: of a manifest in containerd's, of a configuration elsewhere. The digest of an image
    for several architectures is common to these.
    """
    return min((name.rpartition("@")[2] for name in image.digests), default=image.id)
