"""What a run finds in the code of a cell's wheel: tags that promise too much, libraries that are not found."""

from pathlib import Path

import pytest
from elf_builder import SharedObject, Versions
from wheel_builder import SUFFIX_X86_64, build_wheel

from matrix_runner.catalog.policies import load_policies
from matrix_runner.model.checks import Check
from matrix_runner.model.platforms import Platform
from matrix_runner.policy import analyse, code_findings, read_wheel
from matrix_runner.wheelhouse import Finding

MODULE = f"demo/_fast{SUFFIX_X86_64}"
NEW: Versions = (("libc.so.6", (("GLIBC_2.27", ("memfd_create",)),)),)
BRING = "auditwheel repair --plat {plat} -w {dest_dir} {wheel}"


def found(
    directory: Path, tags: str, module: SharedObject, command: str = BRING, grafted: str | None = None
) -> tuple[Finding, ...]:
    """Return the findings about a wheel of these platform tags; `grafted`: the SONAME of a library in `demo.libs/`."""
    contents: dict[str, bytes | None] = {MODULE: module.build()}
    if grafted is not None:
        contents[f"demo.libs/{grafted}"] = SharedObject(soname=grafted).build()
    wheel = build_wheel(directory, f"demo-1.0-cp311-cp311-{tags}.whl", files=contents)
    platform = Platform.parse("musllinux_x86_64" if "musl" in tags else "manylinux_x86_64")
    return tuple(code_findings(analyse(read_wheel(wheel), load_policies()), platform, command))


@pytest.mark.parametrize(
    "tags", ["manylinux_2_27_x86_64", "manylinux_2_28_x86_64.manylinux_2_27_x86_64", "manylinux_2_30_x86_64"]
)
def test_tags_that_are_kept(tmp_path: Path, tags: str) -> None:
    """A tag between two policies and one above the lowest are true."""
    assert found(tmp_path, tags, SharedObject(versions=NEW)) == ()


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        ("manylinux1_x86_64", "manylinux1_x86_64 promises to work from glibc 2.5 on, but"),
        ("manylinux1_x86_64.manylinux_2_27_x86_64", "manylinux1_x86_64 promises to work from glibc 2.5 on, but"),
        ("manylinux_2_26_x86_64", "manylinux_2_26_x86_64 promises to work from glibc 2.26 on, but"),
        (
            "manylinux_2_17_x86_64.manylinux2010_x86_64",
            "manylinux2010_x86_64 promises to work from glibc 2.12 on, and so do manylinux_2_17_x86_64, but",
        ),
    ],
)
def test_a_tag_that_the_code_does_not_keep(tmp_path: Path, tags: str, told: str) -> None:
    """The tag, the symbol, its library and file, and the platform that would be true."""
    (one,) = found(tmp_path, tags, SharedObject(versions=NEW))
    assert one.check is Check.BROKEN_PROMISE
    assert told in one.message
    assert f"needs GLIBC_2.27 of libc.so.6 (memfd_create), in {MODULE}" in one.message
    assert one.message.endswith("the lowest platform that fits is manylinux_2_27_x86_64")
    assert "plat-name" in (one.hint or "")


@pytest.mark.parametrize(
    ("version", "tag", "kept"),
    [
        ("GLIBC_2.43", "manylinux_2_43_x86_64", True),
        ("GLIBC_2.43", "manylinux_2_44_x86_64", True),
        ("GLIBC_2.43", "manylinux_2_42_x86_64", False),
        ("GLIBC_2.43", "manylinux_2_39_x86_64", False),
        ("GLIBC_PRIVATE", "manylinux_2_43_x86_64", False),
    ],
)
def test_a_c_library_newer_than_the_tables(tmp_path: Path, version: str, tag: str, *, kept: bool) -> None:
    """PEP 600 has a tag for every glibc: numbers decide, whether auditwheel has a policy or not."""
    module = SharedObject(versions=(("libc.so.6", ((version, ("free_sized",)),)),))
    assert [each.check for each in found(tmp_path, tag, module)] == ([] if kept else [Check.BROKEN_PROMISE])


def test_instructions_and_excluded_libraries_are_what_the_command_says(tmp_path: Path) -> None:
    """What the user has told auditwheel to let pass is meant here too."""
    fast = SharedObject(level=4)
    assert [each.check for each in found(tmp_path, "manylinux_2_28_x86_64", fast)] == [Check.BROKEN_PROMISE]
    assert found(tmp_path, "manylinux_2_28_x86_64", fast, f"{BRING} --disable-isa-ext-check") == ()
    cuda = SharedObject(needed=("libc.so.6", "libcudart.so.12"))
    (missing,) = found(tmp_path, "manylinux_2_28_x86_64", cuda)
    assert (missing.check, missing.path) == (Check.MISSING_LIBRARY, MODULE)
    assert "libcudart.so.12" in missing.message
    assert found(tmp_path, "manylinux_2_28_x86_64", cuda, f"{BRING} --exclude 'libcudart.so.*'") == ()


def test_musl_promises_what_can_be_seen(tmp_path: Path) -> None:
    """Its symbols have no versions: only libraries are held against its tags."""
    module = SharedObject(needed=("libc.musl-x86_64.so.1",))
    assert found(tmp_path, "musllinux_1_1_x86_64", module) == ()
    debian = SharedObject(needed=("libc.so",))
    (one,) = found(tmp_path, "musllinux_1_2_x86_64", debian)
    assert one.check is Check.MISSING_LIBRARY
    assert "libc.so" in one.message


@pytest.mark.parametrize("name", ["libpython3-918a4d2c.15t.so.1.0", "libpython3-918a4d2c.so", "libpython3.11d-1a.so.1"])
def test_a_second_python_among_the_grafted_libraries(tmp_path: Path, name: str) -> None:
    """Repair leaves Python's own library out by some of its names only."""
    module = SharedObject(needed=("libc.so.6", name), runpath="$ORIGIN/../demo.libs")
    (one,) = found(tmp_path, "manylinux_2_28_x86_64", module, grafted=name)
    assert (one.check, one.path) == (Check.GRAFTED_PYTHON, f"demo.libs/{name}")


def test_a_version_that_a_grafted_library_does_not_define(tmp_path: Path) -> None:
    """The wheel cannot be imported anywhere, though the library is there and repair had nothing to say."""
    needed: Versions = (("libfoo-1a2b3c4d.so.1", (("FOO_1", ("foo",)),)),)
    module = SharedObject(needed=("libc.so.6", "libfoo-1a2b3c4d.so.1"), versions=needed, runpath="$ORIGIN/../demo.libs")
    (one,) = found(tmp_path, "manylinux_2_28_x86_64", module, grafted="libfoo-1a2b3c4d.so.1")
    assert (one.check, one.path) == (Check.MISSING_LIBRARY, MODULE)
    assert "FOO_1" in one.message
    assert "demo.libs/libfoo-1a2b3c4d.so.1" in one.message


def test_what_is_not_found_is_about_its_file(tmp_path: Path) -> None:
    """Nothing leads to a library: that can be accepted for that file."""
    module = SharedObject(needed=("libc.so.6", "liba.so"))
    (one,) = found(tmp_path, "manylinux_2_28_x86_64", module, grafted="liba.so")
    assert (one.check, one.path) == (Check.MISSING_LIBRARY, MODULE)
    assert "no search path leads to demo.libs/liba.so" in one.message
