"""The image of a cell as a lock names it."""

import pytest
from msgspec.structs import replace
from planning import job_for

from matrix_runner import catalog
from matrix_runner.cell.resolving.cell_resolution import locked_image
from matrix_runner.engine.api import ResolvedImage
from matrix_runner.locking.lock_values import LockedImage

CATALOG = catalog.load()
ID, DIGEST = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
NAME = "quay.example/me/manylinux_2_28_x86_64"


@pytest.mark.parametrize(
    ("reference", "digests", "expected"),
    [
        (f"{NAME}:latest", (f"{NAME}@{DIGEST}",), (NAME, DIGEST, "")),
        (f"{NAME}@{DIGEST}", (f"{NAME}@{DIGEST}",), (NAME, DIGEST, "")),
        (f"{NAME}:latest", ("another.example/x@sha256:0", f"{NAME}@{DIGEST}"), (NAME, DIGEST, "")),
        (f"{NAME}:mine", (), (f"{NAME}:mine", "", ID)),
        # Podman gives images that were made here a digest too.
        ("matrix-runner/manylinux_2_31_x86_64", (f"localhost/matrix-runner/m@{DIGEST}",), (None, "", ID)),
    ],
)
def test_images_are_named_by_digest_or_id(
    reference: str, digests: tuple[str, ...], expected: tuple[str | None, str, str]
) -> None:
    """That of a registry, with which any machine gets it; else what this engine calls it, and it has no other."""
    job = job_for("cp311-manylinux_x86_64", CATALOG, image=reference)
    image = ResolvedImage(reference=reference, id=ID, digests=digests)
    name, digest, image_id = expected
    assert locked_image(job, image) == LockedImage(
        name=reference, arch="x86_64", reference=name or reference, digest=digest, image_id=image_id
    )
    assert locked_image(replace(job, image=None), image) is None
