"""The annotations of a run: one for each failure and each warning, the most useful first, no more than are shown. Pure.

A system that shows ten of them shows the first ten, so the last of these says how many more there are.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from matrix_runner.errors import ExitCode
from matrix_runner.model.outcomes import Place, RunWarning
from matrix_runner.report.ci.log_syntax import Annotation, Severity
from matrix_runner.report.phrases import cause, place_text
from matrix_runner.report.same_failures import FailureGroup, WarningGroup, failure_words, warning_groups
from matrix_runner.report.sanitize import clean_line, clean_lines
from matrix_runner.wording import first_of

_NAMED_CELLS = 4


def error_annotations(
    groups: Iterable[FailureGroup], *, prefix: str | None, most: int | None
) -> tuple[Annotation, ...]:
    """Return annotations of failures.

    `prefix`: the project's directory in its repository, "" for the top; None if it has none, so that no file there can
    be named. `most`: as many as the system shows.
    """
    # First what the project is to blame for, then what names a place, then what concerns many cells.
    ranked = sorted(groups, key=lambda group: (_is_foreign(group), _place(group) is None, -len(group.outcomes)))
    return _first([_of_failure(group, prefix) for group in ranked], most, "failures")


def warning_annotations(warnings: Iterable[RunWarning], *, most: int | None) -> tuple[Annotation, ...]:
    """Return annotations of warnings, the same one of several cells once."""
    return _first([_of_warning(group) for group in warning_groups(warnings)], most, "warnings")


def _of_failure(group: FailureGroup, prefix: str | None) -> Annotation:
    failure, place = group.first.failure, _place(group)
    lines = [] if failure is None else [*clean_lines(failure.message), *clean_lines(failure.hint or "")]
    if place is not None and prefix is None:
        lines.append(clean_line(place_text(place)))
    in_repository = None
    if place is not None and prefix is not None:
        in_repository = replace(place, path=clean_line(f"{prefix}/{place.path}" if prefix else place.path))
    return Annotation(
        severity=Severity.ERROR,
        title=f"{first_of(group.names, _NAMED_CELLS)}: {cause(group.first)}",
        message="\n".join(lines) or "failed",
        place=in_repository,
        identity="\n".join(map(str, failure_words(group.first))),
    )


def _of_warning(group: WarningGroup) -> Annotation:
    cells = [str(cell) for cell in group.cells]
    return Annotation(
        severity=Severity.WARNING,
        title=first_of(cells, _NAMED_CELLS) if cells else "wheels",
        message="\n".join(clean_lines(group.text)) or "warning",
    )


def _first(found: list[Annotation], most: int | None, noun: str) -> tuple[Annotation, ...]:
    if most is None or len(found) <= most:
        return tuple(found)
    rest = Annotation(
        severity=found[0].severity,
        title=f"{len(found) - most + 1} more {noun}",
        message=f"This system shows {most} of a step; the log has all {len(found)}.",
    )
    return (*found[: most - 1], rest)


def _is_foreign(group: FailureGroup) -> bool:
    failure = group.first.failure
    return failure is None or failure.reason.exit_code is ExitCode.ENVIRONMENT


def _place(group: FailureGroup) -> Place | None:
    places = (outcome.failure.place for outcome in group.outcomes if outcome.failure is not None)
    return next((place for place in places if place is not None), None)
