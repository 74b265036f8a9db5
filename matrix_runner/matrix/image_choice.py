"""The choice of a cell's image: set, the platform's default, or the last one that contains its interpreter."""

import re
from dataclasses import dataclass

from matrix_runner.catalog import Catalog, ImageFamily, Support
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.image_options import IMAGE, IMAGES
from matrix_runner.config.options.option import Source
from matrix_runner.model.cells import Cell
from matrix_runner.model.platforms import Arch, Libc, Platform

_TELLING_NAME = re.compile(r"(?P<libc>manylinux|musllinux)[0-9_]+_(?P<arch>[a-z][a-z0-9]+(_64)?)(?=$|[:@])")


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageChoice:
    """An image for a platform's cells. `reference`: as passed to the engine. `family`: if it has a short name.

    `is_default`: not chosen by the user. `is_updated`: False for an unmaintained image.
    """

    reference: str
    family: ImageFamily | None
    origin: str
    is_default: bool = False
    is_updated: bool = True

    @property
    def name(self) -> str:
        """The image as an option names it: by a short name, or by a reference."""
        return self.reference if self.family is None else self.family.name


@dataclass(frozen=True, kw_only=True, slots=True)
class NoImage:
    """The reason why a platform or a cell has no image."""

    reason: str


def image_of(cell: Cell, settings: Settings, catalog: Catalog) -> ImageChoice | NoImage:
    """Return the image of one cell.

    It is its platform's, except for interpreters dropped from current images: unless the user chose an image, they get
    the best image that still contains them. A reference from the user is not checked; the preflight probe looks inside.
    """
    choice = choose_image(cell.platform, settings, catalog)
    if isinstance(choice, NoImage):
        return choice
    family = choice.family
    if family is not None and not family.can_have(cell):
        return NoImage(reason=f"image {family.name} cannot have its interpreter ({choice.origin})")
    known = catalog.known(cell.interpreter)
    if not (choice.is_default and known.is_dropped):
        return choice
    last = catalog.last_image(cell)
    if last is None:
        reason = known.remark or f"no published image for {cell.platform} holds {cell.interpreter}"
        return NoImage(reason=f"{reason} (`image` can name one of your own that does)")
    return ImageChoice(reference=last, family=None, origin=f"the last that holds {cell.interpreter}", is_updated=False)


def choose_image(platform: Platform, settings: Settings, catalog: Catalog) -> ImageChoice | NoImage:
    """Return the image that the settings name for a platform, with the reference to pass to the engine."""
    name = settings.image(platform)
    option = IMAGE if name == settings[IMAGE] else IMAGES[platform]
    origin = f"{option.name}: {settings.origin(option)}"
    known = catalog.family(name)
    if known is not None and settings.is_drop_in and option is not IMAGE and not known.serves(platform):
        # cibuildwheel plans such cells, and asks the registry for an image of exactly this name.
        return ImageChoice(reference=name, family=None, origin=origin)
    if known is not None:
        is_default = settings.origin(option).source is Source.DEFAULT
        return _of_family(known, platform, origin, is_default=is_default)
    return _of_reference(name, platform, origin)


def _of_family(family: ImageFamily, platform: Platform, origin: str, *, is_default: bool) -> ImageChoice | NoImage:
    reference = family.reference(platform.arch)
    if family.libc is not platform.libc:
        return NoImage(reason=f"image {family.name} makes {family.libc} wheels only ({origin})")
    if reference is None:
        return NoImage(reason=f"image {family.name} does not exist for {platform.arch} ({origin})")
    return ImageChoice(
        reference=reference,
        family=family,
        origin=origin,
        is_default=is_default,
        is_updated=family.support is not Support.END_OF_LIFE,
    )


def _of_reference(reference: str, platform: Platform, origin: str) -> ImageChoice | NoImage:
    """Reject a platform that contradicts a name such as `quay.io/pypa/manylinux_2_28_i686:TAG`.

    Any other name is accepted; the preflight probe looks inside.
    """
    telling = _TELLING_NAME.search(reference)
    if telling is not None:
        arch = Arch.of_machine(telling["arch"])
        if Libc(telling["libc"]) is not platform.libc or (arch is not None and arch is not platform.arch):
            return NoImage(reason=f"image {reference} is for {telling['libc']}_{telling['arch']} ({origin})")
    return ImageChoice(reference=reference, family=None, origin=origin)
