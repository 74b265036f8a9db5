"""The shapes of an outcome's parts in files: what report.json and recordings of events have of a cell.

Within one version of a format, fields may be added, never changed or removed; readers ignore unknown fields.
"""

import msgspec

from matrix_runner.json_values import Seconds


class StepRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A step that ran; `seconds` of wall-clock time, and when it `began`, since the start of the run."""

    step: str
    seconds: Seconds
    began: Seconds | None = None


class WaitRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Work that cells waited for; times as of a step."""

    text: str
    began: Seconds
    seconds: Seconds


class WarningRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A warning; `cell` is null if it is about the run."""

    text: str
    cell: str | None = None


class PlaceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a file of the project; `line` and `column` count from 1."""

    path: str
    line: int
    column: int | None = None


class FailureRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The failed step and the cause; `reason` is a word from a fixed set; `excerpt`: lines of the log that show it."""

    step: str
    reason: str
    message: str
    hint: str | None = None
    place: PlaceRecord | None = None
    excerpt: tuple[str, ...] = ()


class PackedFileRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A file in a wheel; `size` in bytes, as packed."""

    path: str
    size: int


class WheelNeedsRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The needs of a wheel's code: version of the C library, and the newest symbol versions of each kind."""

    libc: str
    symbols: tuple[str, ...] = ()


class WheelFileRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A published wheel; `size` in bytes, `grafted`: file names of the libraries added by repair.

    `provenance`: path of its statement in the report directory.
    """

    name: str
    size: int
    sha256: str
    grafted: tuple[str, ...] = ()
    largest: tuple[PackedFileRecord, ...] = ()
    needs: WheelNeedsRecord | None = None
    provenance: str | None = None


class SdistFileRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The published sdist; `size` in bytes. `made_in`: the cell in whose container it was built."""

    name: str
    size: int
    sha256: str
    made_in: str
    is_cached: bool
    seconds: Seconds


class CompilerCacheRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Compiler cache hits and misses, in compiler calls."""

    tool: str
    hits: int
    misses: int


class ResultCountsRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The results of a cell's own tests: how many there are, and what became of them."""

    tests: int
    failures: int = 0
    errors: int = 0
    skipped: int = 0


class RungRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The test of the wheel in a clean image (`test-on`); `reason`: why it failed, or does not apply."""

    name: str
    status: str
    system: str = ""
    libc: str = ""
    python: str = ""
    image_id: str | None = None
    seconds: Seconds = 0.0
    reason: str | None = None


class OutcomeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a cell. `node`: the name of the engine that ran it, null if the run had but one."""

    cell: str
    status: str
    seconds: Seconds
    steps: tuple[StepRecord, ...] = ()
    wheel: WheelFileRecord | None = None
    failure: FailureRecord | None = None
    reused_from: str | None = None
    node: str | None = None
    image: str | None = None
    image_id: str | None = None
    python_version: str | None = None
    began: Seconds | None = None
    spared: Seconds | None = None
    log: str | None = None
    compiler_cache: CompilerCacheRecord | None = None
    test_results: ResultCountsRecord | None = None
    kept: str | None = None
    rungs: tuple[RungRecord, ...] = ()
