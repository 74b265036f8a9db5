"""What `inspect` says of unusual wheels: newer than auditwheel's tables, for other machines, without a C library."""

from pathlib import Path

import pytest
from elf_builder import SharedObject
from wheel_builder import SUFFIX_X86_64, build_wheel

from matrix_runner.catalog.distributions import load_distributions
from matrix_runner.catalog.policies import load_policies
from matrix_runner.model.platforms import Arch
from matrix_runner.policy import analyse, describe, read_wheel

NEWER = SharedObject(versions=(("libc.so.6", (("GLIBC_2.42", ("cfsetospeed",)), ("GLIBC_2.43", ("free_sized",)))),))


def words(directory: Path, tag: str, module: SharedObject, name: str = "demo/_fast.abi3.so") -> dict[str, str]:
    """Return what is said of a wheel with one module, by label; of a repeated label the first."""
    files = {f"demo/_fast{SUFFIX_X86_64}": None, name: module.build()}
    wheel = build_wheel(directory, f"demo-1.0-cp311-abi3-{tag}.whl", files=files)
    said: dict[str, str] = {}
    for line in describe(analyse(read_wheel(wheel), load_policies()), load_distributions(), verbose=False):
        said.setdefault(line.label, line.text.replace("\N{NO-BREAK SPACE}", " "))
    return said


def test_a_wheel_newer_than_auditwheels_tables(tmp_path: Path) -> None:
    """It needs that glibc, whichever system has it; repair would not name it."""
    said = words(tmp_path, "linux_x86_64", NEWER)
    assert said["repaired"].startswith("it could be manylinux_2_43_x86_64, which is glibc 2.43 or newer")
    assert "Ubuntu 26.04" in said["which is"]
    assert "repair leaves linux_x86_64 in place" in said["no policy"]
    assert "GLIBC_2.43 of libc.so.6 (free_sized)" in said["held back by"]
    assert "fits no tag" not in said


@pytest.mark.parametrize(
    ("tag", "label"), [("manylinux_2_43_x86_64", "installs on"), ("manylinux_2_39_x86_64", "works on")]
)
def test_its_tag_is_held_by_number(tmp_path: Path, tag: str, label: str) -> None:
    """PEP 600: kept by the tag of its C library, broken by an older one."""
    said = words(tmp_path, tag, NEWER)
    assert said[label].startswith("glibc 2.43 or newer")
    assert ("broken promise" in said) == (label == "works on")


def test_what_no_tag_promises_is_a_broken_promise(tmp_path: Path) -> None:
    """Code for newer processors does not work on all systems that the tag lets it in on."""
    said = words(tmp_path, "manylinux_2_28_x86_64", SharedObject(level=4))
    assert "broken promise" in said
    assert "works on" in said


@pytest.mark.parametrize("tag", ["manylinux_2_36_loongarch64", "linux_armv6l", "manylinux_2_17_ppc64"])
def test_linux_on_other_architectures(tmp_path: Path, tag: str) -> None:
    """It is for Linux, though nothing more is known here."""
    said = words(tmp_path, tag, SharedObject())
    assert f"its tags say {tag}: Linux on an architecture" in said["not judged"]
    assert "not for Linux" not in said
    assert "not for Linux" in words(tmp_path, "win_amd64", SharedObject())


def test_soft_float_code_is_for_another_machine(tmp_path: Path) -> None:
    """PEP 599: wheels for armv7l are hard-float."""
    soft = words(tmp_path, "manylinux_2_17_armv7l", SharedObject(arch=Arch.ARMV7L, flags=0x05000200))
    assert "(32-bit, not the hard-float EABI), which the wheel is not" in soft["odd"]
    assert soft["broken promise"].startswith("manylinux_armv7l by its tags, where none of its code can be loaded")
    assert "installs on" not in soft
    assert "odd" not in words(tmp_path, "manylinux_2_17_armv7l", SharedObject(arch=Arch.ARMV7L))


def test_a_second_python_is_odd(tmp_path: Path) -> None:
    """Repair grafts what links libpython under some of its names, without a word."""
    files = {f"demo/_fast{SUFFIX_X86_64}": None, "demo.libs/libpython3-918a4d2c.15t.so.1.0": SharedObject().build()}
    wheel = build_wheel(tmp_path, "demo-1.0-cp311-cp311-manylinux_2_28_x86_64.whl", files=files)
    lines = describe(analyse(read_wheel(wheel), load_policies()), (), verbose=False)
    (odd,) = (line for line in lines if line.label == "odd")
    assert odd.text.startswith("demo.libs/libpython3-918a4d2c.15t.so.1.0 is a second Python")
    assert odd.is_warning


@pytest.mark.parametrize(
    ("name", "module", "is_told"),
    [
        ("demo/_fast.abi3.so", SharedObject(needed=(), defined=("PyInit__fast",)), True),
        ("demo/_fast.cpython-310-x86_64-linux-gnu.so", SharedObject(needed=(), defined=("PyInit__fast",)), True),
        ("demo/_fast.cpython-311-x86_64-linux-gnu.so", SharedObject(needed=(), defined=("PyInit__fast",)), False),
        ("demo/_fast.abi3.so", SharedObject(defined=("PyInit__fast",)), False),
        ("demo/_fast.abi3.so", SharedObject(needed=()), False),
    ],
)
def test_a_module_that_shows_no_c_library(tmp_path: Path, name: str, module: SharedObject, *, is_told: bool) -> None:
    """As auditwheel 6.8 sees it: by what a module links, or by its name from Python 3.11 on; else it gives up."""
    said = words(tmp_path, "linux_x86_64", module, name)["repaired"]
    assert ("only with a platform named" in said) == is_told


def test_musl_under_a_name_that_no_system_has(tmp_path: Path) -> None:
    """What Debian's musl-gcc links is refused by repair, and there is no tag to hope for."""
    said = words(tmp_path, "linux_x86_64", SharedObject(needed=("libc.so",)))
    assert said["repaired"].startswith("it cannot be")
    assert "repair refuses it" in said["missing"]
