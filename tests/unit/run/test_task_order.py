"""What a run does before it builds."""

from contextlib import closing
from pathlib import Path

from fake_run import FakeRun, what
from planning import settings_with

from matrix_runner.config.options.build_options import BEFORE_ALL
from matrix_runner.engine.fake.fake_engine import FakeCall, FakeEngine, FakeResult
from matrix_runner.errors import EngineError, ExitCode
from matrix_runner.model.events import CellFinished, StepStarted
from matrix_runner.model.outcomes import Reason, Status, StepKind
from matrix_runner.run import build

A, B, C = "cp39-manylinux_x86_64", "cp310-manylinux_x86_64", "cp311-manylinux_x86_64"


def test_what_cannot_run_says_so_before_anything_is_built(tmp_path: Path) -> None:
    """A missing interpreter is told first, though its cell is the last; the others prepare and build as always."""
    settings = settings_with({BEFORE_ALL: "true"}, project_name="demo")
    fake = FakeRun(directory=tmp_path, identifiers=(A, B, C), settings=settings, workers=1)

    def without_the_last(call: FakeCall) -> FakeResult | None:
        if what(call) != "probe":
            return None
        text = b"".join(fake.usual(call).output)
        return FakeResult(output=tuple(line for line in text.splitlines(keepends=True) if b"cp311-" not in line))

    fake.override = without_the_last
    report = fake.run()
    assert [each.status for each in report.outcomes] == [Status.PASSED, Status.PASSED, Status.FAILED]
    failure = report.outcomes[-1].failure
    assert failure is not None
    assert failure.reason is Reason.MISSING_TOOL
    story = fake.recorder.events
    told = next(n for n, e in enumerate(story) if isinstance(e, CellFinished) and str(e.outcome.cell) == C)
    built = next(n for n, e in enumerate(story) if isinstance(e, StepStarted) and e.kind is StepKind.BUILD)
    assert told < built


class _Stuck(FakeEngine):
    """An engine on which somebody uses what a dead run left."""

    def sweep(self) -> tuple[str, ...]:
        """Refuse."""
        raise EngineError("cannot remove an image: a container is using it")


def test_leftovers_that_cannot_be_removed_are_a_warning(tmp_path: Path) -> None:
    """A run builds, although what an earlier one left is in use and stays."""
    fake = FakeRun(directory=tmp_path, identifiers=(A,), settings=settings_with(project_name="demo"))
    with closing(_Stuck(fake.usual)) as engine:
        report = build(fake.request(engine))
    assert report.exit_code is ExitCode.OK
    assert any("could not be removed: cannot remove an image" in notice for notice in fake.recorder.notices())
