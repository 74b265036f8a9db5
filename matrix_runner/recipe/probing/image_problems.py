"""The reason why a cell cannot run in an image, by the image's facts. Pure."""

import msgspec

from matrix_runner.model.cells import Cell
from matrix_runner.model.platforms import Arch, Libc
from matrix_runner.recipe.image_facts import ImageFacts, InterpreterFacts

NOT_STARTING = (
    "it is of another architecture or C library than the image, or a script whose interpreter is missing; replace it,"
    " or remove it if nothing needs it"
)
"""The hint about a tool that does not start."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """The reason why a cell cannot run in an image, with a hint.

    `is_wrong_image`: the image is for another architecture or C library; else it lacks something.
    """

    message: str
    hint: str
    is_wrong_image: bool = False


def find_problem(cell: Cell, directories: tuple[str, ...], facts: ImageFacts, place: str) -> Problem | None:
    """Return the reason why no such cell can run there, or None. `place`: the name of the image, or this machine."""
    arch = cell.platform.arch
    seen = kind_of_programs(facts.elf)
    option = f"`{cell.platform.libc}-{arch}-image`"
    if seen not in {None, str(arch)}:
        message = f"{place} holds {seen} programs, but {cell} needs {arch}"
        return Problem(message=message, hint=f"set {option}", is_wrong_image=True)
    if Arch.of_machine(facts.machine) is not arch:
        return Problem(
            message=f"in {place} `uname -m` says {facts.machine or 'nothing'}, but {cell} needs {arch}",
            hint="the image needs `linux32` (util-linux)"
            if arch.needs_linux32
            else "this engine cannot run it natively",
            is_wrong_image=True,
        )
    interpreter = facts.interpreter(directories)
    problem = _of_libc(cell, interpreter, facts, place)
    if problem is not None:
        return problem
    if interpreter is None and facts.to_install(directories) is None:
        broken = [name for name in directories if name in facts.directories]
        if broken:
            return Problem(
                message=f"/opt/python/{broken[0]} in {place}, which {cell} needs, does not start"
                f"{_because(facts, broken[0])}",
                hint=f"run `/opt/python/{broken[0]}/bin/python -V` there to see more",
            )
        offer = f"it has {', '.join(facts.directories)}" if facts.directories else "it has no interpreter at all"
        return Problem(message=f"{place} has no /opt/python/{directories[0]}, which {cell} needs", hint=offer)
    return None


def _of_libc(cell: Cell, interpreter: InterpreterFacts | None, facts: ImageFacts, place: str) -> Problem | None:
    """Return the problem of an image, or an interpreter, for another C library than the cell's.

    An image that has two is for the one that `getconf` names.
    """
    wanted = cell.platform.libc
    option = f"`{wanted}-{cell.platform.arch}-image`"
    message, hint = f"{place} is for {facts.libc} wheels, but {cell} needs {wanted}", f"set {option}"
    if facts.libc is not wanted:
        loader = next((each for each in facts.loaders if ("ld-musl" in each) == (wanted is Libc.MUSL)), None)
        if loader is not None and wanted is Libc.MUSL:
            message += f": musl is in it too ({loader}), but `getconf GNU_LIBC_VERSION` answers {facts.libc_version}"
            hint += " to an image whose own C library is musl, where `getconf` does not answer that"
        elif loader is not None:
            message += f": glibc's loader is in it too ({loader}), but `getconf GNU_LIBC_VERSION` does not answer"
            hint += " to an image whose own C library is glibc"
        return Problem(message=message, hint=hint, is_wrong_image=True)
    suffix = "" if interpreter is None else interpreter.extension_suffix or ""
    # `-gnu` says nothing: before Python 3.11 it was there with musl too.
    if interpreter is None or wanted is Libc.MUSL or not suffix.endswith("-musl.so"):
        return None
    return Problem(
        message=f"/opt/python/{interpreter.directory} in {place} is for musllinux wheels (its modules end in {suffix})"
        f", but {cell} needs {wanted}",
        hint=f"{hint}; for musllinux cells, `getconf GNU_LIBC_VERSION` must not answer in the image",
        is_wrong_image=True,
    )


def find_missing_tool(
    cell: Cell, directories: tuple[str, ...], facts: ImageFacts, place: str, needs: frozenset[str]
) -> Problem | None:
    """Return the problem of missing tools, or None. Without uv, the interpreter must have pip or ensurepip."""
    missing = sorted(tool for tool in needs if facts.tool(tool) is None)
    interpreter = facts.interpreter(directories)
    if facts.tool("uv") is None and interpreter is not None and not interpreter.modules & {"pip", "ensurepip"}:
        missing.append("pip")
    if not missing:
        return None
    broken = next((tool for tool in missing if facts.reason(tool) is not None), None)
    if broken is not None:
        message = f"{broken} is on PATH in {place}, and {cell} needs it, but it does not start{_because(facts, broken)}"
        return Problem(message=message, hint=NOT_STARTING)
    return Problem(
        message=f"{place} has no {' and no '.join(missing)}, which {cell} needs",
        hint="install it there, or choose a `build-frontend` or `repair-wheel-command` that does without",
    )


def _because(facts: ImageFacts, name: str) -> str:
    reason = facts.reason(name)
    return "" if reason is None else f": {reason}"


def kind_of_programs(header: bytes) -> str | None:
    """Return the architecture of a program by its ELF header; None if it is no ELF file, or of an unknown machine."""
    if header[:4] != b"\x7fELF" or len(header) < 20:
        return None
    bits, order = 32 if header[4] == 1 else 64, "little" if header[5] == 1 else "big"
    machine = _number(header[18:20], order)
    # e_flags of a 32-bit file, in which alone they matter.
    arch = Arch.of_elf(bits, machine, order, _number(header[36:40], order))
    if arch is None and (bits, machine) == (32, Arch.ARMV7L.elf_machine):
        return "soft-float ARM (armel)"
    return None if arch is None else str(arch)


def _number(data: bytes, order: str) -> int:
    return int.from_bytes(data, "little" if order == "little" else "big")
