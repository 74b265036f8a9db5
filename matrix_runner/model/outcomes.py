"""Outcomes of cells and of a whole run: status, failure reasons, step times, wheel records, and the exit code."""

from enum import Enum

import msgspec
from msgspec.structs import replace

from matrix_runner.errors import ExitCode
from matrix_runner.model.cells import Cell
from matrix_runner.model.rung_outcomes import RungOutcome


class Status(Enum):
    """The final state of a cell."""

    PASSED = "passed"
    FAILED = "failed"
    CACHED = "cached"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    def __str__(self) -> str:
        return self.value

    @property
    def is_success(self) -> bool:
        """Whether the cell succeeded: its wheel was built or reused, or taken from the cache."""
        return self in {Status.PASSED, Status.CACHED}


class StepKind(Enum):
    """The steps of a cell, in the order in which they can occur."""

    PREPARE = "prepare"
    BEFORE_ALL = "before-all"
    ENVIRONMENT = "environment"
    BUILD_ENVIRONMENT = "build environment"
    SDIST = "sdist"
    BEFORE_BUILD = "before-build"
    BUILD = "build"
    REPAIR = "repair"
    VERIFY = "verify"
    AUDIT = "audit"
    TEST_ENVIRONMENT = "test environment"
    BEFORE_TEST = "before-test"
    INSTALL = "install"
    TEST = "test"
    TEST_ON = "test-on"
    PUBLISH = "publish"

    def __str__(self) -> str:
        return self.value


class Reason(Enum):
    """The machine-readable reason for a cell's failure, and the exit code it leads to."""

    COMMAND = ("command", ExitCode.CELL_FAILED)
    TIMEOUT = ("timeout", ExitCode.CELL_FAILED)
    SILENCE = ("silence", ExitCode.CELL_FAILED)
    OUT_OF_MEMORY = ("out-of-memory", ExitCode.CELL_FAILED)
    MISSING_TOOL = ("missing-tool", ExitCode.ENVIRONMENT)
    WRONG_IMAGE = ("wrong-image", ExitCode.ENVIRONMENT)
    ENGINE = ("engine", ExitCode.ENVIRONMENT)
    OUTPUT = ("output", ExitCode.ENVIRONMENT)
    CONFLICT = ("conflict", ExitCode.CELL_FAILED)
    REJECTED = ("rejected", ExitCode.WHEEL_REJECTED)
    NEEDED = ("needed", ExitCode.CELL_FAILED)
    INTERNAL = ("internal", ExitCode.CELL_FAILED)

    def __init__(self, word: str, exit_code: ExitCode) -> None:
        """`word` goes into report.json; `exit_code` is that of a run with only such failures."""
        self.word = word
        self.exit_code = exit_code

    def __str__(self) -> str:
        return self.word


class StepTime(msgspec.Struct, frozen=True, kw_only=True):
    """A step that ran, and its duration. `began`: when it first did, in seconds since the start of the run."""

    kind: StepKind
    seconds: float
    began: float | None = None


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """Work that cells waited for, such as the fetching of an image. `began`: in seconds since the start of the run."""

    text: str
    began: float
    seconds: float


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a file of the project, to which a tool's message points.

    `path`: relative to the project's directory, with `/`. `line` and `column` count from 1.
    """

    path: str
    line: int
    column: int | None = None


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """The failed step and the cause; `hint` is the user's next step.

    `place`: the place in the project that the cause names, if it names one. `excerpt`: the lines of the log that show
    the cause, in order, as they were written: raw text that is to be made safe where it is shown.
    """

    step: StepKind
    reason: Reason
    message: str
    hint: str | None = None
    place: Place | None = None
    excerpt: tuple[str, ...] = ()


class PackedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file in a wheel. `size`: in bytes, as packed."""

    path: str
    size: int


class WheelNeeds(msgspec.Struct, frozen=True, kw_only=True):
    """The needs of a wheel's code on the system that it is loaded on.

    `libc`: version of the oldest C library, such as `2.17`; `symbols`: the newest version of each kind that it binds in
    libraries of the system, such as `GLIBCXX_3.4.19`, sorted.
    """

    libc: str
    symbols: tuple[str, ...] = ()


class WheelRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A published wheel; `size` in bytes.

    `grafted`: file names of the libraries added by repair; `largest`: its largest files, at most ten; `needs`: None if
    nothing was found out; `provenance`: path of its statement in the report directory, None if it has none.
    """

    name: str
    size: int
    sha256: str
    grafted: tuple[str, ...] = ()
    largest: tuple[PackedFile, ...] = ()
    needs: WheelNeeds | None = None
    provenance: str | None = None


class UndeliveredWheel(msgspec.Struct, frozen=True, kw_only=True):
    """A wheel that passed everything and could not be published, as by a full disk. `path`, `statement`: its files."""

    record: WheelRecord
    path: str
    statement: str | None = None


class SdistRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The published sdist of a run, from which its wheels were built; `size` in bytes.

    `made_in`: the cell in whose container it was built; `is_cached`: in an earlier run. `seconds`: of this run's build.
    """

    name: str
    size: int
    sha256: str
    made_in: Cell
    is_cached: bool = False
    seconds: float = 0.0


class CompilerCacheUse(msgspec.Struct, frozen=True, kw_only=True):
    """Compiler cache statistics of a cell: hits and misses, in compiler calls."""

    tool: str
    hits: int
    misses: int


class ResultCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Results of a cell's own tests (`test-results`): how many there are, and how many of them failed or were left out.

    `failures`: tests that failed; `errors`: those that could not be carried out; a test may be in both.
    """

    tests: int
    failures: int
    errors: int
    skipped: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one cell: its wheel, or the failed step and reason. `seconds` is wall-clock time.

    `began`: in seconds since the start of the run, None if it did not begin.
    """

    cell: Cell
    status: Status
    seconds: float = 0.0
    steps: tuple[StepTime, ...] = ()
    failure: Failure | None = None
    wheel: WheelRecord | None = None
    reused_from: Cell | None = None
    """The cell that built the abi3 or py3-none wheel, where this cell only tested it."""
    node: str | None = None
    """The name of the engine that ran it, where there are several."""
    image: str | None = None
    image_id: str | None = None
    python_version: str | None = None
    began: float | None = None
    spared: float | None = None
    """Seconds that the cell took when it was built, if it came from the cache."""
    log: str | None = None
    """Path of the cell's log, as the user can open it."""
    compiler_cache: CompilerCacheUse | None = None
    test_results: ResultCounts | None = None
    """Of the files of its tests, if they were taken; they are in the report directory then."""
    rungs: tuple[RungOutcome, ...] = ()
    """The tests of its wheel in the images of `test-on`, in their order, as far as they were made."""
    undelivered: UndeliveredWheel | None = None
    """The wheel of a failed cell to which nothing but its publication failed."""
    kept: str | None = None
    """The image, or the directory, in which the container of a failed cell was kept (`debug-keep-container`)."""

    def later(self, seconds: float) -> "Outcome":
        """Return it as of a run that began so much earlier than the one by whose clock its times are."""
        steps = (step if step.began is None else replace(step, began=step.began + seconds) for step in self.steps)
        return replace(self, began=None if self.began is None else self.began + seconds, steps=tuple(steps))


class RunWarning(msgspec.Struct, frozen=True, kw_only=True):
    """A warning that was given during a run. `cell`: the one that it is about, None if it is about the run."""

    text: str
    cell: Cell | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a whole run: source of the summary, report.json and the exit code. Outcomes are in plan order.

    `workers`: the most cells at once, 0 if unknown. `sdists`: those that it made, one of each package. `warnings`: in
    the order in which they were given. `trouble`: the error that prevented writing SHA256SUMS or report.json after the
    cells ended.
    """

    run: str
    outcomes: tuple[Outcome, ...]
    seconds: float
    interrupted_by: ExitCode | None = None
    workers: int = 0
    waits: tuple[Wait, ...] = ()
    sdists: tuple[SdistRecord, ...] = ()
    warnings: tuple[RunWarning, ...] = ()
    trouble: str | None = None

    @property
    def exit_code(self) -> ExitCode:
        """The run's exit code, decided only here.

        A signal takes precedence; failures of a single kind give that kind's code, of several kinds the general one.
        Those of cells that needed a failed one follow from that.
        """
        if self.interrupted_by is not None:
            return self.interrupted_by
        reasons = {outcome.failure.reason for outcome in self.outcomes if outcome.failure}
        codes = {reason.exit_code for reason in reasons - {Reason.NEEDED} or reasons}
        if self.trouble is not None:
            codes.add(ExitCode.ENVIRONMENT)
        if not codes:
            return ExitCode.OK
        return codes.pop() if len(codes) == 1 else ExitCode.CELL_FAILED
