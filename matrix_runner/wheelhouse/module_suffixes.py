"""The suffixes of extension modules, and the interpreters that import them (PEP 384, PEP 803, cpython#152461). Pure.

Python 3.15 put the platform into these suffixes (`.abi3-x86_64-linux-gnu.so`), and added `abi3t`, which is for builds
with and without the GIL. Earlier ones know `.abi3.so` alone, and free-threaded ones nothing (measured: 3.13t, 3.14t).
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from matrix_runner.model.cells import Implementation, Interpreter
from matrix_runner.model.checks import Check
from matrix_runner.wheelhouse.findings import Finding

if TYPE_CHECKING:
    from matrix_runner.wheelhouse.inspection import WheelContents

FIRST_ABI3 = (3, 2)
"""The oldest Python with a stable ABI (PEP 384)."""

FIRST_ABI3T = (3, 15)
"""The oldest Python with `abi3t` (PEP 803), and with the platform in the suffixes of the stable ABI."""

_STABLE: Final = re.compile(r"\.(?P<abi>abi3t?)(?:-(?P<platform>[0-9a-z_]+-[0-9a-z_-]+))?\.so", re.ASCII)
_OWN: Final = re.compile(r"\.cpython-[0-9]+[a-z]*-(?P<platform>.+)\.so", re.ASCII)


class StableSuffix(msgspec.Struct, frozen=True, kw_only=True):
    """A suffix of the stable ABI. `platform`: such as `x86_64-linux-gnu`; None if the suffix has none."""

    is_abi3t: bool
    platform: str | None = None

    @classmethod
    def parse(cls, suffix: str) -> "StableSuffix | None":
        """Read a suffix; return None for one of another kind."""
        match = _STABLE.fullmatch(suffix)
        return None if match is None else cls(is_abi3t=match["abi"] == "abi3t", platform=match["platform"])

    @property
    def first(self) -> tuple[int, int]:
        """The oldest Python that imports it."""
        return FIRST_ABI3T if self.is_abi3t or self.platform is not None else FIRST_ABI3

    @property
    def importers(self) -> str:
        """The interpreters that import it, in words."""
        versions = f"CPython {self.first[0]}.{self.first[1]} and newer"
        return versions if self.is_abi3t else f"{versions} with the GIL"

    def is_imported_by(self, interpreter: Interpreter, platform: str | None = None) -> bool:
        """Whether an interpreter imports modules of this suffix. `platform`: the interpreter's own, if known."""
        if interpreter.implementation is not Implementation.CPYTHON or interpreter.version < self.first:
            return False
        if self.platform is not None and platform is not None and self.platform != platform:
            return False
        return self.is_abi3t or not interpreter.is_free_threaded


def suffix_platform(ext_suffix: str | None) -> str | None:
    """Return the platform in a CPython's EXT_SUFFIX (`x86_64-linux-gnu`); None if it has none or is unknown."""
    match = _OWN.fullmatch(ext_suffix or "")
    return None if match is None else match["platform"]


def stable_abi(interpreter: Interpreter) -> str | None:
    """Return the ABI tag of the interpreter's stable ABI; None if it has none.

    Free-threaded Pythons before 3.15 have none (PEP 803), whatever `packaging` lists as their tags.
    """
    if interpreter.supports_stable_abi:
        return "abi3"
    is_abi3t = interpreter.is_free_threaded and interpreter.version >= FIRST_ABI3T
    return "abi3t" if is_abi3t and interpreter.implementation is Implementation.CPYTHON else None


def first_interpreter(python_tag: str, abi_tag: str) -> Interpreter | None:
    """Return the oldest interpreter that a wheel of these tags is for: of `cp310-abi3` CPython 3.10; else None."""
    match = re.fullmatch(r"cp3([0-9]{1,2})", python_tag, re.ASCII)
    if match is None or abi_tag not in {"abi3", "abi3t"}:
        return None
    variant = "t" if abi_tag == "abi3t" else ""
    return Interpreter(implementation=Implementation.CPYTHON, major=3, minor=int(match[1]), variant=variant)


def cpython_abi(interpreter: Interpreter) -> str:
    """Return the ABI tag of a CPython: `cp27mu`, `cp37m` (the `m` was dropped in 3.8), `cp313t`."""
    implied = "m" if (3, 2) <= interpreter.version < (3, 8) and not interpreter.variant else interpreter.variant
    return f"cp{interpreter.major}{interpreter.minor}{implied}"


def suffix_findings(
    contents: "WheelContents", interpreter: Interpreter, own: tuple[str, str], ext_suffix: str | None
) -> Iterator[Finding]:
    """Find modules that the cell's Python, or another one that a tag promises, would not import.

    `own`: the python tag and ABI tag of the cell's interpreter. `ext_suffix`: its EXT_SUFFIX, if known.
    """
    exact = any((tag.interpreter, tag.abi) == own for tag in contents.tags)
    for path, suffix in contents.modules:
        if suffix == ".so" or (exact and _is_own_suffix(suffix, interpreter, ext_suffix)):
            continue
        stable, platform = StableSuffix.parse(suffix), suffix_platform(ext_suffix)
        is_foreign = stable is not None and None not in (platform, stable.platform) and stable.platform != platform
        broken = None if exact or is_foreign or stable is None else _broken_tag(contents, stable)
        if stable is not None and broken is not None:
            yield Finding(
                check=Check.MODULE_SUFFIX,
                message=f"{contents.filename} is for {broken}, and {path} ends in {suffix}, which only"
                f" {stable.importers} import",
                hint="setuptools and others on Python 3.15 name modules so, whatever limited API the code keeps to: "
                "build the wheel with the oldest Python of its tag, or name 3.15 in the tag."
                if stable.first > FIRST_ABI3
                else "Modules for free-threaded Pythons end in .abi3t.so: build it for both (Py_TARGET_ABI3T), or "
                "leave abi3t out of the tag.",
                path=path,
            )
        elif stable is None or not stable.is_imported_by(interpreter, platform):
            told = "-".join(own) if exact or is_foreign else "more than one Python"
            yield Finding(
                check=Check.MODULE_SUFFIX,
                message=f"{contents.filename} is for {told}, which cannot import its modules ending in {suffix}",
                hint="Left over from an earlier build in the source tree (a `build` directory), or built by another "
                "Python."
                if exact or is_foreign
                else "A wheel for many Pythons needs modules built with Py_LIMITED_API and named `.abi3.so`, or by "
                "Python 3.15 as that names them.",
                path=path,
            )


def _broken_tag(contents: "WheelContents", stable: StableSuffix) -> str | None:
    """Return a stable-ABI tag of the wheel whose oldest Python does not import modules of a suffix, or None."""
    for pair in sorted({(tag.interpreter, tag.abi) for tag in contents.tags}):
        first = first_interpreter(*pair)
        if first is not None and not stable.is_imported_by(first):
            version = f"{first.major}.{first.minor}{first.variant}"
            return f"CPython {version} and newer ({'-'.join(pair)})"
    return None


def _is_own_suffix(suffix: str, interpreter: Interpreter, ext_suffix: str | None) -> bool:
    if ext_suffix is not None:
        return suffix == ext_suffix
    if interpreter.implementation is not Implementation.CPYTHON:
        return suffix.startswith((".pypy", ".graalpy"))
    return suffix.startswith(f".cpython-{cpython_abi(interpreter).removeprefix('cp')}-")
