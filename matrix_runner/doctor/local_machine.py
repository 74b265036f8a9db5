"""This machine itself as a place for cells: its Pythons, and the tools that building here takes. Pure."""

from collections.abc import Iterator

import msgspec

from matrix_runner.doctor.verdict import Level, Verdict
from matrix_runner.engine.local.python_discovery import FoundInterpreter
from matrix_runner.recipe.certificates import old_uv

_INSTALL = "pip install 'matrix-runner[local]'"


class LocalFacts(msgspec.Struct, frozen=True, kw_only=True):
    """`missing`: of the tools that an image in the manylinux layout has besides its Pythons.

    `uv`: the first line of `uv --version`, None if there is none that answers.
    """

    interpreters: tuple[FoundInterpreter, ...]
    missing: tuple[str, ...]
    uv: str | None


def judge_local(facts: LocalFacts, *, is_engine: bool) -> Iterator[Verdict]:
    """Yield the verdicts on this machine. `is_engine`: whether a build would run its cells here."""
    for each in facts.interpreters:
        remark = "" if each.has_headers else "  (no headers: it cannot compile extensions)"
        yield Verdict(
            name="interpreter",
            about=each.directory,
            text=f"{each.directory:14} {each.version:10} {each.executable}{remark}",
            facts={"version": each.version, "executable": str(each.executable), "has_headers": each.has_headers},
        )
    if facts.missing:
        needed = {"auditwheel", "patchelf"} & set(facts.missing)
        yield Verdict(
            name="tools-missing",
            level=Level.WARNING if is_engine and needed else Level.OK,
            about=" ".join(facts.missing),
            text=f"no {', no '.join(facts.missing)}: `{_INSTALL}` brings what building here needs",
        )
    warning = old_uv(facts.uv, "this machine")
    if warning is not None:
        remedy = _INSTALL.replace("install", "install -U")
        yield Verdict(name="uv-old", level=Level.WARNING, about="uv", text=warning, remedy=f"`{remedy}`")
    if not facts.interpreters:
        yield Verdict(
            name="no-interpreter",
            level=Level.ERROR if is_engine else Level.OK,
            text="there is no Python on this machine with which wheels could be built",
            remedy="install Python 3.7 or later, with pip" if is_engine else None,
        )
