"""Identity of cells, facts of architectures, and the one place where a run's exit code is decided."""

from itertools import combinations

import pytest

from matrix_runner import catalog
from matrix_runner.config.kinds.selectors import matches
from matrix_runner.errors import (
    ConfigError,
    EngineError,
    ExitCode,
    ImageError,
    MachineError,
    NothingSelected,
    OutputError,
    RunnerError,
    UsageError,
    WheelRejected,
)
from matrix_runner.model.cells import Cell, Implementation, Interpreter
from matrix_runner.model.outcomes import Failure, Outcome, Reason, Report, Status, StepKind
from matrix_runner.model.platforms import Arch, Libc, Platform

CELL = Cell.parse("cp311-manylinux_x86_64")


def report(*reasons: Reason, interrupted_by: ExitCode | None = None) -> Report:
    """Return a run of one passed cell, and one failed cell for each reason."""
    failures = (Failure(step=StepKind.BUILD, reason=reason, message="m") for reason in reasons)
    outcomes = (Outcome(cell=CELL, status=Status.FAILED, failure=failure) for failure in failures)
    passed = Outcome(cell=CELL, status=Status.PASSED)
    return Report(run="r", outcomes=(passed, *outcomes), seconds=1.0, interrupted_by=interrupted_by)


def test_a_cell_of_a_workspace_has_its_package_in_front() -> None:
    """It can be read again, is another than that of a single package, and makes names of files without a colon."""
    cell = CELL.of_package("my-core")
    assert str(cell) == "my-core:cp311-manylinux_x86_64"
    assert Cell.parse(str(cell)) == cell != CELL
    assert (cell.local, cell.stem) == (str(CELL), "my-core.cp311-manylinux_x86_64")
    assert cell.of_package("") == CELL


@pytest.mark.parametrize("package", ["", "My-Core", "a:b", "../a", "-a"])
def test_what_is_no_name_of_a_package(package: str) -> None:
    """Only normalised names stand there (PEP 503): they become names of files."""
    with pytest.raises(ValueError, match="unknown cell"):
        Cell.parse(f"{package}:{CELL}")


def test_a_pattern_may_name_the_package() -> None:
    """One that does not is about the cells of all packages."""
    core, plugin = CELL.of_package("core"), CELL.of_package("plugin-a")
    for pattern, matched in {
        "cp311-*": [CELL, core, plugin],
        "core:*": [core],
        "{core,plugin-*}:cp31?-*": [core, plugin],
        "core:*_i686": [],
    }.items():
        assert [cell for cell in (CELL, core, plugin) if matches(pattern, cell)] == matched


def test_cells_that_needed_a_failed_one_decide_no_exit_code() -> None:
    """The code is that of what they needed; alone, as where a wheel's version does not fit, theirs is 1."""
    assert report(Reason.ENGINE, Reason.NEEDED).exit_code is ExitCode.ENVIRONMENT
    assert report(Reason.NEEDED).exit_code is ExitCode.CELL_FAILED


def test_every_cell_of_the_catalog_is_its_identifier() -> None:
    """An identifier that is printed can be read again and means the same cell; no two cells share one."""
    cells = catalog.load().cells
    assert [Cell.parse(str(cell)) for cell in cells] == list(cells)
    assert len({str(cell) for cell in cells}) == len(cells) > 150


@pytest.mark.parametrize(
    "identifier",
    [
        "",
        "-",
        "cp311",
        "cp311-",
        "-manylinux_x86_64",
        "cp311-manylinux",
        "cp311-manylinux_",
        "cp311-linux_x86_64",
        "cp311-manylinux_2_28_x86_64",
        "cp311-manylinux_X86_64",
        "cp311-manylinux_amd64",
        "CP311-manylinux_x86_64",
        "cp3-manylinux_x86_64",
        "cp401-manylinux_x86_64",
        "cp309-manylinux_x86_64",
        "cp3\uff11\uff11-manylinux_x86_64",
        "cp311x-manylinux_x86_64",
        "gp312_-manylinux_x86_64",
        " cp311-manylinux_x86_64",
        "cp311-manylinux_x86_64\n",
        "cp311-manylinux_x86_64-",
        "cp311--manylinux_x86_64",
    ],
)
def test_what_is_no_identifier_is_refused(identifier: str) -> None:
    """Nothing but an exact identifier is read as one: a near miss would select the wrong cell."""
    with pytest.raises(ValueError, match="unknown"):
        Cell.parse(identifier)


