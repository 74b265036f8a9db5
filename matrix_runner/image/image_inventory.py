"""Images already built on this machine, and the decision whether one suffices or must be rebuilt."""

import msgspec

from matrix_runner.engine.api import ImageStore, ResolvedImage
from matrix_runner.image.image_recipe import (
    LABEL,
    LABEL_ARCH,
    LABEL_INTERPRETERS,
    LABEL_PYTHONS,
    LABEL_VERSION,
    ImageRecipe,
    write_recipe,
)
from matrix_runner.image.image_request import NAMESPACE, ImageRequest, ImageTarget
from matrix_runner.model.platforms import Arch


class BuiltImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image built here. `interpreters`: directories under /opt/python; `digest`: of its recipe; `size` in bytes.

    `pythons`: the interpreters with their versions, `cp315-cp315=3.15.2`; empty if an older release has built it.
    """

    reference: str
    id: str
    arch: Arch
    interpreters: frozenset[str]
    digest: str
    version: str
    size: int
    pythons: tuple[str, ...] = ()


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The plan for an image: keep `built`, or build an image by the recipe (which replaces it)."""

    recipe: ImageRecipe
    built: BuiltImage | None
    is_kept: bool


def built_images(store: ImageStore) -> tuple[BuiltImage, ...]:
    """Return the images built here, by their labels, sorted by name. Raise EngineError.

    Images derived from them, such as a cell's snapshot or a prepared image, inherit the labels but not the name, which
    ends in the architecture.
    """
    found = (_read(image) for image in store.images(LABEL) if image.reference.startswith(f"{NAMESPACE}/"))
    own = (image for image in found if image is not None and _repository(image).endswith(f"_{image.arch}"))
    return tuple(sorted(own, key=lambda image: image.reference))


def find_built(built: tuple[BuiltImage, ...], target: ImageTarget) -> BuiltImage | None:
    """Return the image that a target names, if it has been built, or None."""
    name = f"{target.name}:latest"
    return next((image for image in built if image.reference == name and image.arch is target.arch), None)


def decide(request: ImageRequest, built: BuiltImage | None, *, rebuild: bool = False) -> Decision:
    """Compare the recipe with the label of the existing image.

    Nothing is removed: the recipe has the wanted interpreters and those of the image (if still possible), so that a
    request for fewer changes nothing. Nothing wanted, and no image: the defaults. Raise UsageError.
    """
    target = request.target
    present = built.interpreters & frozenset(target.manifest.directories) if built else frozenset()
    union = request.interpreters | present or target.manifest.defaults(target.arch)
    recipe = write_recipe(target, union)
    is_same = built is not None and built.digest == recipe.digest
    return Decision(recipe=recipe, built=built, is_kept=is_same and not rebuild)


def suffices(built: BuiltImage | None, wanted: frozenset[str]) -> bool:
    """Whether an image, perhaps of an older recipe, has all wanted interpreters."""
    return built is not None and wanted <= built.interpreters


def _repository(image: BuiltImage) -> str:
    return image.reference.rpartition(":")[0]


def _read(image: ResolvedImage) -> BuiltImage | None:
    labels = dict(image.labels)
    try:
        arch = Arch.parse(labels[LABEL_ARCH])
    except (KeyError, ValueError):
        return None
    return BuiltImage(
        reference=image.reference,
        id=image.id,
        arch=arch,
        interpreters=frozenset(labels.get(LABEL_INTERPRETERS, "").split()),
        digest=labels[LABEL],
        version=labels.get(LABEL_VERSION, ""),
        pythons=tuple(labels.get(LABEL_PYTHONS, "").split()),
        size=image.size,
    )
