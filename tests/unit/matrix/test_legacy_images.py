"""Cells that need a former image, and what a plan says in advance of its images and architectures."""

import re

import pytest
from planning import settings_with

from matrix_runner import catalog
from matrix_runner.catalog import Catalog
from matrix_runner.config.kinds.values import EnableGroup
from matrix_runner.config.options.image_options import IMAGE, IMAGES
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.selection_options import ARCHS, BUILD, ENABLE
from matrix_runner.matrix import Host, Plan, make_plan
from matrix_runner.model.platforms import Arch, Platform

MANY64 = Platform.parse("manylinux_x86_64")
X86 = Host(machine=Arch.X86_64)
EOL = (EnableGroup.EOL,)
OLD_ROOTS = "; some of the certificate authorities that they trust were compromised since"


@pytest.fixture(name="known", scope="module")
def _known() -> Catalog:
    return catalog.load()


def plan_of(known: Catalog, host: Host = X86, **values: object) -> Plan:
    """Plan with the end-of-life group and these settings."""
    options: dict[str, Option[object]] = {"build": BUILD, "archs": ARCHS, "image": IMAGE, "own": IMAGES[MANY64]}
    given: dict[Option[object], object] = {ENABLE: EOL, **{options[name]: value for name, value in values.items()}}
    return make_plan(settings_with(given), known, host)


def images(plan: Plan) -> dict[str, str]:
    """Return the image of each job, without its registry."""
    return {str(job.cell): job.image.reference.rpartition("/")[2] for job in plan.jobs if job.image is not None}


def test_by_default_an_old_interpreter_gets_the_image_that_holds_it(known: Catalog) -> None:
    """One platform's cells can have several images; those of supported interpreters keep the current one."""
    found = images(plan_of(known))
    assert found["cp27mu-manylinux_x86_64"] == "manylinux2010_x86_64:2021-02-06-3d322a5"
    assert found["cp36-manylinux_x86_64"] == "manylinux_2_28_x86_64:2025.05.03-1"
    assert found["cp38-musllinux_i686"] == "musllinux_1_2_i686:2026.03.20-1"
    assert found["cp313-manylinux_x86_64"].startswith("manylinux_2_28_x86_64@sha256:")


def test_every_cell_there_is_has_an_image_of_its_platform_or_a_reason(known: Catalog) -> None:
    """With all architectures and groups, 203 cells have an image for their C library and processor, six have none."""
    settings = settings_with({ENABLE: (EnableGroup.ALL,), ARCHS: tuple(Arch)})
    plan = make_plan(settings, known, X86)
    for job in plan.jobs:
        assert job.image is not None
        platform = job.cell.platform
        assert re.search(rf"/{platform.libc}[0-9_]+_{platform.arch}[:@]", job.image.reference), job.cell
    assert {str(each.cell) for each in plan.left_out} == {
        *(f"cp34-manylinux_{arch}" for arch in ("x86_64", "i686")),
        *(f"{tag}-{libc}_riscv64" for tag in ("cp36", "cp37") for libc in ("manylinux", "musllinux")),
    }
    assert len(plan.jobs) == 203


def test_what_no_published_image_holds_is_left_out_and_says_so(known: Catalog) -> None:
    """Python 3.4 is left out with the plain reason and the option that could name an image with it."""
    left = {str(each.cell): each.reason for each in plan_of(known).left_out}
    assert left["cp34-manylinux_x86_64"].startswith("no published image holds Python 3.4")
    assert "`image` can name one of your own" in left["cp34-manylinux_x86_64"]
    riscv = {str(each.cell): each.reason for each in plan_of(known, archs=(Arch.RISCV64,)).left_out}
    assert riscv["cp36-manylinux_riscv64"].startswith("no published image for manylinux_riscv64 holds cp36")


@pytest.mark.parametrize("named", [{"image": "registry.example/old:1"}, {"own": "registry.example/old:1"}])
def test_an_image_that_the_user_named_is_taken_at_its_word(known: Catalog, named: dict[str, object]) -> None:
    """Every old interpreter is planned in it, 3.4 too, and its job knows which image would hold it."""
    plan = plan_of(known, X86, archs=(Arch.X86_64,), build=("cp27*-manylinux*", "cp34-manylinux*"), **named)
    assert set(images(plan).items()) == {(f"{tag}-manylinux_x86_64", "old:1") for tag in ("cp27m", "cp27mu", "cp34")}
    remarks = {str(job.cell): job.remark or "" for job in plan.jobs}
    assert remarks["cp27m-manylinux_x86_64"].endswith("manylinux2010_x86_64:2021-02-06-3d322a5 still holds it")
    assert remarks["cp34-manylinux_x86_64"].startswith("no published image holds Python 3.4")


