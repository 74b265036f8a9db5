"""The record of what a wheel's code needs, by which reports tell what rose since an earlier run."""

from pathlib import Path

from elf_builder import SharedObject, Versions
from wheel_builder import SUFFIX_X86_64, build_wheel

from matrix_runner.catalog.policies import load_policies
from matrix_runner.model.outcomes import WheelNeeds
from matrix_runner.model.platforms import Platform
from matrix_runner.policy import analyse, read_wheel, wheel_needs

X86_64 = Platform.parse("manylinux_x86_64")


def needs(directory: Path, versions: Versions, platform: Platform = X86_64) -> WheelNeeds | None:
    """Return the record of a wheel whose module needs these versions."""
    module = SharedObject(needed=[library for library, _ in versions], versions=versions)
    files: dict[str, bytes | None] = {f"demo/_fast{SUFFIX_X86_64}": module.build()}
    wheel = build_wheel(directory, "demo-1.0-cp311-cp311-manylinux_2_28_x86_64.whl", files=files)
    return wheel_needs(analyse(read_wheel(wheel), load_policies()), platform)


def test_the_newest_version_of_each_kind_is_recorded(tmp_path: Path) -> None:
    """By number, not by spelling: 2.14 is newer than 2.4; a version without a number is no release."""
    libc = ("libc.so.6", (("GLIBC_2.4", ("a",)), ("GLIBC_2.14", ("memcpy",)), ("GLIBC_PRIVATE", ("b",))))
    cxx = ("libstdc++.so.6", (("GLIBCXX_3.4.9", ("c",)), ("CXXABI_1.3", ("d",)), ("GLIBCXX_3.4.21", ("e",))))
    found = needs(tmp_path, (libc, cxx))
    assert found == WheelNeeds(libc="2.28", symbols=("CXXABI_1.3", "GLIBCXX_3.4.21", "GLIBC_2.14"))


def test_nothing_is_recorded_for_a_platform_that_is_not_the_wheels(tmp_path: Path) -> None:
    """Such a wheel is refused anyway."""
    assert needs(tmp_path, (), Platform.parse("manylinux_aarch64")) is None
