"""The checks of a finished wheel as a run settles them with nothing accepted: all that is found refuses the wheel."""

from matrix_runner.wheelhouse import Promise, settle
from matrix_runner.wheelhouse import verify as findings_of
from matrix_runner.wheelhouse.inspection import WheelContents


def verify(contents: WheelContents, promise: Promise) -> None:
    """Return if the wheel fulfils its promise; else raise WheelRejected."""
    assert settle(findings_of(contents, promise), (), is_lenient=False) == ()
