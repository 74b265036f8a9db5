"""The rungs of a cell: the clean images in which its wheel is tested besides (option `test-on`). Pure."""

import msgspec

from matrix_runner.catalog import Catalog
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.test_options import TEST_ON
from matrix_runner.matrix.image_choice import ImageChoice
from matrix_runner.model.platforms import Arch


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """A clean image for tests. `name`: as the option has it; `reference`: as passed to the engine.

    `is_made_here`: whether it is one that this program makes.
    """

    name: str
    reference: str
    is_made_here: bool = False


def rungs_of(settings: Settings, arch: Arch, image: ImageChoice | None, catalog: Catalog) -> tuple[Rung, ...]:
    """Return the rungs of a cell's wheel, in the user's order, each once. `image`: in which it is built.

    None without a container. Where that image is one that is made here, a system of ours stands for its name.
    """
    if image is None:
        return ()
    is_ours = image.family is not None and image.family.is_made_here
    rungs = []
    for name in dict.fromkeys(settings[TEST_ON]):
        system = catalog.system(name, arch) if is_ours else None
        reference = name if system is None else system.reference(arch)
        rungs.append(Rung(name=name, reference=reference, is_made_here=system is not None))
    return tuple(rungs)
