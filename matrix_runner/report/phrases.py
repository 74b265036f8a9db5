"""Wording of durations, sizes, counts and steps, common to all consoles and reports."""

from matrix_runner.model.cells import Cell
from matrix_runner.model.events import Transfer
from matrix_runner.model.outcomes import Failure, Outcome, Place, Status, StepKind, StepTime
from matrix_runner.wording import counted, size_text

LeftOut = tuple[tuple[Cell, str], ...]
"""The cells that a plan leaves out, each with its reason."""

_SHORT = {StepKind.BUILD_ENVIRONMENT: "build env", StepKind.TEST_ENVIRONMENT: "test env"}


def short_step(kind: StepKind) -> str:
    """Return a step's name in at most 12 columns."""
    return _SHORT.get(kind, str(kind))


def duration(seconds: float) -> str:
    """Format seconds in at most six columns up to a hundred hours: `0.4s`, `42s`, `2m10s`, `1h02m`."""
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m"


def clock(seconds: float) -> str:
    """Format a running time in whole seconds, so that a live row does not flicker."""
    whole = max(int(seconds), 0)
    return f"{whole}s" if whole < 60 else duration(whole)


def ago(then: float, now: float) -> str:
    """Format a time's age in its largest unit: `3d`, `5h`, `12m`, `40s`. Both in seconds since 1970."""
    seconds = max(now - then, 0)
    unit, length = next((pair for pair in (("d", 86400), ("h", 3600), ("m", 60)) if seconds >= pair[1]), ("s", 1))
    return f"{int(seconds // length)}{unit}"


def transferred(transfer: Transfer, seconds: float) -> str:
    """Say how much of something has come, in so many seconds: `124 of 310 MiB, 3 of 12 layers, 20.1 MiB/s`."""
    size = f"{size_text(transfer.done)} of {size_text(transfer.total)}" if transfer.total else ""
    parts = f"{transfer.parts_done} of {counted(transfer.parts, 'layer')}" if transfer.parts else ""
    rate = f"{size_text(int(transfer.done / seconds))}/s" if transfer.done and seconds >= 1 else ""
    return ", ".join(filter(None, (size, parts, rate)))


def step_times(steps: tuple[StepTime, ...], least: float = 0.0) -> str:
    """Format the times of steps, in order, without those under `least` seconds."""
    return ", ".join(f"{short_step(step.kind)} {duration(step.seconds)}" for step in steps if step.seconds >= least)


def cause(outcome: Outcome) -> str:
    """Return the step and reason of a failure in a few words: `build (timeout)`; the message is not included."""
    if outcome.failure is None:
        return str(outcome.status)
    return f"{outcome.failure.step} ({outcome.failure.reason})"


def place_text(place: Place) -> str:
    """Format a place as compilers do: `src/demo.c:3:10`."""
    return f"{place.path}:{place.line}" + (f":{place.column}" if place.column is not None else "")


def further_place(failure: Failure) -> Place | None:
    """Return the place of a failure if its message does not name it already."""
    place = failure.place
    return None if place is None or f"{place.path}:{place.line}" in failure.message else place


def borrowed(outcome: Outcome) -> str:
    """Return the clause that names the builder of a reused wheel; "" for any other cell."""
    if outcome.reused_from is None:
        return ""
    is_tested = any(step.kind is StepKind.TEST for step in outcome.steps)
    return f"the wheel of {outcome.reused_from} serves it too" + (", tested here" if is_tested else "")


def has_log(outcome: Outcome) -> bool:
    """Whether the cell ran a command, so that its log has more than the failure's message."""
    return outcome.failure is None or outcome.failure.step is not StepKind.PREPARE


def is_failed(outcome: Outcome) -> bool:
    """Whether a summary must explain the outcome."""
    return outcome.status is Status.FAILED or outcome.failure is not None
