"""A repair that fails: the failure says which file needs what, which platform would fit, and what to do about it."""

from pathlib import Path

import pytest
from elf_builder import SharedObject
from fake_run import FakeRun, outcome, probe_answer, what
from planning import settings_with

from matrix_runner.cell.explanations.repair_failure import Repair, explain
from matrix_runner.cell.steps import CellFailed
from matrix_runner.config.options.build_options import REPAIR_WHEEL_COMMAND
from matrix_runner.engine.api import ContainerSpec
from matrix_runner.engine.fake.fake_engine import ANY_IMAGE, FakeCall, FakeEngine, FakeResult
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Failure, Reason, StepKind
from matrix_runner.model.platforms import Arch, Platform

CELL = "cp311-manylinux_x86_64"
TOO_RECENT = (
    'auditwheel: error: cannot repair "demo.whl" to "manylinux_2_31_x86_64" ABI because of the presence of too-recent '
    "versioned symbols. You'll need to compile the wheel on an older toolchain.\n"
)
NOT_FOUND = 'ValueError: Cannot repair wheel, because required library "{}" could not be located\n'
FORCED = "auditwheel repair --plat=manylinux2014_x86_64 -w {dest_dir} {wheel}"
NEW = SharedObject(versions=(("libc.so.6", (("GLIBC_2.34", ("dlopen",)), ("GLIBC_2.27", ("glob",)))),))
OLD = SharedObject(versions=(("libc.so.6", (("GLIBC_2.5", ("puts",)),)),))


def failed(
    directory: Path,
    module: SharedObject | bytes,
    said: str,
    command: str | None = None,
    *,
    cell: str = CELL,
    status: int = 2,
) -> Failure:
    """Build a wheel with this module, let its repair fail with these words, and return the cell's failure."""
    settings = settings_with({REPAIR_WHEEL_COMMAND: command} if command else {}, project_name="demo")
    fake = FakeRun(directory=directory, identifiers=(cell,), settings=settings)

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) == "probe":
            return FakeResult(output=(probe_answer(call, Cell.parse(cell).platform.libc).encode(),))
        if what(call) == "build":
            return fake.delivery(call, member=module if isinstance(module, bytes) else module.build())
        return FakeResult(status=status, output=(said.encode(),)) if what(call) == "repair" else None

    fake.override = override
    failure = outcome(fake.run(), cell).failure
    assert failure is not None
    assert (failure.step, failure.reason) == (StepKind.REPAIR, Reason.COMMAND)
    assert not any(fake.directory.rglob("scratch/**/*.whl"))
    return failure


def test_symbols_that_are_too_recent_are_named(tmp_path: Path) -> None:
    """File, symbol, library and version; the platform that would fit; the image for it and the one for the old one."""
    failure = failed(tmp_path, NEW, TOO_RECENT)
    assert failure.message == (
        "exit status 2: too new for manylinux_2_31_x86_64: GLIBC_2.34 of libc.so.6 (dlopen), in demo/_fast.so; "
        "the lowest platform that fits is manylinux_2_34_x86_64"
    )
    assert failure.hint == (
        'for manylinux_2_34_x86_64, build in an image that has it (manylinux-x86_64-image = "manylinux_2_34"); '
        "for manylinux_2_31_x86_64, compile in the image what was taken ready-made, or do without these symbols"
    )


def test_the_platform_is_the_one_that_the_command_names(tmp_path: Path) -> None:
    """A command of the user's may ask for another than the image's, by its old name too."""
    failure = failed(tmp_path, NEW, TOO_RECENT, FORCED)
    assert "too new for manylinux_2_17_x86_64: GLIBC_2.34 of libc.so.6 (dlopen)" in failure.message
    assert "GLIBC_2.27 of libc.so.6 (glob)" in failure.message
    assert 'older toolchain (manylinux-x86_64-image = "manylinux2014")' in (failure.hint or "")


def test_an_image_that_has_the_platform_is_kept(tmp_path: Path) -> None:
    """Where only the command asks for too old a platform, no other image is needed for the one that fits."""
    module = SharedObject(versions=(("libc.so.6", (("GLIBC_2.27", ("glob",)),)),))
    failure = failed(tmp_path, module, TOO_RECENT, FORCED)
    assert "the lowest platform that fits is manylinux_2_27_x86_64" in failure.message
    assert "for manylinux_2_27_x86_64, which this image has, name it in repair-wheel-command" in (failure.hint or "")


def test_a_library_that_is_not_found_is_named_with_its_users(tmp_path: Path) -> None:
    """Which file needs it, and the three things that can be done."""
    module = SharedObject(needed=("libc.so.6", "libhidden.so.1"))
    failure = failed(tmp_path, module, NOT_FOUND.format("libhidden.so.1"))
    assert failure.message == "exit status 2: libhidden.so.1, needed by demo/_fast.so, was not found in the image"
    for remedy in ("before-all", "AUDITWHEEL_LD_LIBRARY_PATH", "--exclude libhidden.so.1"):
        assert remedy in (failure.hint or "")


def test_a_library_that_another_library_needs(tmp_path: Path) -> None:
    """The one that is missing may be needed by one that would be grafted: that one is named."""
    module = SharedObject(needed=("libc.so.6", "libfirst.so.1"))
    failure = failed(tmp_path, module, NOT_FOUND.format("libsecond.so.2"))
    assert "libsecond.so.2, needed by a library to be grafted (libfirst.so.1)" in failure.message


