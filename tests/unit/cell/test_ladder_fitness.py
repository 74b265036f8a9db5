"""For which clean images a wheel is, and by which of their Pythons it is tested."""

import pytest
from msgspec.structs import replace
from planning import elf_header, facts_for

from matrix_runner.cell.explanations.rung_failure import advice_on_rung
from matrix_runner.cell.ladder.fitness import is_older, libc_text, own_python, why_not_for
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Failure, Reason, StepKind
from matrix_runner.model.platforms import Arch, Libc
from matrix_runner.recipe.image_facts import ImageFacts, InterpreterFacts

CELL = Cell.parse("cp311-manylinux_x86_64")
WHEEL = "demo-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"


def python(version: str, flags: str = "", *modules: str) -> InterpreterFacts:
    """Return a distribution's Python."""
    minor = version.split(".")[1]
    return InterpreterFacts(
        directory=f"/usr/bin/python3.{minor}",
        version=version,
        modules=frozenset(modules),
        extension_suffix=f".cpython-3{minor}{flags}-x86_64-linux-gnu.so",
    )


def system(version: str, *pythons: InterpreterFacts, libc: Libc = Libc.GLIBC, arch: Arch = Arch.X86_64) -> ImageFacts:
    """Return the facts about a clean image."""
    facts = facts_for(CELL, "none")
    return replace(facts, libc=libc, libc_version=version, elf=elf_header(arch), system_pythons=pythons)


@pytest.mark.parametrize(
    ("wheel", "facts", "why"),
    [
        (WHEEL, system("2.17"), None),
        (WHEEL, system("2.41"), None),
        (WHEEL, system("2.12"), "the wheel is for glibc 2.17 and newer"),
        ("demo-1.0-cp311-cp311-manylinux_2_31_x86_64.manylinux_2_5_x86_64.whl", system("2.12"), None),
        ("demo-1.0-cp311-cp311-linux_x86_64.whl", system("2.5"), None),
        (WHEEL, system("1.2.5", libc=Libc.MUSL), "its C library is musl"),
        (WHEEL, system("2.41", arch=Arch.I686), "the image is for i686"),
        (WHEEL, system(""), None),
    ],
)
def test_a_wheel_is_for_a_system_by_its_own_tag(wheel: str, facts: ImageFacts, why: str | None) -> None:
    """Of several tags the oldest counts: each is a promise. A tag without a version promises nothing."""
    assert why_not_for(wheel, CELL, facts) == why


def test_of_musl_the_first_two_numbers_count() -> None:
    """A tag names no patch release (PEP 656)."""
    cell = Cell.parse("cp311-musllinux_x86_64")
    facts = system("1.2.5", libc=Libc.MUSL)
    assert why_not_for("demo-1.0-cp311-cp311-musllinux_1_2_x86_64.whl", cell, facts) is None
    assert why_not_for("demo-1.0-cp311-cp311-musllinux_1_3_x86_64.whl", cell, facts) == (
        "the wheel is for musl 1.3 and newer"
    )
    assert libc_text(facts) == "musl 1.2.5"


@pytest.mark.parametrize(
    ("wheel", "pythons", "taken"),
    [
        (WHEEL, ("3.11.2",), "3.11.2"),
        (WHEEL, ("3.13.5",), None),
        (WHEEL, (), None),
        ("demo-1.0-cp39-abi3-manylinux_2_17_x86_64.whl", ("3.10.1", "3.13.5"), "3.13.5"),
        ("demo-1.0-cp39-abi3-manylinux_2_17_x86_64.whl", ("3.13.5", "3.11.2"), "3.11.2"),
        ("demo-1.0-cp312-abi3-manylinux_2_17_x86_64.whl", ("3.11.2",), None),
    ],
)
def test_the_systems_own_python_is_taken_if_the_wheel_is_for_it(
    wheel: str, pythons: tuple[str, ...], taken: str | None
) -> None:
    """That of the cell's version before the newest."""
    found = own_python(wheel, CELL, system("2.41", *(python(version) for version in pythons)))
    assert (None if found is None else found.version) == taken


def test_with_a_lock_only_the_cells_version_will_do() -> None:
    """The files of the test's requirements are for that."""
    wheel, facts = "demo-1.0-cp39-abi3-manylinux_2_17_x86_64.whl", system("2.41", python("3.13.5"))
    assert own_python(wheel, CELL, facts) is not None
    assert own_python(wheel, CELL, facts, is_exact=True) is None


def test_without_uv_a_python_must_make_environments_itself() -> None:
    """Debian's cannot, without packages of their own; then the cell's comes along."""
    bare, whole = python("3.11.2", "", "venv"), python("3.11.2", "", "venv", "ensurepip")
    assert own_python(WHEEL, CELL, system("2.41", bare), with_uv=False) is None
    assert own_python(WHEEL, CELL, system("2.41", whole), with_uv=False) is not None


def test_other_builds_are_other_interpreters() -> None:
    """A free-threaded one is for its own wheels, a debug build for none."""
    for flags in ("t", "d"):
        assert own_python(WHEEL, CELL, system("2.41", python("3.11.2", flags))) is None
    cell = Cell.parse("cp313t-manylinux_x86_64")
    wheel = "demo-1.0-cp313-cp313t-manylinux_2_17_x86_64.whl"
    assert own_python(wheel, cell, system("2.41", python("3.13.5", "t"))) is not None


def test_a_python_without_distutils_makes_no_environment() -> None:
    """Debian's 3.9 has it in a package of its own; uv asks for it up to there."""
    cell, wheel = Cell.parse("cp39-manylinux_x86_64"), "demo-1.0-cp39-cp39-manylinux_2_17_x86_64.whl"
    assert own_python(wheel, cell, system("2.31", python("3.9.2"))) is None
    assert own_python(wheel, cell, system("2.31", python("3.9.2", "", "distutils.dist"))) is not None


def test_versions_of_c_libraries_are_compared_as_versions() -> None:
    """2.9 is older than 2.31; nothing is concluded from an unknown one."""
    assert is_older(system("2.9"), system("2.31"))
    assert not is_older(system("2.31"), system("2.31"))
    assert not is_older(system(""), system("2.31"))


@pytest.mark.parametrize(
    ("message", "library"),
    [
        ("exit status 1: libgift.so.1 is not found when the module is loaded", "libgift.so.1"),
        ("ImportError: libstdc++.so.6: cannot open shared object file: No such file or directory", "libstdc++.so.6"),
        ("ImportError: Error loading shared library libgift.so.1: No such file or directory", "libgift.so.1"),
        ("exit status 1: 1 test failed", None),
    ],
)
def test_advice_fits_a_system_without_anything(message: str, library: str | None) -> None:
    """The library is named; any other failure keeps the advice that it has."""
    failure = Failure(step=StepKind.TEST_ON, reason=Reason.COMMAND, message=message, hint="as it was")
    hint = advice_on_rung(failure).hint or ""
    assert hint == "as it was" if library is None else hint.startswith(f"{library} is in the image of the build")
