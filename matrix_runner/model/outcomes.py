"""How a cell ended, and how a run did."""

from dataclasses import dataclass
from enum import Enum

from matrix_runner.errors import ExitCode
from matrix_runner.model.cells import Cell


class Status(Enum):
    """How a cell ended."""

    PASSED = "passed"
    FAILED = "failed"
    CACHED = "cached"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    def __str__(self) -> str:
        return self.value

    @property
    def is_success(self) -> bool:
        """Whether the cell's promise is kept."""
        return self in {Status.PASSED, Status.CACHED}


class StepKind(Enum):
    """The steps a cell may have, in the order they can come."""

    PREPARE = "prepare"
    BEFORE_ALL = "before-all"
    ENVIRONMENT = "environment"
    BUILD_ENVIRONMENT = "build environment"
    BEFORE_BUILD = "before-build"
    BUILD = "build"
    REPAIR = "repair"
    VERIFY = "verify"
    AUDIT = "audit"
    TEST_ENVIRONMENT = "test environment"
    BEFORE_TEST = "before-test"
    INSTALL = "install"
    TEST = "test"
    PUBLISH = "publish"

    def __str__(self) -> str:
        return self.value


class Reason(Enum):
    """Why a cell failed, in one word that machines can count, with the exit code it leads to."""

    COMMAND = ("command", ExitCode.CELL_FAILED)
    TIMEOUT = ("timeout", ExitCode.CELL_FAILED)
    SILENCE = ("silence", ExitCode.CELL_FAILED)
    OUT_OF_MEMORY = ("out-of-memory", ExitCode.CELL_FAILED)
    MISSING_TOOL = ("missing-tool", ExitCode.ENVIRONMENT)
    ENGINE = ("engine", ExitCode.ENVIRONMENT)
    OUTPUT = ("output", ExitCode.ENVIRONMENT)
    REJECTED = ("rejected", ExitCode.WHEEL_REJECTED)
    INTERNAL = ("internal", ExitCode.CELL_FAILED)

    def __init__(self, word: str, exit_code: ExitCode) -> None:
        """`word` goes into report.json; `exit_code` is what a run with only such failures ends with."""
        self.word = word
        self.exit_code = exit_code

    def __str__(self) -> str:
        return self.word


@dataclass(frozen=True, kw_only=True, slots=True)
class StepTime:
    """A step that ran, and for how long."""

    kind: StepKind
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Which step failed and why; `hint` says what to do next."""

    step: StepKind
    reason: Reason
    message: str
    hint: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelRecord:
    """A published wheel. `grafted`: file names of the libraries that repair put in; `size` in bytes."""

    name: str
    size: int
    sha256: str
    grafted: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class CompilerCacheUse:
    """What the compiler cache did for a cell: how many calls of a compiler it answered, and how many not."""

    tool: str
    hits: int
    misses: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How one cell ended: what it gave, or the step and reason it failed. `seconds` is wall-clock time."""

    cell: Cell
    status: Status
    seconds: float = 0.0
    steps: tuple[StepTime, ...] = ()
    failure: Failure | None = None
    wheel: WheelRecord | None = None
    reused_from: Cell | None = None
    """The cell that built the abi3 or py3-none wheel which this one only tested."""
    image: str | None = None
    image_id: str | None = None
    python_version: str | None = None
    log: str | None = None
    """Path of the cell's log, as a user can open it."""
    compiler_cache: CompilerCacheUse | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A whole run, from which summary, report.json and the exit code are all made. Outcomes are in plan order.

    `trouble`: why SHA256SUMS or report.json could not be written, when the cells were done.
    """

    run: str
    outcomes: tuple[Outcome, ...]
    seconds: float
    interrupted_by: ExitCode | None = None
    trouble: str | None = None

    @property
    def exit_code(self) -> ExitCode:
        """The one place where a run's exit code is decided.

        A signal outranks all; failures of one kind give that kind's code, of several kinds the general one.
        """
        if self.interrupted_by is not None:
            return self.interrupted_by
        codes = {outcome.failure.reason.exit_code for outcome in self.outcomes if outcome.failure}
        if self.trouble is not None:
            codes.add(ExitCode.ENVIRONMENT)
        if not codes:
            return ExitCode.OK
        return codes.pop() if len(codes) == 1 else ExitCode.CELL_FAILED
