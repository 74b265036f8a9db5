"""Verification of a wheel against its cell's promise (tags, ELF machine, suffixes); compatibility with others."""

import re
from collections.abc import Iterator
from enum import Enum
from typing import TYPE_CHECKING

import msgspec
from packaging.tags import Tag
from packaging.utils import canonicalize_name
from packaging.version import Version

from matrix_runner.errors import WheelRejected
from matrix_runner.model.cells import Cell, Implementation, Interpreter
from matrix_runner.model.checks import Check
from matrix_runner.model.platforms import Libc, Platform
from matrix_runner.wheelhouse.findings import Finding
from matrix_runner.wheelhouse.module_suffixes import cpython_abi, stable_abi, suffix_findings
from matrix_runner.wheelhouse.wheel_name import parse_name

if TYPE_CHECKING:
    from matrix_runner.wheelhouse.inspection import WheelContents

_PLATFORM = re.compile(
    r"(?:(?P<glibc>manylinux(?:1|2010|2014|_\d+_\d+))|(?P<musl>musllinux_\d+_\d+)|linux)_(?P<arch>[a-z]\w*)", re.ASCII
)
"""PEP 513, 571, 599, 600 and 656; `linux` is the tag of an unrepaired wheel."""

_CPYTHON = re.compile(r"cp3(\d+)", re.ASCII)
_GENERIC = re.compile(r"py(\d)(\d*)", re.ASCII)


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """The required properties of a cell's wheel.

    `python_tag`, `abi_tag`: the two halves of the interpreter's directory in the image (`cp27`, `cp27mu`).
    `project_name`: of the built wheel, before its repair: commands of the build may change the name that build files
    had before it (nightly builds, variants). `version`: of the sdist from which it was built. `ext_suffix`: sysconfig's
    EXT_SUFFIX of the cell's interpreter, if known. `repaired`: whether there was a repair command; it decides the
    advice.
    """

    cell: Cell
    python_tag: str
    abi_tag: str
    project_name: str | None = None
    version: Version | None = None
    ext_suffix: str | None = None
    repaired: bool = True


class _Fit(Enum):
    """The relation of a tag's interpreter and ABI to an interpreter."""

    EXACT = "made for it alone"
    STABLE = "made for it and later ones"
    GENERIC = "made for any"
    NONE = "made for another"


def verify(contents: "WheelContents", promise: Promise) -> Iterator[Finding]:
    """Yield in which ways the wheel does not fulfil the cell's promise; nothing if it does.

    Raise WheelRejected, with a hint, for what no project can mean: a pure wheel.

    The name is no evidence of the code: setuptools names a wheel i686 by the interpreter's pointer size while the
    compiler's output, from a stale or shared build directory, is x86-64, and auditwheel ignores unreadable files and
    exits 0 (measured). So every ELF file and every module's suffix is checked too.
    """
    yield from _of_project(contents, promise)
    yield from _not_pure(contents)
    yield from _of_platform(contents, promise)
    yield from _of_interpreter(contents, promise)
    yield from _of_machine(contents, promise)
    own = (promise.python_tag, promise.abi_tag)
    yield from suffix_findings(contents, promise.cell.interpreter, own, promise.ext_suffix)


def reject_pure(filename: str) -> None:
    """Raise WheelRejected if the wheel of this name is pure Python: there is nothing to repair then."""
    if any(tag.platform == "any" for tag in parse_name(filename).tags):
        raise no_code(filename)


def is_compatible(filename: str, interpreter: Interpreter, platform: Platform) -> bool:
    """Return whether the wheel of this name installs on the interpreter and platform.

    True for a wheel of the interpreter's own tag, an abi3 wheel of an earlier one (PEP 384; never on a free-threaded
    interpreter), and a `py3-none` one. The platform's libc *version* is not considered. Raise WheelRejected if it is
    not the name of a wheel.
    """
    return any(
        is_tag_of(tag, interpreter) and (is_of(tag.platform, platform) or (tag.abi, tag.platform) == ("none", "any"))
        for tag in parse_name(filename).tags
    )


def is_tag_of(tag: Tag, interpreter: Interpreter) -> bool:
    """Return whether an interpreter installs wheels with a tag's first two parts (PEP 425, 384, 803)."""
    return _fit_of(tag, interpreter) is not _Fit.NONE


def serves_several(filename: str) -> bool:
    """Return whether the wheel of this name may install on several interpreters: by its ABI tag (PEP 384, 803)."""
    return any(tag.abi in {"abi3", "abi3t", "none"} for tag in parse_name(filename).tags)


def _of_project(contents: "WheelContents", promise: Promise) -> Iterator[Finding]:
    if promise.project_name is not None and canonicalize_name(promise.project_name) != contents.name:
        yield Finding(
            check=Check.RENAMED,
            message=f"{contents.filename} is a wheel of {contents.name}, and that of {promise.project_name} was built",
            hint="Does the repair command leave the wheel of a dependency in {dest_dir}?",
        )
    version = parse_name(contents.filename).version
    if promise.version is not None and version != promise.version:
        yield Finding(
            check=Check.OTHER_VERSION,
            message=f"{contents.filename} is of version {version}, and the sdist that it was built from of "
            f"{promise.version}",
            hint="Does the version come from git or a file that the sdist lacks, or does a command change it?",
        )


def _not_pure(contents: "WheelContents") -> Iterator[Finding]:
    if all(tag.platform != "any" for tag in contents.tags):
        return
    code = next((each for each in contents.elf_files if each.is_code), None)
    if code is None:
        pure = no_code(contents.filename)
        yield Finding(check=Check.ANY_PLATFORM, message=pure.message, hint=pure.hint)
    else:
        yield Finding(
            check=Check.ANY_PLATFORM,
            message=f"{contents.filename} says it runs anywhere, but holds compiled code: {code}",
            hint="Tell the build backend about it (setuptools: `ext_modules`, or `has_ext_modules`).",
        )


