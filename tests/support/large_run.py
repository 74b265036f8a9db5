"""A large run, as a report and logs: for tests of how the page of a run holds up, and of what it shows."""

from pathlib import Path

from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import (
    Failure,
    Outcome,
    PackedFile,
    Place,
    Reason,
    Report,
    Status,
    StepKind,
    StepTime,
    Wait,
    WheelNeeds,
    WheelRecord,
)
from matrix_runner.report.summary.report_json import ReportExtra

PLATFORMS = tuple(
    f"{libc}_{arch}"
    for libc in ("manylinux", "musllinux")
    for arch in ("x86_64", "i686", "aarch64", "armv7l", "ppc64le", "s390x", "riscv64")
)
STEPS = (
    (StepKind.PREPARE, 0.2),
    (StepKind.BUILD, 30.0),
    (StepKind.REPAIR, 1.5),
    (StepKind.VERIFY, 0.1),
    (StepKind.TEST_ENVIRONMENT, 2.0),
    (StepKind.INSTALL, 1.0),
    (StepKind.TEST, 8.0),
    (StepKind.PUBLISH, 0.05),
)
EXTRA = ReportExtra(
    tool_version="1.0",
    started="2026-11-01T08:00:00+00:00",
    project="demo",
    left_out=((Cell.parse("cp36-manylinux_x86_64"), "too old"),),
)


def large_report(count: int, workers: int = 8) -> Report:
    """Return the report of a run of `count` cells, at most 1000, on some workers; every 25th failed."""
    cells = [Cell.parse(f"cp3{minor}-{platform}") for minor in range(8, 80) for platform in PLATFORMS][:count]
    outcomes = tuple(_outcome(cell, number, workers) for number, cell in enumerate(cells))
    length = max(outcome.began + outcome.seconds for outcome in outcomes if outcome.began is not None)
    waits = (Wait(text="manylinux_2_28 is pulled", began=0.0, seconds=9.5),)
    return Report(run="0123456789ab", outcomes=outcomes, seconds=length + 1.0, workers=workers, waits=waits)


def write_logs(report: Report, directory: Path, lines: int = 400) -> None:
    """Write a log of each cell."""
    directory.mkdir(parents=True, exist_ok=True)
    for outcome in report.outcomes:
        text = [f"=== {outcome.cell}\n"]
        for step in outcome.steps:
            text.append(f"=== {step.kind}: command of {step.kind}\n")
            text += [f"line {number} of {step.kind} & <b>more</b>\n" for number in range(lines // len(outcome.steps))]
        (directory / f"{outcome.cell}.log").write_text("".join(text))


def _outcome(cell: Cell, number: int, workers: int) -> Outcome:
    began = 10.0 + (number // workers) * 43.0
    steps, at = [], began
    for kind, seconds in STEPS:
        steps.append(StepTime(kind=kind, seconds=seconds, began=at))
        at += seconds
    if number % 25 == 24:
        failure = Failure(
            step=StepKind.BUILD,
            reason=Reason.COMMAND,
            message="exit status 1: src/demo.c:3:10: fatal error: nothere.h: No such file or directory",
            hint="Install it in before-all: <yum> & co.",
            place=Place(path="src/demo.c", line=3, column=10),
            excerpt=("src/demo.c:3:10: fatal error: nothere.h", "    3 | #include <nothere.h>"),
        )
        return Outcome(
            cell=cell, status=Status.FAILED, seconds=30.2, steps=tuple(steps[:2]), failure=failure, began=began
        )
    tag = f"cp3{cell.interpreter.minor}"
    name = f"demo-1.0-{tag}-{tag}-{cell.platform}.whl"
    wheel = WheelRecord(
        name=name,
        size=100_000 + number,
        sha256=f"{number:064x}",
        grafted=("libz-0a1b.so.1",),
        largest=(PackedFile(path="demo/_fast.so", size=90_000),),
        needs=WheelNeeds(libc="2.17" if "many" in str(cell.platform) else "1.2", symbols=("GLIBC_2.14",)),
    )
    return Outcome(cell=cell, status=Status.PASSED, seconds=at - began, steps=tuple(steps), wheel=wheel, began=began)
