"""The verdict on a wheel: the lowest platform that fits, what is in the way of a lower one, whose libraries it uses."""

from pathlib import Path

import pytest
from elf_builder import SharedObject
from wheel_builder import SUFFIX_X86_64, X86_64, build_wheel

from matrix_runner.catalog.policies import load_policies
from matrix_runner.errors import WheelRejected
from matrix_runner.model.platforms import Arch
from matrix_runner.policy import Analysis, DemandKind, Provider, Verdict, analyse, read_wheel

BUILT = "demo-1.0-cp311-cp311-linux_x86_64.whl"
MODULE = f"demo/_fast{SUFFIX_X86_64}"


def analysis(directory: Path, filename: str = BUILT, **files: SharedObject | bytes) -> Analysis:
    """Analyse a wheel with these files; `module` is its extension, `also` another file, `grafted` a grafted library."""
    places = {
        "module": MODULE,
        "also": "demo/_more.so",
        "own": "demo/libown.so",
        "grafted": "demo.libs/libz-1a2b.so.1",
    }
    contents: dict[str, bytes | None] = {MODULE: None}
    for name, file in files.items():
        contents[places[name]] = file.build() if isinstance(file, SharedObject) else file
    return analyse(read_wheel(build_wheel(directory, filename, files=contents)), load_policies())


def verdict(directory: Path, filename: str = BUILT, **files: SharedObject | bytes) -> Verdict:
    """Return the verdict on the one platform of such a wheel."""
    (only,) = analysis(directory, filename, **files).verdicts
    return only


def needing(version: str, *symbols: str, library: str = "libc.so.6", arch: Arch = Arch.X86_64) -> SharedObject:
    """Return a shared object that needs these symbols in that version."""
    return SharedObject(arch=arch, needed=("libc.so.6", library), versions=((library, ((version, symbols),)),))


@pytest.mark.parametrize(
    ("library", "version", "policy"),
    [
        ("libc.so.6", "GLIBC_2.2.5", "manylinux_2_5_x86_64"),
        ("libc.so.6", "GLIBC_2.14", "manylinux_2_17_x86_64"),
        ("libc.so.6", "GLIBC_2.17", "manylinux_2_17_x86_64"),
        ("libc.so.6", "GLIBC_2.18", "manylinux_2_24_x86_64"),
        ("libc.so.6", "GLIBC_2.34", "manylinux_2_34_x86_64"),
        ("libc.so.6", "GLIBC_ABI_DT_RELR", "manylinux_2_36_x86_64"),
        ("libc.so.6", "GLIBC_2.43", "manylinux_2_43_x86_64"),
        ("libc.so.6", "GLIBC_2.99", "manylinux_2_99_x86_64"),
        ("libc.so.6", "GLIBC_PRIVATE", None),
        ("libstdc++.so.6", "GLIBCXX_3.4.30", "manylinux_2_35_x86_64"),
        ("libstdc++.so.6", "CXXABI_1.3.9", "manylinux_2_24_x86_64"),
        ("libgcc_s.so.1", "GCC_12.0.0", "manylinux_2_35_x86_64"),
        ("ld-linux-x86-64.so.2", "GLIBC_2.99", "manylinux_2_5_x86_64"),
    ],
)
def test_the_lowest_platform_that_has_a_version(tmp_path: Path, library: str, version: str, policy: str | None) -> None:
    """Versions are compared as numbers; names are known one by one; the loader's own are never in the way."""
    found = verdict(tmp_path, module=needing(version, "symbol", library=library))
    assert (str(found.policy) if found.policy else None) == policy


def test_what_holds_a_wheel_back_is_a_ladder(tmp_path: Path) -> None:
    """From the top: file, library, version and symbols of what is in the way, and where the wheel would be without."""
    found = verdict(
        tmp_path,
        module=SharedObject(
            needed=("libc.so.6", "libm.so.6"),
            versions=(
                ("libc.so.6", (("GLIBC_2.2.5", ("free",)), ("GLIBC_2.34", ("dlopen", "dlsym")))),
                ("libm.so.6", (("GLIBC_2.29", ("exp",)),)),
            ),
        ),
        also=needing("GLIBC_2.14", "memcpy"),
    )
    rungs = [
        (str(rung.policy), str(rung.without), [(d.file, d.library, d.what, d.symbols) for d in rung.demands])
        for rung in found.rungs
    ]
    assert rungs == [
        (
            "manylinux_2_34_x86_64",
            "manylinux_2_31_x86_64",
            [(MODULE, "libc.so.6", "GLIBC_2.34", ("dlopen", "dlsym"))],
        ),
        ("manylinux_2_31_x86_64", "manylinux_2_17_x86_64", [(MODULE, "libm.so.6", "GLIBC_2.29", ("exp",))]),
        ("manylinux_2_17_x86_64", "manylinux_2_5_x86_64", [("demo/_more.so", "libc.so.6", "GLIBC_2.14", ("memcpy",))]),
    ]