def test_a_short_name_that_the_user_chose_is_no_default(known: Catalog) -> None:
    """`manylinux-x86_64-image = "manylinux_2_28"`, the very name of the default, is a choice and is kept."""
    found = images(plan_of(known, archs=(Arch.X86_64,), build=("cp38-manylinux*",), own="manylinux_2_28"))
    assert found["cp38-manylinux_x86_64"].startswith("manylinux_2_28_x86_64@sha256:")


def test_images_that_nobody_updates_are_spoken_of_once(known: Catalog) -> None:
    """A plan with former images says how many cells run in them; one without says nothing."""
    old = plan_of(known, build=("cp27*-manylinux_x86_64", "cp36-manylinux*"))
    (warning,) = old.warnings
    assert warning == (
        "4 cells in images that nobody updates any more: manylinux2010_x86_64:2021-02-06-3d322a5,"
        f" manylinux_2_28_x86_64:2025.05.03-1, manylinux2014_i686:2025.05.03-1{OLD_ROOTS}"
    )
    assert plan_of(known, build=("cp311-*",)).warnings == ()
    family = plan_of(known, build=("cp36-manylinux_x86_64",), own="manylinux1")
    start = "1 cell in images that nobody updates any more: manylinux1_x86_64:2024-04-29-76807b8"
    assert family.warnings == (f"{start}{OLD_ROOTS}",)


def test_a_missing_emulator_is_told_with_its_remedy(known: Catalog) -> None:
    """Where the kernel is known to run no aarch64, the plan says so; where it does, or is not known, it does not."""

    def warnings(emulated: frozenset[Arch] | None) -> tuple[str, ...]:
        host = Host(machine=Arch.X86_64, emulated=emulated)
        archs = (Arch.AARCH64, Arch.ARMV7L, Arch.X86_64, Arch.I686)
        return plan_of(known, host, archs=archs, build=("cp311-manylinux*",)).warnings

    first, second = warnings(frozenset())
    assert first.startswith("1 cell of aarch64 cannot run: this machine is x86_64 and has no emulator")
    assert "tonistiigi/binfmt --install arm64`" in first
    assert "docker/setup-qemu-action" in first
    assert "--install arm`" in second
    assert warnings(frozenset({Arch.AARCH64, Arch.ARMV7L})) == ()
    assert warnings(None) == ()


def test_emulated_cells_are_told_with_their_cost(known: Catalog) -> None:
    """Before anything is built: how many, of which architectures; not those that need no emulator or have none."""

    def notes(emulated: frozenset[Arch] | None) -> tuple[str, ...]:
        host = Host(machine=Arch.X86_64, emulated=emulated)
        archs = (Arch.AARCH64, Arch.S390X, Arch.X86_64, Arch.I686)
        return plan_of(known, host, archs=archs, build=("cp311-manylinux*",)).notes

    (note,) = notes(frozenset({Arch.AARCH64, Arch.S390X}))
    assert note.startswith("2 cells of aarch64, s390x under emulation on this x86_64: about 7 times the processor")
    (one,) = notes(frozenset({Arch.S390X}))
    assert one.startswith("1 cell of s390x under emulation")
    assert notes(frozenset()) == ()


@pytest.mark.parametrize(
    ("machine", "arch", "lacks"),
    [
        (Arch.X86_64, Arch.I686, False),
        (Arch.X86_64, Arch.AARCH64, True),
        (Arch.AARCH64, Arch.ARMV7L, False),
        (Arch.AARCH64, Arch.I686, True),
        (Arch.I686, Arch.X86_64, True),
    ],
)
def test_a_narrower_architecture_needs_no_emulator(machine: Arch, arch: Arch, lacks: bool) -> None:  # noqa: FBT001
    """x86_64 runs i686 itself; whether an aarch64 processor runs armv7l only a try can tell."""
    assert Host(machine=machine, emulated=frozenset()).lacks_emulator(arch) is lacks