def no_code(filename: str) -> WheelRejected:
    """Return the refusal of a wheel in which nothing is compiled."""
    return WheelRejected(
        f"{filename} holds no compiled code: one such wheel serves every Python and platform",
        hint="Build it once with `python -m build`; this tool is for wheels with compiled code. If there should be "
        "some, the log of the build says why the extension was left out.",
    )


def _of_platform(contents: "WheelContents", promise: Promise) -> Iterator[Finding]:
    platform = promise.cell.platform
    for name in sorted({tag.platform for tag in contents.tags}):
        if name == f"linux_{platform.arch}":
            yield Finding(
                check=Check.UNREPAIRED,
                message=f"{contents.filename} was not repaired: {name} says nothing about which systems it runs on, "
                "and package indexes refuse it",
                hint="Does `repair-wheel-command` write its result to {dest_dir}?"
                if promise.repaired
                else "`repair-wheel-command` is empty; leave it out of the configuration to have auditwheel do it.",
            )
        elif name != "any" and not is_of(name, platform):
            yield Finding(
                check=Check.OTHER_PLATFORM,
                message=f"{contents.filename} is for {name}; the cell {promise.cell} makes wheels for {platform}",
                hint="Does the build or repair command set a platform tag of its own (`--plat-name`, `--plat`)?",
            )


def is_of(name: str, platform: Platform) -> bool:
    """Return whether a platform tag belongs to the C library and architecture. A bare `linux` tag belongs to none."""
    match = _PLATFORM.fullmatch(name)
    if match is None or match["arch"] != platform.arch.tag:
        return False
    return match["glibc" if platform.libc is Libc.GLIBC else "musl"] is not None


def _of_interpreter(contents: "WheelContents", promise: Promise) -> Iterator[Finding]:
    """Require at least one fitting tag; allow others only if they are for many interpreters."""
    own = (promise.python_tag, promise.abi_tag)
    interpreter = promise.cell.interpreter
    fits, is_mixed = False, False
    for tag in sorted(contents.tags, key=str):
        fit = _Fit.EXACT if (tag.interpreter, tag.abi) == own else _fit_of(tag, interpreter)
        if fit is _Fit.EXACT and tag.abi not in (promise.abi_tag, "none"):
            # A PyPy version has had several ABIs (`pypy311_pp73`, `pypy311_pp80`): the promise is the cell's own only.
            fit = _Fit.NONE
        fits = fits or fit is not _Fit.NONE
        is_mixed = is_mixed or (fit is _Fit.NONE and tag.abi not in ("none", "abi3", "abi3t"))
    if is_mixed or not fits:
        told = ", ".join(sorted({f"{tag.interpreter}-{tag.abi}" for tag in contents.tags}))
        yield Finding(
            check=Check.OTHER_PYTHON,
            message=f"{contents.filename} is for {told}; the cell's interpreter is "
            f"{promise.python_tag}-{promise.abi_tag}",
            hint="Is it left over from another build, or did the build run with another Python? An abi3 wheel must "
            "name this Python or an earlier one, and fits no free-threaded one; those have abi3t, from 3.15 on.",
        )


def _fit_of(tag: Tag, interpreter: Interpreter) -> _Fit:
    """Match a tag's first two parts with an interpreter (PEP 425, 384, 803)."""
    if _is_own(tag, interpreter):
        return _Fit.EXACT
    stable = _CPYTHON.fullmatch(tag.interpreter)
    if stable and tag.abi == _stable_tag(interpreter):
        return _Fit.STABLE if (3, 2) <= (3, int(stable[1])) <= interpreter.version else _Fit.NONE
    generic = _GENERIC.fullmatch(tag.interpreter)
    if generic and tag.abi == "none":
        version = (int(generic[1]), int(generic[2] or 0))
        return _Fit.GENERIC if version[0] == interpreter.major and version <= interpreter.version else _Fit.NONE
    return _Fit.NONE


def _stable_tag(interpreter: Interpreter) -> str | None:
    """Return the stable ABI tag whose wheels installers take: of free-threaded Pythons also before 3.15 (packaging)."""
    return "abi3t" if interpreter.is_free_threaded else stable_abi(interpreter)


def _is_own(tag: Tag, interpreter: Interpreter) -> bool:
    version = f"{interpreter.major}{interpreter.minor}"
    match interpreter.implementation:
        case Implementation.CPYTHON:
            return tag.interpreter == f"cp{version}" and tag.abi in (cpython_abi(interpreter), "none")
        case Implementation.PYPY:
            return tag.interpreter == f"pp{version}" and (tag.abi.startswith(f"pypy{version}_") or tag.abi == "none")
        case Implementation.GRAALPY:
            release = f"graalpy{interpreter.variant.removeprefix('_')}_{version}"
            return tag.interpreter == f"graalpy{version}" and (tag.abi.startswith(release) or tag.abi == "none")


def _of_machine(contents: "WheelContents", promise: Promise) -> Iterator[Finding]:
    arch = promise.cell.platform.arch
    for elf in contents.elf_files:
        if elf.is_code and elf.arch is not arch:
            yield Finding(
                check=Check.FOREIGN_ELF,
                message=f"{contents.filename} holds code for another machine: {elf}; {arch} is {arch.bits}-bit, "
                f"machine {arch.elf_machine}",
                hint="Does the project ship compiled files, or a `build` directory of another architecture? "
                "Build products must not be part of the source.",
                path=elf.path,
            )
