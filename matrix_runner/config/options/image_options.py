"""Options for images: one for each platform, and one for all."""

from collections.abc import Mapping
from types import MappingProxyType

from matrix_runner.config.kinds import names
from matrix_runner.config.options.option import Option, Section
from matrix_runner.model.platforms import Arch, Libc, Platform

IMAGE: Option[str] = Option(
    name="image",
    kind=names.image(may_be_empty=True),
    default="",
    section=Section.IMAGES,
    help="One image for every platform, such as debian; empty: each platform's own.",
    details="""
A short name stands for the image of each platform's architecture. The short name `debian` stands for the images that
`runner image build` makes, and makes them on first use.

Where this and the option of one platform are both set, the one from the higher layer wins (a flag over an environment
variable over the file), and in one layer the platform's own.
""",
    example='image = "debian"',
    flag="--image",
    metavar="IMAGE",
    affects_wheel=False,
)

_MANYLINUX_DEFAULTS = {Arch.ARMV7L: "manylinux_2_31", Arch.RISCV64: "manylinux_2_39"}
"""The oldest manylinux images published for these; all others have 2_28."""

_DETAILS = """
A short name from the catalog ({short}, ...) or a full reference (`registry/name:tag`, `name@sha256:...`).
An empty environment variable counts as one that is not set.
"""


def _option(libc: Libc, arch: Arch) -> Option[str]:
    match libc:
        case Libc.GLIBC:
            default, short = _MANYLINUX_DEFAULTS.get(arch, "manylinux_2_28"), "`manylinux2014`, `manylinux_2_34`"
        case Libc.MUSL:
            default, short = "musllinux_1_2", "`musllinux_1_2`"
    return Option(
        name=f"{libc}-{arch}-image",
        kind=names.image(may_be_empty=False),
        default=default,
        section=Section.IMAGES,
        help=f"The image of {libc}_{arch} cells.",
        details=_DETAILS.format(short=short),
        example=f'{libc}-{arch}-image = "{default}"',
        affects_wheel=False,
    )


IMAGES: Mapping[Platform, Option[str]] = MappingProxyType(
    {Platform(libc=libc, arch=arch): _option(libc, arch) for libc in Libc for arch in Arch}
)

OPTIONS: tuple[Option[object], ...] = (IMAGE, *IMAGES.values())
