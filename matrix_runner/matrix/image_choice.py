"""The choice of a cell's image: set, the platform's default, or the last one that contains its interpreter."""

import re

import msgspec

from matrix_runner.catalog import Catalog, ImageFamily, Support
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.image_options import IMAGE, IMAGES
from matrix_runner.config.options.option import Source
from matrix_runner.matrix.host import Host
from matrix_runner.model.cells import Cell
from matrix_runner.model.platforms import Arch, Libc, Platform

_TELLING_NAME = re.compile(r"(?P<libc>manylinux|musllinux)[0-9_]+_(?P<arch>[a-z][a-z0-9]+(_64)?)(?=$|[:@])")


class ImageChoice(msgspec.Struct, frozen=True, kw_only=True):
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


class NoImage(msgspec.Struct, frozen=True, kw_only=True):
    """The reason why a platform or a cell has no image."""

    reason: str


def image_of(cell: Cell, settings: Settings, catalog: Catalog, host: Host) -> ImageChoice | NoImage:
    """Return the image of one cell.

    It is its platform's, except for interpreters dropped from current images: unless the user chose an image, they get
    the best image that still contains them. A reference from the user is not checked; the preflight probe looks inside.
    """
    choice = _named_image(cell, settings, catalog, host)
    if isinstance(choice, NoImage):
        return choice
    known = catalog.known(cell.interpreter)
    if not (choice.is_default and known.is_dropped):
        return choice
    last = catalog.last_image(cell)
    if last is None:
        reason = known.remark or f"no published image for {cell.platform} holds {cell.interpreter}"
        return NoImage(reason=f"{reason} (`image` can name one of your own that does)")
    return ImageChoice(reference=last, family=None, origin=f"the last that holds {cell.interpreter}", is_updated=False)


def _named_image(cell: Cell, settings: Settings, catalog: Catalog, host: Host) -> ImageChoice | NoImage:
    """Return the image that the settings name for a cell's platform, with the reference to pass to the engine."""
    platform = cell.platform
    name = settings.image(platform)
    option = IMAGE if name == settings[IMAGE] else IMAGES[platform]
    origin = f"{option.name}: {settings.origin(option)}"
    families = catalog.families(name)
    if not families:
        return _of_reference(name, platform, origin)
    serving = [family for family in families if family.serves(platform)]
    if not serving and settings.is_drop_in and option is not IMAGE:
        # cibuildwheel plans such cells, and asks the registry for an image of exactly this name.
        return ImageChoice(reference=name, family=None, origin=origin)
    if not serving:
        is_other_libc = all(family.libc is not platform.libc for family in families)
        lack = f"makes {families[0].libc} wheels only" if is_other_libc else f"does not exist for {platform}"
        return NoImage(reason=f"image {name} {lack} ({origin})")
    possible = [each for each in serving if not (each.is_native_only and host.emulates(platform.arch))]
    family = next((family for family in possible if family.can_have(cell)), None)
    reference = None if family is None else family.reference(platform.arch)
    if family is None or reference is None:
        where = f" for {platform.arch} under emulation" if len(possible) < len(serving) else ""
        return NoImage(reason=f"image {name}{where} cannot have its interpreter ({origin})")
    return ImageChoice(
        reference=reference,
        family=family,
        origin=origin,
        is_default=settings.origin(option).source is Source.DEFAULT,
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
