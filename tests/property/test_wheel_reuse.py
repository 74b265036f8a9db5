"""Which wheel installs where: our answer against the reference implementation's."""

from hypothesis import given
from hypothesis import strategies as st
from packaging.tags import Tag, compatible_tags, cpython_tags

from matrix_runner.model.cells import Implementation, Interpreter
from matrix_runner.model.platforms import Arch, Libc, Platform
from matrix_runner.wheelhouse import is_compatible

PLATFORM = Platform(libc=Libc.GLIBC, arch=Arch.X86_64)
PLATFORM_TAGS = ["manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux1_x86_64"]

cpythons = st.builds(
    Interpreter,
    implementation=st.just(Implementation.CPYTHON),
    major=st.just(3),
    minor=st.integers(min_value=2, max_value=16),
    variant=st.sampled_from(["", "t"]),
).filter(lambda python: python.minor >= 13 or not python.variant)
tags = st.builds(
    Tag,
    st.builds("{}{}".format, st.sampled_from(["cp3", "py3", "cp2", "py2", "pp3"]), st.integers(0, 17))
    | st.sampled_from(["py2", "py3"]),
    st.builds("cp3{}{}".format, st.integers(2, 17), st.sampled_from(["", "m", "t"]))
    | st.sampled_from(["abi3", "abi3t", "none", "cp27mu", "pypy311_pp73"]),
    st.sampled_from([*PLATFORM_TAGS, "manylinux2014_i686", "musllinux_1_2_x86_64", "linux_armv7l", "any"]),
)


def _reference(python: Interpreter) -> set[Tag]:
    """What pip would install on such a Python."""
    abi = f"cp3{python.minor}{python.variant or ('m' if python.minor < 8 else '')}"
    own = cpython_tags(python.version, [abi], PLATFORM_TAGS)
    return {*own, *compatible_tags(python.version, f"cp3{python.minor}", PLATFORM_TAGS)}


@given(cpythons, tags)
def test_any_tag_is_judged_as_the_reference_does(python: Interpreter, tag: Tag) -> None:
    """For every CPython and any tag whatsoever, we reuse a wheel exactly where installers take it."""
    assert is_compatible(f"demo-1.0-{tag}.whl", python, PLATFORM) is (tag in _reference(python))


@given(cpythons, st.data())
def test_every_tag_of_the_reference_is_accepted(python: Interpreter, data: st.DataObject) -> None:
    """Every tag that installers take on a CPython is accepted for it."""
    tag = data.draw(st.sampled_from(sorted(_reference(python), key=str)))
    assert is_compatible(f"demo-1.0-{tag}.whl", python, PLATFORM)
