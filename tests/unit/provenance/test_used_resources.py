"""What a build used, as resource descriptors: an image of a registry, one of this machine."""

import pytest

from matrix_runner.engine.api import ResolvedImage
from matrix_runner.provenance.used_resources import image_resource

DIGEST, ID = f"sha256:{'d' * 64}", f"sha256:{'1' * 64}"
LAYERS = (f"sha256:{'2' * 64}", f"sha256:{'3' * 64}")


def test_an_image_of_a_registry() -> None:
    """By its digest there, as a package URL."""
    repository = "quay.example/pypa/manylinux_2_28_x86_64"
    image = ResolvedImage(reference="x", id=ID, digests=(f"{repository}@{DIGEST}",), layers=LAYERS)
    found = image_resource(f"{repository}:2026.01.01-1", image)
    assert found.digest == {"sha256": "d" * 64}
    assert found.uri == f"pkg:oci/manylinux_2_28_x86_64@sha256%3A{'d' * 64}?repository_url={repository}"
    assert found.annotations == {"role": "image", "imageId": ID}


@pytest.mark.parametrize(
    ("reference", "digests"),
    [
        ("matrix-runner/manylinux_2_36_x86_64", ()),
        ("matrix-runner/manylinux_2_36_x86_64", (f"matrix-runner/manylinux_2_36_x86_64@{DIGEST}",)),
        ("mine", (f"localhost/mine@{DIGEST}",)),
    ],
)
def test_an_image_of_this_machine(reference: str, digests: tuple[str, ...]) -> None:
    """By id and layers, and it says that it is local; what an engine calls its digest is no registry's."""
    found = image_resource(reference, ResolvedImage(reference=reference, id=ID, digests=digests, layers=LAYERS))
    assert found.digest == {"sha256": "1" * 64}
    assert found.uri == f"image:{reference}"
    assert found.annotations == {"role": "image", "imageId": ID, "isLocal": True, "layers": list(LAYERS)}
