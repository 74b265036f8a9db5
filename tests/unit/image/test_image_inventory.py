"""Which images are there, and whether one of them will do: pure but for asking a store."""

import msgspec
import pytest

from matrix_runner.engine.fake.fake_engine import FakeEngine
from matrix_runner.image.image_inventory import BuiltImage, Decision, built_images, decide, find_built, suffices
from matrix_runner.image.image_manifest import ImageManifest, load_manifests
from matrix_runner.image.image_recipe import LABEL, LABEL_ARCH, write_recipe
from matrix_runner.image.image_request import ImageRequest, ImageTarget
from matrix_runner.model.platforms import Arch


@pytest.fixture
def manifest() -> ImageManifest:
    """Return the first data file as it is shipped."""
    return load_manifests()[0]


def _target(manifest: ImageManifest) -> ImageTarget:
    return ImageTarget(manifest=manifest, arch=Arch.I686)


def _decide(
    wanted: frozenset[str], built: BuiltImage | None, manifest: ImageManifest, *, rebuild: bool = False
) -> Decision:
    return decide(ImageRequest(target=_target(manifest), interpreters=wanted), built, rebuild=rebuild)


def _engine_with(recipe_directories: frozenset[str], manifest: ImageManifest) -> FakeEngine:
    recipe = write_recipe(_target(manifest), recipe_directories)
    engine = FakeEngine()
    engine.host.add_image(f"{recipe.name}:latest", labels=recipe.labels)
    return engine


def _stocked(directories: frozenset[str], manifest: ImageManifest) -> BuiltImage:
    found = find_built(built_images(_engine_with(directories, manifest)), _target(manifest))
    assert found is not None
    return found


_TWO = frozenset(("cp39-cp39", "cp313-cp313"))
_THREE = _TWO | {"cp311-cp311"}


def test_an_unchanged_recipe_is_kept(manifest: ImageManifest) -> None:
    """The same again makes nothing."""
    assert _decide(_TWO, _stocked(_TWO, manifest), manifest).is_kept


def test_a_subset_of_what_is_there_is_kept(manifest: ImageManifest) -> None:
    """Asking for less does not throw away what took minutes to compile."""
    assert _decide(_TWO, _stocked(_THREE, manifest), manifest).is_kept


def test_more_than_is_there_is_made_with_all_of_both(manifest: ImageManifest) -> None:
    """Asking for another interpreter does not lose those of before."""
    decision = _decide(frozenset(("cp311-cp311",)), _stocked(_TWO, manifest), manifest)
    assert not decision.is_kept
    assert frozenset(decision.recipe.interpreters) == _THREE


def test_nothing_wanted_means_what_the_image_has(manifest: ImageManifest) -> None:
    """A plain `image build` renews an image and does not change what it is."""
    assert _decide(frozenset(), _stocked(_TWO, manifest), manifest).is_kept


def test_nothing_wanted_and_no_image_means_the_defaults(manifest: ImageManifest) -> None:
    """The first `image build` makes the usual interpreters."""
    decision = _decide(frozenset(), None, manifest)
    assert not decision.is_kept
    assert frozenset(decision.recipe.interpreters) == manifest.defaults(Arch.I686)


def test_a_changed_recipe_is_made(manifest: ImageManifest) -> None:
    """A bump in the data file reaches the image."""
    older = msgspec.structs.replace(manifest, version="0")
    assert not _decide(_TWO, _stocked(_TWO, older), manifest).is_kept


def test_rebuild_makes_an_unchanged_recipe(manifest: ImageManifest) -> None:
    """`--rebuild` means it."""
    assert not _decide(_TWO, _stocked(_TWO, manifest), manifest, rebuild=True).is_kept


def test_an_interpreter_that_can_no_longer_be_made_is_dropped(manifest: ImageManifest) -> None:
    """An image by a former version, with an interpreter that has no source any more, is no dead end."""
    former = msgspec.structs.replace(_stocked(_TWO, manifest), interpreters=_TWO | {"cp38-cp38"}, digest="former")
    assert frozenset(_decide(frozenset(), former, manifest).recipe.interpreters) == _TWO


def test_an_image_suffices_for_what_it_has(manifest: ImageManifest) -> None:
    """A build is served by an image with more, and not by one with less, nor by none."""
    built = _stocked(_TWO, manifest)
    assert suffices(built, frozenset(("cp39-cp39",)))
    assert not suffices(built, _THREE)
    assert not suffices(None, frozenset())


def test_other_images_are_not_taken_for_ours(manifest: ImageManifest) -> None:
    """Labels decide, and a label that makes no sense is no image of ours."""
    engine = _engine_with(_TWO, manifest)
    engine.host.add_image("somebody/else:latest")
    engine.host.add_image("matrix-runner/odd:latest", labels=((LABEL, "x"), (LABEL_ARCH, "pdp11")))
    assert [image.reference for image in built_images(engine)] == ["matrix-runner/manylinux_2_31_i686:latest"]


def test_a_snapshot_of_an_image_is_not_taken_for_one(manifest: ImageManifest) -> None:
    """It inherits the labels; what a `before-all` did to it is nobody's image."""
    engine = _engine_with(_TWO, manifest)
    labels = engine.images(LABEL)[0].labels
    engine.host.add_image("", labels=labels)
    engine.host.add_image("mine:latest", labels=labels)
    engine.host.add_image("matrix-runner/prepared:0123456789abcdef", labels=labels)
    engine.host.add_image("matrix-runner/debug:cp311-manylinux_i686", labels=labels)
    assert [image.reference for image in built_images(engine)] == ["matrix-runner/manylinux_2_31_i686:latest"]


def test_the_other_width_is_not_taken_for_this_one(manifest: ImageManifest) -> None:
    """An image for i686 says nothing about x86_64."""
    other = ImageTarget(manifest=manifest, arch=Arch.X86_64)
    assert find_built(built_images(_engine_with(_TWO, manifest)), other) is None
