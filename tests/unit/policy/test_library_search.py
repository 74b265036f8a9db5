"""Which libraries of a wheel the loader finds, by ld.so(8); an end-to-end test holds it against a real one."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from elf_builder import SharedObject
from wheel_builder import SUFFIX_X86_64, X86_64, build_wheel

from matrix_runner.catalog.policies import load_policies
from matrix_runner.policy import Analysis, Provider, analyse, describe, read_wheel
from matrix_runner.policy.installed_paths import installed_path

MODULE = f"demo/_fast{SUFFIX_X86_64}"
MUSL = "demo-1.0-cp311-cp311-musllinux_1_2_x86_64.whl"
LOADER = "/lib64/ld-linux-x86-64.so.2"
LIBC = {X86_64: "libc.so.6", MUSL: "libc.musl-x86_64.so.1"}


def analysed(directory: Path, files: Mapping[str, SharedObject | bytes], filename: str = X86_64) -> Analysis:
    """Analyse a wheel of exactly these ELF files."""
    contents: dict[str, bytes | None] = {MODULE: None}
    contents |= {path: each.build() if isinstance(each, SharedObject) else each for path, each in files.items()}
    return analyse(read_wheel(build_wheel(directory, filename, files=contents)), load_policies())


def lost(directory: Path, files: Mapping[str, SharedObject | bytes], filename: str = X86_64) -> set[tuple[str, str]]:
    """Return the needs that are lost, each as file and library."""
    (verdict,) = analysed(directory, files, filename).verdicts
    return {(each.file, each.name) for each in verdict.lost}


def module(*needed: str, **more: str) -> SharedObject:
    """Return an extension module."""
    return SharedObject(needed=("libc.so.6", *needed), defined=("PyInit__fast",), **more)  # type: ignore[arg-type]


def program(*needed: str, **more: str) -> SharedObject:
    """Return a program."""
    return SharedObject(needed=("libc.so.6", *needed), interpreter=LOADER, **more)  # type: ignore[arg-type]


def library(soname: str | None, *needed: str, **more: str) -> SharedObject:
    """Return a library."""
    return SharedObject(needed=("libc.so.6", *needed), soname=soname, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("demo/_fast.so", "lib/python/site-packages/demo/_fast.so"),
        ("demo.libs/liba.so", "lib/python/site-packages/demo.libs/liba.so"),
        ("demo-1.0.data/scripts/tool", "bin/tool"),
        ("demo-1.0.data/data/bin/tool", "bin/tool"),
        ("demo-1.0.data/data/lib/liba.so", "lib/liba.so"),
        ("demo-1.0.data/platlib/demo/_fast.so", "lib/python/site-packages/demo/_fast.so"),
        ("demo-1.0.data/purelib/demo/_fast.so", "lib/python/site-packages/demo/_fast.so"),
        ("demo-1.0.data/headers/a.so", "include/python/demo/a.so"),
    ],
)
def test_where_files_are_installed(path: str, place: str) -> None:
    """By the schemes of the wheel format; `data` is the prefix itself."""
    assert installed_path(path) == place


FOUND = {
    "RPATH beside": ("demo/_fast.so", {"rpath": "$ORIGIN"}, "demo/liba.so"),
    "RUNPATH beside": ("demo/_fast.so", {"runpath": "$ORIGIN"}, "demo/liba.so"),
    "braces, dots and slashes": ("demo/_fast.so", {"runpath": "${ORIGIN}/.//../demo.libs/"}, "demo.libs/liba.so"),
    "the second entry": ("demo/_fast.so", {"runpath": "/opt/lib:$ORIGIN/../demo.libs"}, "demo.libs/liba.so"),
    "from data to the library directory": (
        "demo-1.0.data/data/bin/tool",
        {"runpath": "$ORIGIN/../lib"},
        "demo-1.0.data/data/lib/liba.so",
    ),
    "from scripts into the packages": (
        "demo-1.0.data/scripts/tool",
        {"rpath": "$ORIGIN/../lib/python3.11/site-packages/demo.libs"},
        "demo.libs/liba.so",
    ),
    "on Fedora": (
        "demo-1.0.data/scripts/tool",
        {"rpath": "$ORIGIN/../lib64/python3.13t/site-packages/demo.libs"},
        "demo.libs/liba.so",
    ),
    "with the loader's own word": (
        "demo-1.0.data/data/bin/tool",
        {"rpath": "$ORIGIN/../$LIB"},
        "demo-1.0.data/data/lib/liba.so",
    ),
    "out of the packages": (
        "demo/_fast.so",
        {"runpath": "$ORIGIN/../../../../lib"},
        "demo-1.0.data/data/lib/liba.so",
    ),
    "platlib is the packages": (
        "demo-1.0.data/platlib/demo/_fast.so",
        {"runpath": "$ORIGIN/../demo.libs"},
        "demo.libs/liba.so",
    ),
}


@pytest.mark.parametrize(("path", "paths", "held"), FOUND.values(), ids=FOUND)
def test_what_a_search_path_leads_to(tmp_path: Path, path: str, paths: dict[str, str], held: str) -> None:
    """From where the file is installed, not from where it is in the wheel; as a program and as a module."""
    for user in (program("liba.so", **paths), module("liba.so", **paths)):
        assert lost(tmp_path, {path: user, held: library("liba.so")}) == set()


LOST = {
    "no path at all": ("demo/_fast.so", {}, "demo/liba.so"),
    "another directory": ("demo/_fast.so", {"runpath": "$ORIGIN/libs"}, "demo.libs/liba.so"),
    "where it was in the wheel": (
        "demo-1.0.data/data/bin/tool",
        {"rpath": "$ORIGIN/../../../demo.libs"},
        "demo.libs/liba.so",
    ),
    "a path that names the file": ("demo/_fast.so", {"runpath": "$ORIGIN/liba.so"}, "demo/liba.so"),
    "the SONAME is not the file's name": ("demo/_fast.so", {"runpath": "$ORIGIN"}, "demo/liba-1.0.so"),
    "relative to nothing": ("demo/_fast.so", {"runpath": "demo"}, "demo/liba.so"),
    "a directory of the build machine": ("demo/_fast.so", {"rpath": "/project/demo"}, "demo/liba.so"),
    "out of the prefix": ("demo/_fast.so", {"rpath": "$ORIGIN/../../../../../demo"}, "demo/liba.so"),
    "RPATH beside RUNPATH": ("demo/_fast.so", {"rpath": "$ORIGIN", "runpath": "/opt"}, "demo/liba.so"),
}


@pytest.mark.parametrize(("path", "paths", "held"), LOST.values(), ids=LOST)
def test_what_no_search_path_leads_to(tmp_path: Path, path: str, paths: dict[str, str], held: str) -> None:
    """It is said of the file, and of where it lies; a module may be helped by something that is loaded before."""
    found = analysed(tmp_path, {path: program("liba.so", **paths), held: library("liba.so")})
    (need,) = found.verdicts[0].lost
    assert (need.file, need.name, need.held_at, need.loaded_by, need.is_of_program) == (
        path,
        "liba.so",
        (held,),
        None,
        True,
    )
    (said,) = (line for line in describe(found, (), verbose=False) if line.label == "not found")
    assert said.is_warning
    assert f"liba.so, needed by {path}: no search path leads to {held}" in said.text
    assert "loaded it before" not in said.text
    assert {each.provider for each in found.verdicts[0].libraries if each.name == "liba.so"} == {Provider.LOST}
    of_module = analysed(tmp_path, {path: module("liba.so", **paths), held: library("liba.so")})
    (said,) = (line for line in describe(of_module, (), verbose=False) if line.label == "not found")
    assert "it is found only if something else has loaded it before" in said.text


def test_rpath_is_inherited_and_runpath_is_not(tmp_path: Path) -> None:
    """With glibc; with musl both are."""
    files = {"demo.libs/liba.so": library("liba.so", "libb.so"), "demo.libs/libb.so": library("libb.so")}
    old = {**files, MODULE: module("liba.so", rpath="$ORIGIN/../demo.libs")}
    new = {**files, MODULE: module("liba.so", runpath="$ORIGIN/../demo.libs")}
    assert lost(tmp_path, old) == set()
    assert lost(tmp_path, new) == {("demo.libs/liba.so", "libb.so")}
    assert lost(tmp_path, new, MUSL) == set()
    # A library's own RUNPATH shuts it off from those that led to it.
    shut = {**old, "demo.libs/liba.so": library("liba.so", "libb.so", runpath="/opt")}
    assert lost(tmp_path, shut) == {("demo.libs/liba.so", "libb.so")}


def test_what_is_loaded_already_is_not_searched(tmp_path: Path) -> None:
    """Breadth first: a module's second library meets its first one's need; glibc knows it by its SONAME too."""
    files = {
        MODULE: module("liba.so", "libb.so.1", runpath="$ORIGIN"),
        "demo/liba.so": library("liba.so", "libb.so.1"),
        "demo/libb.so.1": library("libb.so.1"),
    }
    assert lost(tmp_path, files) == set()
    files |= {
        MODULE: module("liba.so", "libb-1.0.so", runpath="$ORIGIN"),
        "demo/libb-1.0.so": library("libb.so.1"),
    }
    del files["demo/libb.so.1"]
    assert lost(tmp_path, files) == set()
    assert lost(tmp_path, files, MUSL) == {("demo/liba.so", "libb.so.1")}


def test_a_plugin_whose_needs_are_met_by_its_host(tmp_path: Path) -> None:
    """A library that is opened later finds what a module has loaded: that is said, and is no warning."""
    files = {
        MODULE: module("libmain.so.1", runpath="$ORIGIN"),
        "demo/libmain.so.1": library("libmain.so.1"),
        "demo/plugins/one.so": library(None, "libmain.so.1"),
    }
    found = analysed(tmp_path, files)
    (need,) = found.verdicts[0].lost
    assert (need.file, need.loaded_by) == ("demo/plugins/one.so", MODULE)
    (said,) = (line for line in describe(found, (), verbose=False) if line.label == "not found")
    assert not said.is_warning
    assert f"only after {MODULE} has loaded it" in said.text
    # A program has no host.
    files["demo/plugins/one.so"] = program("libmain.so.1")
    assert analysed(tmp_path, files).verdicts[0].lost[0].loaded_by is None


def test_a_library_of_the_system_is_the_systems(tmp_path: Path) -> None:
    """A copy that no path leads to is not loaded, so the system's is: its versions count."""
    user = SharedObject(needed=("libc.so.6", "libz.so.1"), versions=(("libz.so.1", (("ZLIB_1.2.9", ("gzvprintf",)),)),))
    files = {MODULE: user, "demo/vendor/libz.so.1": library("libz.so.1")}
    (verdict,) = analysed(tmp_path, files).verdicts
    assert verdict.lost == ()
    assert str(verdict.policy) == "manylinux_2_27_x86_64"
    assert [each.provider for each in verdict.libraries if each.name == "libz.so.1"] == [Provider.SYSTEM]


@pytest.mark.parametrize(
    ("own", "fails"),
    [
        ({"definitions": ("FOO_1",)}, False),
        ({"definitions": ("FOO_2",)}, True),
        ({"versions": (("libc.so.6", (("GLIBC_2.2.5", ("puts",)),)),)}, False),
        ({}, True),
    ],
)
def test_versions_of_the_wheels_own_libraries(tmp_path: Path, own: dict[str, object], *, fails: bool) -> None:
    """A version that the library does not define cannot be loaded, but where it has versions only for its needs."""
    user = SharedObject(
        needed=("libc.so.6", "libfoo.so.1"), versions=(("libfoo.so.1", (("FOO_1", ("foo",)),)),), runpath="$ORIGIN"
    )
    own_library = SharedObject(soname="libfoo.so.1", defined=("foo",), **own)  # type: ignore[arg-type]
    found = analysed(tmp_path, {MODULE: user, "demo/libfoo.so.1": own_library})
    assert [(each.file, each.version, each.library) for each in found.verdicts[0].undefined] == (
        [(MODULE, "FOO_1", "demo/libfoo.so.1")] if fails else []
    )
    told = [line.text for line in describe(found, (), verbose=False) if line.label == "not found"]
    assert len(told) == fails