def test_an_interpreters_parts_are_read() -> None:
    """Implementation, version and variant come out of the one identifier."""
    assert Interpreter.parse("cp27mu") == Interpreter(
        implementation=Implementation.CPYTHON, major=2, minor=7, variant="mu"
    )
    assert Interpreter.parse("gp312_250").version == (3, 12)
    assert Interpreter.parse("cp313t").is_free_threaded
    assert not Interpreter.parse("cp313").is_free_threaded


def test_the_stable_abi_is_cpythons_alone() -> None:
    """An abi3 wheel is never offered to Python 2, PyPy, GraalPy or a free-threaded build (PEP 384)."""
    supporting = {"cp34", "cp39", "cp313"}
    others = {"cp27m", "cp27mu", "pp311", "gp312_250", "cp313t", "cp315t"}
    assert {tag for tag in supporting | others if Interpreter.parse(tag).supports_stable_abi} == supporting


@pytest.mark.parametrize(
    ("machine", "arch"),
    [
        ("x86_64", Arch.X86_64),
        ("amd64", Arch.X86_64),
        ("i386", Arch.I686),
        ("i586", Arch.I686),
        ("i686", Arch.I686),
        ("arm64", Arch.AARCH64),
        ("armv8l", Arch.ARMV7L),
        ("armv6l", None),
        ("sparc64", None),
        ("", None),
    ],
)
def test_a_machines_name_means_an_architecture(machine: str, arch: Arch | None) -> None:
    """What `uname -m` says is understood in all its spellings; a machine without wheels is None, not a guess."""
    assert Arch.of_machine(machine) is arch


def test_each_architecture_knows_itself() -> None:
    """Every architecture's own name is understood, in any case, and the narrow ones need linux32."""
    for arch in Arch:
        assert Arch.parse(str(arch)) is Arch.parse(str(arch).upper()) is Arch.of_machine(str(arch)) is arch
        assert arch.needs_linux32 == (arch in {Arch.I686, Arch.ARMV7L})
        assert arch.wider is None or (arch.bits, arch.wider.bits) == (32, 64)
    assert Platform.parse("musllinux_aarch64") == Platform(libc=Libc.MUSL, arch=Arch.AARCH64)


@pytest.mark.parametrize("reason", Reason)
def test_failures_of_one_kind_give_that_kinds_code(reason: Reason) -> None:
    """One failed cell or several for the same reason: the exit code is the reason's own."""
    assert report(reason).exit_code is reason.exit_code
    assert report(reason, reason).exit_code is reason.exit_code


def test_the_exit_code_of_every_pair_of_failures() -> None:
    """Failures of several kinds give the general code; of kinds with the same code, that one."""
    for first, second in combinations(set(Reason) - {Reason.NEEDED}, 2):
        same = first.exit_code is second.exit_code
        assert report(first, second).exit_code is (first.exit_code if same else ExitCode.CELL_FAILED)


def test_success_is_zero_whatever_kind_of_success() -> None:
    """Passed, cached and skipped cells, and none at all, are no failure."""
    outcomes = tuple(Outcome(cell=CELL, status=status) for status in Status if status is not Status.FAILED)
    assert Report(run="r", outcomes=outcomes, seconds=0.0).exit_code is ExitCode.OK
    assert {status for status in Status if status.is_success} == {Status.PASSED, Status.CACHED}


@pytest.mark.parametrize("code", [ExitCode.INTERRUPTED, ExitCode.TERMINATED])
@pytest.mark.parametrize("reasons", [(), (Reason.COMMAND,), (Reason.REJECTED, Reason.ENGINE)])
def test_a_signal_outranks_all(code: ExitCode, reasons: tuple[Reason, ...]) -> None:
    """An interrupted run says so, whatever else happened in it."""
    assert report(*reasons, interrupted_by=code).exit_code is code


def test_each_error_has_the_documented_code() -> None:
    """What stops a run ends in the exit code that users are told of."""
    expected: dict[type[RunnerError], int] = {
        RunnerError: 1,
        UsageError: 2,
        ConfigError: 2,
        NothingSelected: 3,
        MachineError: 4,
        EngineError: 4,
        ImageError: 4,
        OutputError: 4,
        WheelRejected: 5,
    }
    assert {kind: int(kind.exit_code) for kind in expected} == expected
    assert (ExitCode.INTERRUPTED, ExitCode.TERMINATED) == (128 + 2, 128 + 15)


def test_a_configuration_error_keeps_every_mistake() -> None:
    """All mistakes are in the text, one a line, and the hint beside it."""
    error = ConfigError(("a: wrong", "b: wrong"), hint="mend it")
    assert str(error) == "a: wrong\nb: wrong"
    assert (error.mistakes, error.hint) == (("a: wrong", "b: wrong"), "mend it")
