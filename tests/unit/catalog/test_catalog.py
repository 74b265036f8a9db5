"""The data files: complete, consistent with each other, and in the words that the rest of the program uses."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from matrix_runner import catalog
from matrix_runner.catalog import Catalog, Support, platforms
from matrix_runner.catalog.constraints import load_constraints
from matrix_runner.config.kinds.values import EnableGroup
from matrix_runner.config.options.image_options import IMAGES
from matrix_runner.image.image_manifest import load_manifests
from matrix_runner.image.image_request import ImageTarget
from matrix_runner.model.cells import Cell, Implementation, Interpreter
from matrix_runner.model.platforms import Arch, Libc, Platform
from matrix_runner.wheelhouse.module_suffixes import cpython_abi


@pytest.fixture(name="known", scope="module")
def _known() -> Catalog:
    return catalog.load()


@pytest.mark.parametrize(
    ("implementation", "version", "pip"),
    [
        ("graalpy", "3.12", "26.1.2"),
        ("cpython", "3.12", "26.3"),
        ("pypy", "3.11", "26.3"),
        ("cpython", "3.9", "26.0.1"),
        ("cpython", "2.7", "20.3.4"),
    ],
)
def test_each_python_has_one_pip(implementation: str, version: str, pip: str) -> None:
    """The markers of the pins choose one; on GraalPy an older one, as later pips break builds (cibuildwheel#2955)."""
    environment = {"implementation_name": implementation, "python_version": version}
    pins = [one for one in map(Requirement, load_constraints().splitlines()) if one.name == "pip"]
    found = [str(one.specifier) for one in pins if one.marker is not None and one.marker.evaluate(environment)]
    assert found == [f"=={pip}"]


def test_no_interpreter_or_image_is_there_twice(known: Catalog) -> None:
    """Identifiers, directories and short names are each of one thing, but for the one name of all images made here."""
    interpreters = [str(each.interpreter) for each in known.interpreters]
    directories = [name for each in known.interpreters for name in each.directories]
    families = [family.name for family in known.images if not family.is_made_here]
    for names in (interpreters, directories, families):
        assert len(set(names)) == len(names)
        assert all(names)


def test_the_pythons_that_people_ask_for_are_known(known: Catalog) -> None:
    """From 2.7, in both its Unicode widths, to today's, with free-threaded ones, PyPy and GraalPy."""
    tags = {str(each.interpreter) for each in known.interpreters}
    assert {"cp27m", "cp27mu", "cp34", "cp35", "cp36", "cp37", "cp38", "cp39", "cp313", "cp313t", "cp314t"} <= tags
    assert {Interpreter.parse(tag).implementation for tag in tags} == set(Implementation)


def test_cpythons_directories_follow_from_their_tags(known: Catalog) -> None:
    """`/opt/python/<python tag>-<abi tag>`, the layout of the manylinux images, for every CPython."""
    for each in known.interpreters:
        tag = each.interpreter
        if tag.implementation is Implementation.CPYTHON:
            assert each.directories == (f"cp{tag.major}{tag.minor}-{cpython_abi(tag)}",)


def test_what_is_not_current_must_be_asked_for(known: Catalog) -> None:
    """An interpreter past its end, before its release, or of another make is only planned by an `enable` group."""
    groups = {group.value for group in EnableGroup}
    for each in known.interpreters:
        assert each.group == "" or each.group in groups
        is_plain = each.interpreter.implementation is Implementation.CPYTHON and each.support is Support.CURRENT
        assert (each.group == "") is is_plain
        if each.support is Support.END_OF_LIFE:
            cells = [cell for cell in known.cells if cell.interpreter == each.interpreter]
            assert all(known.remark(cell) for cell in cells if cell.platform.arch is not Arch.RISCV64)


def test_cells_are_listed_as_cibuildwheel_lists_them(known: Catalog) -> None:
    """All 142 identifiers that cibuildwheel 4.3.5 has for Linux, in its order, and no other of the same groups."""
    theirs = Path(__file__).with_name("cibuildwheel_linux_identifiers.txt").read_text("ascii").split()
    ours = [str(cell) for cell in known.cells if known.known(cell.interpreter).group != "eol"]
    assert len(theirs) == 142
    assert ours == theirs


def test_no_cell_is_listed_twice(known: Catalog) -> None:
    """The blocks of the order do not overlap."""
    assert len(set(known.cells)) == len(known.cells)


def test_legacy_images_hold_what_current_ones_lack(known: Catalog) -> None:
    """Each is pinned by a tag, for platforms that its name fits, and holds only interpreters that were dropped."""
    dropped = {each.interpreter for each in known.interpreters if each.is_dropped}
    for image in known.legacy:
        assert image.interpreters <= dropped
        for platform in image.platforms:
            name = image.reference(platform)
            assert re.fullmatch(rf"quay\.io/pypa/{platform.libc}[0-9_]+_{platform.arch}:20[0-9a-f.-]+", name)
            for interpreter in image.interpreters:
                cell = Cell(interpreter=interpreter, platform=platform)
                assert cell in known.cells
                assert known.last_image(cell) is not None
    found = {interpreter for image in known.legacy for interpreter in image.interpreters}
    assert dropped - found == {Interpreter.parse("cp34")}


@pytest.mark.parametrize(
    ("identifier", "image"),
    [
        ("cp27m-manylinux_x86_64", "manylinux2010_x86_64:2021-02-06-3d322a5"),
        ("cp27mu-manylinux_i686", "manylinux2010_i686:2021-02-06-3d322a5"),
        ("cp35-manylinux_i686", "manylinux2014_i686:2021-05-01-28d233a"),
        ("cp36-manylinux_x86_64", "manylinux_2_28_x86_64:2025.05.03-1"),
        ("cp37-manylinux_i686", "manylinux2014_i686:2025.05.03-1"),
        ("cp37-musllinux_armv7l", "musllinux_1_2_armv7l:2025.05.03-1"),
        ("cp38-manylinux_armv7l", "manylinux_2_31_armv7l:2026.03.20-1"),
        ("cp313t-musllinux_riscv64", "musllinux_1_2_riscv64:2026.03.20-1"),
        ("cp34-manylinux_x86_64", None),
        ("cp36-manylinux_riscv64", None),
        ("cp311-manylinux_x86_64", None),
    ],
)
def test_the_last_image_is_the_best_that_still_holds_it(known: Catalog, identifier: str, image: str | None) -> None:
    """The newest C library first, then the newest tag; None where no published image holds the interpreter."""
    assert known.last_image(Cell.parse(identifier)) == (image and f"quay.io/pypa/{image}")


def test_cells_are_every_pair_that_exists(known: Catalog) -> None:
    """Each interpreter on each platform it exists for; those that exist nowhere in particular, on all."""
    cells = set(known.cells)
    for each in known.interpreters:
        where = {cell.platform for cell in cells if cell.interpreter == each.interpreter}
        assert where == (set(platforms()) if each.platforms is None else each.platforms)
        assert where
        assert known.known(each.interpreter) is each
    assert len(platforms()) == len(Libc) * len(Arch)


def test_what_is_not_known_is_not_found(known: Catalog) -> None:
    """A Python that the catalog lacks is a KeyError with its tag, an image that it lacks is none."""
    with pytest.raises(KeyError, match="cp399"):
        known.known(Interpreter.parse("cp399"))
    assert known.families("manylinux_9_99") == ()
    assert known.families("") == ()


def test_every_default_image_exists_for_its_platform(known: Catalog) -> None:
    """What the table of options names for a platform is in the catalog, for that very platform and alive."""
    missing = set()
    for platform, option in IMAGES.items():
        (family,) = known.families(option.default)
        assert family.libc is platform.libc
        assert family.support is Support.CURRENT
        if family.reference(platform.arch) is None:
            missing.add(platform)
    assert missing == set()


def test_references_name_what_they_are(known: Catalog) -> None:
    """Each reference has the family's name and the architecture in it; current published ones are pinned."""
    for family in known.images:
        for arch, reference in family.references:
            assert re.search(rf"/{family.libc}[0-9_]+_{arch}($|[:@])", reference)
            if family.is_made_here:
                continue
            assert f"/{family.name}_{arch}" in reference
            # By digest; by the tag of a release, which is not moved, where no digest is known.
            pinned = re.search(r"(@sha256:[0-9a-f]{64}|:\d{4}\.\d\d\.\d\d-\d+)$", reference) is not None
            assert pinned or family.support is Support.END_OF_LIFE


def test_images_have_the_short_names_that_cibuildwheel_has(known: Catalog) -> None:
    """All 25 images that cibuildwheel 4.3.5 pins are pinned here, under the same short names, by a digest."""
    theirs = Path(__file__).with_name("cibuildwheel_images.txt").read_text("ascii").split()
    ours = {
        f"{family.name}_{arch}"
        for family in known.images
        for arch, reference in family.references
        if re.search(r"@sha256:[0-9a-f]{64}$", reference)
    }
    assert len(theirs) == 25
    assert set(theirs) <= ours


def test_what_is_made_here_is_known_as_such(known: Catalog) -> None:
    """All that is made on a machine has one short name, and says which interpreters it can have."""
    made = tuple(family for family in known.images if family.is_made_here)
    assert made == known.families("debian")
    assert {arch for family in made for arch, _ in family.references} == set(Arch)
    for family in made:
        assert family.interpreters is not None
        assert family.interpreters <= {each.interpreter for each in known.interpreters}


def test_images_made_here_are_those_that_can_be_made(known: Catalog) -> None:
    """The rows of `debian` and the data files of `runner image build` agree: order, images, interpreters, emulation."""
    made = known.families("debian")
    manifests = load_manifests()
    assert [f"{family.libc}_{family.version.replace('.', '_')}" for family in made] == [
        manifest.policy for manifest in manifests
    ]
    for family, manifest in zip(made, manifests, strict=True):
        for arch, reference in family.references:
            assert reference == ImageTarget(manifest=manifest, arch=arch).name
        assert {arch.tag for arch, _ in family.references} == set(manifest.root.architectures)
        directories = {name for each in family.interpreters or () for name in known.known(each).directories}
        assert set(manifest.directories) <= directories
        assert len(manifest.directories) == len(family.interpreters or ())
        assert family.is_native_only is manifest.is_compiled


@pytest.mark.parametrize(
    ("platform", "version", "tag"),
    [
        ("manylinux_x86_64", "2.31", "manylinux_2_31_x86_64"),
        ("manylinux_i686", "2.36.1", "manylinux_2_36_i686"),
        ("manylinux_x86_64", "2.33", "manylinux_2_31_x86_64"),
        ("manylinux_x86_64", "2.5", "manylinux_2_5_x86_64"),
        ("manylinux_x86_64", "2.4", None),
        ("manylinux_x86_64", "2.9", "manylinux_2_5_x86_64"),
        ("musllinux_aarch64", "1.2.5", "musllinux_1_2_aarch64"),
        ("musllinux_aarch64", "1.0", None),
        ("manylinux_x86_64", "", None),
        ("manylinux_x86_64", "unknown", None),
    ],
)
def test_a_machine_gets_the_newest_tag_its_library_allows(
    known: Catalog, platform: str, version: str, tag: str | None
) -> None:
    """Never a tag for a newer C library than the machine has; versions are compared as numbers."""
    assert known.platform_tag(Platform.parse(platform), version) == tag


def test_loading_keeps_nothing() -> None:
    """The catalog is read anew each time and is the same value."""
    assert catalog.load() == catalog.load()
    assert catalog.load() is not catalog.load()
