"""Findings about a finished wheel, and their settlement: refusal, warning, or silence if the project accepts them."""

from collections.abc import Iterable

import msgspec

from matrix_runner.errors import WheelRejected
from matrix_runner.model.checks import Accepted, Check


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding of a check. `message`: a sentence that names the wheel; `path`: the file it is about, if it is one."""

    check: Check
    message: str
    hint: str | None = None
    path: str | None = None


def settle(findings: Iterable[Finding], accepted: tuple[Accepted, ...], *, is_lenient: bool) -> tuple[str, ...]:
    """Return the warnings that the findings give; raise WheelRejected for the first check that refuses the wheel.

    `accepted` ones are dropped. `is_lenient`: nothing is refused (cibuildwheel delivers such wheels). Each check speaks
    once, of its first finding, with the number of the others.
    """
    remaining: dict[Check, list[Finding]] = {}
    for each in findings:
        if not any(entry.covers(each.check, each.path) for entry in accepted):
            remaining.setdefault(each.check, []).append(each)
    warnings = []
    for check, found in remaining.items():
        text = _counted(found)
        if check.is_advisory or is_lenient:
            hint = f" ({found[0].hint})" if found[0].hint and check.is_advisory else ""
            warnings.append(f"{text}{hint}. {_answer(found, is_lenient=is_lenient)}")
        else:
            answer = _answer(found, is_lenient=False)
            raise WheelRejected(text, hint=f"{found[0].hint} {answer}" if found[0].hint else answer)
    return tuple(warnings)


def _counted(found: list[Finding]) -> str:
    rest = len(found) - 1
    return found[0].message + (f" (and {rest} more such finding{'s' if rest > 1 else ''})" if rest else "")


def _answer(found: list[Finding], *, is_lenient: bool) -> str:
    """Return the entry of `accept` by which the project says that this is meant, in words."""
    paths = {each.path for each in found}
    (only,) = paths if len(paths) == 1 else (None,)
    entry = Accepted(check=found[0].check, pattern=only)
    if is_lenient:
        return f"Delivered all the same, as cibuildwheel does; `--accept {entry}` if it is meant."
    return f'If it is meant, `accept = ["{entry}"]` says so.'
