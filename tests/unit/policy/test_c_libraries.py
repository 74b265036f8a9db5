"""The C library that code is linked with, and C libraries in a wheel: found in a run, and told by `inspect`."""

from pathlib import Path

import pytest
from elf_builder import SharedObject
from wheel_builder import build_wheel

from matrix_runner.catalog.distributions import load_distributions
from matrix_runner.catalog.policies import load_policies
from matrix_runner.model.checks import Check
from matrix_runner.model.platforms import Arch, Platform
from matrix_runner.policy import Analysis, analyse, code_findings, describe, inspection_document, read_wheel

MODULE = "demo/_fast.cpython-311-x86_64-linux-musl.so"
MUSL, GLIBC = Platform.parse("musllinux_x86_64"), Platform.parse("manylinux_x86_64")
OF_MUSL = SharedObject(needed=("libc.musl-x86_64.so.1",), defined=("PyInit__fast",))
OF_GLIBC = SharedObject(
    needed=("libstdc++.so.6", "libc.so.6"),
    versions=(("libc.so.6", (("GLIBC_2.17", ("puts",)),)),),
    defined=("PyInit__fast",),
)
GLIBC_ITSELF = SharedObject(
    soname="libc-1a2b.so.6",
    needed=(),
    defined=("__libc_start_main", "puts"),
    definitions=("GLIBC_2.17",),
    interpreter="/lib64/ld-linux-x86-64.so.2",
)
MUSL_ITSELF = SharedObject(soname="libc-63156e1e.so", needed=(), defined=("__libc_start_main", "puts"))
LOADER = SharedObject(
    soname="ld-linux-x86-64-3c4d.so.2",
    needed=(),
    defined=("_dl_allocate_tls", "__tls_get_addr"),
    definitions=("GLIBC_2.3",),
)
SANITIZER = SharedObject(needed=("libc.so.6",), defined=("__tls_get_addr", "pthread_create"), soname="libasan-1.so.8")


def analysed(directory: Path, files: dict[str, SharedObject], tag: str = "musllinux_1_2_x86_64") -> Analysis:
    """Return the analysis of a wheel of these files with a platform tag."""
    contents: dict[str, bytes | None] = {"demo/_fast.cpython-311-x86_64-linux-gnu.so": None}
    contents |= {path: code.build() for path, code in files.items()}
    return analyse(
        read_wheel(build_wheel(directory, f"demo-1.0-cp311-cp311-{tag}.whl", files=contents)), load_policies()
    )


def checks(analysis: Analysis, platform: Platform) -> dict[Check, tuple[str, str, str | None]]:
    """Return message, hint and path of each check's first finding."""
    said: dict[Check, tuple[str, str, str | None]] = {}
    for each in code_findings(analysis, platform, ""):
        said.setdefault(each.check, (each.message, each.hint or "", each.path))
    return said


def odd(analysis: Analysis) -> str:
    """Return what `inspect` calls odd."""
    lines = describe(analysis, load_distributions(), verbose=False)
    return "\n".join(line.text for line in lines if line.label == "odd" and line.is_warning)


@pytest.mark.parametrize(
    ("carried", "tag", "name"),
    [
        (MUSL_ITSELF, "musllinux_1_2_x86_64", "musl"),
        (GLIBC_ITSELF, "manylinux_2_17_x86_64", "glibc"),
        (GLIBC_ITSELF, "musllinux_1_2_x86_64", "glibc"),
        (LOADER, "manylinux_2_17_x86_64", "glibc"),
    ],
)
def test_a_c_library_in_the_wheel(tmp_path: Path, carried: SharedObject, tag: str, name: str) -> None:
    """Under whatever name: repair puts a hash into it. It is refused, with the file that needs it and a remedy."""
    library = carried.soname or ""
    of = OF_MUSL if "musl" in tag else OF_GLIBC
    module = SharedObject(needed=(*of.needed, library), defined=of.defined)
    analysis = analysed(tmp_path, {MODULE: module, f"demo.libs/{library}": carried}, tag)
    message, hint, path = checks(analysis, MUSL if "musl" in tag else GLIBC)[Check.GRAFTED_LIBC]
    assert f"demo.libs/{library} is {name} itself (needed by {MODULE})" in message
    assert path == f"demo.libs/{library}"
    assert ("--replace-needed libc.so libc.musl-x86_64.so.1" if name == "musl" else "Leave it to the system") in hint
    assert f"{name} itself" in odd(analysis)
    assert not Check.GRAFTED_LIBC.is_advisory


@pytest.mark.parametrize(
    "other",
    [
        SANITIZER,
        SharedObject(soname="libcrypt-2.so.1", definitions=("GLIBC_2.2.5",), defined=("crypt",)),
        SharedObject(soname="libc-lookalike.so", defined=("puts",)),
    ],
)
def test_other_libraries_are_not_taken_for_one(tmp_path: Path, other: SharedObject) -> None:
    """Neither by a name, nor by versions of glibc's, nor by a function that sanitizers replace."""
    analysis = analysed(tmp_path, {MODULE: OF_GLIBC, f"demo.libs/{other.soname}": other}, "manylinux_2_17_x86_64")
    assert Check.GRAFTED_LIBC not in checks(analysis, GLIBC)


def test_a_program_with_a_c_library_of_its_own(tmp_path: Path) -> None:
    """One that nothing in the wheel is linked with is data of the project; a static program is none."""
    files = {
        MODULE: OF_MUSL,
        "demo/runtime/ld-musl-x86_64.so.1": MUSL_ITSELF,
        "demo.libs/tool": SharedObject(needed=(), defined=("__libc_start_main",), kind=2),
    }
    assert Check.GRAFTED_LIBC not in checks(analysed(tmp_path, files), MUSL)


