"""The check for modules that turn the GIL on: which cells make it, how, and what follows from its findings."""

from pathlib import Path

import pytest
from fake_run import TESTED, FakeRun, cell_of, outcome, what
from planning import elf_header, job_for, recipe_for, settings_with

from matrix_runner import catalog
from matrix_runner.config.kinds.values import FreeThreading
from matrix_runner.config.options.build_options import ENVIRONMENT
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.selection_options import TEST_SKIP
from matrix_runner.config.options.test_options import FREE_THREADING, TEST_COMMAND
from matrix_runner.engine.fake.fake_engine import FakeCall, FakeResult
from matrix_runner.matrix import Host
from matrix_runner.model.events import Notice
from matrix_runner.model.outcomes import Reason, Status, StepKind
from matrix_runner.model.platforms import Arch
from matrix_runner.recipe.after_build.gil_check import gil_findings

CATALOG = catalog.load()
CELL = "cp314t-manylinux_x86_64"
Values = dict[Option[object], object]


@pytest.mark.parametrize(
    ("identifier", "values", "is_checked"),
    [
        (CELL, {}, True),
        ("cp313t-musllinux_i686", {FREE_THREADING: FreeThreading.REQUIRE}, True),
        (CELL, {FREE_THREADING: FreeThreading.OFF}, False),
        (CELL, {TEST_SKIP: ("cp314t-*",)}, False),
        ("cp314-manylinux_x86_64", {FREE_THREADING: FreeThreading.REQUIRE}, False),
        ("pp311-manylinux_x86_64", {}, False),
    ],
)
def test_free_threaded_cells_are_checked(identifier: str, values: Values, *, is_checked: bool) -> None:
    """Others have a GIL anyway; cells that `test-skip` names may not be able to import anything."""
    made = recipe_for(job_for(identifier, CATALOG, settings_with(values)))
    assert (made.gil_check("w.whl") is not None) is is_checked


def test_an_import_has_more_time_under_emulation() -> None:
    """Half an hour in place of five minutes: it may load much compiled code."""
    host = Host(machine=Arch.S390X, emulated=frozenset({Arch.X86_64}))
    native, emulated = (recipe_for(job_for(CELL, CATALOG, host=each)).gil_check("w.whl") for each in (None, host))
    assert native is not None
    assert emulated is not None
    assert native.request.argv[-1].endswith(" 300")
    assert emulated.request.argv[-1].endswith(" 1800")


def test_the_environment_of_the_test_is_used_or_made() -> None:
    """With a test the check is one command; without, it makes the environment and installs the wheel."""
    alone = recipe_for(job_for(CELL, CATALOG)).gil_check("w.whl")
    after = recipe_for(job_for(CELL, CATALOG, settings_with({TEST_COMMAND: "t"}))).gil_check("w.whl")
    assert alone is not None
    assert after is not None
    assert alone.kind is after.kind is StepKind.AUDIT
    script = alone.request.argv[-1]
    assert "uv venv" in script
    assert script.index("uv pip install") < script.index("/matrix/test-environment/bin/python -I -c")
    assert "/matrix/repaired/w.whl" in script
    assert after.request.argv[-1].startswith("/matrix/test-environment/bin/python -I -c")


def test_findings_are_read_from_the_output() -> None:
    """Modules that turn the GIL on, remarks on the others, and whether that is all."""
    output = (
        b"noise\nfree-threading: a.b: turns the GIL on\nfree-threading: c: cannot be imported: ImportError: no: GPU\n"
        b"free-threading: d: imports numpy._core, which turns it on\nfree-threading: 4 imported\n"
    )
    found = gil_findings(output)
    assert found.enabling == ("a.b",)
    assert found.remarks == (
        "c: cannot be imported: ImportError: no: GPU",
        "d: imports numpy._core, which turns it on",
    )
    assert found.is_complete
    assert not gil_findings(b"error: no network\n").is_complete


FOUND = b"free-threading: a: turns the GIL on\nfree-threading: b: cannot be imported: X\nfree-threading: 2 imported\n"
CLEAN = b"free-threading: 2 imported\n"


