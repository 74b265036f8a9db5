"""Which images can be made for a platform, and which are asked for: by a user, or by the cells of a plan. Pure."""

from collections.abc import Callable, Iterable

import msgspec

from matrix_runner.errors import UsageError
from matrix_runner.image.image_manifest import ImageManifest
from matrix_runner.model.platforms import Arch, Platform

NAMESPACE = "matrix-runner"
"""The repository prefix of all images built here."""


class ImageTarget(msgspec.Struct, frozen=True, kw_only=True):
    """An image that can be made. `is_emulated`: programs of its architecture run here under an emulator."""

    manifest: ImageManifest
    arch: Arch
    is_emulated: bool = False

    @property
    def tag(self) -> str:
        """The platform tag that its image is for, such as `manylinux_2_31_x86_64`."""
        return f"{self.manifest.policy}_{self.arch}"

    @property
    def name(self) -> str:
        """The image's name, without a tag."""
        return f"{NAMESPACE}/{self.tag}"


class ImageRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An image with at least these interpreters (directories under /opt/python); none: the defaults, or as it is."""

    target: ImageTarget
    interpreters: frozenset[str] = frozenset()


def image_targets(
    platform: Platform, manifests: Iterable[ImageManifest], *, is_emulated: bool
) -> tuple[ImageTarget, ...]:
    """Return the images that can be made for a platform, the preferred one first."""
    return tuple(
        ImageTarget(manifest=manifest, arch=platform.arch, is_emulated=is_emulated)
        for manifest in manifests
        if manifest.libc is platform.libc
        and platform.arch.tag in manifest.root.architectures
        and not (is_emulated and manifest.is_compiled)
    )


def image_requests(targets: tuple[ImageTarget, ...], pythons: Iterable[str]) -> tuple[ImageRequest, ...]:
    """Return the images of one platform that have some interpreters: each in the first image that can have it.

    `pythons`: as users name them. None: the first image, with its defaults. Raise UsageError for an impossible one.
    """
    wanted: dict[int, frozenset[str]] = {}
    for python in pythons:
        places = ((index, target.manifest.directory_of(python)) for index, target in enumerate(targets))
        found = next(((index, directory) for index, directory in places if directory is not None), None)
        if found is None:
            raise UsageError(
                f"no image can be made with {python} for {' or '.join(target.tag for target in targets)}",
                hint=f"There are: {', '.join(name for target in targets for name in target.manifest.directories)}.",
            )
        index, directory = found
        wanted[index] = wanted.get(index, frozenset()) | {directory}
    if not wanted:
        return tuple(ImageRequest(target=target) for target in targets[:1])
    return tuple(ImageRequest(target=targets[index], interpreters=each) for index, each in sorted(wanted.items()))


def requests_of(
    wanted: Iterable[tuple[str, Platform, tuple[str, ...]]],
    manifests: tuple[ImageManifest, ...],
    emulates: Callable[[Arch], bool],
) -> tuple[ImageRequest, ...]:
    """Return the images of a plan's cells.

    `wanted`: of each cell its image's name, its platform and the possible directories of its interpreter. One that the
    image cannot have is left to the preflight probe.
    """
    requests: dict[str, ImageRequest] = {}
    for name, platform, directories in wanted:
        for target in image_targets(platform, manifests, is_emulated=emulates(platform.arch)):
            if target.name == name:
                possible = [each for each in directories if each in target.manifest.directories][:1]
                before = requests.get(name, ImageRequest(target=target)).interpreters
                requests[name] = ImageRequest(target=target, interpreters=before | frozenset(possible))
    return tuple(requests.values())