@pytest.mark.parametrize(
    ("module", "tag", "platform", "told"),
    [
        (OF_GLIBC, "musllinux_1_2_x86_64", MUSL, "is linked with glibc (libc.so.6), and a wheel for musllinux"),
        (OF_MUSL, "manylinux_2_17_x86_64", GLIBC, "is linked with musl (libc.musl-x86_64.so.1), and a wheel for many"),
        (
            SharedObject(needed=("libc.so",), defined=("PyInit__fast",)),
            "manylinux_2_17_x86_64",
            GLIBC,
            "is linked with musl (libc.so)",
        ),
    ],
)
def test_a_module_for_another_c_library(
    tmp_path: Path, module: SharedObject, tag: str, platform: Platform, told: str
) -> None:
    """The code decides, whatever the module's name says; the advice names the compilers that make such."""
    analysis = analysed(tmp_path, {MODULE: module}, tag)
    message, hint, path = checks(analysis, platform)[Check.FOREIGN_LIBC]
    assert told in message
    assert path == MODULE
    assert ("g++" if platform is MUSL else "musl-gcc") in hint
    assert "is linked with" in odd(analysis)


def test_a_grafted_library_for_another_c_library(tmp_path: Path) -> None:
    """A distribution's package beside the image's own C library: its versions show it after it was renamed."""
    library = SharedObject(
        soname="libz-5.so.1", needed=("libc-9.so.6",), versions=(("libc-9.so.6", (("GLIBC_2.4", ("puts",)),)),)
    )
    analysis = analysed(tmp_path, {MODULE: OF_MUSL, "demo.libs/libz-5.so.1": library})
    message, _, path = checks(analysis, MUSL)[Check.FOREIGN_LIBC]
    assert "demo.libs/libz-5.so.1 is linked with glibc (GLIBC_2.4)" in message
    assert path == "demo.libs/libz-5.so.1"


def test_a_wheel_with_code_for_both(tmp_path: Path) -> None:
    """Libraries that the wheel's own code opens, one for each C library: it chooses. Static code is for both."""
    files = {
        MODULE: OF_MUSL,
        "demo/data/agent-glibc.so": SharedObject(needed=("libc.so.6",)),
        "demo/data/tool": SharedObject(needed=("libc.so.6",), interpreter="/lib64/ld-linux-x86-64.so.2", kind=2),
        "demo/data/static": SharedObject(needed=(), kind=2),
    }
    assert Check.FOREIGN_LIBC not in checks(analysed(tmp_path, files), MUSL)


def test_a_library_for_ctypes_alone(tmp_path: Path) -> None:
    """Where it is the only code, it is what the wheel is for."""
    analysis = analysed(tmp_path, {"demo/native.so": SharedObject(needed=("libc.so.6",))})
    assert checks(analysis, MUSL)[Check.FOREIGN_LIBC][2] == "demo/native.so"


def test_code_for_another_architecture_is_not_judged(tmp_path: Path) -> None:
    """That is a finding of its own."""
    other = SharedObject(arch=Arch.AARCH64, needed=("libc.so.6",), defined=("PyInit__fast",))
    assert Check.FOREIGN_LIBC not in checks(analysed(tmp_path, {MODULE: OF_MUSL, "demo/_fast.abi3.so": other}), MUSL)


def test_packed_relocations_need_musl_1_2_4(tmp_path: Path) -> None:
    """No tag says so: `inspect` says from which musl and Alpine on it works, and no run refuses it."""
    packed = SharedObject(soname="libx-1.so.1", needed=OF_MUSL.needed, relr=True)
    analysis = analysed(tmp_path, {MODULE: OF_MUSL, "demo.libs/libx-1.so.1": packed})
    said = {line.label: line.text for line in reversed(describe(analysis, load_distributions(), verbose=False))}
    assert said["works on"].startswith("musl 1.2.4 or newer, x86_64")
    assert "from Alpine Linux 3.18 on" in said["which is"].replace("\N{NO-BREAK SPACE}", " ")
    assert "it is let in from musl 1.2 on, for no tag says 1.2.4" in said["by its tag"]
    assert "packed relative relocations (DT_RELR)" in said["held back by"]
    assert "demo.libs/libx-1.so.1" in said["held back by"]
    assert "broken promise" not in said
    assert checks(analysis, MUSL) == {}
    platforms = inspection_document(analysis, load_distributions())["platforms"]
    assert isinstance(platforms, list)
    assert isinstance(platforms[0], dict)
    assert (platforms[0]["libc"], platforms[0]["keeps_its_promise"]) == ("1.2.4", True)


def test_a_tag_that_lets_in_older_loaders_alone_is_broken(tmp_path: Path) -> None:
    """musllinux_1_1 promises systems of which none can load it; without packed relocations nothing is known."""
    for relr in (False, True):
        module = SharedObject(needed=OF_MUSL.needed, defined=OF_MUSL.defined, relr=relr)
        said = checks(analysed(tmp_path, {MODULE: module}, "musllinux_1_1_x86_64"), MUSL)
        assert (Check.BROKEN_PROMISE in said) == relr
    message, _, _ = said[Check.BROKEN_PROMISE]
    assert "packed relative relocations" in message
    assert message.endswith("the lowest platform that fits is musllinux_1_2_x86_64")


def test_glibc_says_it_by_a_version(tmp_path: Path) -> None:
    """There the linker marks such files with a version of its own, which the policies know."""
    module = SharedObject(needed=("libc.so.6",), defined=("PyInit__fast",), relr=True)
    analysis = analysed(tmp_path, {MODULE: module}, "manylinux_2_17_x86_64")
    assert checks(analysis, GLIBC) == {}