def test_a_library_that_no_platform_has(tmp_path: Path) -> None:
    """It is missing, with the files that ask for it; the wheel fits nothing until it is grafted, and then is known."""
    found = verdict(tmp_path, module=SharedObject(needed=("libc.so.6", "liblz4.so.1")))
    assert found.policy is None
    assert str(found.rungs[0].without) == "manylinux_2_5_x86_64"
    assert [(d.kind, d.what) for d in found.rungs[0].demands] == [(DemandKind.LIBRARY, "liblz4.so.1")]
    (missing,) = (each for each in found.libraries if each.provider is Provider.MISSING)
    assert (missing.name, missing.needed_by) == ("liblz4.so.1", (MODULE,))


def test_a_library_that_came_later(tmp_path: Path) -> None:
    """The library libmvec is on every system from glibc 2.24 on: a wheel that uses it is held there."""
    assert str(verdict(tmp_path, module=SharedObject(needed=("libmvec.so.1",))).policy) == "manylinux_2_24_x86_64"


def test_libraries_that_the_wheel_brings(tmp_path: Path) -> None:
    """Grafted or its own, they are in no way missing, and their versions are not the system's to have."""
    found = verdict(
        tmp_path,
        X86_64,
        module=SharedObject(
            needed=("libc.so.6", "libz-1a2b.so.1", "libown.so"),
            versions=(("libz-1a2b.so.1", (("ZLIB_1.2.12", ("inflate",)),)),),
            runpath="$ORIGIN/../demo.libs:$ORIGIN",
        ),
        grafted=SharedObject(soname="libz-1a2b.so.1", definitions=("ZLIB_1.2.12",)),
        own=SharedObject(soname="libown.so"),
    )
    assert {each.name: each.provider for each in found.libraries} == {
        "libc.so.6": Provider.SYSTEM,
        "libz-1a2b.so.1": Provider.GRAFTED,
        "libown.so": Provider.OWN,
    }
    assert str(found.policy) == "manylinux_2_5_x86_64"


def test_symbols_that_a_library_does_not_have_everywhere(tmp_path: Path) -> None:
    """`uncompress2` came to zlib after the versions did; its inner functions are nobody's; weak ones may go."""
    late = verdict(tmp_path, module=SharedObject(needed=("libz.so.1",), plain=("uncompress2", "inflate")))
    assert str(late.policy) == "manylinux_2_34_x86_64"
    assert [(d.kind, d.what, d.symbols) for d in late.rungs[0].demands] == [
        (DemandKind.SYMBOL, "libz.so.1", ("uncompress2",))
    ]
    assert verdict(tmp_path, module=SharedObject(needed=("libz.so.1",), plain=("_tr_init",))).policy is None
    assert verdict(tmp_path, module=SharedObject(needed=("libz.so.1",), weak=("_tr_init",))).rungs == ()
    assert verdict(tmp_path, module=SharedObject(needed=("libc.so.6",), plain=("_tr_init",))).rungs == ()


def test_code_for_newer_processors_fits_no_platform(tmp_path: Path) -> None:
    """A tag promises the first level of x86-64; without the file the wheel would fit."""
    found = verdict(tmp_path, module=SharedObject(level=4))
    assert found.policy is None
    assert [(d.kind, d.what) for d in found.rungs[0].demands] == [(DemandKind.INSTRUCTIONS, "x86-64-v3")]


def test_tags_that_promise_too_much_and_too_little(tmp_path: Path) -> None:
    """A wheel is held to its oldest tag; where the code needs less, that is seen too."""
    lying = verdict(tmp_path, X86_64, module=needing("GLIBC_2.34", "dlopen"))
    assert (str(lying.tagged), lying.keeps_its_promise, str(lying.needs)) == ("2.17", False, "2.34")
    modest = verdict(tmp_path, X86_64, module=needing("GLIBC_2.4", "x"))
    assert (modest.keeps_its_promise, modest.could_be_lower, str(modest.needs)) == (True, True, "2.17")


