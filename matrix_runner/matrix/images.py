"""Which image a platform's cells run in."""

import re
from dataclasses import dataclass

from matrix_runner.catalog import Catalog, ImageFamily
from matrix_runner.config import IMAGE, IMAGES, Settings
from matrix_runner.model.platforms import Arch, Libc, Platform

_TELLING_NAME = re.compile(r"(?P<libc>manylinux|musllinux)[0-9_]+_(?P<arch>[a-z][a-z0-9]+(_64)?)(?=$|[:@])")


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageChoice:
    """An image for a platform's cells. `reference`: what the engine is asked for. `family`: if it has a short name."""

    reference: str
    family: ImageFamily | None
    origin: str


@dataclass(frozen=True, kw_only=True, slots=True)
class NoImage:
    """A platform without an image, and why."""

    reason: str


def choose_image(platform: Platform, settings: Settings, catalog: Catalog) -> ImageChoice | NoImage:
    """Find the image that the settings name for a platform, and what the engine must be asked for to get it."""
    name = settings.image(platform)
    option = IMAGE if name == settings[IMAGE] else IMAGES[platform]
    origin = f"{option.name}: {settings.origin(option)}"
    known = catalog.family(name)
    if known is not None:
        return _of_family(known, platform, origin)
    return _of_reference(name, platform, origin)


def _of_family(family: ImageFamily, platform: Platform, origin: str) -> ImageChoice | NoImage:
    reference = family.reference(platform.arch)
    if family.libc is not platform.libc:
        return NoImage(reason=f"image {family.name} makes {family.libc} wheels only ({origin})")
    if reference is None:
        return NoImage(reason=f"image {family.name} does not exist for {platform.arch} ({origin})")
    return ImageChoice(reference=reference, family=family, origin=origin)


def _of_reference(reference: str, platform: Platform, origin: str) -> ImageChoice | NoImage:
    """Leave out platforms that a name such as `quay.io/pypa/manylinux_2_28_i686:TAG` plainly is not for.

    Any other name is taken at its word; the preflight probe looks what is inside.
    """
    telling = _TELLING_NAME.search(reference)
    if telling is not None:
        arch = Arch.of_machine(telling["arch"])
        if Libc(telling["libc"]) is not platform.libc or (arch is not None and arch is not platform.arch):
            return NoImage(reason=f"image {reference} is for {telling['libc']}_{telling['arch']} ({origin})")
    return ImageChoice(reference=reference, family=None, origin=origin)
