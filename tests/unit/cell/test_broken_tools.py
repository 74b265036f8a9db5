"""Tools on PATH of an image that do not start: they count as absent, and the image is blamed, not the project."""

from pathlib import Path

import pytest
from fake_run import FakeRun, outcome, what
from planning import settings_with

from matrix_runner.config.kinds.values import BuildFrontend, Frontend
from matrix_runner.config.options.build_options import BUILD_FRONTEND
from matrix_runner.engine.fake.fake_engine import FakeCall, FakeResult
from matrix_runner.errors import ExitCode
from matrix_runner.model.events import Notice, StepStarted
from matrix_runner.model.outcomes import Reason, StepKind

CELL = "cp311-manylinux_x86_64"
LOADER = "qemu-arm-static: Could not open '/lib/ld-linux-armhf.so.3': No such file or directory"


def run_with_broken(directory: Path, name: str, frontend: Frontend = Frontend.AUTO) -> FakeRun:
    """Return a run in an image of which one tool does not start."""
    settings = settings_with({BUILD_FRONTEND: BuildFrontend(name=frontend)}, project_name="demo")
    fake = FakeRun(directory=directory, identifiers=(CELL,), settings=settings)

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) != "probe":
            return None
        lines = fake.usual(call).output[0].splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith(f"tool\t{name}\t".encode())]
        assert len(kept) < len(lines)
        return FakeResult(output=(*kept, f"broken\t{name}\t{LOADER}\n".encode()))

    fake.override = override
    return fake


def test_auto_does_without_a_uv_that_does_not_start(tmp_path: Path) -> None:
    """The cell's build is by another frontend, and the user is told once why."""
    fake = run_with_broken(tmp_path, "uv")
    fake.run()
    events = fake.recorder.events
    (build,) = [event.command for event in events if isinstance(event, StepStarted) and event.kind is StepKind.BUILD]
    assert build is not None
    assert "--installer=pip" in build
    warnings = [event.text for event in events if isinstance(event, Notice) and event.is_warning]
    assert [text for text in warnings if LOADER in text] == [
        f"uv of image fake:latest does not start, and counts as absent: {LOADER}"
    ]


@pytest.mark.parametrize(
    ("name", "frontend"),
    [("uv", Frontend.UV), ("uv", Frontend.BUILD_UV), ("patchelf", Frontend.AUTO), ("auditwheel", Frontend.AUTO)],
)
def test_one_that_is_needed_is_the_images_fault(tmp_path: Path, name: str, frontend: Frontend) -> None:
    """The cell fails before anything is built, with the loader's words and the exit code of the environment."""
    report = run_with_broken(tmp_path, name, frontend).run()
    failure = outcome(report, CELL).failure
    assert failure is not None
    assert (failure.step, failure.reason) == (StepKind.PREPARE, Reason.MISSING_TOOL)
    assert failure.message.startswith(f"{name} is on PATH in image fake:latest, and {CELL} needs it")
    assert failure.message.endswith(f"does not start: {LOADER}")
    assert failure.hint is not None
    assert "another architecture or C library" in failure.hint
    assert report.exit_code is ExitCode.ENVIRONMENT