@pytest.mark.parametrize(
    ("tags", "libc", "pip"),
    [
        ("manylinux1_x86_64", "2.5", "8.1"),
        ("manylinux_2_12_x86_64.manylinux2010_x86_64", "2.12", "19.0"),
        ("manylinux_2_17_x86_64.manylinux2014_x86_64", "2.17", "19.3"),
        ("manylinux_2_17_x86_64", "2.17", "20.3"),
        ("manylinux_2_28_x86_64.manylinux_2_27_x86_64", "2.27", "20.3"),
        ("manylinux_2_29_x86_64", "2.29", "20.3"),
    ],
)
def test_what_a_file_name_lets_in(tmp_path: Path, tags: str, libc: str, pip: str) -> None:
    """The oldest of several tags counts, a tag between two policies is what it says, and old names reach older pips."""
    found = verdict(tmp_path, f"demo-1.0-cp311-cp311-{tags}.whl", module=SharedObject())
    assert (str(found.tagged), str(found.needs), found.pip) == (libc, libc, pip)


def test_platforms_are_judged_each_by_its_own(tmp_path: Path) -> None:
    """A program without any C library may be tagged for both; a file of the other C library fits only its own."""
    name = "demo-1.0-py3-none-manylinux_2_17_x86_64.musllinux_1_1_x86_64.whl"
    both = analysis(tmp_path, name, module=SharedObject(needed=()))
    assert [str(each.policy) for each in both.verdicts] == ["manylinux_2_5_x86_64", "musllinux_1_1_x86_64"]
    one = analysis(tmp_path, name, module=SharedObject(needed=("libc.so.6",)))
    assert [str(each.policy) for each in one.verdicts] == ["manylinux_2_5_x86_64", "None"]


@pytest.mark.parametrize(
    ("needed", "platforms"),
    [
        (("libc.so.6",), ["manylinux_x86_64"]),
        (("libc.musl-x86_64.so.1",), ["musllinux_x86_64"]),
        (("libc.so",), ["musllinux_x86_64"]),  # Debian's musl-gcc
        ((), ["manylinux_x86_64"]),
    ],
)
def test_the_c_library_of_a_wheel_that_is_not_repaired(
    tmp_path: Path, needed: tuple[str, ...], platforms: list[str]
) -> None:
    """`linux_x86_64` does not say which; what the code asks for does."""
    found = analysis(tmp_path, module=SharedObject(needed=needed)).verdicts
    assert [str(each.platform) for each in found] == platforms
    assert all(each.tagged is None for each in found)


def test_code_for_another_machine_is_odd_and_does_not_count(tmp_path: Path) -> None:
    """A 32-bit object in a 64-bit wheel is pointed out, and so is one that is broken; the rest is judged without."""
    found = analysis(
        tmp_path,
        module=SharedObject(),
        also=needing("GLIBC_2.34", "x", arch=Arch.I686),
        grafted=b"\x7fELF" + b"\2\1" * 40,
    )
    assert {each.path for each in found.odd_files} == {"demo/_more.so", "demo.libs/libz-1a2b.so.1"}
    assert [str(each.policy) for each in found.verdicts] == ["manylinux_2_5_x86_64"]


def test_wheels_without_machine_code(tmp_path: Path) -> None:
    """A pure wheel is for any platform; one for another system has nothing to be said of it here."""
    pure = analysis(tmp_path, "demo-1.0-py3-none-any.whl")
    assert (pure.verdicts, pure.platform_tags) == ((), ("any",))
    mac = analysis(tmp_path, "demo-1.0-cp311-cp311-macosx_11_0_arm64.whl")
    assert (mac.verdicts, mac.platform_tags) == ((), ("macosx_11_0_arm64",))


def test_a_tag_that_denies_the_code(tmp_path: Path) -> None:
    """A wheel tagged `any` with code in it is judged by its code."""
    found = analysis(tmp_path, "demo-1.0-py3-none-any.whl", module=SharedObject())
    assert [str(each.platform) for each in found.verdicts] == ["manylinux_x86_64"]


def test_what_is_no_wheel_is_refused(tmp_path: Path) -> None:
    """A text, a file that is not there and a directory are each refused with a sentence that names it."""
    text = tmp_path / BUILT
    text.write_text("not a wheel")
    directory = tmp_path / X86_64
    directory.mkdir()
    for path in (text, directory, tmp_path / "gone-1.0-py3-none-any.whl"):
        with pytest.raises(WheelRejected, match=r"whl|wheel"):
            read_wheel(path)