def test_a_directory_for_auditwheel_is_absolute(tmp_path: Path) -> None:
    """A relative one is not searched, so the hint says so."""
    module = SharedObject(needed=("libc.so.6", "libhidden.so.1"))
    assert "absolute path in AUDITWHEEL_LD_LIBRARY_PATH" in (
        failed(tmp_path, module, NOT_FOUND.format("libhidden.so.1")).hint or ""
    )


def test_musl_under_the_name_of_another_distribution(tmp_path: Path) -> None:
    """What Debian's musl-gcc links is on no system: neither installing nor excluding it would help."""
    failure = failed(tmp_path, SharedObject(needed=("libc.so.6", "libc.so")), NOT_FOUND.format("libc.so"))
    assert failure.message.endswith("demo/_fast.so is linked with musl under the name libc.so, which no system has")
    assert "musllinux image" in (failure.hint or "")
    assert "--exclude" not in (failure.hint or "")


@pytest.mark.parametrize(
    ("cell", "module", "told", "advice"),
    [
        (
            "cp311-musllinux_x86_64",
            SharedObject(needed=("libstdc++.so.6", "libc.so.6"), defined=("PyInit__fast",)),
            "exit status 1: demo/_fast.so is linked with glibc (libc.so.6), and a musllinux wheel is loaded by musl",
            "`g++` and packages of a distribution with glibc are for glibc, in an image with both too",
        ),
        (
            CELL,
            SharedObject(needed=("libc.so",), defined=("PyInit__fast",)),
            "exit status 1: demo/_fast.so is linked with musl (libc.so), and a manylinux wheel is loaded by glibc",
            "`musl-gcc`",
        ),
    ],
)
def test_a_module_for_another_c_library(
    tmp_path: Path, cell: str, module: SharedObject, told: str, advice: str
) -> None:
    """The cause is the compiler; auditwheel sees no code there, or a platform that cannot be had."""
    said = "auditwheel: error: This does not look like a platform wheel, no ELF executable or shared library found\n"
    failure = failed(tmp_path, module, said, cell=cell, status=1)
    assert failure.message == told
    assert advice in (failure.hint or "")
    assert "CC and CXX" in (failure.hint or "")


def test_an_extension_that_links_no_c_library(tmp_path: Path) -> None:
    """Where auditwheel cannot tell the C library, the platform can be named, or the library linked all the same."""
    said = "auditwheel.error.InvalidLibcError: couldn't detect libc for python extension demo/_fast.so\n"
    failure = failed(tmp_path, SharedObject(needed=()), said)
    assert failure.message.startswith(
        "exit status 2: auditwheel cannot tell the wheel's C library: demo/_fast.so links"
    )
    assert "--plat manylinux_2_31_x86_64" in (failure.hint or "")
    assert "-Wl,--no-as-needed" in (failure.hint or "")


def test_a_c_library_that_auditwheel_does_not_know(tmp_path: Path) -> None:
    """Newer than its newest platform: no platform is named that it would refuse."""
    module = SharedObject(versions=(("libc.so.6", (("GLIBC_2.43", ("free_sized",)),)),))
    failure = failed(tmp_path, module, TOO_RECENT)
    assert "GLIBC_2.43 of libc.so.6 (free_sized)" in failure.message
    assert failure.message.endswith("that is glibc 2.43, for which auditwheel has no platform")
    assert "manylinux_2_43" not in (failure.hint or "")


def test_a_grafted_library_may_be_the_one_that_is_too_new(tmp_path: Path) -> None:
    """Where the wheel's own files fit, the libraries that it links are named as the cause."""
    failure = failed(tmp_path, SharedObject(needed=("libc.so.6", "libnew.so.1")), TOO_RECENT)
    assert "the wheel's own files fit manylinux_2_31_x86_64" in failure.message
    assert "libnew.so.1" in failure.message


def test_instructions_of_newer_processors(tmp_path: Path) -> None:
    """No platform fits, and the compiler's flag is what to change."""
    failure = failed(tmp_path, SharedObject(level=4), 'auditwheel: error: cannot repair "demo.whl"\n')
    assert "instructions of x86-64-v3, in demo/_fast.so" in failure.message
    assert "no platform tag fits" in failure.message
    assert "-march" in (failure.hint or "")


def test_a_command_of_the_users_keeps_its_own_words(tmp_path: Path) -> None:
    """What fails for another reason than a symbol says so, whatever else is wrong with the wheel."""
    failure = failed(tmp_path, NEW, "auditwheel repair: my own complaint\n")
    assert failure.message.startswith("exit status 2: auditwheel repair: my own complaint: too new for ")


@pytest.mark.parametrize("module", [OLD, b"\x7fELF broken"])
def test_where_nothing_is_found_out_the_failure_stands(tmp_path: Path, module: SharedObject | bytes) -> None:
    """A wheel that fits, and one that cannot be analysed, change nothing about what the command said."""
    failure = failed(tmp_path, module, "patchelf: cannot find section\n")
    assert (failure.message, failure.hint) == ("exit status 2: patchelf: cannot find section", None)


def test_a_wheel_that_cannot_be_taken_out_changes_nothing(tmp_path: Path) -> None:
    """An archive that is no archive is no reason to say anything else than what the command said."""
    failure = Failure(step=StepKind.REPAIR, reason=Reason.COMMAND, message="exit status 2: no")
    repair = Repair(platform=Platform.parse("manylinux_x86_64"), built="/nowhere", command="", plat=None)
    engine = FakeEngine()
    with engine.open(ContainerSpec(image=ANY_IMAGE, arch=Arch.X86_64, name="cell")) as container:
        told = explain(CellFailed(failure), container, repair, lambda: tmp_path)
    engine.close()
    assert told.failure is failure