@pytest.mark.parametrize(
    ("answer", "output", "reason", "warnings"),
    [
        (FreeThreading.CHECK, CLEAN, None, []),
        (FreeThreading.REQUIRE, CLEAN, None, []),
        (
            FreeThreading.CHECK,
            FOUND,
            None,
            ["free-threading: b: cannot be imported: X", "free-threading: the GIL is turned on by a"],
        ),
        (FreeThreading.REQUIRE, FOUND, Reason.REJECTED, ["free-threading: b: cannot be imported: X"]),
        (
            FreeThreading.CHECK,
            b"error: no network\n",
            None,
            ["the wheel could not be checked for free-threading: error: no network"],
        ),
        (FreeThreading.REQUIRE, b"error: no network\n", Reason.COMMAND, []),
    ],
)
def test_what_is_found_warns_or_fails(
    tmp_path: Path, answer: FreeThreading, output: bytes, reason: Reason | None, warnings: list[str]
) -> None:
    """`check` only ever warns, so that nothing is lost that was delivered before; `require` fails the cell."""

    def override(call: FakeCall) -> FakeResult | None:
        status = int(output.startswith(b"error"))
        is_check = any("EXTENSION_SUFFIXES" in word for word in call.request.argv)
        return FakeResult(output=(output,), status=status) if is_check else None

    settings = settings_with({FREE_THREADING: answer})
    fake_run = FakeRun(directory=tmp_path, identifiers=(CELL,), settings=settings, override=override)
    ended = outcome(fake_run.run(), CELL)
    assert (None if ended.failure is None else ended.failure.reason) is reason
    assert ended.status is (Status.PASSED if reason is None else Status.FAILED)
    events = fake_run.recorder.events
    assert [one.text for one in events if isinstance(one, Notice) and one.is_warning] == warnings


BUILDER = "cp39-manylinux_x86_64"
SHARED = "demo-1.0-py3-none-{}_x86_64.whl"


@pytest.mark.parametrize("test_command", ["", TESTED])
@pytest.mark.parametrize(
    ("answer", "output", "reason", "warns"),
    [
        (FreeThreading.CHECK, CLEAN, None, False),
        (FreeThreading.CHECK, FOUND, None, True),
        (FreeThreading.REQUIRE, CLEAN, None, False),
        (FreeThreading.REQUIRE, FOUND, Reason.REJECTED, False),
        (FreeThreading.OFF, FOUND, None, False),
    ],
)
def test_a_wheel_of_another_cell_is_checked_where_it_is_used(
    tmp_path: Path, *, test_command: str, answer: FreeThreading, output: bytes, reason: Reason | None, warns: bool
) -> None:
    """A wheel for every Python, built with the GIL by an older one, is what users of this one get: here it is asked."""
    asked: list[tuple[str, bytes]] = []

    def override(call: FakeCall) -> FakeResult | None:
        if what(call) in {"build", "repair"}:
            # Each cell's own wheel is another one.
            code = elf_header(Arch.X86_64) + str(cell_of(call)).encode().ljust(44)
            return fake_run.delivery(
                call, SHARED.format("linux" if what(call) == "build" else "manylinux_2_31"), member=code
            )
        if any("EXTENSION_SUFFIXES" in word for word in call.request.argv):
            asked.append((str(cell_of(call)), call.files[f"/matrix/repaired/{SHARED.format('manylinux_2_31')}"]))
            return FakeResult(output=(output,))
        return None

    values: Values = {FREE_THREADING: answer, TEST_COMMAND: test_command, ENVIRONMENT: (("A", "1"),)}
    settings = settings_with(values, project_name="demo")
    fake_run = FakeRun(directory=tmp_path, identifiers=(CELL, BUILDER), settings=settings, override=override)
    report = fake_run.run()
    ended = outcome(report, CELL)
    (delivered,) = fake_run.wheelhouse.glob("*.whl")
    assert asked == ([] if answer is FreeThreading.OFF else [(CELL, delivered.read_bytes())])
    assert outcome(report, BUILDER).status is Status.PASSED
    assert (None if ended.failure is None else ended.failure.reason) is reason
    if ended.failure is None:
        assert str(ended.reused_from) == BUILDER
    else:
        assert f"the tested wheel is that of {BUILDER}, " in str(ended.failure.hint)
    if asked:
        # In the container of the check, which has built nothing, the variables are evaluated first.
        steps = fake_run.recorder.steps(ended.cell)
        last = steps[-1 - steps[::-1].index(StepKind.PREPARE) :]
        assert last.index(StepKind.ENVIRONMENT) < last.index(StepKind.AUDIT)
    assert any("the GIL is turned on by a" in text for text in fake_run.recorder.notices()) is warns
