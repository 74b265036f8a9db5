"""The check for modules that turn the GIL on: which cells make it, how, and what follows from its findings."""

from pathlib import Path

import pytest
from fake_run import FakeRun, outcome
from planning import job_for, recipe_for, settings_with

from matrix_runner import catalog
from matrix_runner.config.kinds.values import FreeThreading
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.selection_options import TEST_SKIP
from matrix_runner.config.options.test_options import FREE_THREADING, TEST_COMMAND
from matrix_runner.engine.fake.fake_engine import FakeCall, FakeResult
from matrix_runner.model.events import Notice
from matrix_runner.model.outcomes import Reason, Status, StepKind
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
