"""Readers of what Docker's API says of images: one that is inspected, a list of them, a history."""

from typing import Final

import msgspec

from matrix_runner.engine.api import ResolvedImage
from matrix_runner.engine.docker.daemon import StoredImage
from matrix_runner.engine.docker.endpoint import Product

_NO_NAME: Final = "<none>:<none>"


class _Config(msgspec.Struct, rename="pascal"):
    cmd: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    labels: dict[str, str] | None = None


class _RootFS(msgspec.Struct, rename="pascal"):
    layers: tuple[str, ...] | None = None


class _Image(msgspec.Struct, rename="pascal"):
    """An image, as a row of a list (names, labels at the top) or inspected (labels in the configuration)."""

    id: str
    size: int = 0
    repo_digests: tuple[str, ...] | None = None
    repo_tags: tuple[str, ...] | None = None
    labels: dict[str, str] | None = None
    config: _Config | None = None
    root_fs: _RootFS | None = msgspec.field(default=None, name="RootFS")


class _Layer(msgspec.Struct, rename="pascal"):
    size: int = 0


def stored_image(reference: str, inspected: object) -> StoredImage:
    """Parse the answer to an inspection of an image. Raise ValueError."""
    row = msgspec.convert(inspected, _Image)
    config = row.config or _Config()
    return StoredImage(
        image=_resolved(row, reference, config.labels), command=config.cmd or (), entrypoint=config.entrypoint or ()
    )


def listed_images(rows: object, product: Product) -> tuple[ResolvedImage, ...]:
    """Parse a list of images: one for each name; an image without a name is named by its id. Raise ValueError."""
    return tuple(
        _resolved(row, name, row.labels)
        for row in msgspec.convert(rows, tuple[_Image, ...])
        for name in tuple(_given_name(name, product) for name in row.repo_tags or () if name != _NO_NAME) or (row.id,)
    )


def top_layer_size(history: object) -> int:
    """Parse an image's history, latest first; return the bytes of its last layer. Raise ValueError."""
    layers = msgspec.convert(history, tuple[_Layer, ...])
    return layers[0].size if layers else 0


def _resolved(row: _Image, reference: str, labels: dict[str, str] | None) -> ResolvedImage:
    return ResolvedImage(
        reference=reference,
        id=row.id,
        size=row.size,
        digests=row.repo_digests or (),
        layers=(None if row.root_fs is None else row.root_fs.layers) or (),
        labels=tuple(sorted((labels or {}).items())),
    )


def _given_name(name: str, dialect: Product) -> str:
    """Return an image's name as it was given, and as Docker lists it; Podman adds a registry to names without one.

    It adds `localhost` for loaded images, `docker.io` for those made over this interface (4.3.1).
    """
    if dialect is Product.DOCKER:
        return name
    return name.removeprefix("localhost/").removeprefix("docker.io/").removeprefix("library/")
